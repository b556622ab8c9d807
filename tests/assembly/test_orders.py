"""Orders against brute force."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepnic.assembly import arrange, orders
from deepnic.errors import InputError


def greedy_by_hand(values):
    """Greedy order from the whole matrix of correlations."""
    correlation = np.abs(np.corrcoef(values.astype(float), rowvar=False)).round(9)
    order, left = [0], list(range(1, values.shape[1]))
    while left:
        order.append(max(left, key=lambda pixel: correlation[order[-1], pixel]))
        left.remove(order[-1])
    return order


def test_relevance__keeps_the_table(make_table):
    assert arrange(make_table(pixels=5), "relevance").tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("seed", range(5))
def test_similarity__agrees_with_brute_force(make_table, seed):
    table = make_table(pixels=40, seed=seed)
    training = table["value"].to_numpy()[table["state"] >= 0]
    assert arrange(table, "similarity").tolist() == greedy_by_hand(training)


@pytest.mark.parametrize("seed", range(5))
def test_similarity__breaks_ties_by_relevance_for_any_batch(make_table, monkeypatch, seed):
    """Values on few levels, as after counting few trees: correlations are often equal."""
    monkeypatch.setattr(orders, "BATCH", 7)
    table = make_table(items=9, pixels=80, seed=seed)
    table["value"][:] = (2 * table["value"].to_numpy()).round()
    table["value"][0], table["value"][1] = 0, 1  # training items: no pixel is constant
    training = table["value"].to_numpy()[table["state"] >= 0]
    assert arrange(table, "similarity").tolist() == greedy_by_hand(training)


def test_similarity__takes_opposites_as_similar_and_equals_by_relevance(make_table):
    table = make_table(items=5, pixels=5)
    table["state"][:] = 1
    first, second = np.float32([1, 2, 3, 4, 9]), np.float32([2, 7, 1, 8, 2])
    table["value"][:] = np.stack([first, second, second, -first, first], axis=1)
    assert arrange(table, "similarity").tolist() == [0, 3, 4, 1, 2]


def test_similarity__counts_undefined_as_the_training_mean(make_table):
    table = make_table(pixels=30)
    table["value"][::4, ::3] = np.nan
    filled = table.copy(deep=True)
    training = table["state"] >= 0
    filled["value"] = table["value"].fillna(table["value"].where(training).mean("item"))
    expected = greedy_by_hand(filled["value"].to_numpy()[training])
    assert arrange(table, "similarity").tolist() == expected


def test_similarity__puts_constant_and_undefined_pixels_last(make_table):
    table = make_table(pixels=6)
    table["value"][:, 1] = 0.1
    table["value"][:, 2] = np.nan
    assert arrange(table, "similarity").tolist()[-2:] == [1, 2]


def test_similarity__needs_training_items(make_table):
    table = make_table()
    table["state"][:] = -1
    with pytest.raises(InputError, match="no training item"):
        arrange(table, "similarity")


def pull(values, order):
    """Sum over pairs of similarity times distance along the order."""
    place = np.argsort(order)
    return (np.abs(np.corrcoef(values.T)) * np.abs(place[:, None] - place)).sum()


def test_arrangement__finds_the_order_of_a_chain_again(make_table):
    rng = np.random.default_rng(1)
    n = 120
    covariance = np.exp(-np.abs(np.subtract.outer(np.arange(n), np.arange(n))) / 12)
    chain = rng.multivariate_normal(np.zeros(n), covariance, size=400)
    shuffled = rng.permutation(n)
    table = make_table(items=400, pixels=n)
    table["state"][:] = 1
    table["value"][:] = chain[:, shuffled]
    found = arrange(table, "arrangement")
    assert abs(np.corrcoef(shuffled[found], np.arange(n))[0, 1]) > 0.95
    values = table["value"].to_numpy().astype(float)
    others = [pull(values, arrange(table, name)) for name in ("similarity", "random", "relevance")]
    assert pull(values, found) < min(others)
    assert (arrange(table, "arrangement", seed=5) == found).all()


def test_arrangement__puts_constant_pixels_last_and_takes_any_number(make_table):
    table = make_table(pixels=6)
    table["value"][:, 1] = 0.1
    table["value"][:, 2] = np.nan
    assert arrange(table, "arrangement").tolist()[-2:] == [1, 2]
    table["value"][:] = 1
    assert arrange(table, "arrangement").tolist() == [0, 1, 2, 3, 4, 5]
    for n in (1, 2, 3):
        assert sorted(arrange(make_table(pixels=n), "arrangement")) == [*range(n)]


def test_random__is_pinned(make_table):
    """The same order on every machine and for every version of NumPy."""
    assert arrange(make_table(pixels=8), "random", seed=1).tolist() == [3, 5, 2, 7, 0, 6, 1, 4]


def test_random__changes_with_the_seed(make_table):
    table = make_table(pixels=50)
    first, second = (arrange(table, "random", seed=seed).tolist() for seed in (1, 2))
    assert first != second
    assert sorted(first) == sorted(second) == list(range(50))


@given(order=st.permutations(range(9)))
def test_arrange__takes_any_permutation(order):
    table = orders.xr.Dataset({"value": (("item", "pixel"), np.zeros((1, 9)))})
    assert arrange(table, order).tolist() == order


@pytest.mark.parametrize("order", [[0, 1], [0, 0, 2], [1, 2, 3], [[0, 1, 2]], [0.5, 1, 2]])
def test_arrange__rejects_what_is_not_a_permutation(make_table, order):
    with pytest.raises(InputError, match="not a permutation of the 3 pixels"):
        arrange(make_table(pixels=3), order)


def test_arrange__names_the_known_orders(make_table):
    with pytest.raises(InputError, match="choose from relevance, similarity, arrangement, random"):
        arrange(make_table(), "best")

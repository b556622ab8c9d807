"""Reading, joining, permuting and cutting cohorts."""

import numpy as np
import pandas as pd
import pytest

from deepnic.cohort import hide_labels, make_cohort
from deepnic.errors import InputError
from deepnic.study.cohorts import check_cohorts, cut, join, permute, read_cohorts
from tests.study.conftest import TINY, make_settings

MANY = make_settings(TINY, folds=5, repeats=3)
TRANSFER = {"transfers": [{"train": "a", "test": "b"}]}


def part(cohort, rows, genes):
    """Some observations and genes, in the order given."""
    return cohort.isel(observation=rows, gene=genes)


@pytest.fixture
def two(cohort):
    """Two cohorts of which nine genes are the same, in other orders, one constant in `b`."""
    a = part(cohort, np.arange(60), np.arange(12))
    b = part(cohort, np.arange(60, 100), np.arange(15, 2, -1)).copy(deep=True)
    b["expression"].loc[{"gene": "g5"}] = 7
    return {"a": a, "b": b}


def test_read_cohorts__the_bundled_one_and_files(tmp_path):
    table = pd.DataFrame(
        {"y": [0, 1, 0, 1], "pair": list("abba"), "g1": [1.0, 2, 4, 128], "g2": 3.5}
    )
    table.to_csv(tmp_path / "t.csv", index=False)
    asked = {"file": tmp_path / "t.csv", "log2": True, "groups": "pair", "state": "y"}
    settings = make_settings(cohorts={"demo": {"file": "wisconsin"}, "t": asked})
    found, _ = read_cohorts(settings)
    assert found["demo"].sizes["observation"] == 569
    assert found["t"]["expression"].values[:, 0].tolist() == [0, 1, 2, 7]
    assert found["t"]["group"].values.tolist() == list("abba")


def test_cut__tests_every_observation_once_a_repeat_as_many_of_each_class(cohort):
    splits = list(cut({"made": cohort}, MANY))
    assert [(s.name, s.permutation, s.repeat, s.fold) for s in splits] == [
        ("made", -1, repeat, fold) for repeat in range(3) for fold in range(5)
    ]
    tests = np.array([s.test for s in splits]).reshape(3, 5, 100)
    assert (tests.sum(axis=1) == 1).all()
    assert (tests @ cohort["state"].values == 10).all()
    assert not (tests[0] == tests[1]).all()
    assert all(s.cohort is cohort for s in splits)


def test_split__hides_the_test_labels_in_every_form(cohort):
    split = next(cut({"made": cohort}, MANY))
    hidden = split.hidden
    assert set(hidden.variables) == {"expression", "state", "observation", "gene"}
    expected = np.where(split.test, -1, cohort["state"])
    np.testing.assert_array_equal(hidden["state"], expected)


def test_cut__is_drawn_by_the_seed(cohort):
    def draw(seed):
        settings = make_settings(TINY, seed=seed)
        return np.array([s.test for s in cut({"made": cohort}, settings)])

    np.testing.assert_array_equal(draw(3), draw(3))
    assert (draw(3) != draw(4)).any()


def test_cut__keeps_groups_together(cohort):
    """Pairs of one observation of each class, and in each repeat in other folds."""
    paired = cohort.assign_coords(group=("observation", np.repeat(np.arange(50), 2).astype(str)))
    splits = list(cut({"made": paired}, MANY))
    tests = np.array([s.test for s in splits]).reshape(3, 5, 50, 2)
    assert (tests[..., 0] == tests[..., 1]).all()
    assert (tests[..., 0].sum(axis=2) == 10).all()
    assert (tests[0] != tests[1]).any()
    together = [s.test.reshape(50, 2) for s in cut({"made": cohort}, MANY)]
    assert any((one[:, 0] != one[:, 1]).any() for one in together)  # without groups


def test_cut__permuted_copies_after_the_true_labels(cohort, two):
    settings = make_settings(TINY, permutations=2, **TRANSFER)
    splits = list(cut(two, settings))
    names = ["a", "a", "b", "b", "a-to-b"]
    assert [(s.permutation, s.name) for s in splits] == [(p, n) for p in (-1, 0, 1) for n in names]
    places = ["a-to-b/0-0", "a/permuted-0/0-0", "a/permuted-0/0-1"]
    assert [str(s.folder) for s in splits[4:7]] == [f"folds/{place}" for place in places]
    states = [s.cohort["state"].values for s in splits if s.name == "a"][::2]
    assert all((states[i] != states[j]).any() for i, j in [(0, 1), (0, 2), (1, 2)])
    again = [s.cohort["state"].values for s in cut(two, settings) if s.name == "a"][::2]
    np.testing.assert_array_equal(states, again)
    joined = splits[9].cohort["state"].values  # each part with labels of its own
    np.testing.assert_array_equal(joined[:60], states[1])
    assert joined[60:].sum() == two["b"]["state"].sum()


def test_cut__one_repeat_of_each_permutation(cohort):
    splits = list(cut({"made": cohort}, make_settings(TINY, repeats=3, permutations=2)))
    repeats = [(s.permutation, s.repeat) for s in splits][::2]
    assert repeats == [(-1, 0), (-1, 1), (-1, 2), (0, 0), (1, 0)]


def test_permute__moves_state_and_label_together_and_nothing_else(cohort):
    permuted = permute(cohort, [0])
    assert int(permuted["state"].sum()) == 50
    assert (permuted["state"].values != cohort["state"].values).any()
    assert ((permuted["label"] == "sick") == (permuted["state"] == 1)).all()
    np.testing.assert_array_equal(permuted["expression"], cohort["expression"])
    assert permuted.indexes["observation"].equals(cohort.indexes["observation"])


def grouped(cohort, label):
    """Observations of pairs, a label each."""
    label = np.array(label, object)
    some = cohort.isel(observation=slice(len(label))).assign_coords(
        group=("observation", [f"patient {k // 2}" for k in range(len(label))])
    )
    return some.assign(label=("observation", label), state=("observation", (label == "sick") * 1))


def drawn(cohort):
    return np.array([permute(cohort, [seed])["state"].values for seed in range(300)])


def test_permute__groups_of_one_label_change_it_as_a_whole(cohort):
    labels = drawn(
        grouped(cohort, ["sick", "sick", "healthy", "healthy", "healthy", "healthy"] * 10)
    )
    assert (labels[:, ::2] == labels[:, 1::2]).all()
    assert (labels.sum(axis=1) == 20).all()
    assert np.abs(labels.mean(axis=0) - 1 / 3).max() < 0.15


def test_permute__labels_of_pairs_change_places_within(cohort):
    labels = drawn(grouped(cohort, ["sick", "healthy"] * 20))
    assert (labels[:, ::2] != labels[:, 1::2]).all()
    assert np.abs(labels.mean(axis=0) - 1 / 2).max() < 0.15


def test_permute__no_kind_of_group_keeps_more_of_a_label(cohort):
    """Pairs of tumour and normal tissue, and patients with a tumour alone: nobody knows a label."""
    pairs, alone = ["sick", "healthy"] * 10, ["sick", "sick"] * 10
    labels = drawn(grouped(cohort, pairs + alone))
    assert (labels.sum(axis=1) == 30).all()
    assert abs(labels[:, :20].mean() - labels[:, 20:].mean()) < 0.03


def test_join__standardises_each_cohort_gene_by_gene(two):
    both, test = join(two, "a", "b")
    assert both["gene"].values.tolist() == [f"g{k}" for k in range(3, 12)]
    assert test.tolist() == [False] * 60 + [True] * 40
    assert both["observation"].values[[0, 60]].tolist() == ["a: p0", "b: p60"]
    for name, rows in (("a", ~test), ("b", test)):
        table = two[name]["expression"].sel(gene=both["gene"].values).to_pandas().astype(float)
        expected = ((table - table.mean()) / table.std()).fillna(0)
        np.testing.assert_allclose(both["expression"].values[rows], expected, atol=1e-5)
        np.testing.assert_array_equal(both["state"].values[rows], two[name]["state"])
    assert (both["expression"].sel(gene="g5")[60:] == 0).all()


def test_join__keeps_the_groups_of_either(two):
    pairs = np.array([f"P{k // 2}" for k in range(two["a"].sizes["observation"])], object)
    grouped = two | {"a": two["a"].assign_coords(group=("observation", pairs))}
    both, test = join(grouped, "a", "b")
    assert both["group"].values[~test].tolist() == [f"a: {one}" for one in pairs]
    assert both["group"].values[test].tolist() == both["observation"].values[test].tolist()
    assert "group" not in join(two, "a", "b")[0].coords


def test_join__nothing_of_one_reaches_the_other(two):
    other = two | {"b": two["b"].assign(expression=two["b"]["expression"] * 9 + 4)}
    plain, scaled = (join(given, "a", "b")[0]["expression"].values for given in (two, other))
    np.testing.assert_array_equal(plain[:60], scaled[:60])
    np.testing.assert_allclose(
        plain[60:], scaled[60:], atol=1e-5
    )  # a scale of its own is taken out


def test_check_cohorts__leaves_out_observations_without_a_label(cohort):
    known = check_cohorts(hide_labels(cohort, np.arange(100) >= 40), MANY.folds)
    assert list(known) == ["cohort"]
    assert known["cohort"].sizes["observation"] == 40


def refusals(cohort, two):
    renamed = make_cohort(np.eye(8, 4), list("cdcdcdcd"), list("wxyz"), list("abcdefgh"))
    grouped = cohort.assign_coords(group=("observation", np.repeat(list("abcd"), 25)))
    same_genes = two["b"].assign_attrs(positive="healthy")
    transfer = make_settings(TINY, **TRANSFER)
    return [
        ({}, MANY, r"the study has no cohort; name one under \[cohorts.NAME\]"),
        ({"a/b": cohort}, MANY, "a cohort is named 'a/b'; take letters"),
        ({"..": cohort}, MANY, r"a cohort is named '\.\.'; take letters"),
        (
            {"a": cohort.isel(observation=slice(9))},
            MANY,
            "5 folds need as many observations of each class, and a has 4 of the rarer one; take",
        ),
        ({"a": grouped}, MANY, "5 folds need as many groups, and a has 4 of them; take fewer"),
        ({"a": two["a"]}, transfer, "goes from 'a' to 'b'; give it two cohorts of the study: a"),
        (two | {"b": renamed}, transfer, "a and b have no gene in common; transfer between"),
        (two | {"b": same_genes}, transfer, "a and b call state 1 (sick|healthy) and "),
    ]


@pytest.mark.parametrize("number", range(8))
def test_check_cohorts__refuses(cohort, two, number):
    cohorts, settings, sentence = refusals(cohort, two)[number]
    with pytest.raises(InputError, match=sentence):
        check_cohorts(cohorts, settings.folds, settings.transfers)

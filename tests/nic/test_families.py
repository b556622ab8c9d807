"""Families of combinations against sets of criteria, counted apart."""

from collections import Counter
from itertools import product

import numpy as np
import pytest
import torch

from deepnic.errors import InputError
from deepnic.nic import family, structure
from deepnic.nic.families import Quotients, evaluate
from tests.nic.algebra import combinations, kind, parse

SIZES = {"base": 30, "combinations": 59_019, "all": 59_049, "distinct": 510}


def masks(members):
    """Numerator and denominator of each combination as bit masks."""
    bits = 1 << np.arange(37, dtype=np.int64)
    return list(
        zip((members.numerator @ bits).tolist(), (members.denominator @ bits).tolist(), strict=True)
    )


@pytest.mark.parametrize(("name", "size"), SIZES.items())
def test_family__sizes(name, size):
    members = family(name)
    assert len(members) == len(members.label) == len(members.colour) == size
    assert members.numerator.shape == members.denominator.shape == (size, 37)
    assert len(set(members.label)) == size


def test_family__of_observations():
    assert len(family("distinct", of="observation")) == 565
    for name in ("base", "combinations", "all"):
        assert family(name, of="observation").label == family(name).label


def test_family__all_is_every_pair_of_disjoint_sets():
    everything, expected = family("all"), combinations()
    assert len(expected) == 3**10
    found = dict(zip(map(parse, everything.label), masks(everything), strict=True))
    assert found == expected


def test_family__combinations_are_all_but_the_base():
    base, others = set(family("base").label), set(family("combinations").label)
    assert not base & others
    assert base | others == set(family("all").label)


def test_family__base_is_the_published_list():
    joint = [
        *product((2, 5), (7, 8, 9, 10)),
        *product((7, 8), (9, 10)),
        *product((2, 5), (7, 8), (9, 10)),
    ]
    labels = ["1|", *(f"{k}|1" for k in range(2, 11))]
    labels += ["+".join(map(str, criteria)) + "|1" for criteria in joint]
    assert list(family("base").label) == labels
    assert list(family("base").colour) == ["grey"] + ["blue"] * 9 + ["green"] * 20
    assert set(family("combinations").colour) == {"red"}


def test_structure__numbers():
    pairs = list(combinations().values())
    kinds = Counter(kind(*pair) for pair in pairs)
    expected = {
        "always 0": 29_403,
        "always undefined": 22_761,
        "always 1": 1_169,
        "informative": 5_716,
    }
    assert kinds == expected
    informative = {pair for pair in pairs if kind(*pair) == "informative"}
    plain = {pair for pair in pairs if kind(*pair) == "always 1"}
    assert (len(informative), len(informative | plain)) == (510, 565)
    assert structure() == expected | {"distinct": 510, "distinct of observations": 565}


@pytest.mark.parametrize(
    ("of", "kinds"), [("gene", {"informative"}), ("observation", {"informative", "always 1"})]
)
def test_family__distinct_has_one_of_each_function(of, kinds):
    members = family("distinct", of=of)
    pairs = combinations()
    assert sorted(masks(members)) == sorted({p for p in pairs.values() if kind(*p) in kinds})
    fewest = {}
    for (A, B), pair in pairs.items():
        fewest[pair] = min(len(A | B), fewest.get(pair, 11))
    for label, pair in zip(members.label, masks(members), strict=True):
        assert len(frozenset.union(*parse(label))) == fewest[pair]


def test_family__errors():
    with pytest.raises(InputError, match="unknown family 'every'"):
        family("every")
    with pytest.raises(InputError, match="'gene' or an 'observation'"):
        family("all", of="tree")


def test_evaluate__is_a_quotient_of_counted_signatures_the_same_bits_in_torch():
    members, rng = family("base"), np.random.default_rng(0)
    below = rng.integers(0, 300, (500, 37)) * (rng.random((500, 37)) < 0.1)  # often nothing
    above = rng.integers(0, below + 1)
    sets = members.numerator, members.denominator
    pixels = evaluate(above, below, members.quotients)
    for k, label in enumerate(members.label):
        up, down = (n[:, s[k]].sum(axis=1) for n, s in zip((above, below), sets, strict=True))
        expected = [u / d if d else np.nan for u, d in zip(up, down, strict=True)]
        np.testing.assert_array_equal(pixels[:, k], np.float32(expected), label)
    assert np.isnan(pixels).any()
    for published in (False, True):  # half of torch's own square roots would be one unit off
        plain = evaluate(above, above, members.quotients, published=published)
        tensor, functions = (
            torch.from_numpy(above),
            Quotients(*map(torch.from_numpy, members.quotients)),
        )
        made = evaluate(tensor, tensor, functions, published=published, xp=torch)
        np.testing.assert_array_equal(made.numpy(), plain)

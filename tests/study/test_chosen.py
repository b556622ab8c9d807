from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import xarray as xr

from deepnic.study.chosen import chosen_genes
from tests.study.conftest import TINY, make_fold, make_settings

SETTINGS = make_settings(TINY, arms={"strengths": ["none", 24, 12], "unfiltered": 16})

SYMBOLS = np.array([f"SYM{k}" for k in range(16)], object)


@pytest.fixture(scope="module")
def place(cohort, tmp_path_factory):
    """Two folds of a cohort whose genes g4 to g7 are lower in the sick; the first four higher."""
    folder = tmp_path_factory.mktemp("folds")
    sign = np.where(np.isin(np.arange(16), [4, 5, 6, 7]), -1, 1).astype(np.float32)
    turned = cohort.assign(expression=cohort["expression"] * sign)
    turned = turned.assign_coords(symbol=("gene", SYMBOLS))
    for k in range(2):
        make_fold(turned, np.arange(100) % 5 == 3 + k, SETTINGS, folder / f"0-{k}")
    return folder


def made(fold, permutation=-1):
    """A split as far as it is asked: it has no labels."""
    return SimpleNamespace(name="made", permutation=permutation, folder=Path(f"0-{fold}"))


def test_chosen_genes__of_the_strictest_filter_by_fits(place):
    table = chosen_genes(place, [made(0), made(1), made(0, permutation=0)])
    chosen, pixels = Counter(), Counter()
    for k in range(2):
        for part in ("part-0", "part-1"):
            stored = xr.open_zarr(place / f"0-{k}" / part / "relevant.zarr", consolidated=False)
            genes = stored["gene"].values[:12].tolist()
            chosen.update({*genes})
            pixels.update(genes)
    assert table.set_index("gene")["chosen"].to_dict() == {g: n / 4 for g, n in chosen.items()}
    expected = pytest.approx({gene: n / 48 for gene, n in pixels.items()})
    assert table.set_index("gene")["pixels"].to_dict() == expected
    assert (table["chosen"].diff()[1:] <= 0).all()
    assert (table["fits"] == 4).all()
    assert (table["symbol"] == "SYM" + table["gene"].str[1:]).all()


def test_chosen_genes__direction_is_that_of_the_classes(place):
    table = chosen_genes(place, [made(0), made(1)]).set_index("gene")
    differ = table[table.index.isin([f"g{k}" for k in range(8)])]["direction"]
    assert differ.to_dict() == {g: "lower" if g >= "g4" else "higher" for g in differ.index}
    assert {*differ} == {"lower", "higher"}


def test_chosen_genes__none_without_a_filter_by_relevance(cohort, tmp_path):
    settings = make_settings(TINY, arms={"strengths": ["none"]})
    make_fold(cohort, np.arange(100) % 5 == 3, settings, tmp_path / "0-0")
    assert chosen_genes(tmp_path, [made(0)]).empty

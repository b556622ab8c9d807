"""Missing values are filled by what is known where it is trained, and by nothing else."""

import numpy as np
import pytest
import xarray as xr

import deepnic
from deepnic.cohort import filled, hide_labels, make_cohort
from deepnic.config import checked
from deepnic.errors import InputError
from deepnic.study.cohorts import Split, check_cohorts, cut, join
from deepnic.study.provenance import facts_of_cohort
from deepnic.study.run import _make_fold

RANDOM = np.random.default_rng(3)
STATES = ["n", "t"] * 12
TEST = np.arange(24) % 3 == 0
SMALL = {"n_trees": 3, "weight_ranges": [3], "tree_sizes": [3], "subsample": 0.5}
SETTINGS = {
    "folds": 3, "epochs": 2, "forest": {"n_genes": 8, **SMALL},
    "arms": {"strengths": [16], "fdr": 1.0},
}  # fmt: skip


def values_of(seed=0):
    random = np.random.default_rng(seed)
    values = random.normal(8, 2, (24, 12)).astype(np.float32)
    values[1::2, :4] += 3
    values[random.random(values.shape) < 0.1] = np.nan
    return values


def cohort_of(values, impute="median", **how):
    genes = [f"g{k}" for k in range(values.shape[1])]
    ids = [f"s{k}" for k in range(len(values))]
    return make_cohort(values, STATES, genes, ids, impute=impute, **how)


def by_hand(values, known, method):
    """The median of a gene, or the mean of it in the 5 nearest that have it, of those known."""
    out = values.copy()
    for row, gene in np.argwhere(np.isnan(values)):
        have = [k for k in np.flatnonzero(known) if k != row and not np.isnan(values[k, gene])]
        if not have:
            out[row, gene] = 0
        elif method == "median":
            out[row, gene] = np.median(values[have, gene])
        else:
            far = [np.nanmean((values[k] - values[row]).astype(float) ** 2) for k in have]
            out[row, gene] = values[np.array(have)[np.argsort(far)[:5]], gene].mean()
    return out


@pytest.mark.parametrize("method", ["median", "knn"])
def test_filled__as_by_hand_from_the_known(method):
    values = values_of()
    hidden = hide_labels(cohort_of(values, method), TEST)
    expected = by_hand(values, ~TEST, method)
    np.testing.assert_allclose(filled(hidden).expression, expected, rtol=1e-6)
    assert np.isnan(hidden.expression).any()  # what is given stays as it is


@pytest.mark.parametrize("method", ["median", "knn"])
def test_grow_forest__what_is_to_predict_changes_nothing_of_the_others(method):
    """Neither its values nor where they are missing."""
    values, other = values_of(), values_of()
    other[TEST] = values_of(9)[TEST] * 100
    forests = [
        deepnic.grow_forest(hide_labels(cohort_of(one, method), TEST), **SMALL).compute()
        for one in (values, other)
    ]
    xr.testing.assert_equal(*(forest["tree_signature"] for forest in forests))
    ours, theirs = (forest["vote"].values for forest in forests)
    np.testing.assert_array_equal(ours[..., ~TEST], theirs[..., ~TEST])
    assert (ours[..., TEST] != theirs[..., TEST]).any()


@pytest.mark.parametrize("method", ["median", "knn"])
def test_study__a_fold_is_filled_from_its_training_part(tmp_path, method):
    settings = checked(deepnic.StudySettings, SETTINGS)
    folds = []
    for k, seed in enumerate((0, 9)):
        values = values_of()
        values[TEST] = values_of(seed)[TEST]
        split = Split("c", -1, 0, 0, cohort_of(values, method), TEST)
        folds.append(_make_fold(split, settings, tmp_path / str(k), None))
    ours, theirs = (fold.cohort.expression.values for fold in folds)
    np.testing.assert_array_equal(ours[~TEST], theirs[~TEST])
    np.testing.assert_allclose(ours, by_hand(values_of(), ~TEST, method), rtol=1e-6)
    for pair in zip(*(fold.pipelines for fold in folds), strict=True):
        np.testing.assert_array_equal(*(one.tables[16]["pixel"] for one in pair))
        table, other = (one.tables[16]["value"].values[~TEST] for one in pair)
        np.testing.assert_array_equal(table, other)


def test_filled__a_gene_without_a_known_value_tells_nothing():
    values = values_of()
    values[~TEST, 5] = np.nan
    values[TEST, 5] = 7
    for method in ("median", "knn"):
        complete = filled(hide_labels(cohort_of(values, method), TEST))
        assert (complete.expression[:, 5] == 0).all()


def test_filled__leaves_a_whole_cohort_alone():
    cohort = cohort_of(np.nan_to_num(values_of()), impute=None)
    assert filled(cohort) is cohort
    assert "impute" not in cohort_of(np.nan_to_num(values_of())).attrs


def test_grow_forest__asks_how_to_fill_what_is_missing():
    cohort = cohort_of(values_of())
    del cohort.attrs["impute"]
    with pytest.raises(
        InputError, match=r"values are missing; .* impute='median' or impute='knn'$"
    ):
        deepnic.grow_forest(cohort, **SMALL)


@pytest.mark.parametrize(
    ("change", "how", "words"),
    [
        ({(3, 2): np.inf}, {}, r"1 expression values .*number 4\); correct or drop them$"),
        (
            {(3, 2): np.inf},
            {"impute": None},
            r"; correct or drop them, or fill missing ones by impute=",
        ),
        ({3: np.nan}, {}, "1 observations have no value at all .first: number 4.; leave"),
        ({}, {"impute": "mean"}, "impute"),
    ],
)
def test_make_cohort__what_cannot_be_filled(change, how, words):
    values = values_of()
    for place, value in change.items():
        values[place] = value
    with pytest.raises(InputError, match=words):
        cohort_of(values, **how)


def test_join__keeps_what_is_missing_for_the_training_cohort_to_fill():
    ours, theirs = cohort_of(values_of()), cohort_of(values_of(1) * 3 + 5)
    both, test = join({"a": ours, "b": theirs}, "a", "b")
    values = both.expression.values
    np.testing.assert_array_equal(np.isnan(values[test]), np.isnan(theirs.expression))
    np.testing.assert_allclose(np.nanmean(values[~test], axis=0), 0, atol=1e-6)
    complete = filled(hide_labels(both, test)).expression.values
    medians = np.nanmedian(values[~test], axis=0)
    row, gene = np.argwhere(np.isnan(values[test]))[0]
    assert complete[test][row, gene] == np.float32(medians[gene])


def test_study__runs_on_a_cohort_with_missing_values(tmp_path):
    values = values_of()
    settings = checked(deepnic.StudySettings, SETTINGS | {"permutations": 1})
    cohorts = check_cohorts(cohort_of(values), settings.folds)
    splits = list(cut(cohorts, settings))
    assert len(splits) == 6
    for split in splits:
        assert np.isnan(split.hidden.expression).sum() == np.isnan(values).sum()
        assert not np.isnan(filled(split.hidden).expression).any()
    facts = facts_of_cohort(cohorts["cohort"])
    assert (facts["impute"], facts["missing"]) == ("median", np.isnan(values).sum())

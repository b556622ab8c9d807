"""Two studies side by side, against scikit-learn's scores of made predictions."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import t
from sklearn.metrics import balanced_accuracy_score

from deepnic.errors import InputError
from studies.experiments.pairs import compare

COHORTS = {"a": 20, "b": 30, "c": 40}


def write(folder, rng, right, arms=("linear", "snail", "svm"), repeats=1):
    """Predictions that are right so often; the baseline always is, and permuted labels never."""
    rows = [
        {"cohort": cohort, "permutation": permutation, "arm": arm, "repeat": repeat, "seed": 0}
        | {"kind": "expression" if arm == "svm" else "assembly", "item": str(i), "fold": i % 5}
        | {"state": i % 2, "hit": arm == "svm" or (permutation < 0 and rng.random() < right)}
        for cohort, n in COHORTS.items()
        for permutation in (-1, 0)
        for arm in arms
        for repeat in range(repeats)
        for i in range(n)
    ]
    table = pd.DataFrame(rows)
    table["predicted"] = np.where(table.pop("hit"), table["state"], 1 - table["state"])
    folder.mkdir()
    table.assign(score=table["predicted"]).to_csv(folder / "predictions.csv", index=False)
    return table.query("permutation < 0 and arm in ['linear', 'snail']")


def balanced(table):
    """Mean over the assemblies, by cohort."""
    found = table.groupby(["cohort", "arm", "repeat"])[["state", "predicted"]].apply(
        lambda one: balanced_accuracy_score(one["state"], one["predicted"])
    )
    return found.groupby("cohort").mean()


def test_compare__is_the_mean_over_common_assemblies_and_repeats(tmp_path):
    rng = np.random.default_rng(0)
    first = write(tmp_path / "first", rng, 0.6)
    second = write(tmp_path / "second", rng, 0.9, arms=("snail", "linear", "hilbert"), repeats=2)
    table = compare(tmp_path / "first", tmp_path / "second").loc["balanced_accuracy"]
    means = pd.DataFrame(
        {"first": balanced(first), "second": balanced(second.query("repeat == 0"))}
    )
    pd.testing.assert_frame_equal(
        table.loc[list("abc"), ["first", "second"]], means, check_names=False
    )
    lead = (means["second"] - means["first"]).to_numpy()
    half = t.ppf(0.975, 2) * lead.std(ddof=1) / np.sqrt(3)
    assert table.loc["mean"].tolist() == pytest.approx(
        [*means.mean(), lead.mean(), lead.mean() - half, lead.mean() + half]
    )
    assert ((table["low"] < table["difference"]) & (table["difference"] < table["high"])).all()
    assert (table.loc["a", "low"], table.loc["a", "high"]) != (0, 0)


def test_compare__refuses_studies_of_other_arms(tmp_path):
    rng = np.random.default_rng(0)
    write(tmp_path / "first", rng, 0.6, arms=("linear", "svm"))
    write(tmp_path / "second", rng, 0.6, arms=("snail", "svm"))
    with pytest.raises(InputError, match="no assembly of one name"):
        compare(tmp_path / "first", tmp_path / "second")

"""Findings: everything judged once, from the tables of a study."""

import json
import subprocess
import sys

import numpy as np
import pandas as pd

from deepnic.analysis import find
from deepnic.study import read_study


def test_find__keeps_every_arm_and_metric(results, findings):
    summary = results.summary
    assert len(findings.arms) == len(summary)
    auroc = findings.scores("auroc")
    assert auroc["mean"].tolist() == summary[summary["metric"] == "auroc"]["mean"].tolist()
    assert findings.tested == (*results.cohorts, *results.transfers)
    families = findings.arms.set_index("arm")["family"].to_dict()
    assert families["snail, 64 pixels in tiles"] == families["snail, no filter"] == "snail"
    assert families["logistic regression, 64 pixels"] == "logistic regression on pixels"
    assert families["logistic regression"] == "logistic regression"


def test_find__best_of_a_family_is_its_highest(findings):
    best = findings.best
    expected = findings.scores().groupby(["cohort", "family"])["mean"].max()
    pd.testing.assert_series_equal(
        best.set_index(["cohort", "family"])["mean"].sort_index(), expected.sort_index()
    )
    assert list(dict.fromkeys(best["kind"])) == [
        "assembly", "placement", "pixels", "forest", "expression"
    ]  # fmt: skip


def test_find__costs_are_medians_of_a_fold(results, findings):
    costs = results.costs.copy()
    costs.loc[costs["stage"] == "forest", "seconds"] = [1.0, 2.0, 3.0, 40.0] * 4
    changed = type(results)(**results.__dict__ | {"costs": costs})
    rows = find(changed).costs.set_index(["name", "cohort"])
    assert rows.loc[("forest", "alon"), "seconds"] == 2.5
    assert rows.loc[("forest", "alon"), "kind"] == ""
    arm = findings.best.query("cohort == 'alon' and family == 'snail'")["arm"].item()
    of_arm = costs[(costs["arm"] == arm) & (costs["cohort"] == "alon")]
    assert rows.loc[("snail", "alon"), "seconds"] == of_arm["seconds"].median()
    assert rows.index[0][0] == "forest"


def test_find__ranks_one_arm_of_each_family(findings, small_findings):
    assert findings.ranks["arm"].nunique() == findings.arms["family"].nunique()
    assert findings.ranks["n_cohorts"].unique().tolist() == [3]  # a transfer is no cohort
    assert small_findings.ranks is None


def test_find__calibration_is_of_the_best_arm_of_each_kind(findings):
    assert "forest" not in set(findings.calibration["kind"])  # a vote is no probability
    table = findings.scores()
    for (cohort, kind), rows in findings.calibration.groupby(["cohort", "kind"]):
        of_kind = table[(table["cohort"] == cohort) & (table["kind"] == kind)]
        assert rows["arm"].unique().tolist() == [of_kind.loc[of_kind["mean"].idxmax(), "arm"]]


def test_find__tells_who_is_off_chance(findings, small_findings):
    assert findings.off_chance == ["forest vote (AUROC)"]
    assert small_findings.off_chance == []


def test_find__leaves_the_report_of_version_0_1_0_as_it_was(study, findings, tmp_path):
    """Studies without the columns role and family are read by what their arms were named."""
    for file in study.iterdir():
        if file.name != "manifest.json":  # which it did not write either
            (tmp_path / file.name).symlink_to(file)
    for name in ("summary", "predictions"):
        table = pd.read_csv(study / f"{name}.csv", dtype=str, keep_default_na=False)
        (tmp_path / f"{name}.csv").unlink()
        table.drop(columns=["role", "family"]).to_csv(tmp_path / f"{name}.csv", index=False)
    assert find(read_study(tmp_path)).to_dict() == findings.to_dict()


def test_to_dict__is_json_and_whole(findings):
    plain = json.loads(json.dumps(findings.to_dict(), allow_nan=False))
    assert len(plain["arms"]) == len(findings.arms)
    undefined = [row for row in plain["arms"] if row["arm"] == "forest vote"]
    assert [row["mean"] for row in undefined if row["metric"] == "brier"] == [None] * 4
    name = findings.factors[0].name
    first = next(one for one in plain["factors"] if one["name"] == name)
    assert np.isclose(np.mean(list(first["differences"].values())), findings.factors[0].mean.mean)


def test_analysis__loads_neither_torch_nor_ray_nor_matplotlib(study):
    code = (
        "import sys, deepnic.analysis, deepnic.study.folder as folder; "
        f"deepnic.analysis.find(folder.read_study({str(study)!r})); "
        "print({'torch', 'ray', 'matplotlib'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "set()"

"""A study past what cannot be made: what stops it, what is told, what is compared then."""

import errno
import json
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from distributed import KilledWorker

import deepnic
from deepnic.analysis.complete import comparable, left_out
from deepnic.analysis.factors import factors
from deepnic.cohort import make_cohort
from deepnic.errors import EngineError, InputError
from deepnic.study import read_study, run_study, work
from deepnic.study import run as study
from deepnic.study.failures import reason_of
from tests.analysis.test_factors import COHORTS, make_table
from tests.study.conftest import TINY


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (InputError("no pixel; take more trees"), "InputError: no pixel; take more trees"),
        (InputError("p17 is twice; drop it"), "InputError"),
        (InputError("p177 pixels; take more"), "InputError: p177 pixels; take more"),
        (KeyError("p17"), "KeyError"),
        (MemoryError(), "MemoryError"),
    ],
)
def test_reason_of__a_sentence_without_ids(error, reason):
    assert reason_of(error, ["p17", ""]) == reason


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS, errno.EMFILE])
def test_reason_of__what_the_disk_refuses_stops(number):
    full = EngineError("it cannot be written")
    full.__cause__ = OSError(number, "no")
    for error in (full, OSError(number, "no")):
        with pytest.raises(type(error)):
            reason_of(error, [])


def made(lacking, arms="abcd", folds=4, seeds=1):
    """Rows of predictions, less those of an (arm, fold, seed)."""
    rows = [
        ("made", -1, arm, 0, fold, seed)
        for arm in arms for fold in range(folds) for seed in range(seeds)
        if (arm, fold, seed) not in lacking
    ]  # fmt: skip
    names = ["cohort", "permutation", "arm", "repeat", "fold", "seed"]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize(
    ("lacking", "seeds", "arms", "folds"),
    [
        ([], 1, "abcd", {0, 1, 2, 3}),
        ([("a", 2, 0)], 1, "bcd", {0, 1, 2, 3}),
        ([("a", 2, 1)], 2, "bcd", {0, 1, 2, 3}),
        ([("a", 2, 0), ("b", 2, 0), ("c", 2, 0)], 1, "abcd", {0, 1, 3}),
        ([(arm, 2, 0) for arm in "abcd"], 1, "abcd", {0, 1, 3}),
        ([(arm, fold, 0) for arm in "abc" for fold in range(4)], 1, "", set()),
    ],
)
def test_comparable__the_same_folds_for_every_arm(lacking, seeds, arms, folds):
    rows = made(lacking, seeds=seeds)
    n_seeds = dict.fromkeys("abcd", seeds)
    kept = comparable(rows, n_seeds)
    assert set(kept["arm"]) == set(arms)
    assert set(kept["fold"]) == folds
    places = {str(one[["fold", "seed"]].values.tolist()) for _, one in kept.groupby("arm")}
    assert len(places) <= 1
    told = left_out(rows, kept, n_seeds).get("made", {"arms": [], "folds": []})
    assert told["arms"] == [arm for arm in "abcd" if arm not in arms]
    assert [fold for _, fold in told["folds"]] == sorted(set(rows["fold"]) - folds)


def test_factors__compare_like_with_like_where_an_arm_is_lacking():
    """A path that lacks its worst filter in a cohort gains nothing by it."""
    table = make_table()
    gone = table.eval("cohort == 'c1' and path == 'snail' and strength == 'none'")
    worth = {one.name: one.mean.mean for one in factors(table[~gone], COHORTS)}
    assert worth["snail rather than the other paths"] == pytest.approx(0.02)
    assert worth["at most 64 relevant pixels rather than no filter"] == pytest.approx(0.06)


# --- of a whole study


@pytest.fixture
def failing(monkeypatch):
    """Let arms of a name fail, with an id in the message; the arms that were asked for."""
    asked, fit_predict, names = [], work.fit_predict, set()

    def failing(arm, fold, seed):
        asked.append(arm.name)
        if arm.name in names:
            raise RuntimeError(f"of {fold.cohort['observation'].values[0]}")
        return fit_predict(arm, fold, seed)

    monkeypatch.setattr(work, "fit_predict", failing)
    return names, asked


def test_run_study__goes_on_past_an_arm_and_a_fold_and_tries_them_again(
    cohort, tmp_path, failing, monkeypatch, caplog
):
    names, asked = failing
    names.add("3-NN")
    small = cohort.isel(observation=slice(30))
    settings = TINY | {"epochs": 1, "folds": 3}
    fit_fold = study.fit_fold

    def lacking(hidden, settings, folder):
        if folder.name == "0-0":
            raise MemoryError("p3")
        return fit_fold(hidden, settings, folder)

    with monkeypatch.context() as patched:
        patched.setattr(study, "fit_fold", lacking)
        summary = run_study({"made": small}, tmp_path / "s", settings)
    facts = json.loads((tmp_path / "s" / "study.json").read_text())
    told = [(one["arm"], one["fold"]) for one in facts["failures"]]
    assert told == [("", 0), ("3-NN", 1), ("3-NN", 2)]
    assert "MemoryError" in facts["failures"][0]["reason"]
    assert facts["left_out"] == {"made": {"folds": [], "arms": ["3-NN"]}}
    assert "3-NN" not in set(summary["arm"])
    page = deepnic.write_report(tmp_path / "s").read_text()
    assert "could not be made" in page
    assert "MemoryError" in page
    text = page + caplog.text + json.dumps(facts["failures"])
    assert not {f"p{k}" for k in range(30)} & set(text.replace('"', " ").split())
    predictions = read_study(tmp_path / "s").predictions
    assert set(predictions["fold"]) == {1, 2}
    assert set(predictions.groupby("arm").size()) == {20}
    assert "3-NN in made, repeat 0, fold 1" in caplog.text.replace(", seed 0", "")

    names.clear()
    asked.clear()
    run_study({"made": small}, tmp_path / "s", settings)
    n_arms = predictions["arm"].nunique() + 1
    assert len(asked) == n_arms + 2  # the fold, and one arm of each of the others
    facts = json.loads((tmp_path / "s" / "study.json").read_text())
    assert (facts["failures"], facts["left_out"]) == ([], {})
    assert "could not be made" not in deepnic.write_report(tmp_path / "s").read_text()


def test_run_study__goes_on_past_an_arm_that_ends_its_workers(cohort, tmp_path, monkeypatch):
    """All others are made, those too that were asked for together with it."""

    def ended_by_one(tasks, description, *, receive):
        for value in (task.compute(scheduler="sync") for task in tasks):
            if value[0].name == "3-NN":
                raise KilledWorker("a task", SimpleNamespace(address="tls://w"), 3)
            receive(value)

    monkeypatch.setattr(work, "current_client", lambda: True)
    monkeypatch.setattr(work, "compute", ended_by_one)
    run_study({"made": cohort.isel(observation=slice(20))}, tmp_path / "s", TINY | {"epochs": 1})
    facts = json.loads((tmp_path / "s" / "study.json").read_text())
    told = {(one["arm"], one["reason"].split()[0]) for one in facts["failures"]}
    assert told == {("3-NN", "KilledWorker")}
    assert facts["left_out"] == {"made": {"folds": [], "arms": ["3-NN"]}}


def test_run_study__refuses_a_disk_too_small_for_all_folds(cohort, tmp_path, monkeypatch):
    """A forest alone would have room."""
    sizes = []
    monkeypatch.setattr(study, "least_bytes", lambda forest: sizes.append(1) or 1e6)
    free = shutil._ntuple_diskusage(10**9, 10**9, int(2.5e6))
    monkeypatch.setattr(shutil, "disk_usage", lambda path: free)
    with pytest.raises(EngineError, match=r"s takes at least 6.0 MB, and its disk has 2.5 MB free"):
        run_study({"made": cohort.isel(observation=slice(24))}, tmp_path / "s", TINY | {"folds": 3})
    assert not (tmp_path / "s").exists()


def test_run_study__a_full_disk_is_no_failure_of_an_arm(cohort, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(work, "fit_predict", full)
    with pytest.raises(OSError, match="No space left"):
        run_study({"made": cohort.isel(observation=slice(20))}, tmp_path / "s", TINY)
    assert not list((tmp_path / "s").rglob("arms/*"))


def test_run_study__refuses_a_fold_without_a_class_before_anything_is_grown(cohort, tmp_path):
    values = np.random.default_rng(0).normal(size=(24, 6))
    names = [f"g{k}" for k in range(6)], [f"P{k}" for k in range(24)]
    hospital = ["A"] * 8 + [f"h{k % 4}" for k in range(16)]
    second = make_cohort(values, ["t"] * 8 + ["n"] * 16, *names, group=hospital)
    with pytest.raises(InputError, match="fold 0 of second leaves 0 observations of state 1"):
        run_study({"first": cohort, "second": second}, tmp_path / "s", TINY)
    assert not (tmp_path / "s").exists()

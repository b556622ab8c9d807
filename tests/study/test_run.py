"""From cohorts to the tables of a study: what is written, and going on after an interruption."""

import json
import os
import shutil
import subprocess
import sys
import tomllib
from contextlib import contextmanager
from errno import ENOSPC
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from distributed import Client, LocalCluster

import deepnic
from deepnic.analysis.compare import compare_cohorts
from deepnic.analysis.control import image_units, permutation_control
from deepnic.analysis.metrics import METRICS, calibration, score_arms, summarise
from deepnic.cohort import hide_labels
from deepnic.columns import WORDS
from deepnic.config import checked
from deepnic.errors import InputError
from deepnic.files import read_csv
from deepnic.learn import baselines, fit
from deepnic.report import write_report, write_tables
from deepnic.study import StudySettings, run_study, work
from deepnic.study.arms import CanvasArm, arms_of
from tests.study.conftest import SMALL, TINY, make_settings

pytestmark = pytest.mark.slow

PLACE = ["cohort", "repeat", "fold"]
ARM = ["arm", "kind", "path", "strength", "unit"]
ROLE = ["role", "family"]
TABLES = ["predictions", "history", "results", "summary", "calibration"]


def table(folder, name):
    return read_csv(folder / f"{name}.csv", WORDS)


def contents(folder, *names):
    return {name: (folder / f"{name}.csv").read_bytes() for name in names or TABLES}


def stop_after(monkeypatch, n):
    """Let the disk be full after n arms were fitted; the arms that were asked for."""
    asked, fit_predict = [], work.fit_predict

    def stopping(arm, fold, seed):
        if len(asked) == n:
            raise OSError(ENOSPC, "No space left on device")
        asked.append((arm.name, seed))
        return fit_predict(arm, fold, seed)

    monkeypatch.setattr(work, "fit_predict", stopping)
    return asked


# --- what a study leaves


def test_run_study__writes_every_file(folder):
    more = ["costs", "control", "control_units", "patients", "chosen_genes"]
    tables = {f"{name}.csv" for name in [*TABLES, *more]}
    written = {path.name for path in folder.iterdir()}
    beside = {"study.json", "study.toml", "accounts.json", "findings.json", "columns.csv"}
    beside |= {"examples", "folds", "manifest.json"}
    assert written == tables | beside
    assert [path.name for path in (folder / "examples").iterdir()] == ["made.zarr"]
    assert not [file for file in folder.rglob("*") if file.suffix in (".lock", ".partial")]


def test_run_study__predicts_every_observation_once_an_arm(folder, cohort):
    predictions = table(folder, "predictions")
    assert list(predictions) == [
        "cohort", "permutation", *ARM, "repeat", "fold", "seed", "item", "score", "predicted",
        "state", *ROLE,
    ]  # fmt: skip
    truth = cohort["state"].to_series()
    true = predictions[predictions["permutation"] < 0]
    assert len(true) == len(predictions) / 2 == 100 * len(arms_of(load_settings(folder)))
    for _, arm in true.groupby("arm"):
        assert sorted(arm["item"]) == sorted(cohort["observation"].values)
        assert (arm["state"].values == truth[arm["item"]].values).all()
    places = true[["item", "fold"]].drop_duplicates()
    assert len(places) == 100  # the same folds for every arm
    assert set(true.groupby(["arm", "fold"]).size()) == {33, 34}


def test_run_study__intervals_are_over_groups(cohort, tmp_path):
    """Of the cohort that has any; all predictions say whose they are."""
    some = cohort.isel(observation=slice(0, 40))
    pairs = np.array([f"P{k // 2}" for k in range(40)], object)
    several = {"alone": some, "paired": some.assign_coords(group=("observation", pairs))}
    run_study(several, tmp_path / "s", make_settings(TINY))
    predictions = table(tmp_path / "s", "predictions")
    own = predictions["cohort"] == "alone"
    assert (predictions.loc[own, "group"] == predictions.loc[own, "item"]).all()
    patient = dict(zip(some["observation"].values, pairs, strict=True))
    assert (predictions.loc[~own, "group"] == predictions.loc[~own, "item"].map(patient)).all()
    told = table(tmp_path / "s", "summary").set_index("cohort")
    for name, one in predictions.groupby("cohort"):
        expected = summarise(one)[["mean", "low", "high"]].to_numpy()
        np.testing.assert_array_equal(told.loc[name, ["mean", "low", "high"]], expected)
    page = write_report(tmp_path / "s").read_text(encoding="utf-8")
    assert "Where several observations are of one patient (paired), intervals over patients" in page
    assert (
        "several observations are of one patient (paired)"
        in write_tables(tmp_path / "s").read_text()
    )


def load_settings(folder):
    facts = json.loads((folder / "study.json").read_text())
    return checked(StudySettings, facts["settings"])


def test_run_study__names_every_arm_in_every_table(folder):
    arms = pd.DataFrame([arm.columns for arm in arms_of(load_settings(folder))]).astype(str)
    for name in ("predictions", "summary"):
        told = table(folder, name)[[*ARM, *ROLE]].drop_duplicates().reset_index(drop=True)
        pd.testing.assert_frame_equal(told, arms, check_dtype=False)


def test_run_study__tables_follow_from_the_predictions(folder):
    predictions = table(folder, "predictions")
    true = predictions[predictions["permutation"] < 0]
    for name, function in {
        "results": score_arms, "summary": summarise, "calibration": calibration
    }.items():  # fmt: skip
        expected = function(true)
        found = table(folder, name)
        assert (found["cohort"] == "made").all()
        pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False)
    assert set(table(folder, "summary")["metric"]) == {*METRICS}
    control = permutation_control([predictions[predictions["permutation"] == 0]])
    pd.testing.assert_frame_equal(table(folder, "control"), control, check_dtype=False)
    units = image_units(predictions[predictions["permutation"] == 0])
    pd.testing.assert_frame_equal(table(folder, "control_units"), units, check_dtype=False)


def test_run_study__history_has_every_epoch_of_every_network(folder):
    history = table(folder, "history")
    assert list(history)[:6] == ["cohort", "arm", "repeat", "fold", "seed", "epoch"]
    assert {"training_loss", "training_accuracy"} <= set(history)
    epochs = history.groupby(["arm", *PLACE, "seed"])["epoch"].apply(list)
    networks = [arm for arm in arms_of(load_settings(folder)) if isinstance(arm, CanvasArm)]
    assert epochs.tolist() == [list(range(1, SMALL["epochs"] + 1))] * (3 * len(networks))


def test_run_study__costs_of_every_stage_and_arm(folder):
    costs = table(folder, "costs")
    arms = arms_of(load_settings(folder))
    stages = costs[costs["arm"] == ""]
    assert (stages["stage"].value_counts() == 3).all()
    assert set(stages["stage"]) == {"forest", "relevant", "varying"}
    spent = costs[costs["stage"] == ""]
    assert (spent.groupby("fold")["arm"].apply(list).map(len) == len(arms)).all()
    assert (costs["items"] == 100).all()
    assert (costs[["seconds", "core_seconds"]] >= 0).all(axis=None)
    assert costs["core_seconds"].sum() > 0


def test_run_study__facts_and_accounts(folder):
    facts = json.loads((folder / "study.json").read_text())
    described = facts["cohorts"]["made"]
    assert len(described.pop("sha256")) == 64
    assert described == {
        "source": "given in memory", "observations": 100, "genes": 16, "groups": None,
        "classes": {"healthy": 50, "sick": 50}, "positive": "sick", "constant_genes": 0,
    }  # fmt: skip
    assert facts["started"] <= facts["finished"]
    assert facts["settings"]["epochs"] == SMALL["epochs"]
    assert facts["settings"]["seeds"] == 1  # a default
    accounts = json.loads((folder / "accounts.json").read_text())
    places = [(one["cohort"], one["repeat"], one["fold"], one["strength"]) for one in accounts]
    strengths = ("none", 64) * 2  # of two pipelines
    assert places == [("made", 0, fold, strength) for fold in range(3) for strength in strengths]
    for one in accounts:
        assert [part["stage"] for part in one["account"]] == ["structural", "data", "relevance"]
        assert one["kept_pixels"] == one["account"][-1]["kept"] <= 64


def test_run_study__no_patient_in_what_is_shown(folder, cohort):
    names = set(cohort["observation"].values)
    files = [path for path in folder.iterdir() if path.is_file()]
    of_patients = ("predictions.csv", "patients.csv")
    shown = "".join(path.read_text() for path in files if path.name not in of_patients)
    examples = xr.open_zarr(folder / "examples" / "made.zarr", consolidated=False)
    words = set(shown.replace('"', ",").split(",")) | set(map(str, examples.attrs.values()))
    assert not names & words


def test_run_study__toml_gives_the_same_settings(cohort, tmp_path):
    data = tmp_path / "data"
    data.mkdir()
    np.savez(data / "a.npz", X=cohort["expression"].values, genes=cohort["gene"].values.astype(str),
             samples=cohort["observation"].values.astype(str))  # fmt: skip
    labels = {"sample_id": cohort["observation"].values, "label": cohort["label"].values}
    pd.DataFrame(labels).to_csv(data / "a.labels.csv", index=False)
    settings = make_settings(TINY, cohorts={"a": {"file": data / "a.npz"}})
    run_study({"a": cohort}, tmp_path / "deep" / "out", settings)
    text = (tmp_path / "deep" / "out" / "study.toml").read_text()
    assert str(tmp_path) not in text + (tmp_path / "deep" / "out" / "study.json").read_text()
    assert tomllib.loads(text)["cohorts"] == {
        "a": {"file": "../../data/a.npz", "log2": False, "drop": [], "pseudonymise": False}
    }
    again = deepnic.study.read_settings(tmp_path / "deep" / "out" / "study.toml")
    assert again.cohorts["a"].file.resolve() == data / "a.npz"
    assert again.model_dump(exclude={"cohorts"}) == settings.model_dump(exclude={"cohorts"})


# --- one result, however it is run


@pytest.fixture(scope="module")
def folder_tiny(cohort, tmp_path_factory):
    output = tmp_path_factory.mktemp("tiny")
    run_study({"made": cohort}, output, TINY)
    return output


def test_run_study__same_seed_same_bytes_and_another_differs(cohort, folder_tiny, tmp_path):
    for name, seed in {"again": 0, "other": 1}.items():
        run_study({"made": cohort}, tmp_path / name, make_settings(TINY, seed=seed))
    first, again, other = (contents(one) for one in (folder_tiny, *sorted(tmp_path.iterdir())))
    assert first == again
    assert all(first[name] != other[name] for name in TABLES)


@contextmanager
def dask_workers(n, **kind):
    """Workers of two threads each in this process; 0 = no client."""
    if not n:
        yield
        return
    kind = {"threads_per_worker": 2, "dashboard_address": "127.0.0.1:0", "processes": False} | kind
    with LocalCluster(n_workers=n, **kind) as cluster, Client(cluster) as client:
        client.run(setattr, baselines, "N_TREES", baselines.N_TREES)  # few, as in this process
        yield


@pytest.mark.parametrize(("workers", "processes"), [(1, False), (2, True)])
def test_run_study__same_bytes_from_dask_workers(cohort, folder_tiny, tmp_path, workers, processes):
    with dask_workers(workers, processes=processes):
        run_study({"made": cohort}, tmp_path, TINY)
    assert contents(tmp_path) == contents(folder_tiny)


@pytest.mark.long
@pytest.mark.parametrize("workers", [0, 1])
def test_run_study__goes_on_where_it_stopped(
    cohort, folder_tiny, tmp_path, monkeypatch, done_before, workers
):
    """One fold is done and a part of the other; what is done is not done again."""
    n_arms = len(arms_of(make_settings(TINY)))
    with monkeypatch.context() as patched, dask_workers(workers):
        stop_after(patched, n_arms + 2)
        with pytest.raises(OSError, match="No space left on device"):
            run_study({"made": cohort}, tmp_path, TINY)
    assert not (tmp_path / "predictions.csv").exists()
    facts = json.loads((tmp_path / "study.json").read_text())
    assert facts["finished"] is None
    done = len(list(tmp_path.rglob("arms/*.csv")))
    assert n_arms <= done <= n_arms + 2
    with monkeypatch.context() as patched, dask_workers(workers):
        asked = stop_after(patched, 2 * n_arms)
        run_study({"made": cohort}, tmp_path, TINY)
        assert len(asked) == 2 * n_arms - done
        run_study({"made": cohort}, tmp_path, TINY)
        assert len(asked) == 2 * n_arms - done  # nothing was left
    assert done_before == [0, done, 2 * n_arms]
    assert contents(tmp_path) == contents(folder_tiny)
    again = json.loads((tmp_path / "study.json").read_text())
    assert again["started"] == facts["started"]
    assert again["finished"] is not None


def test_run_study__killed_and_started_again(folder_tiny, cohort, tmp_path):
    """SIGKILL within the first fold."""
    program = (
        "import os, sys; from deepnic.study import run, work; from tests.study import conftest\n"
        "write = work.write_outcome\n"
        "def kill(folder, arm, seed, outcome):\n"
        "    if arm.name == 'forest vote': os.kill(os.getpid(), 9)\n"
        "    write(folder, arm, seed, outcome)\n"
        "work.write_outcome = kill\n"
        "run.run_study({'made': conftest.cohort.__wrapped__()}, sys.argv[1], conftest.TINY)\n"
    )
    root = Path(deepnic.__file__).parents[1]
    words = [sys.executable, "-c", program, str(tmp_path / "s")]
    killed = subprocess.run(words, cwd=root, env=os.environ, capture_output=True, check=False)
    assert killed.returncode == -9, killed.stderr
    assert list((tmp_path / "s").rglob("arms/*.csv"))
    run_study({"made": cohort}, tmp_path / "s", TINY)
    assert contents(tmp_path / "s") == contents(folder_tiny)


# --- another study, and what is no study


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"epochs": 3}, "epochs"),
        ({"seeds": 2, "arms": {"fdr": 0.5}}, "seeds, arms"),
        ({"forest": {"n_trees": 4}}, "forest"),
    ],
)
def test_run_study__refuses_the_folder_of_other_settings(cohort, folder_tiny, changes, named):
    before = contents(folder_tiny)
    sentence = f"holds another study, which differs in {named}; choose another folder"
    with pytest.raises(InputError, match=sentence):
        run_study({"made": cohort}, folder_tiny, make_settings(TINY, **changes))
    assert contents(folder_tiny) == before


def test_run_study__refuses_the_folder_of_other_cohorts(cohort, folder_tiny):
    other = cohort.copy(deep=True)
    other["expression"][5, 5] += 1
    with pytest.raises(InputError, match="differs in the cohort made; choose"):
        run_study({"made": other}, folder_tiny, TINY)
    with pytest.raises(InputError, match="differs in the cohort made, the cohort mine; choose"):
        run_study({"mine": cohort}, folder_tiny, TINY)


def test_run_study__refuses_a_folder_of_something_else(cohort, tmp_path):
    (tmp_path / "thesis.txt").write_text("precious")
    for place in (tmp_path, tmp_path / "thesis.txt"):
        with pytest.raises(InputError, match="exists already; choose another path"):
            run_study(cohort, place, TINY)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"folds": 51}, "51 folds need as many observations of each class, and cohort has 50 of"),
        ({"forest": {"tree_sizes": [17], "n_genes": 0}}, "tree_sizes must lie in 1..10"),
        ({"forest": {"n_trees": 0}}, "n_trees must lie in 1..65,535"),
        ({"forest": {"weight_ranges": [12]}}, "weight_ranges must lie in 2..9"),
        ({"forest": {"weight_ranges": []}}, "no condition is left"),
        ({"forest": {"tree_sizes": []}}, "no condition is left"),
        ({"forest": {"subsample": 1.5}}, r"subsample must lie in \(0, 1\]"),
        ({"transfers": [{"train": "a", "test": "b"}]}, "give it two cohorts of the study: cohort"),
        ({"folds": 1}, "folds is 1, but"),
    ],
)
def test_run_study__refuses_before_it_writes(cohort, tmp_path, wrong, sentence):
    with pytest.raises(InputError, match=sentence):
        run_study(cohort, tmp_path / "study", TINY | wrong)
    assert not list(tmp_path.iterdir())


# --- repeats, seeds, transfers, workers


@pytest.mark.long
def test_run_study__repeats_and_seeds(cohort, tmp_path):
    """Other folds in every repeat; what draws at random is drawn with every seed."""
    small = cohort.isel(observation=slice(40))
    settings = make_settings(TINY, repeats=2, seeds=2, seed=3, epochs=1)
    run_study(small, tmp_path, settings)
    predictions = table(tmp_path, "predictions")
    one = predictions.query("arm == 'majority'")
    folds = one.pivot_table(index="item", columns="repeat", values="fold", aggfunc="first")
    assert folds.notna().all(axis=None)
    assert (folds[0] != folds[1]).any()
    seeds = predictions.groupby("arm")["seed"].unique().map(sorted).to_dict()
    assert seeds == {arm.name: [3, 4] if arm.draws else [3] for arm in arms_of(settings)}
    assert set(predictions["cohort"]) == {"cohort"}


@pytest.mark.long
def test_run_study__a_cohort_may_have_epochs_of_its_own(cohort, tmp_path):
    """The others, and transfers, have the study's."""
    cohorts = {
        "a": cohort.isel(observation=slice(40)),
        "b": cohort.isel(observation=slice(40, 80)),
    }
    files = {"a": {"file": "a.csv", "epochs": 3}, "b": {"file": "b.csv"}}
    transfers = [{"train": "a", "test": "b"}]
    run_study(cohorts, tmp_path, make_settings(TINY, cohorts=files, transfers=transfers, epochs=1))
    last = table(tmp_path, "history").groupby("cohort")["epoch"].max().to_dict()
    assert last == {"a": 3, "b": 1, "a-to-b": 1}


@pytest.mark.long
def test_run_study__transfer_and_comparison_over_cohorts(cohort, tmp_path):
    cohorts = {
        "a": cohort.isel(observation=slice(60)),
        "b": cohort.isel(observation=slice(60, 100)),
    }
    settings = make_settings(TINY, transfers=[{"train": "a", "test": "b"}], permutations=1)
    summary = run_study(cohorts, tmp_path, settings)
    assert summary["cohort"].unique().tolist() == ["a", "b", "a-to-b"]
    predictions = table(tmp_path, "predictions").query("cohort == 'a-to-b' and permutation < 0")
    assert set(predictions["fold"]) == set(predictions["repeat"]) == {0}
    truth = cohorts["b"]["state"].to_series()
    for _, arm in predictions.groupby("arm"):
        assert arm["item"].tolist() == [f"b: {one}" for one in truth.index]
        assert arm["state"].tolist() == truth.tolist()
    assert (tmp_path / "examples" / "a-to-b.zarr").exists()
    facts = json.loads((tmp_path / "study.json").read_text())["cohorts"]
    assert (facts["a-to-b"]["train"], facts["a-to-b"]["test"]) == ("a", "b")
    assert facts["a-to-b"]["observations"] == 100
    own = summary[summary["cohort"] != "a-to-b"]  # a transfer is no cohort more
    expected = compare_cohorts(own)
    found = table(tmp_path, "comparison")
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False)
    permuted = table(tmp_path, "predictions").query("permutation == 0")
    expected = permutation_control([permuted[permuted["cohort"] == name] for name in "ab"])
    found = table(tmp_path, "control")
    pd.testing.assert_frame_equal(found[expected.columns], expected, check_dtype=False)


def test_run_study__leaves_out_observations_without_a_label(cohort, tmp_path):
    unknown = np.arange(100) >= 40
    run_study(hide_labels(cohort, unknown), tmp_path, TINY)
    assert set(table(tmp_path, "predictions")["item"]) == {f"p{k}" for k in range(40)}


def test_run_study__trains_the_best_assembly_once_more_on_workers(cohort, tmp_path, monkeypatch):
    """Which arm, fold and seed; the workers themselves are tested with deepnic.train."""
    asked, train = [], fit.train

    def here(images, *, workers=0, **settings):
        if workers:
            asked.append((images.attrs["path"], images.sizes["row"], workers))
        return train(images, **settings)

    monkeypatch.setattr(fit, "train", here)
    settings = make_settings(
        TINY, data_parallel=2, arms={"paths": ["linear", "snail"], "strengths": [16, 50]}
    )
    summary = run_study({"made": cohort}, tmp_path, settings)
    own = summary.query("kind == 'assembly' and metric == 'auroc'")
    best = own.loc[own["mean"].idxmax()]
    assert asked == [(best["path"], {16: 4, 50: 8}[best["strength"]], 2)]
    parallel = json.loads((tmp_path / "study.json").read_text())["data_parallel"]
    told = {"workers": 2, "cohort": "made", "arm": best["arm"], "n_test": 50, "epochs": 2}
    assert {name: parallel[name] for name in told} == told
    first = table(tmp_path, "results").query(f"arm == '{best['arm']}' and fold == 0")
    assert parallel["auroc"] == pytest.approx(first["auroc"].item())


def test_run_study__folder_may_move(cohort, folder_tiny, tmp_path):
    shutil.copytree(folder_tiny, tmp_path / "elsewhere")
    run_study({"made": cohort}, tmp_path / "elsewhere", TINY)
    assert contents(tmp_path / "elsewhere") == contents(folder_tiny)

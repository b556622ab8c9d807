import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import deepnic
from deepnic.assembly import PATHS
from deepnic.errors import InputError
from deepnic.show.folder import EXAMPLES, FILES, read_study
from deepnic.study import StudySettings, run_study
from deepnic.study.fold import N_BASELINES
from deepnic.study.statistics import METRICS, score_arms, summarise
from tests.study.conftest import SMALL, TINY

TABLES = ("results", "predictions", "summary", "history")
PLACE = ["arm", "kind", "repeat", "fold", "seed"]


def table(folder, name):
    return pd.read_csv(folder / f"{name}.csv")


def test_run_study__writes_every_file(folder):
    written = {path.name for path in folder.iterdir()}
    assert written == {*FILES, EXAMPLES, "predictions.csv", "summary.json"}


def test_run_study__predicts_every_observation_once_an_arm(folder, cohort):
    predictions = table(folder, "predictions")
    assert set(predictions) == {*PLACE, "item", "state", "score", "predicted"}
    truth = cohort["state"].to_series()
    for _, arm in predictions.groupby("arm"):
        assert sorted(arm["item"]) == sorted(cohort["observation"].values)
        assert (arm["state"].values == truth[arm["item"]].values).all()
    per_fold = predictions.groupby("arm")["fold"].value_counts()
    assert set(per_fold) == {33, 34}
    place = predictions.groupby("item")["fold"].nunique()
    assert (place == 1).all()  # the same folds for every arm


def test_run_study__tables_follow_from_the_predictions(folder, cohort):
    results = table(folder, "results")
    assert list(results) == [*PLACE, "n_test", *METRICS]
    assert len(results) == 3 * (len(PATHS) + N_BASELINES)
    predictions = table(folder, "predictions")
    pd.testing.assert_frame_equal(results, score_arms(predictions))
    summary = table(folder, "summary")
    pd.testing.assert_frame_equal(summary, summarise(predictions))
    again = pd.DataFrame(json.loads((folder / "summary.json").read_text()))
    pd.testing.assert_frame_equal(summary, again)


def test_run_study__history_has_every_epoch_of_every_network(folder):
    history = table(folder, "history")
    columns = {"arm", "repeat", "fold", "seed", "epoch", "training_loss", "training_accuracy"}
    assert columns <= set(history)
    epochs = history.groupby(["arm", "repeat", "fold", "seed"])["epoch"].apply(list)
    assert epochs.tolist() == [list(range(1, SMALL["epochs"] + 1))] * (3 * (len(PATHS) + 1))


def test_run_study__facts_and_accounts(folder):
    facts = json.loads((folder / "study.json").read_text())
    assert facts["cohort"] == {
        "source": "given in memory", "observations": 100, "genes": 16,
        "classes": {"healthy": 50, "sick": 50}, "positive": "sick", "constant_genes": 0,
    }  # fmt: skip
    assert StudySettings(**facts["parameters"]).epochs == SMALL["epochs"]
    assert facts["permuted"] is False
    assert facts["data_parallel"] is None
    stages = {"forest", "pixels", "assembly", "network", "baselines"}
    assert set(facts["seconds"]) == stages | {"total"}
    assert facts["seconds"]["total"] >= max(facts["seconds"][stage] for stage in stages)
    accounts = json.loads((folder / "accounts.json").read_text())
    assert [(fold["repeat"], fold["fold"]) for fold in accounts] == [(0, 0), (0, 1), (0, 2)]
    for fold in accounts:
        stages = [part["stage"] for part in fold["account"]]
        assert stages == ["structural", "data", "relevance"]
        assert fold["kept_pixels"] == fold["account"][-1]["kept"] <= SMALL["k"]


def test_run_study__no_patient_in_what_is_shown(folder, cohort):
    names = set(cohort["observation"].values)
    shown = "".join((folder / name).read_text() for name in FILES)
    examples = xr.open_zarr(folder / EXAMPLES, consolidated=False)
    words = set(shown.replace('"', ",").split(",")) | set(map(str, examples.attrs.values()))
    assert not names & words


def test_write_report__works_on_the_folder(folder, tmp_path):
    page = deepnic.write_report(folder, tmp_path / "page.html")
    text = page.read_text(encoding="utf-8")
    assert all(arm in text for arm in [*PATHS, "forest vote", "majority"])
    assert read_study(folder).examples["path"].values.tolist() == list(PATHS)


def test_run_study__same_seed_same_bytes_and_another_differs(cohort, tmp_path):
    files = {}
    for name, seed in {"first": 0, "again": 0, "other": 1}.items():
        run_study(cohort, tmp_path / name, StudySettings(**TINY | {"seed": seed}))
        files[name] = [(tmp_path / name / f"{t}.csv").read_bytes() for t in TABLES]
    assert files["first"] == files["again"]
    assert all(a != b for a, b in zip(files["first"], files["other"], strict=True))


def test_run_study__repeats_draw_other_folds(cohort, tmp_path):
    small = cohort.isel(observation=slice(40))
    settings = StudySettings(**TINY | {"repeats": 2, "epochs": 1})
    summary = run_study(small, tmp_path, settings)
    predictions = table(tmp_path, "predictions").query("arm == 'linear'")
    folds = predictions.pivot_table(index="item", columns="repeat", values="fold", aggfunc="first")
    assert folds.notna().all(axis=None)
    assert (folds[0] != folds[1]).any()
    assert len(summary) == 3 * (1 + N_BASELINES)


def test_run_study__leaves_out_observations_without_a_label(cohort, tmp_path):
    unknown = np.arange(100) >= 40
    run_study(deepnic.hide_labels(cohort, unknown), tmp_path, StudySettings(**TINY))
    assert set(table(tmp_path, "predictions")["item"]) == {f"p{k}" for k in range(40)}


def test_run_study__permuting_keeps_the_counts_and_moves_the_labels_too(
    cohort, tmp_path, monkeypatch
):
    seen = []

    def stop(cohort, settings):
        seen.append(cohort)
        raise StopIteration

    monkeypatch.setattr("deepnic.study.study._run_folds", stop)
    for seed in (0, 0, 1):
        with pytest.raises(StopIteration):
            run_study(cohort, tmp_path, StudySettings(**TINY | {"permute": True, "seed": seed}))
    first, again, other = seen
    assert first.identical(again)
    assert not first["state"].identical(other["state"])
    assert not first["state"].identical(cohort["state"])
    for permuted in seen:
        assert int(permuted["state"].sum()) == 50
        assert ((permuted["label"] == "sick") == (permuted["state"] == 1)).all()
        assert permuted["expression"].equals(
            cohort["expression"].assign_coords(label=permuted.label)
        )


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"folds": 51}, "51 folds need as many observations .* rarer one has 50; take fewer folds"),
        ({"tree_sizes": (17,), "n_genes": None}, "tree_sizes must lie in 1..10"),
        ({"n_trees": 0}, "n_trees must be at least 1"),
        ({"weight_ranges": (12,)}, "weight_ranges must lie in 2..9"),
        ({"weight_ranges": ()}, "no condition is left"),
        ({"tree_sizes": ()}, "no condition is left"),
        ({"subsample": 1.5}, r"subsample must lie in \(0, 1\]"),
    ],
)
def test_run_study__refuses_before_it_writes(cohort, tmp_path, wrong, sentence):
    with pytest.raises(InputError, match=sentence):
        run_study(cohort, tmp_path / "study", StudySettings(**TINY | wrong))
    assert not list(tmp_path.iterdir())


def test_run_study__trains_the_best_path_once_more_on_workers(cohort, tmp_path, monkeypatch):
    """Which path, fold and seed; the workers themselves are tested with deepnic.train."""
    from deepnic.study import study

    asked = []

    def here(fold, path, settings, seed, workers=0):
        asked.append((path, workers))
        return train_path(fold, path, settings, seed)

    train_path = study.train_path
    monkeypatch.setattr(study, "train_path", here)
    settings = StudySettings(**TINY | {"workers": 2, "paths": ("linear", "snail")})
    run_study(cohort, tmp_path, settings)
    results = table(tmp_path, "results").query("kind == 'assembly'")
    best = results.groupby("arm", sort=False)["accuracy"].mean().idxmax()
    assert asked == [(best, 2)]
    parallel = json.loads((tmp_path / "study.json").read_text())["data_parallel"]
    assert (parallel["path"], parallel["workers"], parallel["n_test"]) == (best, 2, 50)
    first = results.query(f"arm == '{best}' and fold == 0")["accuracy"].item()
    assert parallel["accuracy"] == pytest.approx(first)

"""`deepnic study`, `demo` and `report`."""

import json
from pathlib import Path

import pandas as pd
import pytest

from deepnic.cli import studies
from deepnic.study import StudySettings
from deepnic.study.arms import arms_of
from deepnic.study.cohorts import read_cohorts
from tests.cli.made import succeed, write_toml

SHARED = Path(__file__).parents[2].parent / "shared" / "data"


def test_study_and_report(place, tmp_path):
    settings = write_toml(tmp_path / "study.toml", place / "cohort.csv")
    output = succeed("study", settings, "-o", tmp_path / "s")
    assert "mine: 40 observations x 10 genes, 20 of state 1 (sick)" in output
    assert "forest vote" in output
    page = tmp_path / "s" / "report.html"
    first = page.read_bytes()
    page.unlink()
    assert "report: " in succeed("report", tmp_path / "s")
    assert page.read_bytes() == first
    succeed("report", tmp_path / "s", "-o", tmp_path / "other.html")
    assert succeed("report", tmp_path / "s", "-o", tmp_path / "s.md").strip().endswith("s.md")
    assert "| arm | mine |" in (tmp_path / "s.md").read_text()
    assert (tmp_path / "other.html").exists()
    patients = pd.read_csv(tmp_path / "s" / "patients.csv")
    predictions = pd.read_csv(tmp_path / "s" / "predictions.csv")
    assert len(patients) == 40 * predictions["arm"].nunique()
    place_of = ["cohort", "arm", "item"]
    mean = predictions.groupby(place_of)["score"].mean()
    given = patients.dropna(subset="probability").set_index(place_of)["probability"]
    assert given.to_dict() == pytest.approx(mean[given.index].to_dict())
    assert b">p7<" not in first
    assert b"probabilities are not calibrated" in first
    succeed("report", tmp_path / "s", "-o", tmp_path / "ids.html", "--show-ids")
    assert b">p7<" in (tmp_path / "ids.html").read_bytes()


@pytest.mark.slow
def test_study__from_its_own_copy_on_a_dask_worker(place, tmp_path):
    settings = write_toml(tmp_path / "study.toml", place / "cohort.csv")
    succeed("study", settings, "-o", tmp_path / "a" / "b")
    succeed("study", tmp_path / "a" / "b" / "study.toml", "-o", tmp_path / "c", "--workers", 1)
    first, again = ((tmp_path / name / "predictions.csv").read_bytes() for name in ("a/b", "c"))
    assert first == again
    facts = [json.loads((tmp_path / name / "study.json").read_text()) for name in ("a/b", "c")]
    assert facts[0]["cohorts"] == facts[1]["cohorts"]
    assert facts[0]["cohorts"]["mine"]["source"] == "cohort.csv"


def test_study__of_one_cohort_takes_the_defaults(place, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(studies, "compare", lambda *arguments: seen.append(arguments))
    monkeypatch.chdir(place)
    succeed("study", "cohort.csv", "--positive", "healthy", "--log2")
    [(settings, output)] = seen
    assert output == Path("study-cohort")
    [(name, cohort)] = settings.cohorts.items()
    assert (name, str(cohort.file), cohort.positive, cohort.log2) == (
        "cohort", "cohort.csv", "healthy", True
    )  # fmt: skip
    assert settings.model_dump(exclude={"cohorts"}) == StudySettings().model_dump(
        exclude={"cohorts"}
    )


def test_demo__settings(monkeypatch, tmp_path):
    """What the demo runs, without running it."""
    seen = []
    monkeypatch.setattr(studies, "compare", lambda *arguments: seen.append(arguments))
    succeed("demo", "-o", tmp_path, "--seed", 3)
    [(settings, output)] = seen
    [cohort] = read_cohorts(settings).values()
    assert (cohort.sizes["observation"], output, settings.seed) == (569, tmp_path, 3)
    assemblies = [arm for arm in arms_of(settings) if arm.kind == "assembly"]
    assert {(arm.strength, arm.unit) for arm in assemblies} == {(1024, "pixel")}
    assert (len(assemblies), settings.permutations) == (5, 0)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"arms": {"paths": ["linear", "worm"]}}, ["paths is", "in [arms]", "paths are linear"]),
        ({"folds": 21}, ["21 folds need as many", "take fewer folds"]),
        ({"forest": {"subsample": 1}}, ["in-bag votes are the label itself"]),
        ({"forest": {"n_genes": 3}}, ["n_genes is 3 in [forest], fewer than the 4 genes of the"]),
        ({"cohorts": {"mine": {"file": "no.csv"}}}, ["no such file: ", "no.csv; check the path"]),
        (
            {"cohorts": {"mine": {"file": "x.csv", "sate": "x"}}},
            ["unknown key 'sate' in [cohorts.mine]; choose"],
        ),
        ({"transfers": [{"train": "mine", "test": "his"}]}, ["goes from 'mine' to 'his'"]),
    ],
)
def test_study__refuses_with_one_sentence(refuse, place, tmp_path, changes, words):
    settings = write_toml(tmp_path / "study.toml", place / "cohort.csv", **changes)
    sentence = refuse("study", settings, "-o", tmp_path / "out")
    assert all(word in sentence for word in words), sentence
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]


@pytest.mark.parametrize("words", [["--state", "y"], ["--positive", "y"], ["--log2"]])
def test_study__options_of_a_cohort_are_in_the_toml_file(refuse, place, tmp_path, words):
    settings = write_toml(tmp_path / "study.toml", place / "cohort.csv")
    sentence = refuse("study", settings, *words)
    assert f"{words[0]} is for a single cohort; write it under [cohorts.NAME] of " in sentence


def test_study__existing_folder_is_not_overwritten(refuse, place, tmp_path):
    (tmp_path / "results.csv").write_text("precious")
    sentence = refuse("study", place / "cohort.csv", "-o", tmp_path)
    assert "exists already; choose another path" in sentence
    assert (tmp_path / "results.csv").read_text() == "precious"


def test_study__names_its_folder_after_the_cohort(refuse, place, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "study-cohort").mkdir()
    (tmp_path / "study-cohort" / "results.csv").write_text("precious")
    assert "study-cohort exists already" in refuse("study", place / "cohort.csv")


def test_study__goes_on_where_it_stopped(refuse, place, tmp_path, monkeypatch):
    def stop(*_):
        raise RuntimeError("the power\nwent")

    settings = write_toml(tmp_path / "study.toml", place / "cohort.csv")
    words = ["study", settings, "-o", tmp_path / "s"]
    with monkeypatch.context() as patched:
        patched.setattr("deepnic.study.run.fit_predict", stop)
        sentence = refuse(*words, code=1)
    assert "could be made; see study.json for why" in sentence
    assert "RuntimeError in run.py, line" in (tmp_path / "s" / "study.json").read_text()
    assert (tmp_path / "s" / "folds" / "mine" / "0-0" / "forest.zarr").exists()
    succeed(*words)
    write_toml(settings, place / "cohort.csv", epochs=2)
    assert "holds another study, which differs in epochs; choose" in refuse(*words)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.exists(), reason="the real cohorts are not part of the project")
@pytest.mark.parametrize(("name", "positive"), [("alon", "t"), ("golub", "AML")])
def test_study__real_cohorts(tmp_path, name, positive):
    """A very short run: genes chosen in the fold tell these classes apart better than chance."""
    settings = write_toml(
        tmp_path / "study.toml", SHARED / f"{name}.npz", epochs=5, arms={"paths": ["linear"]},
        cohorts={"mine": {"file": str(SHARED / f"{name}.npz"), "positive": positive}},
        forest={"n_genes": 20, "n_trees": 4, "weight_ranges": [3, 5], "tree_sizes": [3],
                "subsample": 0.5},
    )  # fmt: skip
    succeed("study", settings, "-o", tmp_path / "s")
    summary = pd.read_csv(tmp_path / "s" / "summary.csv").query("metric == 'auroc'")
    low = summary.set_index("arm")["low"]
    assert low[["forest vote", "logistic regression, 16 pixels"]].min() > 0.5

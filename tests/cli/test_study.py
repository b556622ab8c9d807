"""`deepnic study`, `demo` and `report`."""

import json
from pathlib import Path

import pandas as pd
import pytest

from deepnic.cli import studies
from deepnic.cohort import read_cohort
from deepnic.errors import InputError
from deepnic.learn import baselines
from deepnic.study import StudySettings, read_settings, run_study
from deepnic.study.arms import arms_of
from deepnic.study.cohorts import check_cohorts, read_cohorts
from deepnic.study.genes.settings import GeneStudySettings
from deepnic.study.settings import Arms, CohortFile, Forest
from tests.cli.made import make_table, succeed, write_toml

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
    assert b"probabilities are calibrated on the training patients of each fold" in first
    succeed("report", tmp_path / "s", "-o", tmp_path / "ids.html", "--show-ids")
    assert b">p7<" in (tmp_path / "ids.html").read_bytes()


@pytest.mark.long
def test_study__from_its_own_copy_on_a_dask_worker(place, tmp_path, monkeypatch):
    monkeypatch.setattr(baselines, "N_TREES", 500)  # few here, but not in another process
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


def test_study__options_stand_over_the_settings(place, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(studies, "compare", lambda *arguments: seen.append(arguments))
    monkeypatch.chdir(place)
    settings = write_toml(tmp_path / "s.toml", place / "cohort.csv", seed=5)
    over = ["--folds", 3, "--repeats", 2, "--n-trees", 9, "--groups", "id"]
    succeed("study", settings, *over)
    succeed("study", "cohort.csv", *over, "--seed", 7)
    for found, _ in seen:
        [cohort] = found.cohorts.values()
        assert (found.folds, found.repeats, found.forest.n_trees) == (3, 2, 9)
        assert cohort.groups == "id"
    assert [found.seed for found, _ in seen] == [5, 7]
    assert seen[0][0].forest.subsample == 0.3  # as the file says


def test_study__option_out_of_range(refuse, place):
    assert refuse("study", place / "cohort.csv", "--folds", 1).startswith(
        "error: --folds is 1, but"
    )


def test_study__of_a_file_that_no_folder_may_be_called_as(place, tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(studies, "compare", lambda *arguments: seen.append(arguments))
    names = ["GSE1234 (1).csv", "a[b].csv", "résumé.csv", "(.csv", "-x-.csv", "my cohort.csv"]
    for name in names:
        succeed("study", tmp_path / name)
    cohorts = [next(iter(settings.cohorts)) for settings, _ in seen]
    assert cohorts == ["GSE1234-1", "a-b", "résumé", "cohort", "x", "my cohort"]
    cohort = read_cohorts(write_settings(place / "cohort.csv"))[0]["mine"]
    for name in cohorts:
        check_cohorts({name: cohort}, 5)


def write_settings(file):
    return StudySettings(cohorts={"mine": {"file": file}})


def test_study__init_writes_every_setting_with_its_default_and_meaning(
    place, tmp_path, monkeypatch, refuse
):
    monkeypatch.chdir(tmp_path)
    assert "edit it, then run" in succeed("study", "--init", "study.toml")
    assert "run `deepnic study 'a study.toml'`" in succeed("study", "--init", "a study.toml")
    settings = read_settings(tmp_path / "study.toml")
    [(name, cohort)] = settings.cohorts.items()
    assert (name, cohort.file) == ("mine", tmp_path / "mine.csv")
    assert settings.model_copy(update={"cohorts": {}}) == StudySettings()
    lines = (tmp_path / "study.toml").read_text().splitlines()
    tables = {"": StudySettings, "[forest]": Forest, "[arms]": Arms, '[cohorts."mine"]': CohortFile}
    for head, model in tables.items():
        below = lines[lines.index(head) if head else 0 :]
        for key, field in model.model_fields.items():
            if key not in ("forest", "arms", "cohorts", "goal"):
                at = [line.removeprefix("# ").startswith(f"{key} =") for line in below].index(True)
                assert field.description.split()[-1] in below[at - 1]
    assert "exists already" in refuse("study", "--init", "study.toml")
    assert "copy it instead" in refuse("study", "study.toml", "--init", "other.toml")
    assert "end in .toml" in refuse("study", "--init", "study.csv")
    assert "no cohort was named" in refuse("study")


def test_study__init_of_a_cohort_is_that_study(place, tmp_path, monkeypatch):
    monkeypatch.chdir(place)
    said = ["--positive", "healthy", "--drop", "g1", "--drop", "g2", "--folds", 4]
    succeed("study", "cohort.csv", *said, "--init", tmp_path / "s.toml")
    seen = []
    monkeypatch.setattr(studies, "compare", lambda *arguments: seen.append(arguments))
    monkeypatch.chdir("/")
    succeed("study", tmp_path / "s.toml", "-o", tmp_path / "out")
    [(settings, _)] = seen
    assert settings.folds == 4
    data = read_cohorts(settings)[0]["cohort"]
    assert (data.attrs["positive"], data.sizes["gene"]) == ("healthy", 8)


def test_demo__settings(monkeypatch, tmp_path):
    """What the demo runs, without running it."""
    seen = []
    monkeypatch.setattr(studies, "compare", lambda *arguments: seen.append(arguments))
    succeed("demo", "-o", tmp_path, "--seed", 3)
    [(settings, output)] = seen
    [cohort] = read_cohorts(settings)[0].values()
    assert (cohort.sizes["observation"], output, settings.seed) == (569, tmp_path, 3)
    assemblies = [arm for arm in arms_of(settings) if arm.kind == "assembly"]
    assert {(arm.strength, arm.unit) for arm in assemblies} == {(256, "pixel")}
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
        patched.setattr("deepnic.study.work.fit_predict", stop)
        sentence = refuse(*words, code=1)
    assert "could be made; see study.json for why" in sentence
    assert "RuntimeError in work.py, line" in (tmp_path / "s" / "study.json").read_text()
    assert (tmp_path / "s" / "folds" / "mine" / "0-0" / "part-0" / "forest.zarr").exists()
    succeed(*words)
    write_toml(settings, place / "cohort.csv", epochs=2)
    assert "holds another study, which differs in epochs; choose" in refuse(*words)


@pytest.mark.long
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
    auroc = summary.set_index("arm")
    assert auroc["low"]["forest vote"] > 0.5
    assert auroc["mean"]["logistic regression, 16 pixels"] > 0.55  # 16 of few trees tell less


def test_study__of_genes_from_one_file(place, tmp_path, refuse):
    settings = tmp_path / "genes.toml"
    succeed("study", place / "cohort.csv", "--items", "genes", "--init", settings, "--seed", 3)
    read = read_settings(settings)
    assert isinstance(read, GeneStudySettings)
    assert read.seed == 3
    assert read.cohorts["cohort"].file.resolve() == place / "cohort.csv"
    assert "unknown key 'folds'" in refuse("study", settings, "--folds", 3)
    assert "choose from observations, genes" in refuse(
        "study", place / "cohort.csv", "--items", "x"
    )
    assert "for a single cohort" in refuse("study", settings, "--positive", "sick")
    few = make_table().iloc[[0, 1, 2, 3, 4, 5, 6]]
    few.to_csv(tmp_path / "few.csv", index=False)
    with pytest.raises(InputError, match="a half of cohort has 1 obs"):
        run_study(read_cohort(tmp_path / "few.csv"), tmp_path / "s", {"items": "genes"})

"""The command line: the whole way on a small table, and one sentence for whatever is wrong."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from distributed import LocalCluster, get_client
from typer.testing import CliRunner

from deepnic import cli
from deepnic.cli import studies
from deepnic.cli.options import dask_scheduler
from deepnic.config import to_toml
from deepnic.errors import InputError
from deepnic.store import open_forest, open_table
from deepnic.study import StudySettings
from deepnic.study.arms import arms_of
from deepnic.study.cohorts import read_cohorts

KEPT = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"]
SHARED = Path(__file__).parents[1].parent / "shared" / "data"
COMMANDS = ["demo", "grow", "pixels", "train", "predict", "study", "report", "doctor"]
CLUSTER = ["up", "launcher", "status", "down"]
FEW = ["--n-trees", "6", "--weight-ranges", "3", "--tree-sizes", "3,4", "--subsample", "0.3"]
SEVEN = ["--n-trees", "7", *FEW[2:]]
ONE_WORKER = {
    "n_workers": 1,
    "processes": False,
    "protocol": "tcp",
    "dashboard_address": "127.0.0.1:0",
}


def make_table(seed=0):
    """40 observations x 10 genes, half of which differ between the classes; the last is flat."""
    rng = np.random.default_rng(seed)
    y = np.arange(40) % 2
    values = rng.normal(size=(40, 10)).round(3)
    values[:, :5] += 2 * y[:, None]
    values[:, 9] = 7
    table = pd.DataFrame(values, columns=[f"g{k}" for k in range(10)])
    table.insert(0, "state", np.where(y, "sick", "healthy"))
    table.insert(0, "id", [f"p{k}" for k in range(40)])
    return table


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Folder with a CSV table, a finished store and a pixel table; tests write elsewhere."""
    folder = tmp_path_factory.mktemp("cli")
    make_table().to_csv(folder / "cohort.csv", index=False)
    succeed("grow", folder / "cohort.csv", "-o", folder / "forest.zarr", *FEW, "--hold-out", 0.25)
    succeed("pixels", folder / "forest.zarr", "-o", folder / "table.zarr", "--k", 64, "--fdr", 1)
    return folder


@pytest.fixture
def run(monkeypatch, capfd):
    """Run `deepnic` as the shell does: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["deepnic", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        return (exit_.value.code or 0, *capfd.readouterr())

    return run


@pytest.fixture
def refuse(run):
    """Run it and see it end with one sentence on stderr; the sentence."""

    def refuse(*arguments, code=2):
        found, _, error = run(*arguments)
        assert found == code, error
        assert error.startswith("error: ")
        assert error.count("\n") == 1
        assert error.endswith("\n")
        assert "Traceback" not in error
        return error

    return refuse


def write_toml(path, cohort, **more):
    """Settings of a study of seconds, of one cohort."""
    tables = {
        "folds": 2, "epochs": 1, "cohorts": {"mine": {"file": str(cohort)}},
        "forest": {"n_genes": 0, "n_trees": 6, "weight_ranges": [3], "tree_sizes": [3, 4],
                   "subsample": 0.3},
        "arms": {"paths": ["linear", "snail"], "strengths": [16], "fdr": 1},
    }  # fmt: skip
    for name, value in more.items():
        tables[name] = tables[name] | value if isinstance(value, dict) else value
    path.write_text(to_toml(tables))
    return path


def succeed(*arguments):
    result = CliRunner().invoke(cli.app, [*map(str, arguments)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


# --- help


@pytest.mark.parametrize("words", [*COMMANDS, *(f"cluster {word}" for word in CLUSTER)])
def test_help__of_every_command(words):
    assert "Usage: " in succeed(*words.split(), "--help")


def test_help__names_every_command():
    words = succeed("--help").split()
    assert {*COMMANDS, "cluster"} <= set(words)
    assert set(CLUSTER) <= set(succeed("cluster", "--help").split())
    assert {command.callback.__name__ for command in cli.app.registered_commands} >= set(COMMANDS)


def test_help__needs_no_learning_library():
    code = (
        "import sys, deepnic.cli; print({'torch', 'ray', 'matplotlib', 'numba'} & {*sys.modules})"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "set()"


def test_main__exit_code_0(run, place):
    code, out, error = run("report", "--help")
    assert (code, error) == (0, "")
    assert "Write the page of a study, or of a training run, again; or a study's tables" in out


@pytest.mark.parametrize("arguments", [["no-such"], ["grow"], ["grow", "x.csv", "--seed", "a"]])
def test_main__bad_use_is_2(run, arguments):
    code, _, error = run(*arguments)
    assert code == 2
    assert "Traceback" not in error


# --- the chain


def test_grow__says_what_it_read(place, tmp_path):
    output = succeed("grow", place / "cohort.csv", "-o", tmp_path / "f.zarr", *FEW)
    assert "40 observations x 10 genes, 20 of state 1 (sick)" in output
    assert "1 genes are constant and score 0 everywhere" in output
    assert "blocks of trees grown; the store" in output


def test_grow__estimates_without_growing(place):
    before = contents(place)
    output = succeed("grow", place / "cohort.csv", *FEW, "--estimate", "--cores", 1000)
    assert "time" in output
    assert "1000 cores like these" in output
    assert contents(place) == before


def test_grow__wants_a_store(refuse, place):
    assert "no store was named; give its path with -o" in refuse("grow", place / "cohort.csv")


def test_grow__hides_the_share_held_out_of_each_class(place):
    forest = open_forest(place / "forest.zarr")
    hidden = forest["state"].values < 0
    assert forest["label"].values[hidden].tolist().count("sick") == 5
    assert hidden.sum() == 10
    assert (forest["vote"].values[..., hidden] != 0).any()
    again = succeed("grow", place / "cohort.csv", "-o", place / "forest.zarr", *FEW,
                    "--hold-out", 0.25)  # fmt: skip
    assert "0 blocks of trees grown" in again


def test_train__accuracy_counts_the_observations_held_out(place, tmp_path):
    output = succeed("train", place / "table.zarr", "--path", "snail", "-o", tmp_path / "out")
    assert "n training: 30" in output
    assert "n test: 10" in output
    (folder,) = (tmp_path / "out").iterdir()
    assert folder.name.startswith("snail-")
    predictions = pd.read_csv(folder / "predictions.csv")
    held_out = predictions[predictions["state"] < 0]
    truth = make_table().set_index("id")["state"].eq("sick").astype(int)
    assert (held_out["truth"].values == truth[held_out["item"]].values).all()
    accuracy = (held_out["predicted"] == held_out["truth"]).mean()
    assert f"test accuracy: {accuracy:.4f}" in output
    assert accuracy >= 0.8
    assert len(pd.read_csv(folder / "history.csv")) == 40
    assert "report.html" in output
    assert (folder / "report.html").exists()


def test_train__twice_in_a_folder_only_to_resume(place, tmp_path, refuse):
    words = ["train", place / "table.zarr", "-o", tmp_path / "out", "--epochs", 2]
    first = succeed(*words)
    assert "was started in" in refuse(*words)
    assert succeed(*words, "--resume") == first


def test_train__genes_labelled_by_replication(place, tmp_path):
    """The table differs between the classes in five of ten genes, in both halves."""
    rng = np.random.default_rng(1)
    table = make_table()
    more = [
        pd.Series(rng.normal(size=40) + 2.5 * (k < 30) * (np.arange(40) % 2), name=f"m{k}")
        for k in range(60)
    ]
    pd.concat([table, *more], axis=1).to_csv(tmp_path / "cohort.csv", index=False)
    succeed("grow", tmp_path / "cohort.csv", "-o", tmp_path / "half.zarr", *FEW[:-1], 1,
            "--hold-out", 0.5)  # fmt: skip
    (tmp_path / "run.toml").write_text(
        f'[data]\nsource = "{tmp_path / "half.zarr"}"\n'
        f'[labels]\nkind = "replication"\ncohort = "{tmp_path / "cohort.csv"}"\n'
        "[training]\nepochs = 10\nbatch_size = 8\n"
    )
    output = succeed("train", "--config", tmp_path / "run.toml", "-o", tmp_path / "out")
    assert "n test: 21" in output
    (folder,) = (tmp_path / "out").iterdir()
    ranking = pd.read_csv(folder / "ranking.csv").set_index(["ranking", "metric"])["mean"]
    assert ranking["|t| of the first half", "auroc"] > 0.9
    assert ranking["network", "auroc"] > 0.8
    assert "|t| of the first half" in output
    assert succeed("report", folder).strip() == f"report: {folder / 'report.html'}"
    succeed("predict", folder / "checkpoint.pt", tmp_path / "half.zarr", "-o", tmp_path / "p.csv")
    predicted = pd.read_csv(tmp_path / "p.csv").set_index("item")["predicted"]
    assert set(predicted) == {"replicating", "not replicating"}
    assert (predicted[[f"m{k}" for k in range(30)]] == "replicating").mean() > 0.7


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ("", "label them by a configuration with [labels] kind"),
        ('[labels]\nkind = "clusters"\nn_clusters = 11', "11 clusters were asked of"),
        ('[labels]\nkind = "table"\nfile = "absent.csv"', "absent.csv"),
        ('[labels]\nkind = "table"\nfile = "{place}/labels.csv"', "name 1 genes that the forest"),
        ('[labels]\nkind = "replication"\ncohort = "{place}/other.csv"', "not what the forest was"),
    ],
)
def test_train__refuses_genes_without_good_labels(place, tmp_path, refuse, labels, sentence):
    (place / "labels.csv").write_text("gene,label\ng1,a\ng2,b\nTP53,a\n")
    other = make_table()
    other["g3"] += 1e-3
    other.to_csv(place / "other.csv", index=False)
    (tmp_path / "run.toml").write_text(labels.format(place=place))
    words = ["train", place / "forest.zarr", "--config", tmp_path / "run.toml"]
    assert sentence in refuse(*words)


def test_train__genes_by_a_table_and_by_clusters(place, tmp_path):
    rows = "".join(f"g{k},{'first' if k < 5 else 'last'}\n" for k in range(9))
    (tmp_path / "labels.csv").write_text("gene,label\n" + rows)
    (tmp_path / "table.toml").write_text(
        f'[labels]\nkind = "table"\nfile = "{tmp_path / "labels.csv"}"\n[training]\nepochs = 1'
    )
    (tmp_path / "clusters.toml").write_text(
        '[labels]\nkind = "clusters"\nn_clusters = 2\ntest = 0.5\n[training]\nepochs = 1'
    )
    succeed("pixels", place / "forest.zarr", "-o", tmp_path / "g.zarr", "--items", "genes")
    for source, config in [
        (place / "forest.zarr", "table"), (tmp_path / "g.zarr", "table"),
        (place / "forest.zarr", "clusters"),
    ]:  # fmt: skip
        output = succeed("train", source, "--config", tmp_path / f"{config}.toml")
        assert "test accuracy: " in output


def test_train__observations_bring_their_labels(place, tmp_path, refuse):
    (tmp_path / "run.toml").write_text('[labels]\nkind = "clusters"\n')
    sentence = refuse("train", place / "table.zarr", "--config", tmp_path / "run.toml")
    assert "holds observations, which bring their own labels; leave [labels] out" in sentence


def test_predict__refuses_with_one_sentence(place, tmp_path, refuse):
    sentence = refuse("predict", tmp_path / "c.pt", place / "table.zarr", "-o", tmp_path / "p.csv")
    assert "no checkpoint at" in sentence
    (tmp_path / "p.csv").touch()
    sentence = refuse("predict", tmp_path / "c.pt", place / "table.zarr", "-o", tmp_path / "p.csv")
    assert "exists already" in sentence


def test_doctor__tells_the_devices():
    output = succeed("doctor")
    assert "torch" in output
    assert "CUDA" in output


def test_train__tiles(place):
    assert "test accuracy: " in succeed("train", place / "table.zarr", "--unit", "tile",
                                        "--epochs", 1)  # fmt: skip


def test_pixels__says_what_was_removed(place, tmp_path):
    output = succeed("pixels", place / "forest.zarr", "-o", tmp_path / "t.zarr", "--redundancy")
    assert all(stage in output for stage in ("structural", "data", "relevance"))
    assert open_table(tmp_path / "t.zarr").sizes["item"] == 40


def test_pixels__of_genes_and_no_training_on_them(place, tmp_path, refuse):
    succeed("pixels", place / "forest.zarr", "-o", tmp_path / "g.zarr", "--items", "genes")
    assert open_table(tmp_path / "g.zarr")["item"].values.tolist() == [f"g{k}" for k in range(10)]
    sentence = refuse("train", tmp_path / "g.zarr")
    assert "holds genes without classes; give a table of observations" in sentence


def test_grow__one_of_three_classes_against_the_rest(place, tmp_path, refuse):
    table = make_table()
    table.loc[:9, "state"] = "other"
    table.to_csv(tmp_path / "three.csv", index=False)
    words = ["grow", tmp_path / "three.csv", "-o", tmp_path / "f.zarr", *FEW]
    sentence = refuse(*words)
    assert "3 classes found (healthy, other, sick); choose one against the rest" in sentence
    assert "40 observations x 10 genes, 10 of state 1 (other)" in succeed(
        *words, "--positive", "other", "--hold-out", 0.25
    )
    succeed("pixels", tmp_path / "f.zarr", "-o", tmp_path / "t.zarr", "--k", 16)
    succeed("train", tmp_path / "t.zarr", "--epochs", 1, "-o", tmp_path / "out")
    (folder,) = (tmp_path / "out").iterdir()
    predictions = pd.read_csv(folder / "predictions.csv").query("state < 0")
    expected = table.set_index("id")["state"].eq("other")[predictions["item"]]
    assert (predictions["truth"].values == expected.values).all()


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
    monkeypatch.setattr(studies, "_study", lambda *arguments: seen.append(arguments))
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
    monkeypatch.setattr(studies, "_study", lambda *arguments: seen.append(arguments))
    succeed("demo", "-o", tmp_path, "--seed", 3)
    [(settings, output)] = seen
    [cohort] = read_cohorts(settings).values()
    assert (cohort.sizes["observation"], output, settings.seed) == (569, tmp_path, 3)
    assemblies = [arm for arm in arms_of(settings) if arm.kind == "assembly"]
    assert {(arm.strength, arm.unit) for arm in assemblies} == {(1024, "pixel")}
    assert (len(assemblies), settings.permutations) == (5, 0)


def test_grow__same_store_from_a_dask_worker(place, tmp_path):
    words = ["grow", place / "cohort.csv", "-o", tmp_path / "f.zarr", *FEW, "--hold-out", 0.25]
    assert "blocks of trees grown" in succeed(*words, "--workers", 1)
    here, there = open_forest(place / "forest.zarr"), open_forest(tmp_path / "f.zarr")
    xr.testing.assert_identical(here.load(), there.load())


# --- what is wrong with a table


def without_state(table):
    return table.drop(columns="state")


def one_class(table):
    return table.assign(state="sick")


def single_patient(table):
    return table.iloc[[0, 2, 4, 1]]


def text(table):
    return table.astype({"g3": object, "g4": object}).replace({"g3": {table.g3[6]: "high"}})


def missing(table):
    table.loc[[5, 8], "g2"] = np.nan
    return table


def infinite(table):
    table.loc[7, "g1"] = np.inf
    return table


def twice_a_gene(table):
    return table.rename(columns={"g4": "g3"})


def twice_a_patient(table):
    return table.assign(id=table["id"].replace("p9", "p8"))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (without_state, ["has no state column", "state= names one"]),
        (one_class, ["one class only (sick); two are needed"]),
        (single_patient, ["1 observation has state 1", "each class needs at least 2"]),
        (text, ["1 values in 1 columns are text", "'g3'", "'p6'", "correct them or drop"]),
        (missing, ["2 expression values are missing", "in 1 genes", "'g2'", "'p5'", "impute"]),
        (infinite, ["1 expression values", "infinite", "'g1'", "'p7'", "impute or drop"]),
        (twice_a_gene, ["1 gene ids occur more than once (first: 'g3'); rename or drop"]),
        (twice_a_patient, ["1 observation ids occur more than once (first: 'p8')"]),
    ],
)
@pytest.mark.parametrize("command", ["grow", "study"])
def test_table__refused_with_one_sentence(refuse, tmp_path, command, spoil, words):
    spoil(make_table()).to_csv(tmp_path / "bad.csv", index=False)
    sentence = refuse(command, tmp_path / "bad.csv", "-o", tmp_path / "out")
    assert all(word in sentence for word in words), sentence
    assert [path.name for path in tmp_path.iterdir()] == ["bad.csv"]


def test_archive__refused_where_labels_do_not_match(refuse, tmp_path):
    table = make_table()
    genes = [f"g{k}" for k in range(10)]
    np.savez(tmp_path / "a.npz", X=table[genes].to_numpy(), genes=genes,
             samples=table["id"].to_numpy(str))  # fmt: skip
    labels = table.rename(columns={"id": "sample_id", "state": "label"})[["sample_id", "label"]]
    labels.iloc[1:].to_csv(tmp_path / "a.labels.csv", index=False)
    sentence = refuse("grow", tmp_path / "a.npz", "-o", tmp_path / "out", *FEW)
    assert "1 observations have no row in a.labels.csv (first: 'p0')" in sentence
    assert not (tmp_path / "out").exists()


# --- what is wrong with the words


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--tree-sizes", "11"], ["tree_sizes must lie in 1..10"]),
        (["--tree-sizes", "3,11"], ["tree_sizes must lie in 1..10", "overflow"]),
        (["--weight-ranges", "3-12"], ["weight_ranges must lie in 2..9", "overflow"]),
        (["--tree-sizes", "three"], ["--tree-sizes 'three' is not a list such as 3-8 or 3,5"]),
        (["--tree-sizes", "8-3"], ["--tree-sizes '8-3' is not a list such as"]),
        (["--weight-ranges", "3;5"], ["--weight-ranges '3;5' is not a list"]),
        (["--tree-sizes", ""], ["--tree-sizes '' is not a list"]),
        (["--subsample", 0], ["subsample must lie in (0, 1]"]),
        (["--n-trees", 0], ["n_trees must be at least 1; 100 is usual"]),
        (["--seed", -1], ["seed must be an integer from 0"]),
        (["--design", "odd"], ["unknown design 'odd'; choose from balanced, stratified"]),
        (["--hold-out", 1.5], ["hold-out must lie between 0 and 1; 0.25 is usual"]),
        (["--hold-out", 0.01], ["hold-out of 0.01 cannot be drawn", "choose another"]),
        (["--state", "etat"], ["has no column 'etat'"]),
        (["--positive", "ill"], ["no observation has the label 'ill'; choose among healthy, sick"]),
        (["--scheduler", "no.json"], ["no scheduler file no.json; start a Dask scheduler"]),
        (["--scheduler", "here:there"], ["no Dask scheduler answers at here:there; start it"]),
    ],
)
def test_grow__refuses_with_one_sentence(refuse, place, tmp_path, options, words):
    sentence = refuse("grow", place / "cohort.csv", "-o", tmp_path / "out", *FEW, *options)
    assert all(word in sentence for word in words), sentence
    assert not list(tmp_path.iterdir())


def test_grow__refuses_more_genes_in_a_tree_than_exist(refuse, tmp_path):
    make_table().drop(columns=["g8", "g9"]).to_csv(tmp_path / "8.csv", index=False)
    sentence = refuse("grow", tmp_path / "8.csv", "-o", tmp_path / "f", *FEW, "--tree-sizes", "3-9")
    assert "a tree of 9 genes was asked of a cohort of 8; take smaller tree_sizes" in sentence
    assert not (tmp_path / "f").exists()


@pytest.mark.parametrize("command", ["grow", "study"])
def test_cohort__refuses_a_missing_file(refuse, tmp_path, command):
    sentence = refuse(command, tmp_path / "no.csv", "-o", tmp_path / "out")
    assert "no such file: " in sentence
    assert "no.csv; check the path" in sentence
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["pixels", "no.zarr", "-o", "t"], "no store at no.zarr; make one with `deepnic grow`"),
        (["train", "no.zarr"], "no table at no.zarr; make one with `deepnic pixels`"),
        (["report", "no"], "no study in no: run `deepnic study` first"),
    ],
)
def test_missing_input__names_the_command_that_makes_it(refuse, words, sentence):
    assert sentence in refuse(*words)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--items", "trees"], ["unknown items 'trees'; choose observations or genes"]),
        (["--fdr", 0], ["--fdr must lie above 0 and up to 1"]),
        (["--max-undefined", -1], ["no pixel of 565 combinations is left", "raise max_undefined"]),
    ],
)
def test_pixels__refuses_with_one_sentence(refuse, place, tmp_path, options, words):
    sentence = refuse("pixels", place / "forest.zarr", "-o", tmp_path / "out", *options)
    assert all(word in sentence for word in words), sentence
    assert not list(tmp_path.iterdir())


def test_pixels__refuses_in_bag_votes(refuse, place, tmp_path):
    words = [*FEW[:-1], "1"]
    succeed("grow", place / "cohort.csv", "-o", tmp_path / "f.zarr", *words)
    sentence = refuse("pixels", tmp_path / "f.zarr", "-o", tmp_path / "t.zarr")
    assert "in-bag votes are the label itself; grow it with subsample below 1" in sentence
    assert not (tmp_path / "t.zarr").exists()


@pytest.mark.parametrize("options", [["--k", 0], ["--workers", -1]])
def test_pixels__refuses_numbers_too_small(run, place, tmp_path, options):
    code, _, error = run("pixels", place / "forest.zarr", "-o", tmp_path / "out", *options)
    assert code == 2
    assert f"Invalid value for '{options[0]}'" in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--path", "worm"], ["'worm'", "linear", "hilbert"]),
        (["--unit", "cell"], ["'cell'", "pixel", "tile"]),
        (["--epochs", 0], ["epochs is 0 in [training], but it should be greater than or equal"]),
        (["--workers", -1], ["workers is -1 in [run], but it should be greater than or equal"]),
        (["--network", "huge"], ["unknown network 'huge'; choose small or residual"]),
        (["--device", "tpu"], ["device is 'tpu'", "'auto', 'cpu' or 'cuda'"]),
    ],
)
def test_train__refuses_with_one_sentence(refuse, place, tmp_path, options, words):
    sentence = refuse("train", place / "table.zarr", "-o", tmp_path / "out", *options)
    assert all(word in sentence for word in words), sentence
    assert not list(tmp_path.iterdir())


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


# --- what is there already is not lost


def test_grow__leaves_a_store_of_other_parameters_alone(refuse, place):
    before = contents(place / "forest.zarr")
    for words in ([*SEVEN, "--hold-out", 0.25], FEW):
        sentence = refuse("grow", place / "cohort.csv", "-o", place / "forest.zarr", *words)
        assert "was made with " in sentence
        assert "repeat those parameters, or choose another path" in sentence
    assert contents(place / "forest.zarr") == before


def test_grow__leaves_something_else_alone(refuse, place):
    before = contents(place)
    for other in ("table.zarr", "cohort.csv"):
        sentence = refuse("grow", place / "cohort.csv", "-o", place / other, *FEW)
        assert "choose another path, or delete it" in sentence
    assert contents(place) == before


def test_pixels__leaves_a_table_alone(refuse, place):
    before = contents(place / "table.zarr")
    sentence = refuse("pixels", place / "forest.zarr", "-o", place / "table.zarr")
    assert "exists already; choose another path, or delete it first" in sentence
    assert contents(place / "table.zarr") == before


@pytest.mark.parametrize("half", [True, False])
def test_store_cut_off__is_noticed_and_finished(refuse, place, tmp_path, half):
    """The last block is missing, or only the first half of its file is there."""
    store = tmp_path / "f.zarr"
    shutil.copytree(place / "forest.zarr", store)
    whole = contents(store)
    chunk = store / "vote/c/1/0/0/0/0"
    kept = whole[chunk][: len(whole[chunk]) // 2]
    chunk.write_bytes(kept) if half else chunk.unlink()
    sentence = refuse("pixels", store, "-o", tmp_path / "t.zarr")
    assert "is unfinished: 1 of its chunks are missing" in sentence
    assert "run the same `deepnic grow` again, it goes on where it stopped" in sentence
    assert not (tmp_path / "t.zarr").exists()
    words = ["grow", place / "cohort.csv", "-o", store, *FEW, "--hold-out", 0.25]
    assert "1 blocks of trees grown" in succeed(*words)
    assert contents(store) == whole


def test_store_damaged__is_refused(refuse, place, tmp_path):
    store = tmp_path / "f.zarr"
    shutil.copytree(place / "forest.zarr", store)
    (store / "vote" / "zarr.json").unlink()
    sentence = refuse("pixels", store, "-o", tmp_path / "t.zarr")
    assert "is not a complete store" in sentence
    assert "make it again" in sentence


def test_study__existing_folder_is_not_overwritten(refuse, place, tmp_path):
    (tmp_path / "results.csv").write_text("precious")
    sentence = refuse("study", place / "cohort.csv", "-o", tmp_path)
    assert "exists already; choose another path, or delete it first" in sentence
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
    assert "RuntimeError: the power went (run again with --debug for the traceback)" in sentence
    assert (tmp_path / "s" / "mine" / "0-0" / "forest.zarr").exists()
    succeed(*words)
    write_toml(settings, place / "cohort.csv", epochs=2)
    assert "holds another study, which differs in epochs; choose" in refuse(*words)


# --- schedulers and --debug


def test_grow__scheduler_that_does_not_answer(refuse, place, tmp_path):
    """Nothing listens on port 9; and no client stays behind for later computations to wait for."""
    sentence = refuse("grow", place / "cohort.csv", "-o", tmp_path / "out", *FEW,
                      "--scheduler", "tcp://127.0.0.1:9")  # fmt: skip
    assert "no Dask scheduler answers at tcp://127.0.0.1:9; start it first" in sentence
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="No"):
        get_client()


def test_grow__on_a_scheduler_that_runs(run, place, tmp_path):
    with LocalCluster(**ONE_WORKER) as cluster:
        code, _, error = run("grow", place / "cohort.csv", "-o", tmp_path / "out", *FEW,
                             "--scheduler", cluster.scheduler_address)  # fmt: skip
        assert code == 0, error
    assert open_forest(tmp_path / "out").signature.size > 0


def test_workers__keep_the_memory_that_they_free(monkeypatch):
    """Where they give it back, a network spends half of its time on page faults."""
    for name in KEPT:  # what a user has set stays, and Dask sets one where a worker was started
        monkeypatch.delenv(name, raising=False)
    with dask_scheduler(1, None):
        told = get_client().run(lambda: [os.environ.get(name) for name in KEPT])
    assert list(told.values()) == [[str(2**30)] * 2]


def test_grow__scheduler_file_that_is_none(refuse, place, tmp_path):
    file = tmp_path / "scheduler.json"
    file.write_text("{")
    sentence = refuse("grow", place / "cohort.csv", "-o", tmp_path / "out", *FEW,
                      "--scheduler", file)  # fmt: skip
    assert "no Dask scheduler answers at " in sentence
    assert not (tmp_path / "out").exists()


def test_debug__shows_the_traceback(monkeypatch):
    for words in (["--debug", "train", "no.zarr"], ["train", "no.zarr", "--debug"]):
        monkeypatch.setattr(sys, "argv", ["deepnic", *words])
        with pytest.raises(InputError, match="no table at") as error:
            cli.main()
        assert error.traceback[-1].name == "open_table"


def test_debug__of_a_failure(monkeypatch, tmp_path):
    def fail(*_):
        raise RuntimeError("broken")

    monkeypatch.setattr("deepnic.report.write_report", fail)
    monkeypatch.setattr(sys, "argv", ["deepnic", "report", str(tmp_path), "--debug"])
    with pytest.raises(RuntimeError, match="broken"):
        cli.main()


# --- real cohorts


@pytest.mark.skipif(not SHARED.exists(), reason="the real cohorts are not part of the project")
@pytest.mark.parametrize("name", ["alon", "golub"])
def test_study__real_cohorts(tmp_path, name):
    """A very short run: genes chosen in the fold tell these classes apart better than chance."""
    settings = write_toml(
        tmp_path / "study.toml", SHARED / f"{name}.npz", epochs=5, arms={"paths": ["linear"]},
        forest={"n_genes": 20, "n_trees": 4, "weight_ranges": [3, 5], "tree_sizes": [3],
                "subsample": 0.5},
    )  # fmt: skip
    succeed("study", settings, "-o", tmp_path / "s")
    summary = pd.read_csv(tmp_path / "s" / "summary.csv").query("metric == 'auroc'")
    low = summary.set_index("arm")["low"]
    assert low[["forest vote", "logistic regression, 16 pixels"]].min() > 0.5

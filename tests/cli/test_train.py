"""`deepnic train` and `predict`: observations, and genes by three kinds of labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from deepnic.errors import InputError
from deepnic.runs.config import read_config
from tests.cli.made import FEW, make_table, succeed


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
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "probabilities are not calibrated" in output
    assert "probabilities are not calibrated" in page
    patients = pd.read_csv(folder / "patients.csv")
    assert sorted(patients["item"]) == sorted(held_out["item"])
    assert f"{len(patients)} patients, each by the mean" in page
    assert "ROC curve" in page
    assert not any(f">{item}<" in page for item in held_out["item"])
    succeed("report", folder, "-o", tmp_path / "ids.html", "--show-ids")
    shown = (tmp_path / "ids.html").read_text(encoding="utf-8")
    assert all(f">{item}<" in shown for item in held_out["item"])


def test_train__judges_patients_of_several_arrays_as_groups(place, tmp_path):
    table = pd.read_csv(place / "cohort.csv").assign(patient=[f"P{k // 2}" for k in range(40)])
    table.to_csv(tmp_path / "c.csv", index=False)
    grown, reading = tmp_path / "f.zarr", ["--groups", "patient", "--hold-out", 0.25]
    succeed("grow", tmp_path / "c.csv", "-o", grown, *FEW, *reading)
    succeed("pixels", grown, "-o", tmp_path / "t.zarr", "--k", 64, "--fdr", 1)
    words = ["--epochs", 2, "-o", tmp_path / "out"]
    succeed("train", tmp_path / "t.zarr", *words)
    (folder,) = (tmp_path / "out").iterdir()
    patient = table.set_index("id")["patient"]
    for name in ("predictions", "patients"):
        told = pd.read_csv(folder / f"{name}.csv")
        assert (told["group"].values == patient[told["item"]].values).all()
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "over groups of observations, of one patient each" in page
    assert "(95% intervals over groups of these, of one patient each)" in page
    assert not any(f">{one}<" in page for one in patient)
    assert "group" in set(pd.read_csv(folder / "columns.csv")["name"])


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
        (
            '[labels]\nkind = "table"\nfile = "{place}/labels.csv"',
            "1 rows of labels.csv",
        ),
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


def test_train__tiles(place):
    assert "test accuracy: " in succeed("train", place / "table.zarr", "--unit", "tile",
                                        "--epochs", 1)  # fmt: skip


def test_train__hands_slurm_what_file_and_options_say_together(place, tmp_path, monkeypatch):
    """The job reads all of it from one file, and neither its words nor its file again."""
    jobs = []

    def submit(profile, arguments, *, elastic):
        jobs.append((arguments, elastic))
        return 0

    monkeypatch.setattr("deepnic.cluster.slurm.jobs.train_job", submit)
    monkeypatch.chdir(tmp_path)
    Path("profile.toml").write_text('cores = 2\nmemory = "1GiB"\nlogs = "logs"\n')
    Path("mine.toml").write_text(
        '[data]\nsource = "a b.zarr"\n[labels]\nkind = "clusters"\nn_clusters = 4\n'
        "[training]\nepochs = 3\nbatch_size = 8\n"
    )
    words = ["train", "--config", "mine.toml", "--workers", 2, "--epochs", 7, "--elastic"]
    succeed(*words, "--slurm", "profile.toml", "--resume")
    succeed(*words, "--slurm", "profile.toml")
    [(resumed, elastic), (arguments, _)] = jobs
    assert elastic
    assert (resumed[0], resumed[2:]) == ("--config", ["--resume"])
    assert (arguments[0], arguments[2:]) == ("--config", [])
    assert arguments[1] != resumed[1]  # one that waits in the queue is not written over
    given = {"run": {"workers": 2, "elastic": True}, "training": {"epochs": 7}}
    assert Path(arguments[1]).parent == tmp_path / "logs"
    assert read_config(Path(arguments[1]), {}) == read_config(Path("mine.toml"), given)


def test_train__on_slurm_wants_workers(place, tmp_path, refuse):
    (tmp_path / "profile.toml").write_text('cores = 2\nmemory = "1GiB"\n')
    sentence = refuse("train", place / "table.zarr", "--slurm", tmp_path / "profile.toml")
    assert "no Ray workers were asked for; give --workers, one for each node" in sentence


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--path", "worm"], ["'worm'", "linear", "hilbert"]),
        (["--unit", "cell"], ["'cell'", "pixel", "tile"]),
        (["--epochs", 0], ["epochs is 0 in [training], but it should be greater than or equal"]),
        (["--workers", -1], ["workers is -1 in [run], but it should be greater than or equal"]),
        (["--network", "huge"], ["unknown network 'huge'; choose small or residual"]),
        (["--device", "tpu"], ["device is 'tpu'", "one of auto, cpu, cuda"]),
    ],
)
def test_train__refuses_with_one_sentence(refuse, place, tmp_path, options, words):
    sentence = refuse("train", place / "table.zarr", "-o", tmp_path / "out", *options)
    assert all(word in sentence for word in words), sentence
    assert not list(tmp_path.iterdir())


def test_predict__refuses_with_one_sentence(place, tmp_path, refuse):
    sentence = refuse("predict", tmp_path / "c.pt", place / "table.zarr", "-o", tmp_path / "p.csv")
    assert "no checkpoint at" in sentence
    (tmp_path / "p.csv").touch()
    sentence = refuse("predict", tmp_path / "c.pt", place / "table.zarr", "-o", tmp_path / "p.csv")
    assert "exists already" in sentence


@pytest.fixture(scope="module")
def network(place, tmp_path_factory):
    """Checkpoint of a run whose cohort and store are gone; and its output."""
    folder = tmp_path_factory.mktemp("network")
    output = succeed("train", place / "table.zarr", "--epochs", 5, "-o", folder / "out")
    (run,) = (folder / "out").iterdir()
    return (run / "checkpoint.pt").rename(folder / "net.pt"), output


def test_predict__patients_of_a_table_as_the_cohort_grown_again_with_them(
    network, place, tmp_path, refuse
):
    checkpoint, _ = network
    training, new = make_table(), make_table(seed=5).drop(columns="state")
    new["id"] = [f"new{k}" for k in range(40)]
    new.insert(1, "age", 50)
    new.sample(frac=1, axis=1, random_state=0).to_csv(tmp_path / "new.csv", index=False)
    output = succeed("predict", checkpoint, tmp_path / "new.csv", "-o", tmp_path / "new.p.csv")
    assert "new.csv: 1 columns that the network does not read left out" in output
    predicted = pd.read_csv(tmp_path / "new.p.csv", keep_default_na=False)
    assert predicted["item"].tolist() == new["id"].tolist()

    states = xr.open_zarr(place / "forest.zarr", consolidated=False)["state"].values
    training.loc[states < 0, "state"] = ""
    both = pd.concat([training, new.drop(columns="age").assign(state="")])
    both.to_csv(tmp_path / "both.csv", index=False)
    succeed("grow", tmp_path / "both.csv", "-o", tmp_path / "both.zarr", *FEW)
    output = succeed("predict", checkpoint, tmp_path / "both.zarr", "-o", tmp_path / "both.p.csv")
    assert "30 are of the training: only trees that left them out were asked" in output
    again = pd.read_csv(tmp_path / "both.p.csv", keep_default_na=False)
    pd.testing.assert_frame_equal(again[40:].reset_index(drop=True), predicted)
    assert ((again["remark"] == "trained on")[:40] == (states >= 0)).all()
    succeed("predict", checkpoint, tmp_path / "both.csv", "-o", tmp_path / "csv.p.csv")
    assert (tmp_path / "csv.p.csv").read_bytes() == (tmp_path / "both.p.csv").read_bytes()
    sentence = refuse("predict", checkpoint, tmp_path / "both.zarr", "--log2", "-o", tmp_path / "x")
    assert "--log2 is for tables of patients" in sentence


def test_predict__puts_pseudonyms_for_ids(network, tmp_path):
    checkpoint, _ = network
    make_table(seed=6).to_csv(tmp_path / "new.csv", index=False)
    (tmp_path / "keys").mkdir()
    words = ["--pseudonymise", "--key", tmp_path / "keys" / "mine"]
    output = succeed("predict", checkpoint, tmp_path / "new.csv", "-o", tmp_path / "p.csv", *words)
    assert "is the key of the pseudonyms, and new" in output
    items = pd.read_csv(tmp_path / "p.csv")["item"]
    assert items.str.fullmatch("[0-9a-f]{16}").all()
    assert items.is_unique


@pytest.mark.parametrize(
    ("change", "words", "sentence"),
    [
        (lambda table: table * 30 + 200, [], "on another scale than the training patients'"),
        (lambda table: table.iloc[:, 1:], [], "1 of the 10 genes that the network reads are miss"),
        (lambda table: table.add_prefix("x"), [], "new.csv names none of the 10 genes"),
        (lambda table: table.assign(g1="n.d."), [], "text, not numbers"),
        (lambda table: table, ["--log2"], "leave out --log2"),
    ],
)
def test_predict__refuses_a_table_with_one_sentence(
    network, tmp_path, refuse, change, words, sentence
):
    table = make_table(seed=7).set_index("id").drop(columns="state")
    change(table).to_csv(tmp_path / "new.csv")
    words = ["predict", network[0], tmp_path / "new.csv", "-o", tmp_path / "p.csv", *words]
    assert sentence in refuse(*words)
    assert not (tmp_path / "p.csv").exists()


def test_train__without_its_cohort_makes_a_network_of_stores(network, place, tmp_path, caplog):
    """Where the cohort lay it is not any more, or another; it can be named."""
    make_table().to_csv(tmp_path / "cohort.csv", index=False)
    words = ["--hold-out", 0.25, *FEW]
    succeed("grow", tmp_path / "cohort.csv", "-o", tmp_path / "forest.zarr", *words)
    succeed("pixels", tmp_path / "forest.zarr", "-o", tmp_path / "t.zarr", "--k", 64, "--fdr", 1)
    (tmp_path / "cohort.csv").rename(tmp_path / "moved.csv")
    (tmp_path / "new.csv").write_bytes((tmp_path / "moved.csv").read_bytes())

    def refused(*more):
        words = ["train", tmp_path / "t.zarr", "--epochs", 5, "-o", tmp_path / "out", *more]
        caplog.clear()
        with caplog.at_level("INFO", "deepnic"):
            succeed(*words)
        (run,) = (tmp_path / "out").iterdir()
        try:
            return str(succeed("predict", run / "checkpoint.pt", tmp_path / "new.csv",
                               "-o", tmp_path / f"p{len(more)}.csv"))  # fmt: skip
        except InputError as error:
            return str(error)

    assert "has no trees of its own" in refused()
    assert "no trees, and predict from stores only: no such file" in caplog.text
    make_table(seed=3).to_csv(tmp_path / "cohort.csv", index=False)
    assert "has no trees of its own" in refused("--resume")
    assert "not what the trees were grown on" in caplog.text
    assert "sick" in refused("--resume", "--cohort", tmp_path / "moved.csv")
    assert "trees of its pixels are in the checkpoint" in caplog.text

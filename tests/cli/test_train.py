"""`deepnic train` and `predict`: observations, and genes by three kinds of labels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

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

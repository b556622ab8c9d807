"""Networks of more than two classes, each against the rest: trained, judged, predicting, mended."""

from dataclasses import replace
from shutil import copytree, rmtree

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix

from deepnic.analysis.multiclass import judge_run
from deepnic.cohort import read_classes, read_cohort
from deepnic.errors import InputError
from deepnic.learn import OneVsRest, load_network
from deepnic.learn.saved import NETWORKS_OF_CLASSES, read_checkpoint, save_checkpoint
from deepnic.runs.folder import read_classes_run
from deepnic.store import open_classes
from deepnic.store.group import seal_group
from tests.cli.made import FEW, LABELS, contents, make_classes, succeed

CHANCES = [f"probability of {label}" for label in LABELS]


@pytest.fixture(scope="module")
def trained(classes):
    """Folder of runs of the three classes; the joined one's; and what was printed."""
    runs = classes / "runs"
    output = succeed("train", classes / "table.zarr", "--epochs", 2, "-o", runs)
    (joined,) = runs.glob("linear-classes-*")
    return runs, joined, output


@pytest.fixture(scope="module")
def alone(classes, trained):
    """Checkpoint of each class's network, by label."""
    runs, joined, _ = trained
    of_classes = read_classes_run(joined).facts["of_classes"]
    return {label: runs / of["run"] / "checkpoint.pt" for label, of in of_classes.items()}


def read(path):
    return pd.read_csv(path, keep_default_na=False)


def test_train__of_a_group_has_a_run_of_each_class_and_one_of_all(trained, alone):
    runs, joined, output = trained
    assert {*runs.iterdir()} == {joined, *(path.parent for path in alone.values())}
    assert all(f"{label} against the rest" in output for label in LABELS)
    table = read(joined / "predictions.csv")
    known = table["truth"].to_numpy() >= 0
    kind = np.where(np.isin(np.arange(60), [3, 7]), -1, np.arange(60) % 3)
    assert known.sum() == 15
    assert (table["truth"][known] == kind[known]).all()
    assert (table["state"][table["state"] >= 0] == kind[table["state"] >= 0]).all()
    assert ((table["state"] >= 0) == (~known & (kind >= 0))).all()
    for k, path in enumerate(alone.values()):
        own = read(path.parent / "predictions.csv")
        assert (table[f"probability_{k}"] == own["probability"]).all()
    chances = table[[f"probability_{k}" for k in range(3)]].to_numpy()
    assert (table["predicted"] == chances.argmax(axis=1)).all()
    truth, predicted = table["truth"][known], table["predicted"][known]
    *_, last = output.split("all 3 classes at once; balanced accuracy is macro-averaged")
    assert f"test accuracy: {accuracy_score(truth, predicted):.4f}" in last
    assert f"test balanced accuracy: {balanced_accuracy_score(truth, predicted):.4f}" in last
    assert "need not add up to 1" in last
    judged = judge_run(read_classes_run(joined))
    shares = judged.confusion.pivot_table("share", "truth", "predicted").loc[LABELS, LABELS]
    np.testing.assert_allclose(shares, confusion_matrix(truth, predicted, normalize="true"))


def test_train__writes_a_page_of_all_classes_with_links_to_theirs(trained, alone, tmp_path):
    _, joined, _ = trained
    page = (joined / "report.html").read_text(encoding="utf-8")
    assert "macro-averaged (the mean of the classes’ recalls)" in page
    assert "All classes at once" in page
    for label, path in alone.items():
        assert f'<a href="../{path.parent.name}/report.html">{label} against the rest</a>' in page
        assert (path.parent / "report.html").exists()
    assert not any(f">p{k}<" in page for k in range(60))
    succeed("report", joined, "-o", tmp_path / "ids.html", "--show-ids")
    shown = (tmp_path / "ids.html").read_text(encoding="utf-8")
    held_out = read(joined / "predictions.csv").query("state < 0")["item"]
    assert [item for item in (f"p{k}" for k in range(60)) if f">{item}<" in shown] == [*held_out]
    columns = read(joined / "columns.csv")
    assert columns["name"].tolist() == read(joined / "predictions.csv").columns.tolist()
    assert "0 EWS, 1 R/MS, 2 Ävö x" in columns.set_index("name")["meaning"]["predicted"]


def test_train__goes_on_with_classes_that_were_not_reached(classes, trained, tmp_path, run):
    runs, joined, output = trained
    copytree(runs, tmp_path / "runs")
    rmtree(tmp_path / "runs" / joined.name)
    gone = sorted((tmp_path / "runs").iterdir())[0]
    rmtree(gone)
    words = ["train", classes / "table.zarr", "--epochs", 2, "-o", tmp_path / "runs"]
    code, _, error = run(*words)
    assert code == 2
    assert "was started in" in error
    again = succeed(*words, "--resume")
    assert again.splitlines()[:-1] == output.splitlines()[:-1]  # the last names the report
    for name in ("checkpoint.pt", "predictions.csv"):
        path = tmp_path / "runs" / joined.name / name
        assert path.read_bytes() == (joined / name).read_bytes()


def test_predict__is_bit_for_bit_what_each_network_predicts(classes, trained, alone, tmp_path):
    _, joined, _ = trained
    new = make_classes().drop(columns=["state", "g39"])
    new["g0"] += 0.25  # no patient is one of the training
    new.to_csv(tmp_path / "new.csv", index=False)
    output = succeed("predict", joined / "checkpoint.pt", tmp_path / "new.csv", "-o",
                     tmp_path / "all.csv")  # fmt: skip
    assert "need not add up to 1" in output
    assert "not calibrated" in output
    table = read(tmp_path / "all.csv")
    assert [*table] == ["item", *CHANCES, "predicted", "remark"]
    for k, (label, path) in enumerate(alone.items()):
        own = tmp_path / f"{k}.csv"
        succeed("predict", path, tmp_path / "new.csv", "-o", own)
        assert (read(own)[CHANCES[k]] == table[CHANCES[k]]).all(), label
    assert (table["predicted"] == np.array(LABELS)[table[CHANCES].to_numpy().argmax(1)]).all()


def test_predict__of_groups_reads_each_class_its_own(classes, trained, alone, tmp_path, refuse):
    _, joined, _ = trained
    checkpoint = joined / "checkpoint.pt"
    for name in ("forest", "table"):
        succeed("predict", checkpoint, classes / f"{name}.zarr", "-o", tmp_path / f"{name}.csv")
    output = succeed("predict", checkpoint, classes / "c.csv", "-o", tmp_path / "file.csv")
    assert "43 are of the training: only trees that left them out were asked" in output
    first = (tmp_path / "forest.csv").read_bytes()
    assert first == (tmp_path / "table.csv").read_bytes() == (tmp_path / "file.csv").read_bytes()
    table = read(tmp_path / "forest.csv")
    assert (table["remark"] == "trained on").sum() == 43
    run = read(joined / "predictions.csv")
    for k, name in enumerate(CHANCES):
        np.testing.assert_allclose(table[name], run[f"probability_{k}"], atol=1e-6)
    words = ["-o", tmp_path / "x.csv"]
    of_one = next(iter(alone.values()))
    assert "group of 3 stores" in refuse("predict", of_one, classes / "table.zarr", *words)
    sentence = refuse("predict", checkpoint, classes / "table.zarr" / "EWS", *words)
    assert "this is a table of one class; give patients" in sentence


def test_predictor__in_python_has_the_same_words(classes, trained):
    _, joined, _ = trained
    network = load_network(joined / "checkpoint.pt")
    assert isinstance(network, OneVsRest)
    assert network.classes == tuple(LABELS)
    assert "class of the highest is predicted" in network.meaning
    cohort = read_cohort(classes / "c.csv", positive="EWS")
    table = network.predict(cohort)
    pd.testing.assert_frame_equal(table, network.predict(open_classes(classes / "forest.zarr")))
    swapped = network.predict(read_classes(classes / "c.csv")["R/MS"])  # states are not looked at
    pd.testing.assert_frame_equal(table, swapped)
    stores = {label: one for label, (one,) in open_classes(classes / "table.zarr").items()}
    with pytest.raises(InputError, match="are of the classes EWS and the networks of EWS, R/MS"):
        network.predict({"EWS": stores["EWS"]})
    with pytest.raises(InputError, match="the classes have other items"):
        network.predict(stores | {"EWS": stores["EWS"].isel(item=slice(None, None, -1))})
    with pytest.raises(InputError, match="not grown on the labelled patients"):
        network.predict(stores | {"EWS": stores["R/MS"]})


def test_one_vs_rest__tells_ties_and_what_is_no_number(classes, trained, monkeypatch):
    _, joined, _ = trained
    network = load_network(joined / "checkpoint.pt")
    cohort = read_cohort(classes / "c.csv", positive="EWS").isel(observation=slice(3))
    chances = np.array([[0.2, 0.6, 0.6], [0.2, 0.1, np.nan], [0.1, 0.2, 0.3]])

    def predict(self, items):
        k = network.classes.index(self.classes[1])
        table = pd.DataFrame({"item": items["observation"].values, CHANCES[k]: chances[:, k]})
        table = table.assign(predicted="", remark=["", "", "trained on"])
        table.attrs["notes"] = ["of all", "of one"] if k == 1 else ["of all"]
        return table

    monkeypatch.setattr(type(network.networks[0]), "predict", predict)
    table = network.predict(cohort)
    assert table["predicted"].tolist() == ["R/MS", "", "Ävö x"]
    assert table["remark"].tolist() == [
        "the highest of two classes is the same", "a probability is not a number", "trained on"
    ]  # fmt: skip
    assert table.attrs["notes"] == ["of all", "R/MS: of one"]


def test_load__refuses_networks_that_do_not_belong_together(trained, alone, tmp_path):
    _, joined, _ = trained
    network = load_network(joined / "checkpoint.pt")
    first, *others = network.networks
    other_origins = (first.origins[0].replace('"patients_sha256": "', '"patients_sha256": "0'),)
    for networks in (
        (first, first, *others),
        (replace(first, origins=other_origins), *others),
        (replace(first, origins=()), *others),
        (replace(first, classes=("a", "b", "c")), *others),
    ):
        with pytest.raises(InputError):
            OneVsRest(networks)
    parts = read_checkpoint(joined / "checkpoint.pt")[NETWORKS_OF_CLASSES]
    file = tmp_path / "c.pt"
    for wrong in (parts[:2], [], {}, "x", [*parts[:2], 1], parts * 60, [*parts, parts[0]]):
        save_checkpoint(file, **{NETWORKS_OF_CLASSES: wrong})
        with pytest.raises(InputError):
            load_network(file)
    save_checkpoint(file, **{NETWORKS_OF_CLASSES: parts})
    assert load_network(file).classes == network.classes


def test_load__notices_a_byte_that_changed(trained, tmp_path):
    _, joined, _ = trained
    content = (joined / "checkpoint.pt").read_bytes()
    file = tmp_path / "c.pt"
    for place in np.linspace(0, len(content) - 1, 23).astype(int):
        file.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises(InputError, match="damaged"):
            load_network(file)


def test_train__refuses_tables_that_do_not_belong_together(classes, tmp_path, refuse):
    table = tmp_path / "t.zarr"
    few = ["--k", 64, "--fdr", 1, "--max-undefined", 0.9]
    succeed("grow", classes / "c.csv", "-o", tmp_path / "f.zarr", *FEW, "--hold-out", 0.25,
            "--seed", 1)  # fmt: skip
    succeed("pixels", tmp_path / "f.zarr", "-o", tmp_path / "other.zarr", *few)
    copytree(classes / "table.zarr", table)
    rmtree(table / "EWS")
    copytree(tmp_path / "other.zarr" / "EWS", table / "EWS")
    assert "is changed since" in refuse("train", table, "--epochs", 1)
    succeed("pixels", classes / "forest.zarr", "-o", tmp_path / "g.zarr", "--items", "genes")
    for source in (tmp_path / "g.zarr", classes / "forest.zarr"):
        assert "a group of tables of observations" in refuse("train", source)
    rmtree(table / "manifest")
    seal_group(table)
    assert "not of the same observations, genes and parameters" in refuse("train", table)
    (tmp_path / "labels.toml").write_text('[labels]\nkind = "clusters"\n')
    sentence = refuse("train", classes / "forest.zarr", "--config", tmp_path / "labels.toml")
    assert "group of 3 stores" in sentence


def test_verify__mends_groups_and_joined_runs(classes, trained, tmp_path, run, refuse):
    _, joined, _ = trained
    for name in ("forest.zarr", "table.zarr", "runs"):
        copytree(classes / name, tmp_path / name)

    def same(name):
        before, after = (
            {path.relative_to(folder): content for path, content in contents(folder).items()}
            for folder in (classes / name, tmp_path / name)
        )
        return before == after

    forest, table = tmp_path / "forest.zarr", tmp_path / "table.zarr"
    (forest / "R-MS" / "vote" / "c" / "0" / "0" / "0" / "0" / "0").write_bytes(b"x")
    (forest / "zarr.json").write_text("{}")
    assert "2 files of" in refuse("verify", forest)
    assert "add --from and its cohort" in refuse("verify", forest, "--repair")
    code, output, error = run("verify", forest, "--repair", "--from", classes / "c.csv")
    assert code == 0, error
    assert "1 blocks of trees grown again" in output
    assert same("forest.zarr")
    rmtree(forest / "manifest")
    code, _, error = run("verify", forest, "--repair", "--from", classes / "c.csv")
    assert code == 0, error
    assert same("forest.zarr")
    rmtree(table / "R-MS")
    sentence = refuse("verify", table, "--repair", "--from", forest / "EWS")
    assert "no store of 'EWS'" in sentence
    code, _, error = run("verify", table, "--repair", "--from", forest)
    assert code == 0, error
    assert same("table.zarr")
    again = tmp_path / "runs" / joined.name
    with (again / "predictions.csv").open("a") as file:
        file.write("\n")
    assert "is changed since" in refuse("report", again)
    code, _, error = run("verify", again, "--repair")
    assert code == 0, error
    assert (again / "predictions.csv").read_bytes() == (joined / "predictions.csv").read_bytes()

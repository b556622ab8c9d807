"""Cross-fitted images by the command line: a store, a table and a layout without each part."""

import re
from shutil import copytree

import numpy as np
import pandas as pd
import pytest
import xarray as xr
import zarr

import deepnic
from deepnic.assembly.cross_fitted import read_parts
from deepnic.cohort import hide_labels, read_cohort
from deepnic.learn import load_network
from deepnic.learn.loop import Learner
from deepnic.store import open_classes, open_forest, open_table
from tests.cli.made import FEW, LABELS, contents, make_classes, make_table, succeed

PARAMETERS = {"n_trees": 6, "weight_ranges": [3], "tree_sizes": [3, 4], "subsample": 0.3}
ALL = ["--k", 64, "--fdr", 1, "--max-undefined", 0.9]


@pytest.fixture(scope="module")
def parts(tmp_path_factory):
    """Folder with a cohort, stores and tables of three parts, a run, and what was printed."""
    folder = tmp_path_factory.mktemp("parts")
    make_table().to_csv(folder / "c.csv", index=False)
    asked = ["--hold-out", 0.25, "--parts", 3]
    said = succeed("grow", folder / "c.csv", "-o", folder / "forest.zarr", *FEW, *asked)
    said += succeed("pixels", folder / "forest.zarr", "-o", folder / "table.zarr", *ALL)
    said += succeed("train", folder / "table.zarr", "--epochs", 2, "-o", folder / "runs")
    (run,) = (folder / "runs").glob("linear-*")
    return folder, run, said


def states(stores):
    return np.stack([store["state"].values for store in stores])


def test_grow__hides_each_part_of_what_is_learnt_from_once(parts):
    folder, _, said = parts
    assert "3 parts, and a forest without the labels of each" in said
    names = zarr.open_group(folder / "forest.zarr", mode="r").attrs["deepnic_parts"]
    assert [*names] == ["part-0", "part-1", "part-2"]
    forests = [open_forest(folder / "forest.zarr" / name) for name in names]
    hidden = states(forests) < 0
    held_out = hidden.all(axis=0)
    assert held_out.sum() == 10
    assert (hidden.sum(axis=0)[~held_out] == 1).all()
    y = np.arange(40) % 2
    for k, forest in enumerate(forests):
        assert [int((hidden[k] & ~held_out & (y == c)).sum()) for c in (0, 1)] == [5, 5]
        alone = deepnic.grow_forest(
            hide_labels(read_cohort(folder / "c.csv"), hidden[k]), **PARAMETERS
        ).compute()
        for name in ("signature", "vote", "tree_signature"):
            np.testing.assert_array_equal(forest[name].values, alone[name].values)


def test_pixels__of_each_part_are_those_of_its_store(parts, run, tmp_path):
    folder, *_ = parts
    for name in ("part-0", "part-2"):
        code, _, error = run("pixels", folder / "forest.zarr" / name, "-o", tmp_path / name, *ALL)
        assert code == 0, error
        mine, theirs = contents(tmp_path / name), contents(folder / "table.zarr" / name)
        assert [*mine.values()] == [*theirs.values()]


def test_train__predicts_what_was_held_out_and_is_calibrated_on_the_rest(parts):
    _, run, said = parts
    assert (
        "calibrated on 30 patients, each as predicted by who was trained without the patient"
        in said
    )
    assert "look better than a new patient" not in said
    table = pd.read_csv(run / "predictions.csv")
    assert table["item"].tolist() == [f"p{k}" for k in range(40)]
    assert (table["truth"] >= 0).sum() == (table["state"] < 0).sum() == 10
    assert (table["truth"][table["state"] < 0] == (np.arange(40) % 2)[table["state"] < 0]).all()
    assert (table["state"][table["state"] >= 0] == (np.arange(40) % 2)[table["state"] >= 0]).all()


def test_train__goes_on_without_training_again(parts, run, refuse, monkeypatch):
    """Networks without a part are read back, and the run is what it was."""
    folder, trained, _ = parts
    again = ["train", folder / "table.zarr", "--epochs", 2, "-o", folder / "runs"]
    assert len([*(folder / "runs" / "without-a-part").glob("linear-*")]) == 3
    steps = []
    monkeypatch.setattr(Learner, "train_epoch", lambda *given: steps.append(given))
    before = (trained / "predictions.csv").read_bytes()
    assert "was started" in refuse(*again)
    code, said, error = run(*again, "--resume")
    assert code == 0, error
    assert "calibrated on 30 patients" in said
    assert steps == []
    assert (trained / "predictions.csv").read_bytes() == before


def test_report__says_what_the_probabilities_are(parts):
    _, trained, _ = parts
    page = (trained / "report.html").read_text(encoding="utf-8")
    assert "The probabilities are calibrated on 30 patients" in page
    told = pd.read_csv(trained / "predictions.csv")
    new = told[told["state"] < 0]
    counts = pd.crosstab(new["truth"], new["predicted"]).reindex(columns=[0, 1], fill_value=0)
    plain = re.sub(r"<[^>]+>|\s+", " ", page)
    rows = re.findall(r"(?:healthy|sick)\s+(\d+)\s+(\d+)", plain.partition("called sick")[2])
    assert [[*map(int, row)] for row in rows[:2]] == counts.to_numpy().tolist()


def test_predict__patients_and_stores_alike(parts, run, tmp_path):
    """Of a file, of the stores and of the tables; new patients by all pipelines, as in the run."""
    folder, trained, _ = parts
    before = pd.read_csv(trained / "predictions.csv").set_index("item")
    new = before["state"] < 0
    said = {}
    for source in ("c.csv", "forest.zarr", "table.zarr"):
        out = tmp_path / f"{source}.csv"
        code, _, error = run("predict", trained / "checkpoint.pt", folder / source, "-o", out)
        assert code == 0, error
        said[source] = pd.read_csv(out, keep_default_na=False).set_index("item")
        chance = said[source]["probability of sick"]
        np.testing.assert_allclose(chance[new], before["probability"][new], atol=1e-6)
        assert (said[source]["remark"] == "trained on").eq(~new).all()
    for other in ("c.csv", "forest.zarr"):
        pd.testing.assert_frame_equal(said[other], said["table.zarr"])


def test_predict__shows_a_patient_of_the_training_by_who_did_not_know_them(parts):
    """The margin of each is that of the canvas of their own part's pipeline alone."""
    folder, trained, _ = parts
    network = load_network(trained / "checkpoint.pt")
    tables = [open_table(folder / "table.zarr" / f"part-{k}") for k in range(3)]
    (stores,) = open_classes(folder / "table.zarr").values()
    said = network.predict(stores).set_index("item")["probability of sick"]
    part, state = read_parts(tables)
    for k in range(3):
        assert (tables[k]["state"].values[part == k] == -1).all()
        blank = [t if j == k else t.assign(value=t["value"] * 0) for j, t in enumerate(tables)]
        other = network.predict(blank).set_index("item")["probability of sick"]
        np.testing.assert_array_equal(other[part == k], said[part == k])
        assert (other[state < 0] != said[state < 0]).any()


@pytest.mark.parametrize("what", ["forest.zarr", "table.zarr"])
def test_verify__finds_and_mends_damage_in_a_part(parts, run, tmp_path, what):
    folder, *_ = parts
    copytree(folder / what, tmp_path / what)
    before = contents(tmp_path / what)
    (tmp_path / what / "part-1" / "zarr.json").write_text("{}")
    some = next((tmp_path / what / "part-2").rglob("c/0*"))
    some = next(path for path in (some, *some.rglob("*")) if path.is_file())
    some.write_bytes(b"damaged")
    assert run("verify", tmp_path / what)[0] != 0
    source = folder / ("c.csv" if what == "forest.zarr" else "forest.zarr")
    code, _, error = run("verify", tmp_path / what, "--repair", "--from", source)
    assert code == 0, error
    assert {path: content for path, content in contents(tmp_path / what).items()} == before


def test_grow__goes_on_and_refuses_another_cut(parts, run, refuse):
    folder, *_ = parts
    asked = ["grow", folder / "c.csv", "-o", folder / "forest.zarr", *FEW, "--hold-out", 0.25]
    assert "0 blocks of trees grown" in run(*asked, "--parts", 3)[1]
    assert "is no group of stores each grown without a part" in refuse(*asked, "--parts", 4)
    assert "is a group of 3 stores, each grown without a part" in refuse(*asked)
    assert "differ" in refuse(*asked, "--parts", 3, "--seed", 1)


def test_parts__are_fewer_where_a_class_is_small(run, refuse, tmp_path):
    table = make_table()
    table.loc[6:, "state"] = "healthy"  # three are sick
    table.to_csv(tmp_path / "c.csv", index=False)
    asked = ["grow", tmp_path / "c.csv", *FEW[:-1], 0.6, "--estimate", "--parts"]
    code, said, error = run(*asked, 5)
    assert code == 0, error
    assert (
        "3 parts, and a forest without the labels of each; the smallest class has no more" in said
    )
    table.loc[2:, "state"] = "healthy"
    table.to_csv(tmp_path / "c.csv", index=False)
    refuse(*asked, 5)


def test_parts__keep_groups_together(run, tmp_path):
    table = make_table()
    table.insert(1, "patient", [f"P{k // 2}" for k in range(40)])  # both states of each
    table.to_csv(tmp_path / "c.csv", index=False)
    code, _, error = run("grow", tmp_path / "c.csv", "-o", tmp_path / "f.zarr", *FEW, "--parts", 4,
                         "--groups", "patient")  # fmt: skip
    assert code == 0, error
    ((*stores,),) = open_classes(tmp_path / "f.zarr").values()
    hidden = states(stores) < 0
    assert (hidden.sum(axis=0) == 1).all()
    assert (hidden[:, ::2] == hidden[:, 1::2]).all()
    run("pixels", tmp_path / "f.zarr", "-o", tmp_path / "t.zarr", *ALL)
    ((*tables,),) = open_classes(tmp_path / "t.zarr").values()
    assert all(one["group"].values.tolist() == table["patient"].tolist() for one in tables)


def test_parts__of_each_class(run, refuse, tmp_path):
    make_classes().to_csv(tmp_path / "c.csv", index=False)
    steps = [
        ("grow", tmp_path / "c.csv", "-o", tmp_path / "f.zarr", *FEW, "--parts", 2),
        ("pixels", tmp_path / "f.zarr", "-o", tmp_path / "t.zarr", *ALL),
        ("train", tmp_path / "t.zarr", "--epochs", 1, "-o", tmp_path / "runs"),
    ]
    for step in steps:
        code, _, error = run(*step)
        assert code == 0, error
    stores = open_classes(tmp_path / "f.zarr")
    assert [*stores] == LABELS
    hidden = [states(of_class) < 0 for of_class in stores.values()]
    assert all((one == hidden[0]).all() for one in hidden)
    kind = np.where(np.isin(np.arange(60), [3, 7]), -1, np.arange(60) % 3)
    assert (hidden[0].all(axis=0) == (kind < 0)).all()
    for k in range(3):
        assert abs(int(np.diff((hidden[0] & (kind == k)).sum(axis=1))[0])) <= 1
    (joined,) = (tmp_path / "runs").glob("linear-classes-*")
    said = []
    for source in ("c.csv", "f.zarr", "t.zarr"):
        out = tmp_path / f"{source}.csv"
        code, _, error = run("predict", joined / "checkpoint.pt", tmp_path / source, "-o", out)
        assert code == 0, error
        said.append(pd.read_csv(out).set_index("item"))
        assert said[-1]["predicted"].isin(LABELS).all()
    chances = [f"probability of {label}" for label in LABELS]
    for one in said[:2]:
        np.testing.assert_array_equal(one[chances], said[2][chances])
    assert run("verify", tmp_path / "f.zarr")[0] == run("verify", tmp_path / "t.zarr")[0] == 0
    one = tmp_path / "t.zarr" / "EWS"
    sentence = refuse("predict", joined / "checkpoint.pt", one, "-o", tmp_path / "no.csv")
    assert "give patients, or by label what was made of each class" in sentence


def test_parts__refuses_what_does_not_belong_together(parts, refuse, place, tmp_path):
    folder, trained, _ = parts
    out = ["-o", tmp_path / "no.csv"]
    one = folder / "table.zarr" / "part-0"
    sentence = refuse("predict", trained / "checkpoint.pt", one, *out)
    assert "were not grown on the labelled patients" in sentence
    assert "images of genes" in refuse("train", folder / "forest.zarr")
    tables = [open_table(folder / "table.zarr" / f"part-{k}") for k in range(3)]
    with pytest.raises(deepnic.InputError, match="not of one cut"):
        read_parts([tables[0], tables[0], tables[2]])
    with pytest.raises(deepnic.InputError, match="not of one cut"):
        read_parts([tables[0], tables[1].isel(item=slice(None, None, -1)), tables[2]])


def test_train__tells_that_images_of_one_store_look_too_good(place, run, tmp_path):
    code, said, error = run("train", place / "table.zarr", "--epochs", 1, "-o", tmp_path)
    assert code == 0, error
    assert "look better than a new patient's; `deepnic grow --parts 5`" in said + error


def test_open__names_the_parts(parts):
    folder, *_ = parts
    with pytest.raises(deepnic.InputError, match=r"group of 3 stores, each grown without a part"):
        open_forest(folder / "forest.zarr")
    with pytest.raises(deepnic.InputError, match=r"each grown without a part.*part-0"):
        deepnic.assemble(xr.open_zarr(folder / "table.zarr", consolidated=False))

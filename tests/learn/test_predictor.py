"""A checkpoint predicts items it never saw, and refuses those of another assembly."""

import sys
import tarfile
from copy import deepcopy
from pathlib import Path
from uuid import uuid4
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pandas as pd
import pytest
import torch

import deepnic
from deepnic.assembly import Assembly, assemble, assemble_counts, lay
from deepnic.errors import InputError
from deepnic.learn import load_network
from deepnic.learn.fit import train
from deepnic.learn.saved import read_checkpoint, save_checkpoint
from deepnic.nic import count_signatures, observation_images, rop_images
from deepnic.pixels import filter_pixels, select_pixels
from deepnic.store import open_table


@pytest.fixture(scope="module")
def other_forest():
    """The same forest, with 80 observations more, whose labels it does not know."""
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 140))
    cohort = deepnic.hide_labels(cohort, np.arange(140) >= 48)
    return deepnic.grow_forest(
        cohort, n_trees=12, weight_ranges=[3, 5], tree_sizes=[3, 6], subsample=0.5
    ).compute()


@pytest.fixture(scope="module")
def of_observations(forest, tmp_path_factory):
    table = filter_pixels(observation_images(forest), k=50, fdr=None)
    canvas = assemble(table, path="snail")
    return train(canvas, epochs=2, classes=["b", "m"], storage=tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def of_genes(forest, tmp_path_factory):
    counts = count_signatures(forest).compute()
    state = np.resize(np.int8([0, 1, 2, -1]), 30)
    canvas = assemble_counts(counts.assign_coords(state=("gene", state)), path="hilbert")
    return train(canvas, epochs=2, classes=list("abc"), storage=tmp_path_factory.mktemp("runs"))


def test_checkpoint__predicts_new_observations_from_a_forest(of_observations, other_forest, forest):
    trained = load_network(of_observations.checkpoint)
    predicted = trained.predict(other_forest)
    assert predicted["item"].tolist() == other_forest["observation"].values.tolist()

    table = filter_pixels(observation_images(forest), k=50, fdr=None)
    other = select_pixels(observation_images(other_forest), table)
    image = assemble(other, order=np.arange(50), path="snail")["image"].values
    value = torch.tensor(image)
    colour = torch.tensor(assemble(table, path="snail")["colour"].values)
    channels = torch.stack(
        [(colour == code) * value.nan_to_num() for code in range(4)] + [~value.isnan()], dim=1
    )
    with torch.no_grad():
        expected = of_observations.predictor.network(channels).softmax(dim=1).numpy()
    np.testing.assert_allclose(
        predicted[["probability of b", "probability of m"]], expected, atol=1e-6
    )
    assert (predicted["predicted"] == np.array(["b", "m"])[expected.argmax(axis=1)]).all()


def test_checkpoint__predicts_a_table_with_its_pixels(of_observations, forest):
    trained = load_network(of_observations.checkpoint)
    table = filter_pixels(observation_images(forest), k=50, fdr=None)
    predicted = trained.predict(table.isel(item=slice(40, 60)))
    np.testing.assert_allclose(
        predicted["probability of m"],
        of_observations.predictions["probability"][40:],
        atol=1e-6,
    )


def test_checkpoint__keeps_the_tiles_it_was_trained_with(forest, tmp_path):
    """Of version 0.1.0: every tile took 6 rows by 3 columns, whatever it held."""
    table = filter_pixels(observation_images(forest), k=12, fdr=None)
    index = np.full((36, 36), -1, np.int32)
    for k, (V, R) in enumerate(zip(table.tree_size.values, table.weight_range.values, strict=True)):
        index[k // 12 * 6 + 8 - V, k % 12 * 3 + R - 3] = k
    assert not np.array_equal(assemble(table, unit="tile")["index"], index)
    result = train(
        lay(table, Assembly(index, np.nan, "linear", "relevance", "tile", 0)),
        epochs=1, storage=tmp_path,
    )  # fmt: skip
    again = load_network(result.checkpoint).predict(table)["probability of 1"]
    np.testing.assert_allclose(again, result.predictions["probability"], atol=1e-6)


def test_checkpoint__predicts_genes_from_a_forest(of_genes, forest, other_forest):
    trained = load_network(of_genes.checkpoint)
    again = trained.predict(forest)
    for k, name in enumerate("abc"):
        np.testing.assert_allclose(
            again[f"probability of {name}"], of_genes.predictions[f"probability_{k}"], atol=1e-6
        )
    assert len(trained.predict(other_forest)) == 30


def test_checkpoint__of_a_table_of_genes(forest, other_forest, tmp_path):
    table = filter_pixels(rop_images(forest, family="distinct"), fdr=None, k=40)
    state = np.resize(np.int8([0, 1]), 30)
    result = train(assemble(table.assign_coords(state=("item", state))), epochs=1, storage=tmp_path)
    trained = load_network(result.checkpoint)
    np.testing.assert_allclose(
        trained.predict(forest)["probability of 1"], result.predictions["probability"], atol=1e-6
    )
    assert len(trained.predict(other_forest)) == 30


def test_checkpoint__refuses_another_assembly(of_observations, of_genes, forest):
    observations, genes = (load_network(r.checkpoint) for r in (of_observations, of_genes))
    table = filter_pixels(observation_images(forest), k=50, fdr=None)
    for other in (assemble(table, path="linear"), assemble(table.isel(pixel=slice(30)))):
        with pytest.raises(InputError, match=r"differ in index from .* snail"):
            observations.predict(other)
    with pytest.raises(InputError, match="differ in "):
        observations.predict(table.isel(pixel=slice(None, None, -1)))
    with pytest.raises(InputError, match="differ in index"):
        genes.predict(assemble_counts(count_signatures(forest), path="linear"))
    with pytest.raises(InputError, match="another assembly"):
        genes.predict(table)


def test_checkpoint__refuses_other_conditions_and_genes(of_observations, of_genes, forest):
    fewer = forest.isel(tree_size=[0])
    with pytest.raises(InputError, match="tree_size"):
        load_network(of_genes.checkpoint).predict(fewer)
    with pytest.raises(InputError, match="no tree_size 6"):
        load_network(of_observations.checkpoint).predict(fewer)
    renamed = forest.assign_coords(gene=[f"probe {k}" for k in range(30)])
    with pytest.raises(InputError, match="the forest has no genes"):
        load_network(of_observations.checkpoint).predict(renamed)


def test_checkpoint__refuses_another_number_of_classes(of_genes, of_observations, forest, tmp_path):
    canvas = assemble(filter_pixels(observation_images(forest), k=50, fdr=None), path="snail")
    many = canvas.assign_coords(state=("item", np.arange(60) % 3))
    with pytest.raises(InputError, match="the items have 3 classes and the network 2"):
        load_network(of_observations.checkpoint).predict(many)
    saved = read_checkpoint(of_genes.checkpoint)
    saved["about"]["classes"] = ["a", "b"]
    save_checkpoint(tmp_path / "changed.pt", **saved)
    with pytest.raises(InputError, match="do not fit the network small with 5 channels and 2"):
        load_network(tmp_path / "changed.pt")


def test_checkpoint__says_what_its_network_reads(of_observations, of_genes):
    for result, kind in [(of_observations, "canvas"), (of_genes, "count canvas")]:
        about = torch.load(result.checkpoint, weights_only=True)["about"]
        assert (about["kind"], about["channels"]) == (kind, 5)


def test_checkpoint__of_version_0_1_0(tmp_path):
    """It says neither its channels nor the kind of its canvas."""
    begun = Path(__file__).parents[1] / "begun" / "version-0.1.0.tar.gz"
    with tarfile.open(begun) as archive:
        archive.extractall(tmp_path, filter="data")
    expected = pd.read_csv(tmp_path / "expected" / "checkpoint-predictions.csv")
    predictor = load_network(tmp_path / "expected" / "checkpoint.pt")
    assert predictor.kind == "canvas"
    predicted = predictor.predict(open_table(tmp_path / "table.zarr"))
    pd.testing.assert_frame_equal(predicted, expected, check_dtype=False, rtol=1e-5)


def test_checkpoint__of_genes_of_version_0_1_0(of_genes, forest, tmp_path):
    saved = read_checkpoint(of_genes.checkpoint)
    del saved["about"]["kind"], saved["about"]["channels"]
    torch.save(saved, tmp_path / "old.pt")
    pd.testing.assert_frame_equal(
        load_network(tmp_path / "old.pt").predict(forest), of_genes.predictor.predict(forest)
    )


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut off", b"not a checkpoint"])
def test_load_network__refuses_other_files(tmp_path, content):
    file = tmp_path / "checkpoint.pt"
    file.write_bytes(content)
    with pytest.raises(InputError, match="not a checkpoint of deepnic, or is damaged"):
        load_network(file)


def test_load_network__runs_no_code(tmp_path):
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "ran",))

    torch.save({"network": Evil(), "about": {}}, tmp_path / "checkpoint.pt")
    with pytest.raises(InputError, match="not a checkpoint of deepnic"):
        load_network(tmp_path / "checkpoint.pt")
    assert not (tmp_path / "ran").exists()


def changed(saved, change):
    """A copy without digest, as version 0.1.0 or an attacker writes it, with a change."""
    copy = deepcopy(saved)
    change(copy)
    return copy


@pytest.mark.parametrize(
    "change",
    [
        lambda saved: saved.update(about=3),
        lambda saved: saved.update(network=None),
        lambda saved: saved.update(network=[1, 2]),
        lambda saved: saved["network"].popitem(),
        lambda saved: saved["network"].update(more=torch.zeros(2)),
        lambda saved: next(iter(saved["network"].values())).fill_(float("nan")),
        lambda saved: saved["network"].update(
            {name: value.double() for name, value in saved["network"].items()}
        ),
        lambda saved: saved["about"].pop("layout"),
        lambda saved: saved["about"].pop("network"),
        lambda saved: saved["about"].update(network=5),
        lambda saved: saved["about"].update(network="large"),
        lambda saved: saved["about"].update(classes=None),
        lambda saved: saved["about"].update(classes=["a"]),
        lambda saved: saved["about"].update(channels="5"),
        lambda saved: saved["about"].update(channels=10**9),
        lambda saved: saved["about"].update(channels=-1),
        lambda saved: saved["about"].update(kind="forest"),
        lambda saved: saved["about"]["layout"].pop("attrs"),
        lambda saved: saved["about"]["layout"]["variables"].pop("index"),
        lambda saved: saved["about"]["layout"]["variables"].update(index=3),
        lambda saved: saved["about"]["layout"]["variables"].update(
            index=(["row", "column"], torch.zeros(1, dtype=torch.int32).expand(10**6, 10**6))
        ),
        lambda saved: saved["about"]["layout"]["variables"].update(index=(["row"], ["a"])),
        lambda saved: saved["about"]["layout"]["variables"].update(
            index=(["row", "column"], torch.zeros(3))
        ),
    ],
)
def test_load_network__refuses_another_structure(of_observations, forest, tmp_path, change):
    saved = read_checkpoint(of_observations.checkpoint)
    torch.save(changed(saved, change), tmp_path / "changed.pt")
    with pytest.raises(InputError) as refused:
        load_network(tmp_path / "changed.pt").predict(forest)
    assert len(str(refused.value)) < 500


def test_load_network__every_flipped_bit_is_noticed_or_makes_no_difference(
    of_observations, forest, tmp_path
):
    content, draw = of_observations.checkpoint.read_bytes(), np.random.default_rng(0)
    table = filter_pixels(observation_images(forest), k=50, fdr=None)
    expected = load_network(of_observations.checkpoint).predict(table)
    file, told = tmp_path / "flipped.pt", 0
    # a third in the directory at the end, which no sum covers
    places = [*draw.integers(len(content), size=200), *-draw.integers(1, 5000, size=100)]
    for place in places:
        flipped = bytearray(content)
        flipped[place] ^= 1 << draw.integers(8)
        file.write_bytes(flipped)
        try:
            pd.testing.assert_frame_equal(load_network(file).predict(table), expected)
        except InputError:
            told += 1
    assert told > 200


def test_load_network__reads_no_bomb(of_observations, tmp_path):
    with (
        ZipFile(of_observations.checkpoint) as old,
        ZipFile(tmp_path / "bomb.pt", "w", ZIP_DEFLATED) as new,
    ):
        for part in old.infolist():
            new.writestr(
                part.filename, bytes(10**8) if "data/0" in part.filename else old.read(part)
            )
    with pytest.raises(InputError, match="is not a checkpoint of deepnic, or is damaged"):
        load_network(tmp_path / "bomb.pt")


def test_load_network__imports_a_network_that_the_caller_names(
    make_images, forest, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    name = f"mine_{uuid4().hex}:build"
    Path(f"{name.partition(':')[0]}.py").write_text(
        "from deepnic.learn import SmallNetwork\ndef build(a, b): return SmallNetwork(a, b)\n"
    )
    images, _ = make_images(12, 4)
    checkpoint = train(images, epochs=1, network=name, storage=tmp_path / "runs").checkpoint
    expected = load_network(checkpoint, network=name).predict(images)
    assert expected["predicted"].size == 16
    sys.modules.pop(name.partition(":")[0])
    with pytest.raises(
        InputError, match=f"is of the network '{name}', which is code that it cannot"
    ):
        load_network(checkpoint)
    with pytest.raises(InputError, match=f"is of the network '{name}', not of 'small'; name that"):
        load_network(checkpoint, network="small")
    assert name.partition(":")[0] not in sys.modules


def test_images_of_ones_own__by_their_shape(make_images, forest, tmp_path):
    images, _ = make_images()
    trained = load_network(train(images, epochs=1, storage=tmp_path).checkpoint)
    assert isinstance(trained.predict(images), pd.DataFrame)
    with pytest.raises(InputError, match="differ in index"):
        trained.predict(images.isel(row=slice(4)))
    with pytest.raises(InputError, match=r"images that are not of a forest .8 x 8 cells.; give"):
        trained.predict(forest)


@pytest.mark.parametrize("error", [MemoryError(), OSError(24, "Too many open files")])
def test_read_checkpoint__that_is_whole_where_the_machine_refuses(tmp_path, monkeypatch, error):
    def refuse(*_, **__):
        raise error

    save_checkpoint(tmp_path / "c.pt", a=1)
    monkeypatch.setattr(torch, "load", refuse)
    with pytest.raises(type(error)):
        read_checkpoint(tmp_path / "c.pt")

"""What reads from outside, and good inputs of each to begin with."""

import io
import json
import tomllib
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import xarray as xr
from hypothesis import strategies as st

import deepnic
from deepnic.manifest import seal, unseal
from tests.fuzz.attacks import archives, damaged, json_of, tables, toml_of

ROOT = Path(__file__).parents[2]
TABLE = (
    b"id,state,g1,g2,g3\n"
    + b"".join(b"p%d,%s,%d.5,-%d,1e%d\n" % (k, b"ab"[k % 2 :][:1], k, k, k) for k in range(6))
)  # fmt: skip
LABELS = b"sample_id,label\n" + b"".join(b"p%d,%d\n" % (k, k % 2) for k in range(6))
STUDY = """folds = 2
seed = 1
transfers = [{train = "one", test = "two"}]
forest = {n_genes = 8, n_trees = 4, weight_ranges = [3], tree_sizes = [3], subsample = 0.5}
arms = {paths = ["linear"], strengths = ["none", 16], units = ["pixel"], fdr = 0.5}
cohorts.one = {file = "c.csv", state = "a", positive = "b", log2 = true, epochs = 3}
cohorts.two = {file = "wisconsin"}
"""
TRAIN = """[data]
source = "a.zarr"
family = "distinct"
[labels]
kind = "replication"
cohort = "c.npz"
fdr = 0.1
[assembly]
path = "snail"
unit = "pixel"
[training]
network = "small"
epochs = 3
batch_size = 8
seed = 1
[run]
workers = 2
device = "cpu"
output = "runs"
"""
PROFILE = """partition = "a"
nodes = 2
cores = 8
memory = "16 GiB"
walltime = "1-00:00:00"
interface = "ib0"
prologue = ["module load a"]
logs = "logs"
"""


class Target(NamedTuple):
    """A reader: how it reads bytes, in a folder of its own, and what attacks it."""

    read: Callable[[bytes, Path], object]
    inputs: st.SearchStrategy[bytes]


def _table(content, folder):
    (folder / "c.csv").write_bytes(content)
    return deepnic.read_cohort(folder / "c.csv")


def _archive(content, folder):
    (folder / "c.npz").write_bytes(content)
    (folder / "c.labels.csv").write_bytes(LABELS)
    return deepnic.read_cohort(folder / "c.npz")


def _labels(content, folder):
    (folder / "c.npz").write_bytes(good_archive())
    (folder / "c.labels.csv").write_bytes(content)
    return deepnic.read_cohort(folder / "c.npz")


def _gene_labels(content, folder):
    from deepnic.runs.gene_labels import table_labels

    (folder / "l.csv").write_bytes(content)
    return table_labels(folder / "l.csv", [f"p{k}" for k in range(6)])


def _toml(read):
    def read_bytes(content, folder):
        (folder / "c.toml").write_bytes(content)
        return read(folder / "c.toml")

    return read_bytes


def _study(path):
    return deepnic.study.read_settings(path)


def _train(path):
    from deepnic.runs.config import read_config

    return read_config(path, {})


def _inventory(path):
    from deepnic.cluster.ssh.inventory import read_inventory

    return read_inventory(path)


def _profile(path):
    from deepnic.cluster.slurm.jobs import read_profile

    return read_profile(path)


def _checkpoint(content, folder):
    (folder / "c.pt").write_bytes(content)
    return deepnic.load_network(folder / "c.pt")


def _store_file(kind, name, *, sealed):
    """A file of a good store in the place of which something else lies; sealed by who did it."""

    def read(content, folder):
        store = Path(good_stores()[kind])
        file = store / name
        before = file.read_bytes()
        manifest = store / "manifest" / "zarr.json"
        seal_before = manifest.read_bytes()
        try:
            if sealed:
                unseal(store)
            file.parent.mkdir(exist_ok=True)
            file.write_bytes(content)
            if sealed:
                try:
                    seal(store)
                except ValueError:  # of words that are none
                    return None
            opened = deepnic.store.open_items(store)
            return opened.load()
        finally:
            manifest.parent.mkdir(exist_ok=True)
            file.write_bytes(before)
            manifest.write_bytes(seal_before)

    return read


@cache
def good_archive():
    target = io.BytesIO()
    X = np.random.default_rng(0).normal(size=(6, 3)).astype("f4")
    np.savez(target, X=X, genes=["g1", "g2", "g3"], samples=[f"p{k}" for k in range(6)])
    return target.getvalue()


@cache
def good_stores():
    """A forest and a table on disk, by kind, for as long as the tests run."""
    from atexit import register
    from tempfile import TemporaryDirectory

    folder = TemporaryDirectory()
    register(folder.cleanup)
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[3], tree_sizes=[3])
    stores = {kind: f"{folder.name}/{kind}.zarr" for kind in ("forest", "table")}
    deepnic.write_forest(forest, stores["forest"])
    images = deepnic.observation_images(deepnic.open_forest(stores["forest"]))
    deepnic.write_table(deepnic.filter_pixels(images, k=8, fdr=None), stores["table"])
    return stores


@cache
def good_checkpoint():
    from tempfile import TemporaryDirectory

    from deepnic.learn.settings import CHECKPOINT_FILE

    rng = np.random.default_rng(0)
    images = xr.Dataset(
        {"image": (("item", "row", "column"), rng.normal(size=(12, 4, 4)).astype("f4"))},
        coords={"item": [f"p{k}" for k in range(12)],
                "state": ("item", (np.arange(12) % 2).astype("i1"))},
    )  # fmt: skip
    with TemporaryDirectory() as folder:
        result = deepnic.train(images, epochs=1, storage=folder, device="cpu")
        return (Path(result.folder) / CHECKPOINT_FILE).read_bytes()


def _of_table():
    return (
        damaged([TABLE, TABLE.replace(b",", b";"), TABLE.replace(b".", b",").replace(b",", b"\t")])
        | tables()
    )


def _of_toml(text, model):
    tree = json.dumps(tomllib.loads(text))
    keys = {one for each in _models(model) for one in each.model_fields}
    return damaged([text.encode()]) | toml_of([tree], sorted(keys))


def _models(model):
    yield model
    for field in model.model_fields.values():
        kind = field.annotation
        if isinstance(kind, type) and hasattr(kind, "model_fields"):
            yield from _models(kind)


def target(name):
    """Make a target by its name; what it needs is made when it is asked for."""
    from deepnic.cluster.slurm.jobs import Profile
    from deepnic.cluster.ssh.inventory import Inventory
    from deepnic.runs.config import TrainConfig
    from deepnic.study import StudySettings

    if name in STORE_FILES:
        kind, file, sealed = STORE_FILES[name]
        content = Path(good_stores()[kind], file).read_bytes()
        inputs = damaged([content])
        if file.endswith(".json"):
            inputs |= json_of([content.decode()])
        return Target(_store_file(kind, file, sealed=sealed), inputs)
    inventory = (ROOT / "cluster" / "workstations" / "inventory.toml").read_text()
    makers = {
        "table": lambda: Target(_table, _of_table()),
        "archive": lambda: Target(_archive, damaged([good_archive()]) | archives()),
        "labels": lambda: Target(_labels, damaged([LABELS]) | tables()),
        "gene-labels": lambda: Target(_gene_labels, damaged([LABELS]) | tables()),
        "study": lambda: Target(_toml(_study), _of_toml(STUDY, StudySettings)),
        "train": lambda: Target(_toml(_train), _of_toml(TRAIN, TrainConfig)),
        "inventory": lambda: Target(_toml(_inventory), _of_toml(inventory, Inventory)),
        "profile": lambda: Target(_toml(_profile), _of_toml(PROFILE, Profile)),
        "checkpoint": lambda: Target(_checkpoint, damaged([good_checkpoint()])),
    }
    return makers[name]()


def _store_files():
    """A file of a store each, as it was sealed, or by somebody who seals it again."""
    yield "forest-manifest", ("forest", "manifest/zarr.json", False)
    for kind, arrays in {"forest": ("state", "signature"), "table": ("value",)}.items():
        for file in ("zarr.json", *(f"{name}/zarr.json" for name in arrays)):
            for sealed in (False, True):
                words = [kind, *(["sealed"] if sealed else []), *file.split("/")]
                yield "-".join(words).removesuffix(".json"), (kind, file, sealed)


STORE_FILES = dict(_store_files())

TARGETS = (
    "table", "archive", "labels", "gene-labels", "study", "train", "inventory", "profile",
    "checkpoint", *STORE_FILES,
)  # fmt: skip

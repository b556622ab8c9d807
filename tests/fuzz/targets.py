"""What reads from outside, and good inputs of each to begin with."""

import gzip
import io
import json
import tomllib
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from hypothesis import strategies as st

import deepnic
from deepnic.manifest import MANIFEST, OF_STORE, digest, manifest, seal
from deepnic.store.journal import FOLDER, KEPT, noted
from tests.fuzz.attacks import archives, damaged, json_of, repacked, tables, toml_of
from tests.made_study import write_study

ROOT = Path(__file__).parents[2]
TABLE = (
    b"id,state,g1,g2,g3\n"
    + b"".join(b"p%d,%s,%d.5,-%d,1e%d\n" % (k, b"nt"[k % 2 :][:1], k, k, k) for k in range(6))
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


MANIFESTS = {"forest": OF_STORE, "table": OF_STORE}
PARTS = {
    "forest": ("zarr.json", "state/zarr.json", "signature/zarr.json", "state/c/0", "gene/c/0"),
    "table": ("zarr.json", "value/zarr.json", "value/c/0/0"),
    "run": ("run.json", "history.csv", "predictions.csv"),
    "results": (
        "study.json",
        "accounts.json",
        "predictions.csv",
        "examples/wisconsin.zarr/zarr.json",
    ),
}
"""Files of folders, by what the folder is; its manifest is attacked as well."""
FORMATS = (".txt.gz", ".gct", ".xlsx", ".parquet", ".feather", ".h5ad")
"""Formats beside tables and archives; the first is a series matrix."""
FACTS = {"name": "snail-0", "items": "genes", "classes": ["a", "b"], "n_test": 3}
HISTORY = pd.DataFrame({"epoch": [1, 2], "training_loss": [0.7, 0.25]})
PREDICTIONS = pd.DataFrame(
    {"item": ["x", "y", "z", "w"], "state": [-1, -1, 1, -1], "truth": [1, -1, 1, 0],
     "probability": [0.5, 0.1, 0.9, 0.2], "predicted": [1, 0, 1, 0]}
)  # fmt: skip
LONGEST = 10**4  # bytes of a good file that is damaged


class Target(NamedTuple):
    """A reader: how it reads bytes, in a folder of its own, and what attacks it."""

    read: Callable[[bytes, Path], object]
    inputs: st.SearchStrategy[bytes]


def _table(content, folder):
    (folder / "c.csv").write_bytes(content)
    return deepnic.read_cohort(folder / "c.csv")


def _format(name):
    """A file of another format, its labels beside it."""

    def read(content, folder):
        (folder / f"c{name}").write_bytes(content)
        (folder / "c.labels.csv").write_bytes(LABELS)
        return deepnic.read_cohort(folder / f"c{name}")

    return read


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


def _folder_file(kind, name, *, sealed):
    """A file of a good folder in the place of which something else lies; sealed by who did it."""

    def read(content, _):
        folder = Path(good_folders()[kind])
        file, place = folder / name, folder / MANIFESTS.get(kind, MANIFEST)
        before, seal_before = file.read_bytes(), place.read_bytes()
        try:
            if sealed:
                digests = {**manifest(folder), name: digest(content)}
            file.write_bytes(content)
            if sealed:
                try:
                    seal(folder, digests=digests)
                except ValueError:  # of words that are none
                    return None
            value = READS[kind](folder)
            assert sealed or file == place or content == before, "damage that nobody sees"
            return value
        finally:
            file.write_bytes(before)
            place.write_bytes(seal_before)

    return read


def _read_store(folder):
    return deepnic.store.open_items(folder).load()


def _read_run(folder):
    from deepnic.runs.folder import read_run

    return read_run(folder)


def _read_study(folder):
    return deepnic.study.read_study(folder)


def _read_folder(folder):
    from deepnic.manifest import damaged as read

    return read(folder)


READS = {
    "forest": _read_store, "table": _read_store, "run": _read_run, "results": _read_study,
    "folder": _read_folder,
}  # fmt: skip


def _noted(content, folder):
    (folder / FOLDER).mkdir()
    (folder / FOLDER / KEPT).write_bytes(content)
    return noted(folder)


@cache
def good_archive():
    target = io.BytesIO()
    X = np.random.default_rng(0).normal(size=(6, 3)).astype("f4")
    np.savez(target, X=X, genes=["g1", "g2", "g3"], samples=[f"p{k}" for k in range(6)])
    return target.getvalue()


@cache
def good_format(name):
    """The same numbers in another format."""
    X = np.random.default_rng(0).normal(size=(6, 3)).astype("f4")
    frame = pd.DataFrame(X, [f"p{k}" for k in range(6)], ["g1", "g2", "g3"]).rename_axis("id")
    across = frame.T.rename_axis("Name").reset_index()
    if name == ".gct":
        across.insert(1, "Description", "na")
        return f"#1.2\n3\t6\n{across.to_csv(sep=chr(9), index=False)}".encode()
    if name == ".txt":  # series matrix
        states = "".join(f'\t"disease: {k % 2}"' for k in range(6))
        return (
            f'!Series_title\t"a"\n\n!Sample_characteristics_ch1{states}\n'
            "!series_matrix_table_begin\n"
            f"{across.to_csv(sep=chr(9), index=False)}!series_matrix_table_end\n"
        ).encode()
    with TemporaryDirectory() as folder:
        file = Path(folder, f"c{name}")
        if name == ".h5ad":
            import anndata

            obs, var = (pd.DataFrame(index=[*ids]) for ids in (frame.index, frame.columns))
            anndata.AnnData(X, obs, var).write_h5ad(file)
        else:
            writer = {".xlsx": "to_excel", ".parquet": "to_parquet", ".feather": "to_feather"}
            getattr(frame.reset_index(), writer[name])(
                file, **({"index": False} if name == ".xlsx" else {})
            )
        return file.read_bytes()


@cache
def good_folders():
    """A folder of each kind on disk, for as long as the tests run."""
    from atexit import register

    from deepnic.runs.folder import write_run

    folder = TemporaryDirectory()
    register(folder.cleanup)
    folders = {kind: f"{folder.name}/{kind}" for kind in READS}
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    forest = deepnic.grow_forest(cohort, n_trees=5, weight_ranges=[3], tree_sizes=[3])
    deepnic.write_forest(forest, folders["forest"])
    images = deepnic.observation_images(deepnic.open_forest(folders["forest"]))
    deepnic.write_table(deepnic.filter_pixels(images, k=8, fdr=None), folders["table"])
    write_run(Path(folders["run"]), FACTS, HISTORY, PREDICTIONS)
    arms = {"strengths": ("64",), "units": ("pixel",)}
    write_study(Path(folders["results"]), {"wisconsin": 0.9}, None, 0, **arms)
    plain = Path(folders["folder"])
    plain.mkdir()
    (plain / "a.txt").write_text("a")
    seal(plain)
    return folders


@cache
def good_journal():
    return Path(good_folders()["forest"], FOLDER, KEPT).read_bytes()[:LONGEST]


@cache
def good_checkpoint():
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


def _of_format(name):
    good = good_format(name.removesuffix(".gz"))
    inputs = damaged([good])
    if name == ".xlsx":
        inputs |= repacked([good])
    if name.endswith(".gz"):
        inputs = inputs.map(gzip.compress) | damaged([gzip.compress(good)])
    return Target(_format(name), inputs)


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

    if name in FILES:
        kind, file, sealed = FILES[name]
        content = Path(good_folders()[kind], file).read_bytes()
        inputs = damaged([content[:LONGEST]])
        if file.endswith(".json"):
            inputs |= json_of([content.decode()])
        if file.endswith(".csv"):
            inputs |= tables()
        return Target(_folder_file(kind, file, sealed=sealed), inputs)
    inventory = (ROOT / "cluster" / "workstations" / "inventory.toml").read_text()
    makers = {
        "table": lambda: Target(_table, _of_table()),
        "archive": lambda: Target(_archive, damaged([good_archive()]) | archives()),
        **{name[1:]: partial(_of_format, name) for name in FORMATS},
        "labels": lambda: Target(_labels, damaged([LABELS]) | tables()),
        "gene-labels": lambda: Target(_gene_labels, damaged([LABELS]) | tables()),
        "settings": lambda: Target(_toml(_study), _of_toml(STUDY, StudySettings)),
        "training": lambda: Target(_toml(_train), _of_toml(TRAIN, TrainConfig)),
        "inventory": lambda: Target(_toml(_inventory), _of_toml(inventory, Inventory)),
        "profile": lambda: Target(_toml(_profile), _of_toml(PROFILE, Profile)),
        "checkpoint": lambda: Target(_checkpoint, damaged([good_checkpoint()])),
        "journal": lambda: Target(_noted, damaged([good_journal()])),
    }
    return makers[name]()


def _files():
    """A file of a folder each, as it was sealed, or by somebody who seals it again."""
    for kind in READS:
        place = MANIFESTS.get(kind, MANIFEST)
        yield f"{kind}-manifest", (kind, place, False)
        for file in PARTS.get(kind, ()):
            name = f"{kind}-{file.removesuffix('.json').replace('/', '-')}"
            yield name, (kind, file, False)
            if "/c/" not in file:  # Zarr tells of a chunk that is sealed and not what was written
                yield f"{name}-sealed", (kind, file, True)


FILES = dict(_files())

TARGETS = (
    "table", "archive", *(name[1:] for name in FORMATS), "labels", "gene-labels", "settings",
    "training", "inventory", "profile", "checkpoint", "journal", *FILES,
)  # fmt: skip

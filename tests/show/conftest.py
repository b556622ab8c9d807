"""A small study folder with awkward names and undefined numbers."""

import json

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from deepnic.assembly.paths import PATHS, visit
from deepnic.nic.families import family

PATIENT = "patient-7731-DUPONT"
GENE = "1007_s_at <DDR1 & MIR4640>"
BASELINES = {"majority": 0.627, "linear <SVM> & co": 0.951, "forest vote": 0.94, "$x$ [bold]": 0.9}
SIDE = 24


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Written once; a test that changes it copies it first."""
    return write_study(tmp_path_factory.mktemp("study"))


def write_study(folder):
    rng = np.random.default_rng(0)
    kinds = dict.fromkeys(PATHS, "assembly") | dict.fromkeys(BASELINES, "baseline")
    middle = dict(zip(PATHS, [0.91, 0.93, 0.921, 0.945, 0.905], strict=True)) | BASELINES
    rows = [
        {"arm": arm, "kind": kind, "repeat": repeat, "fold": fold, "seed": 0, "n_test": 40,
         "accuracy": np.clip(middle[arm] + rng.normal(0, 0.02), 0, 1),
         "balanced_accuracy": np.clip(middle[arm] - 0.02 + rng.normal(0, 0.02), 0, 1),
         "auroc": np.nan if arm == "majority" else np.clip(middle[arm] + 0.03, 0, 1)}
        for arm, kind in kinds.items() for repeat in range(2) for fold in range(5)
    ]  # fmt: skip
    results = pd.DataFrame(rows)
    results.to_csv(folder / "results.csv", index=False)
    summary = [
        {"arm": arm, "kind": kind, "metric": metric, "mean": m, "low": m - 0.03, "high": m + 0.02}
        for (arm, kind), part in results.groupby(["arm", "kind"])
        for metric in ("accuracy", "balanced_accuracy", "auroc")
        for m in [part[metric].mean()]
    ]
    pd.DataFrame(summary).to_csv(folder / "summary.csv", index=False)
    history = [
        {"arm": arm, "repeat": repeat, "fold": fold, "seed": 0, "epoch": epoch,
         "training_loss": 0.1 + 0.6 * np.exp(-epoch / 8) * rng.uniform(0.8, 1.2)}
        for arm in PATHS for repeat in range(2) for fold in range(5) for epoch in range(1, 31)
    ]  # fmt: skip
    pd.DataFrame(history).to_csv(folder / "history.csv", index=False)
    predictions = {"arm": "snail", "kind": "assembly", "repeat": 0, "fold": 0, "seed": 0}
    predictions |= {"item": PATIENT, "state": 1, "score": 0.9, "predicted": 1}
    pd.DataFrame([predictions]).to_csv(folder / "predictions.csv", index=False)
    (folder / "accounts.json").write_text(json.dumps(_accounts()))
    (folder / "study.json").write_text(json.dumps(_facts()))
    _examples(rng).to_zarr(folder / "examples.zarr", consolidated=False)
    return folder


def _accounts():
    account = [
        {"stage": "structural", "kept": 305_100, "removed": {
            "always 0": 15_877_620, "always undefined": 12_290_940,
            "repeated function": 3_412_800}},
        {"stage": "data", "kept": 91_204, "removed": {
            "undefined": 60_112, "near-constant": 101_300, "duplicate": 50_000,
            "near-duplicate": 2_484}},
        {"stage": "relevance", "kept": 576, "removed": {"less relevant or repeated": 90_628}},
    ]  # fmt: skip
    return [
        {"repeat": repeat, "fold": fold, "account": account, "kept_pixels": 576}
        for repeat in range(2)
        for fold in range(5)
    ]


def _facts():
    return {
        "cohort": {
            "source": "Wisconsin <demo>", "observations": 569, "genes": 30,
            "classes": {"benign": 357, "malignant": 212}, "positive": "malignant",
            "constant_genes": 0,
        },
        "parameters": {"n_trees": 100, "weight_ranges": [3, 4, 5], "k": 576, "fdr": None},
        "machine": {"processor": "Some CPU", "cores": 18, "python": "3.11.9", "deepnic": "0.1.0"},
        "command": "deepnic study demo --out 'a & b'",
        "seconds": {"forest": 8.25, "pixels": 75, "assembly": 0.4, "network": 7322,
                    "baselines": 31.0, "total": 7436.65},
        "permuted": False,
        "data_parallel": {"workers": 2, "device": "cpu", "path": "snail", "seconds": 41.5,
                          "accuracy": 0.9474, "n_test": 114, "epochs": 30},
    }  # fmt: skip


def _examples(rng):
    paths, base = list(PATHS), family("base")
    signed = np.tanh(np.linspace(1.6, -0.4, SIDE**2) + rng.normal(0, 0.5, SIDE**2))
    value = np.clip(np.linspace(0.95, 0.2, SIDE**2) + rng.normal(0, 0.15, SIDE**2), 0, 1)
    signed[rng.random(SIDE**2) < 0.08] = value[rng.random(SIDE**2) < 0.05] = np.nan
    code = rng.choice([0, 1, 2, 3], SIDE**2, p=[0.02, 0.1, 0.2, 0.68])
    signed[-9:], value[-9:], code[-9:] = np.nan, np.nan, -1
    images = np.empty((3, len(paths), SIDE, SIDE))
    for k, path in enumerate(paths):
        row, column = visit(path, SIDE, SIDE).T
        images[:, k, row, column] = signed, value, code
    tile = rng.beta(2, 2, (30, 6, 3)).astype(np.float32)
    tile[4, 0, 0] = np.nan
    return xr.Dataset(
        {
            "observation_image": (("path", "row", "column"), images[0].astype(np.float32)),
            "gene_image": (("path", "gene_row", "gene_column"), images[1].astype(np.float32)),
            "gene_colour": (("path", "gene_row", "gene_column"), images[2].astype(np.int8)),
            "tile": (("combination", "tree_size", "weight_range"), tile),
        },
        coords={
            "path": np.array(paths, object),
            "combination": np.array(base.label, object),
            "colour": ("combination", np.array(base.colour, object)),
            "tree_size": range(3, 9),
            "weight_range": [3, 4, 5],
        },
        attrs={"observation": PATIENT, "gene": GENE, "state": 1, "label": "malignant"},
    )

"""A small made study in the format of `deepnic.run_study`, with awkward names."""

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.assembly.paths import PATHS, visit
from deepnic.files import write_json
from deepnic.nic.families import family
from deepnic.store.table import write_store
from deepnic.study.arms.canvas import PLACEMENTS, PathArm, PlacementArm
from deepnic.study.arms.classifiers import ExpressionArm, ForestArm, PixelsArm
from deepnic.study.folder import seal_study, write_tables

PATIENT = "patient-7731-DUPONT"
GENE = "1007_s_at <DDR1 & MIR4640>"
COHORTS = {"alon": 0.84, "golub": 0.95, "singh": 0.9}  # accuracy of a good arm
TRANSFER = "golub-to-singh"
STRENGTHS = {"none": 1024, "1024": 1010, "64": 64}  # pixels kept
EXPRESSION = ("majority", "logistic regression", "linear <SVM> & co", "nearest $x$ [bold]")
METRICS = ("accuracy", "balanced_accuracy", "auroc", "brier")
SIDE = 24
FOLDS, PATIENTS = 4, 40


def make_arms(strengths=tuple(STRENGTHS), units=("pixel", "tile")):
    """Columns of arms, and what each adds to its cohort's accuracy."""
    worth = {"none": -0.08, "1024": 0.0, "64": 0.02}
    lead = dict(zip(PATHS, [0.0, 0.01, 0.005, 0.015, -0.01], strict=True))
    arms = []
    for k in strengths:
        for unit in units:
            arms += [
                (PathArm(path, k, unit), worth[k] + lead[path] - 0.02 * (unit == "tile"))
                for path in PATHS
            ]
        arms += [(PlacementArm(name, k, "pixel"), worth[k] - 0.01) for name in PLACEMENTS]
        arms += [
            (PixelsArm(name, k), worth[k] - 0.015)
            for name in ("logistic regression", "multilayer perceptron")
        ]
    arms.append((ForestArm("forest vote"), -0.02))
    arms += [(ExpressionArm(name), -0.03) for name in EXPRESSION]
    return pd.DataFrame([arm.columns | {"gain": gain} for arm, gain in arms])


def write_study(folder, cohorts=COHORTS, transfer=TRANSFER, permutations=2, **arms):
    """Write the folder of a study; of one cohort if so asked."""
    rng = np.random.default_rng(0)
    asked = make_arms(**arms)
    levels = dict(cohorts) | ({transfer: 0.8} if transfer else {})
    predictions = pd.concat(
        [_predictions(asked, cohort, level, rng) for cohort, level in levels.items()]
    )
    tables = {
        "predictions": predictions,
        "summary": _summary(asked, levels, rng),
        "history": _history(asked, levels, rng),
        "calibration": _calibration(asked, levels),
        "costs": _costs(asked, levels, rng),
        "chosen_genes": _chosen(levels),
    }
    if permutations:
        tables["control"] = _control(asked)
        tables["control_units"] = _control_units(cohorts, permutations)
    write_tables(folder, tables)
    strengths = {k: STRENGTHS[k] for k in asked["strength"] if k}
    accounts = [
        {"cohort": cohort, "repeat": 0, "fold": fold, "strength": k, "kept_pixels": kept,
         "account": _account(kept)}
        for cohort in levels for fold in range(FOLDS) for k, kept in strengths.items()
    ]  # fmt: skip
    facts = _facts(cohorts, transfer, permutations, list(strengths))
    write_json(folder / "accounts.json", accounts)
    write_json(folder / "study.json", facts)
    for cohort in levels:
        path = folder / "examples" / f"{cohort}.zarr"
        write_store(_examples(rng), path)
    seal_study(folder)
    return folder


def _predictions(arms, cohort, level, rng):
    item = [f"{PATIENT}-{n}" for n in range(PATIENTS)]
    state = np.arange(PATIENTS) % 2
    hard = rng.random(PATIENTS)  # the same patients are hard for all arms
    parts = []
    for arm in arms.itertuples():
        right = hard < level + arm.gain if arm.arm != "majority" else state == 0
        columns = {"cohort": cohort, "permutation": -1, **_described(arm), "repeat": 0,
                   "fold": np.arange(PATIENTS) // 2 % FOLDS, "seed": 0, "item": item,
                   "state": state, "score": np.where(right, state, 1 - state) * 0.8 + 0.1,
                   "predicted": np.where(right, state, 1 - state)}  # fmt: skip
        parts.append(pd.DataFrame(columns))
    return pd.concat(parts)


def _summary(arms, levels, rng):
    rows = []
    for cohort, level in levels.items():
        for arm in arms.itertuples():
            value = 0.5 if arm.arm == "majority" else level + arm.gain + rng.normal(0, 0.008)
            for metric, mean in zip(METRICS, (value - 0.01, value, value + 0.03, 0.1), strict=True):
                mean = np.nan if (arm.arm, metric) == ("forest vote", "brier") else min(mean, 1)
                value_of = {"mean": mean, "low": mean - 0.06, "high": min(mean + 0.04, 1)}
                rows.append({"cohort": cohort, **_described(arm), "metric": metric} | value_of)
    return pd.DataFrame(rows)


def _described(arm):
    return {name: value for name, value in arm._asdict().items() if name not in ("Index", "gain")}


def _history(arms, levels, rng):
    names = arms.loc[arms["kind"].isin(["assembly", "placement"]), "arm"]
    return pd.DataFrame(
        {"cohort": cohort, "arm": arm, "repeat": 0, "fold": fold, "seed": 0, "epoch": epoch,
         "training_loss": 0.1 + 0.6 * np.exp(-epoch / 4) * rng.uniform(0.8, 1.2)}
        for cohort in levels for arm in names for fold in range(FOLDS) for epoch in range(1, 11)
    )  # fmt: skip


def _calibration(arms, levels):
    middle = np.linspace(0.1, 0.9, 5)
    return pd.DataFrame(
        {"cohort": cohort, "arm": arm.arm, "kind": arm.kind, "predicted": p,
         "observed": np.clip(0.5 + 1.2 * (p - 0.5), 0, 1), "n": n}
        for cohort in levels for arm in arms.itertuples() if arm.kind != "forest"
        for p, n in zip(middle, (14, 4, 3, 5, 14), strict=True)
    )  # fmt: skip


def _costs(arms, levels, rng):
    stages = {"forest": 20.0, "relevant": 8.0, "varying": 4.0}
    slow = {"assembly": 6.0, "placement": 7.0}
    rows = []
    for cohort in levels:
        for fold in range(FOLDS):
            place = {"cohort": cohort, "repeat": 0, "fold": fold, "items": PATIENTS}
            for stage, seconds in stages.items():
                rows.append(place | {"stage": stage, "seconds": seconds})
            for arm in arms.itertuples():
                seconds = slow.get(arm.kind, 0.05) * rng.uniform(0.9, 1.1)
                rows.append(place | {"arm": arm.arm, "seed": 0, "seconds": seconds})
    return pd.DataFrame(rows).assign(core_seconds=lambda rows: 2 * rows["seconds"])


def _chosen(levels):
    genes = pd.DataFrame({"gene": [GENE, *(f"gene {k}" for k in range(19))], "fits": 20})
    genes["symbol"] = ["DDR1", *["", "SYM"] * 9, ""]
    genes["direction"] = ["higher", "lower", "", "higher"] * 5
    genes["chosen"], genes["pixels"] = 1 - genes.index / 20, 0.05
    return pd.concat([genes.assign(cohort=cohort) for cohort in levels])


def _control(arms):
    rows = [
        (arm.arm, arm.kind, metric, 0.5 + 0.2 * leaks, 0.42 + 0.2 * leaks, 0.58 + 0.2 * leaks)
        for arm in arms.itertuples()
        for metric in ("balanced_accuracy", "auroc")
        for leaks in [arm.arm == "forest vote" and metric == "auroc"]
    ]
    table = pd.DataFrame(rows, columns=["arm", "kind", "metric", "mean", "low", "high"])
    return table.assign(p=1.0, off_chance=table["low"] > 0.5)


def _control_units(cohorts, permutations):
    rows = [
        (cohort, permutation, 0.01 * (-1) ** (permutation + len(cohort)))
        for cohort in cohorts for permutation in range(permutations)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["cohort", "permutation", "excess"])


def _account(kept):
    data = {"undefined": 60_112, "near-constant": 101_300, "duplicate": 50_000}
    return [
        {"stage": "structural", "kept": 305_100, "removed": {
            "always 0": 15_877_620, "always undefined": 12_290_940,
            "repeated function": 3_412_800}},
        {"stage": "data", "kept": 93_688, "removed": data},
        {"stage": "relevance", "kept": kept, "removed": {
            "less relevant or repeated": 93_688 - kept}},
    ]  # fmt: skip


def _facts(cohorts, transfer, permutations, strengths):
    fact = {
        "source": "", "observations": PATIENTS, "genes": 2000, "groups": None,
        "classes": {"benign": 20, "malignant": 20}, "positive": "malignant", "constant_genes": 3,
    }  # fmt: skip
    facts = {cohort: fact | {"source": f"{cohort} <demo>.npz"} for cohort in cohorts}
    if transfer:
        train, test = transfer.split("-to-")
        facts[transfer] = fact | {"train": train, "test": test}
    return {
        "settings": {
            "folds": FOLDS, "repeats": 1, "seeds": 1, "seed": 0, "permutations": permutations,
            "epochs": 10, "data_parallel": 2,
            "forest": {"n_genes": 200, "n_trees": 20, "weight_ranges": [3, 4, 5]},
            "arms": {"paths": list(PATHS), "strengths": strengths, "unfiltered": 1024},
            "cohorts": {}, "transfers": [],
        },
        "cohorts": facts,
        "machine": {"processor": "Some CPU", "cores": 18, "python": "3.11.9", "deepnic": "0.1.0"},
        "deepnic": "0.1.0",
        "command": "deepnic study 'a & b.toml'",
        "started": "2026-11-23T02:00:00+00:00",
        "finished": "2026-11-23T04:02:00+00:00",
        "data_parallel": {"workers": 2, "device": "cpu", "cohort": next(iter(cohorts)),
                          "arm": f"snail, {strengths[-1]} pixels", "seconds": 41.5,
                          "auroc": 0.9474, "n_test": 10, "epochs": 10},
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
            "observation_image": (
                ("shown", "path", "row", "column"),
                images[0, None].astype(np.float32),
            ),
            "observation_there": (("path", "row", "column"), images[2] >= 0),
            "gene_image": (("path", "gene_row", "gene_column"), images[1].astype(np.float32)),
            "gene_colour": (("path", "gene_row", "gene_column"), images[2].astype(np.int8)),
            "tile": (("combination", "tree_size", "weight_range"), tile),
        },
        coords={
            "path": np.array(paths, object),
            "label": ("shown", np.array(["malignant"], object)),
            "combination": np.array(base.label, object),
            "colour": ("combination", np.array(base.colour, object)),
            "tree_size": range(3, 9),
            "weight_range": [3, 4, 5],
        },
        attrs={"observation": PATIENT, "gene": GENE},
    )

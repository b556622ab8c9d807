"""What the tests of the command line share: a small table, commands, settings of a short study."""

import numpy as np
import pandas as pd
from typer.testing import CliRunner

from deepnic import cli
from deepnic.config import to_toml

FEW = ["--n-trees", "6", "--weight-ranges", "3", "--tree-sizes", "3,4", "--subsample", "0.3"]
SEVEN = ["--n-trees", "7", *FEW[2:]]


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


LABELS = ["EWS", "R/MS", "Ävö x"]


def make_classes():
    """60 observations x 40 genes of three classes; two are to be predicted."""
    rng = np.random.default_rng(0)
    kind = np.arange(60) % 3
    values = rng.normal(8, 1, (60, 40)).round(4)
    for k in range(3):
        values[kind == k, 6 * k : 6 * k + 6] += 3
    table = pd.DataFrame(values, columns=[f"g{k}" for k in range(40)])
    table.insert(0, "state", [LABELS[k] for k in kind])
    table.loc[[3, 7], "state"] = "NA"
    table.insert(0, "id", [f"p{k}" for k in range(60)])
    return table


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


def dtype_of(column):
    """As tables of columns say it: pandas before 3 calls words objects."""
    are_words = column.dtype == object and pd.api.types.infer_dtype(column) == "string"
    return "str" if are_words else str(column.dtype)


def contents(folder):
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}

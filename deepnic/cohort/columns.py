"""What the columns of a table tell: which are no genes, which genes or patients repeat."""

import re
from os import PathLike
from os.path import isfile
from pathlib import Path

import numpy as np
import pandas as pd

from deepnic.cohort.numbers import DATE
from deepnic.cohort.readers.files import load_text
from deepnic.cohort.readers.raw import Raw
from deepnic.errors import InputError, choose

CLINICAL = {
    "age", "sex", "gender", "sexe", "batch", "centre", "center", "hospital", "site", "time",
    "survival", "os", "os_time", "os_status", "os.time", "pfs", "dfs", "dfs_time", "follow_up",
    "followup", "stage", "grade", "tumour", "tumor", "bmi", "weight", "height", "race", "smoker",
    "smoking", "event", "death", "dead", "vital_status", "relapse", "recurrence", "response",
    "treatment", "arm", "visit", "plate", "run", "alter", "geschlecht", "âge",
    "days_to_death", "rownames", "row", "index", "unnamed: 0", "size", "t_stage", "n_stage",
}  # fmt: skip
"""Usual names of what is no gene, in lower case."""

FEW = 8  # observations below which values tell nothing of a column
PATIENTS = ("patient_id", "patient", "subject", "individual")


def check_columns(name: str, raw: Raw, label: list[str]) -> None:
    """Refuse columns that are unlike the other genes: a second outcome, row numbers, an age."""
    values = raw.values
    found: dict[str, str] = {}
    usual = [gene for gene in raw.gene if re.sub(r"[ -]", "_", gene.lower()) in CLINICAL]
    if 2 * len(usual) < len(raw.gene):
        found |= dict.fromkeys(usual, "by its name")
    if len(values) >= FEW and len(raw.gene) > 1:
        steps = np.arange(len(values))[:, None]
        gone = np.isnan(values)  # which tells nothing of a column
        low, high = np.fmin.reduce(values), np.fmax.reduce(values)
        with np.errstate(invalid="ignore"):
            numbers = (values - steps == values[0]).all(axis=0) & np.isin(values[0], (0, 1))
            whole = (gone | (values % 1 == 0)).all(axis=0)
            varies = low < high
        two = varies & (gone | (values == low) | (values == high)).all(axis=0)
        code = (
            pd.Series(label).map({one: k for k, one in enumerate(dict.fromkeys(label))}).to_numpy()
        )
        same = np.array([_repeats(values[~gone[:, k], k], code[~gone[:, k]])
                         for k in np.flatnonzero(two)], bool)  # fmt: skip
        few = whole & varies
        if 0 < few.sum() <= max(0.05 * len(few), min(5, len(few) / 4)) and (
            (values[:, ~few] % 1 != 0).mean() > 0.5
        ):
            found |= {raw.gene[k]: "whole numbers beside decimals" for k in np.flatnonzero(few)}
        found |= {raw.gene[k]: "it counts the rows" for k in np.flatnonzero(numbers)}
        if not two.all():
            found |= {
                raw.gene[k]: "it repeats the state" for k in np.flatnonzero(two)[same[: two.sum()]]
            }
    if found:
        columns = ", ".join(f"{column!r} ({why})" for column, why in [*found.items()][:4])
        raise InputError(
            f"{name}: {len(found)} columns are unlike genes: {columns}; leave them out by drop=, "
            "or say which columns are genes by genes= a regular expression or a file"
        )


def _repeats(values: np.ndarray, code: np.ndarray) -> bool:
    """Tell whether each value goes with one class, and each class with one value."""
    return len({*zip(values.tolist(), code.tolist(), strict=True)}) == len({*code.tolist()})


def only_genes(raw: Raw, genes: str | PathLike[str]) -> Raw:
    """Keep the genes that a file lists or an expression matches as a whole."""
    if isfile(genes):
        lines = load_text(Path(genes)).data.decode().splitlines()
        listed = {line.strip().strip('"') for line in lines}
        kept = [k for k, gene in enumerate(raw.gene) if gene in listed - {""}]
    else:
        try:
            kept = [k for k, gene in enumerate(raw.gene) if re.fullmatch(str(genes), gene)]
        except re.error as error:
            raise InputError(
                f"genes {str(genes)!r} is neither a file nor a regular expression; correct it"
            ) from error
    if not kept:
        raise InputError(f"no gene is one of genes {str(genes)!r}; correct it")
    return raw._replace(values=raw.values[:, kept], gene=[raw.gene[k] for k in kept])


def merge_duplicates(raw: Raw, how: str) -> tuple[Raw, list[str]]:
    """Make one of the genes of a name."""
    choose("duplicates", how, ("mean", "max", "first"))
    genes = pd.Index(raw.gene)
    if not genes.has_duplicates:
        return raw, []
    if dates := [gene for gene in genes[genes.duplicated()] if DATE.fullmatch(gene)]:
        raise InputError(
            f"genes of one name are called {dates[0]!r}, a date that Excel makes of several genes, "
            "as of MARCH1 and MARC1; write their names as text"
        )
    values = np.asarray(raw.values, np.float64)
    first = ~genes.duplicated()
    if how == "mean":
        numbers = pd.factorize(genes)[0]
        merged = pd.DataFrame(values.T).groupby(numbers).mean().to_numpy().T
    elif how == "max":
        order = pd.DataFrame(values).mean().groupby(genes, sort=False).idxmax()
        merged = values[:, order.to_numpy()]
    else:
        merged = values[:, first]
    note = f"{(~first).sum()} repeated genes merged by duplicates={how!r}"
    return raw._replace(values=merged, gene=genes[first].tolist()), [note]


def find_groups(raw: Raw) -> tuple[list[str] | None, list[str]]:
    """Take patients who occur twice, in a column beside the ids, for groups."""
    for column in map(str, raw.facts):
        ids = raw.facts[column]
        if (
            column.lower() in PATIENTS
            and column != raw.id_column
            and ids.duplicated().any()
            and len({*ids}) > 1
            and (ids != "").all()
        ):
            return ids.tolist(), [f"samples of one {column!r} are kept together as a group"]
    return None, []

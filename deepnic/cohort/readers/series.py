"""Series matrix files of GEO: lines that describe the samples, then one row a probe set."""

import csv
import re
from pathlib import Path
from textwrap import shorten

import pandas as pd

from deepnic.cohort.readers.files import Text, load_text
from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.tables import by_expression, parse
from deepnic.cohort.readers.text import text_table
from deepnic.errors import InputError

BEGIN, END = b"!series_matrix_table_begin\n", b"!series_matrix_table_end"
USUAL = (
    "disease", "disease state", "disease status", "diagnosis", "status", "state", "condition",
    "group", "outcome", "label", "class", "phenotype",
)  # fmt: skip
"""Keys of sample characteristics that are usually the state."""
FEW = 5  # values of a line that are told; more may be patients


def is_series(text: Text) -> bool:
    """Tell a series matrix by its first line."""
    return text.data.lstrip().startswith((b"!Series_", b"!Sample_"))


def read_series(text: Text, wanted: Wanted) -> Raw:
    """Read the table, and the state from a line of the samples; see `read_cohort`."""
    name = text.name
    _, begin, rest = text.data.partition(BEGIN)
    table, end, _ = rest.partition(END)
    if not begin or not end:
        raise InputError(
            f"{name} is a GEO series matrix cut off before its table ends; download it again"
        )
    if table.count(b"\n") < 2:
        raise InputError(
            f"{name} is a GEO series matrix whose table is empty, as of sequencing; take the table "
            "of counts among the supplementary files of the series, and this file as labels"
        )
    state, facts = None, wanted.labels
    if facts is None:
        facts = describe_samples(text)
    if wanted.labels is None and not wanted.known:
        state = _find_state(name, facts, wanted.state)
    null = re.sub(rb"(?<=\t)(?:null|NULL|\"null\")(?=[\t\n])", b"", table)
    asked = wanted._replace(genes_in="rows", genes_from=None, labels=facts)
    raw = parse(text_table(Text(name, null, text.notes)), asked)
    heeds = ("genes_in",) if wanted.genes_in == "rows" else ()
    return raw._replace(state=state, heeds=heeds)


def describe_samples(text: Text) -> pd.DataFrame:
    """Lines ``!Sample_`` by name, and characteristics by key: a row a sample, all text."""
    head, _, table = text.data.partition(BEGIN)
    if not table:
        raise InputError(
            f"{text.name} is a GEO series matrix cut off before its table ends; download it again"
        )
    lines = [*head.decode().splitlines(), table.partition(b"\n")[0].decode()]
    try:
        *rows, (_, *samples) = filter(None, csv.reader(lines, delimiter="\t"))
    except (csv.Error, ValueError) as error:
        raise InputError(
            f"{text.name} is a GEO series matrix with irregular lines ({error}); download it again"
        ) from error
    columns: dict[str, list[str]] = {"geo_accession": samples}
    for name, *cells in rows:
        if not name.startswith("!Sample_") or len(cells) != len(samples) or not any(cells):
            continue
        cells = [cell.strip() for cell in cells]
        if all(cell.startswith("Public on ") for cell in cells):  # a status of the entry
            continue
        key = name.removeprefix("!Sample_")
        if key.startswith("characteristics"):
            pairs = [re.fullmatch(r"([^:]{1,60}):\s*(.*)", cell) for cell in cells]
            for found in dict.fromkeys(pair[1].strip() for pair in pairs if pair):
                # keys may be shifted between lines from sample to sample
                column = columns.setdefault(found.lower(), [""] * len(samples))
                for k, pair in enumerate(pairs):
                    if pair and pair[1].strip().lower() == found.lower():
                        column[k] = pair[2].strip()
        while key in columns and columns[key] != cells:
            stem, _, number = key.partition(".")
            key = f"{stem}.{int(number or 1) + 1}"
        columns[key] = cells
    return pd.DataFrame(columns, dtype=object)


def _find_state(name: str, facts: pd.DataFrame, state: str | None) -> str:
    """Column of the state: as said (by name, key, or NAME~REGEX, which is added), or the usual."""
    # a key of few samples may be a patient's name
    common = [one for one in facts if 2 * (facts[one] != "").sum() >= len(facts)]
    varying = [str(one) for one in common if 2 <= facts[one].nunique() <= len(facts) / 2]
    apart = {tuple(pd.factorize(facts[one])[0]): one for one in reversed(varying)}
    lines = [f"{one}{_values(facts[one])}" for one in varying if one in apart.values()][:8]
    remedy = f"say state= one of: {', '.join([*lines, 'title~REGEX, by what REGEX finds there'])}"
    if state is None:
        usual = [column for column in varying if column in USUAL]
        if len(usual) != 1:
            raise InputError(f"{name} is a GEO series matrix whose state is not certain; {remedy}")
        return usual[0]
    column, tilde, pattern = state.partition("~")
    column = column.removeprefix("!").removeprefix("Sample_")
    column = column if column in facts else column.lower()
    if column not in facts:
        raise InputError(f"{name} has no line or key {column!r} of its samples; {remedy}")
    if tilde:
        facts[state] = by_expression(facts[column], pattern)
        return state
    return column


def _values(column: pd.Series) -> str:
    """Few values of a line of the samples, and how often each is there; many may be ids."""
    counts = column[column != ""].value_counts().sort_index()
    if len(counts) > FEW:
        return ""
    told = [f"{shorten(str(one), 30, placeholder='...')} {n}" for one, n in counts.items()]
    return f" ({', '.join(told)})"


def read_text(path: Path, wanted: Wanted) -> Raw:
    """Read a text file by what it holds: a series matrix, or a table."""
    text = load_text(path)
    if is_series(text):
        return read_series(text, wanted)
    return parse(text_table(text), wanted)

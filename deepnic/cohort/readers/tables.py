"""Tables of text: which way they lie, which columns are ids, facts and genes."""

import re
from typing import Any

import numpy as np
import pandas as pd

from deepnic.cohort.readers.raw import Raw, Wanted
from deepnic.cohort.readers.text import (
    ID_COLUMNS,
    STATE_COLUMNS,
    Layout,
    Table,
    looks_like_ids,
    read_numbers,
    to_numeric,
)
from deepnic.errors import InputError, choose

GENE_COLUMNS = (
    "gene", "genes", "gene_id", "geneid", "gene_symbol", "symbol", "id_ref", "probe", "probe_id",
    "probeset", "probe_set_id", "ensembl", "ensembl_id", "ensembl_gene_id", "entrez", "feature",
    "transcript",
)  # fmt: skip
"""Usual names of the column that names the gene of a row, in any case."""

ANNOTATION_COLUMNS = (
    *GENE_COLUMNS, "name", "gene_name", "description", "chr", "start", "end", "strand", "length",
    "basemean", "log2foldchange", "lfcse", "stat", "pvalue", "padj", "logfc", "aveexpr", "t",
    "p.value", "adj.p.val", "b", "biotype", "gene_biotype", "chromosome",
)  # fmt: skip
"""Columns beside the samples in tables of one row a gene, from their usual programs."""


ENDINGS = ("bam", "sam", "cram", "cel", "idat", "counts?", "fastq", "fq", "txt", "tsv", "csv", "gz")
"""Of files that columns are named by, as expressions."""

SYMBOL_COLUMNS = (
    "symbol", "gene symbol", "gene_symbol", "gene.symbol", "genesymbol", "symbols", "hgnc_symbol",
    "gene name", "gene_name", "external_gene_name",
)  # fmt: skip
"""Usual names of the column of symbols, in any case; the first that occurs is taken."""


def find_symbols(columns: list[str]) -> str | None:
    """Column of a usual name of symbols."""
    lower = [column.lower() for column in columns]
    return next((columns[lower.index(word)] for word in SYMBOL_COLUMNS if word in lower), None)


def parse(table: Table, wanted: Wanted) -> Raw:
    """Read a table, whichever way it lies."""
    if _genes_in_rows(table, wanted):
        return _read_genes_in_rows(table, wanted)
    if wanted.known:
        return _read_known(table, wanted)
    return _read_observations_in_rows(table, wanted)


def _genes_in_rows(source: Table, wanted: Wanted) -> bool:
    """Tell which way a table lies: as said, else by the ids of the labels, else by its header."""
    if wanted.genes_in is not None:
        return choose("genes_in", wanted.genes_in, ("rows", "columns")) == "rows"
    if wanted.known:
        return _known_in_rows(source, wanted)
    layout, labels = source.layout, wanted.labels
    if labels is not None:
        text, _ = source.read({id_at if (id_at := layout.find_id()) else 0})
        names, ids = pd.Index(layout.header[1:]), pd.Index(text.iloc[:, 0])
        for plain in (str, plain_id):
            said = labels.map(plain)
            across, down = (_id_column(said, some.map(plain))[1] for some in (names, ids))
            if across != down:
                return across > down
        if across == 0:
            raise InputError(
                f"no id of the labels names a column or a row of {layout.file}; give labels with "
                "a column of its ids"
            )
        raise InputError(
            f"{layout.file}: {across} ids of the labels name columns and as many rows; say "
            "genes_in='rows' or genes_in='columns', or correct the ids"
        )
    lower = [name.lower() for name in layout.header]
    return wanted.state is None and lower[0] in GENE_COLUMNS and not {*lower} & {*STATE_COLUMNS}


def _known_in_rows(source: Table, wanted: Wanted) -> bool:
    """Tell which way a table lies by the genes that are asked for."""
    across = sum(name in wanted.known for name in source.layout.header)
    if 2 * across > len(wanted.known):  # a wide table is read once
        return False
    return _gene_column(source, wanted)[1] > across


def _gene_column(source: Table, wanted: Wanted) -> tuple[int, int]:
    """Column of one row a gene that names most of the genes asked for, and how many."""
    layout = source.layout
    if wanted.genes_from is not None:
        columns = {layout.find("genes_from", wanted.genes_from)}
    else:
        columns = {
            k for k, name in enumerate(layout.header) if k == 0 or name.lower() in GENE_COLUMNS
        }
    text, _ = source.read(columns)
    found = {k: int(text[k].isin(wanted.known).sum()) for k in sorted(columns)}
    best = max(found, key=lambda k: found[k])
    return best, found[best]


def _read_known(source: Table, wanted: Wanted) -> Raw:
    """Read the genes that are asked for, one row an observation; all else is left out."""
    layout = source.layout
    header = layout.header
    genes = [k for k, name in enumerate(header) if name in wanted.known]
    if not genes:
        raise InputError(
            f"{layout.file} names none of the {len(wanted.known):,} genes that the network reads, "
            f"such as {min(wanted.known)}, in a column or row; name the genes as in the training, "
            "or say by genes_from= which column does"
        )
    id_at = layout.find_id()
    at = ({0} if id_at is None else {id_at}) - {*genes}
    text, table = source.read(at)
    table = table[genes]
    if id_at is None and at and looks_like_ids(text[0], layout.decimal):
        id_at = 0
    if id_at not in at:
        observation, id_column = [f"obs_{k}" for k in range(1, len(table) + 1)], ""
    else:
        observation, id_column = text[id_at].tolist(), header[id_at] or "row names"
    gene = [header[k] for k in genes]
    values = read_numbers(table, layout.decimal, gene)
    notes = source.notes
    if left_out := len(header) - len(genes) - bool(id_column):
        notes += (f"{left_out} columns that the network does not read left out",)
    facts = pd.DataFrame(index=range(len(observation)))
    dropped = tuple(name for name in wanted.drop if name in header)
    return Raw(values, gene, observation, facts, id_column, notes=notes, dropped=dropped,
               heeds=("genes_in",))  # fmt: skip


def _read_genes_in_rows(source: Table, wanted: Wanted) -> Raw:
    layout, labels = source.layout, wanted.labels
    header = layout.header
    if labels is None and not wanted.known:
        raise InputError(
            f"{layout.file} has one row a gene, as its first column {header[0]!r} says, and no "
            "states; give a table of them as labels=, one row a sample"
        )
    known = set() if labels is None else {*map(plain_id, labels.to_numpy().ravel())}
    annotation = {
        k for k, name in enumerate(header)
        if k == 0 or name in wanted.drop or name == wanted.genes_from
        or (plain_id(name) not in known and (name.lower() in ANNOTATION_COLUMNS or not name))
    }  # fmt: skip
    text, table = source.read(annotation)
    words = [
        k for k in numbers_of(table)
        if table[k].dtype.kind not in "iufb" and plain_id(header[k]) not in known
        and (labels is not None or _is_text(table[k], layout.decimal))
    ]  # fmt: skip
    if words:
        annotation |= {*words}
        text, table = source.read(annotation)
    if wanted.known:
        gene_at, _ = _gene_column(source, wanted)
    else:
        gene_at = 0 if wanted.genes_from is None else layout.find("genes_from", wanted.genes_from)
    observation = [header[k] for k in numbers_of(table)]
    notes = (*source.notes, f"genes in rows, named by column {header[gene_at] or 'row names'!r}")
    symbol = find_symbols([header[k] for k in sorted(annotation - {gene_at})])
    if left_out := [
        header[k] for k in sorted(annotation - {gene_at}) if header[k] not in ("", symbol)
    ]:
        # a name that is not usual may be a patient's
        usual = [name for name in left_out if name.lower() in ANNOTATION_COLUMNS][:6]
        some = f", such as {', '.join(usual)}" if usual else ""
        notes += (f"{len(left_out)} columns beside the samples left out{some}",)
    if wanted.known:
        asked = text[gene_at].isin(wanted.known).to_numpy()
        text, table = text[asked], table[asked].reset_index(drop=True)
    gene = text[gene_at].tolist()
    symbols = None
    if symbol is not None:
        symbols = text.set_index(gene_at)[header.index(symbol)].rename(symbol)
    values = read_numbers(table, layout.decimal, gene, in_rows=True).T
    empty = np.isnan(values).all(axis=0)
    if empty.any():
        values = values[:, ~empty]
        gene = [name for name, without in zip(gene, empty, strict=True) if not without]
        notes += (f"{empty.sum()} genes without any value left out",)
    facts = pd.DataFrame(index=range(len(observation)))
    if labels is not None:
        facts, more = match(labels, observation)
        notes += more
    dropped = tuple(name for name in wanted.drop if name in header)
    return Raw(values, gene, observation, facts, header[0], notes=notes, dropped=dropped,
               symbols=symbols, heeds=("genes_in", "genes_from"))  # fmt: skip


def _is_text(column: pd.Series, decimal: str) -> bool:
    """Tell a column of words from a patient's with a few of them, who is not to be left out."""
    return bool(to_numeric(column.astype(str), decimal).isna().mean() > 0.5)


def numbers_of(table: pd.DataFrame) -> list[int]:
    """Numbers of the columns, as `read_columns` names them."""
    columns: list[Any] = table.columns.tolist()
    return columns


def match(labels: pd.DataFrame, observation: list[str]) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Rows of the labels in the order of the observations; "" where there is none, and told."""
    ids, said = pd.Index(observation), labels
    column, n = _id_column(said, ids)
    notes: tuple[str, ...] = ()
    if n < len(ids):
        plain_said, plain_ids = labels.map(plain_id), ids.map(plain_id)
        likely, more = _id_column(plain_said, plain_ids)
        alike = plain_said[likely][plain_said[likely].isin(plain_ids)]
        if more > n and plain_ids.is_unique and alike.is_unique:
            column, said, ids = likely, plain_said, plain_ids
            notes = (
                f"{more - n} ids of the labels are taken for those of samples that differ in "
                "capitals, punctuation, R's X before a number, or the path and ending of a file",
            )
    rows = labels.set_index(said[column].to_numpy())
    found = rows.index.isin(ids)
    if rows.index[found].has_duplicates:
        raise InputError(
            f"{rows.index[found].duplicated().sum()} samples have more than one row of labels; "
            "give each one"
        )
    if not found.any():
        raise InputError(
            "no id of the labels is that of a sample; give a table with a column of the same ids"
        )
    without = int((~ids.isin(rows.index)).sum())
    if not found.all():
        notes += (f"{(~found).sum()} rows of labels are of no sample here",)
    if without:
        notes += (f"{without} samples have no row of labels and are to predict",)
    return rows[found].reindex(ids).fillna("").reset_index(drop=True), notes


def _id_column(labels: pd.DataFrame, ids: pd.Index) -> tuple[str, int]:
    """Column of the labels that holds most of the ids, a usual one of several; and how many."""
    usual = [name for name in map(str, labels) if name.lower() in ID_COLUMNS]
    found = {name: int(labels[name].isin(ids).sum()) for name in [*usual, *labels]}
    best = max(found, key=lambda name: found[name])
    return best, found[best]


def plain_id(name: str) -> str:
    """Id of a sample without what programs make of it: paths, endings, R's X, dots for signs.

    Examples
    --------
    >>> plain_id("/data/Case-7.bam") == plain_id("case.7"), plain_id("X12.CEL.gz")
    (True, '12')
    """
    file = re.split(r"[\\/]", name)[-1]
    file = re.sub(rf"(\.({'|'.join(ENDINGS)}))+$", "", file, flags=re.IGNORECASE)
    return re.sub(r"[\W_]+", ".", re.sub(r"^X(?=\d)", "", file)).strip(".").casefold()


def by_expression(words: pd.Series, pattern: str) -> list[str]:
    """What the first group of an expression finds in each, or whether it is found."""
    try:
        found = [re.search(pattern, text) for text in words]
    except re.error as error:
        raise InputError(f"{pattern!r} is no regular expression ({error}); correct it") from error
    return [
        (one[1] or "" if one.re.groups else pattern) if one else f"not {pattern}" for one in found
    ]


def _read_observations_in_rows(source: Table, wanted: Wanted) -> Raw:
    layout, labels = source.layout, wanted.labels
    header = layout.header
    named = [name for name in (wanted.state, wanted.groups) if name and labels is None]
    facts_at = {layout.find("state" if name == wanted.state else "groups", name) for name in named}
    state_at = None
    if labels is None:
        state_at = layout.find_state(wanted.state)
        facts_at.add(state_at)
        facts_at |= _second_states(layout, state_at, wanted)
    drop = {k for k, name in enumerate(header) if name in wanted.drop}
    facts_at |= drop
    id_at = layout.find_id()
    ids = {k for k, name in enumerate(header) if name.lower() in ID_COLUMNS or not (k or name)}
    text, table = source.read(facts_at | (ids or {0}))
    if id_at is None and 0 not in facts_at:
        if looks_like_ids(text[0], layout.decimal):
            id_at = 0
        else:  # the first column is a gene
            text, table = source.read(facts_at)
    notes = source.notes
    empty = [k for k in numbers_of(table) if not header[k] and table[k].isna().all()]
    numbers = [k for k in numbers_of(table) if re.fullmatch(r"Unnamed: \d+|index", header[k])]
    if empty or numbers:
        table = table.drop(columns=[*empty, *numbers])
    if numbers:
        notes += (f"row numbers left out: {', '.join(header[k] for k in numbers)}",)
    if id_at is None:
        observation, id_column = [f"obs_{k}" for k in range(1, len(table) + 1)], ""
    else:
        observation, id_column = text[id_at].tolist(), header[id_at] or "row names"
    gene = [header[k] for k in numbers_of(table)]
    values = read_numbers(table, layout.decimal, gene)
    facts = text.set_axis([header[k] for k in numbers_of(text)], axis=1)
    if labels is not None:
        facts, more = match(labels, observation)
        notes += more
    else:
        facts = facts.loc[:, ~facts.columns.duplicated()]
    state = None if state_at is None else header[state_at]
    rop = any(name.lower() == "etat" for name in header)
    return Raw(values, gene, observation, facts, id_column, state, notes, not rop,
               heeds=("genes_in",))  # fmt: skip


def _second_states(layout: Layout, state_at: int, wanted: Wanted) -> set[int]:
    """Refuse a table with a second column of a usual name of states, which would be a gene."""
    if layout.header[state_at].lower() == "etat":
        return set()
    known = {*wanted.drop, wanted.state, wanted.groups, layout.header[state_at]}
    others = [name for name in layout.header if name.lower() in STATE_COLUMNS and name not in known]
    if others and wanted.state is None:
        raise InputError(
            f"{layout.file} has several columns that may be the state: "
            f"{', '.join([layout.header[state_at], *others])}; say state=, and drop= "
            "the others"
        )
    return {layout.header.index(name) for name in others}

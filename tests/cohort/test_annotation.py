"""Symbols of genes by a table of the user's, and how far they go along."""

import gzip

import numpy as np
import pandas as pd
import pytest

import deepnic
from deepnic.cohort import read_cohort
from deepnic.errors import InputError
from tests.cli.made import make_table

IDS = [f"{1000 + k}_at" for k in range(10)]
SYMBOLS = [f"SYM{k}" for k in range(9)] + ["---"]
PLATFORM = "#ID = Affymetrix Probe Set ID\n#Gene Symbol = A gene symbol\n" + "".join(
    f"{name}\t{accession}\t{symbol}\n"
    for name, accession, symbol in [
        ("ID", "GB_ACC", "Gene Symbol"), ("9_at", "X0", "OTHER"),
        *zip(IDS, [f"X{k}" for k in range(10)], SYMBOLS, strict=True),
    ]
)  # fmt: skip


@pytest.fixture
def frame():
    return (
        make_table()
        .set_index("id")
        .rename(columns=dict(zip(make_table().columns[2:], IDS, strict=True)))
    )


@pytest.fixture
def annotation(tmp_path):
    path = tmp_path / "GPL0.txt"
    path.write_text(PLATFORM)
    return path


def test_read_cohort__names_symbols(frame, annotation):
    cohort = read_cohort(frame, annotation=annotation)
    assert cohort.symbol.dims == ("gene",)
    assert cohort.symbol.values.tolist() == [*SYMBOLS[:9], ""]
    assert "symbols of 9 of 10 genes, from GPL0.txt" in cohort.attrs["notes"]
    two = pd.DataFrame({"probe": IDS[::-1], "whatever": SYMBOLS[::-1]})
    assert read_cohort(frame, annotation=two).symbol.values.tolist() == [*SYMBOLS[:9], ""]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda t: t.assign(id=range(10)), "no column of the annotation has an id of a gene; give"),
        (lambda t: t.rename(columns={"symbol": "a"}), "of a usual name of symbols, and 2 others"),
    ],
)
def test_read_cohort__refuses_tables_without_symbols(frame, change, words):
    table = pd.DataFrame({"id": IDS, "symbol": SYMBOLS, "chromosome": "1"})
    with pytest.raises(InputError, match=words):
        read_cohort(frame, annotation=change(table))


def test_symbols__go_along_to_store_pixels_and_canvas(frame, annotation, tmp_path):
    """And change nothing else."""
    known = pd.Series(SYMBOLS, IDS).replace("---", "")
    plain, cohort = read_cohort(frame), read_cohort(frame, annotation=annotation)
    few = {"n_trees": 6, "weight_ranges": [3], "tree_sizes": [3], "subsample": 0.5}
    forest = deepnic.grow_forest(cohort, **few)
    assert forest.attrs == deepnic.grow_forest(plain, **few).attrs
    deepnic.write_forest(forest, tmp_path / "f.zarr")
    stored = deepnic.open_forest(tmp_path / "f.zarr")
    images = deepnic.observation_images(stored)
    table = deepnic.filter_pixels(images, k=12, fdr=None)
    deepnic.write_table(table, tmp_path / "t.zarr")
    again = deepnic.open_table(tmp_path / "t.zarr")
    genes = deepnic.filter_pixels(deepnic.rop_images(stored, family="distinct"), k=12)
    for one, name, dim in (
        (stored, "gene", "gene"),
        (images, "gene", "gene"),
        (deepnic.count_signatures(stored), "gene", "gene"),
        (again, "gene", "pixel"),
        (table, "gene", "pixel"),
        (deepnic.assemble(again, path="linear"), "gene", "pixel"),
        (genes, "item", "item"),
    ):
        assert one["symbol"].dims == (dim,)
        assert one["symbol"].values.tolist() == known[one[name].values].tolist()
    np.testing.assert_array_equal(
        table.value,
        deepnic.filter_pixels(
            deepnic.observation_images(deepnic.grow_forest(plain, **few)), k=12, fdr=None
        ).value,
    )


@pytest.mark.parametrize("column", ["symbol", "Gene Symbol", "external_gene_name"])
def test_read_cohort__keeps_the_symbols_beside_the_ids(frame, tmp_path, column):
    across = frame.drop(columns="state").T.rename_axis("gene_id").reset_index()
    across.insert(1, column, SYMBOLS)
    across.insert(2, "description", "of a gene")
    across.to_csv(tmp_path / "a.csv", index=False)
    read = {"labels": frame["state"].reset_index(), "state": "state"}
    cohort = read_cohort(tmp_path / "a.csv", **read)
    assert cohort.symbol.values.tolist() == [*SYMBOLS[:9], ""]
    assert f"symbols of 9 of 10 genes, from its column {column!r}" in cohort.notes
    assert "1 columns beside the samples left out, such as description" in cohort.notes
    named = read_cohort(tmp_path / "a.csv", genes_from=column, **read)
    assert "symbol" not in named.coords
    other = pd.DataFrame({"id": IDS, "symbol": "OTHER"})
    assert {*read_cohort(tmp_path / "a.csv", annotation=other, **read).symbol.values} == {"OTHER"}


def test_read_cohort__finds_labels_and_symbols_beside(frame, tmp_path):
    """Whatever dots are in the names, and only those of this very table."""
    pd.DataFrame({"id": IDS, "symbol": "OTHER"}).to_csv(tmp_path / "a.symbols.csv", index=False)
    pd.DataFrame({"id": IDS, "symbol": SYMBOLS}).to_csv(tmp_path / "a.v2.symbols.csv", index=False)
    frame[["state"]].to_csv(tmp_path / "a.v2.labels.csv")
    frame.drop(columns="state").to_csv(tmp_path / "a.v2.csv.gz")
    cohort = read_cohort(tmp_path / "a.v2.csv.gz")
    assert cohort.symbol.values.tolist() == [*SYMBOLS[:9], ""]
    assert cohort.label.values.tolist() == frame["state"].tolist()


def test_read_cohort__joins_several_symbols_of_a_gene(frame):
    table = pd.DataFrame({"id": [*IDS, IDS[3], IDS[3], IDS[4]], "symbol": [*SYMBOLS, "X", "X", ""]})
    cohort = read_cohort(frame, annotation=table)
    assert cohort.symbol.values.tolist() == [*SYMBOLS[:3], "SYM3 /// X", *SYMBOLS[4:9], ""]
    assert "9 of 10 genes, from the annotation (1 further ones joined by ///)" in cohort.notes


def test_read_cohort__reads_a_platform_of_geo(frame, tmp_path):
    begin, end = "!platform_table_begin\n", "!platform_table_end\n"
    text = "^Annotation\n!Annotation_platform = GPL0\n" + PLATFORM.replace("ID\t", f"{begin}ID\t")
    text += end
    (tmp_path / "GPL0.annot.gz").write_bytes(gzip.compress(text.encode()))
    cohort = read_cohort(frame, annotation=tmp_path / "GPL0.annot.gz")
    assert cohort.symbol.values.tolist() == [*SYMBOLS[:9], ""]

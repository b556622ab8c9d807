"""The folder of a list of genes, as people and other programs read it."""

import csv

import numpy as np
import pandas as pd
import pytest

import deepnic
from deepnic.cohort import make_cohort, read_cohort
from deepnic.columns import COLUMNS, WORDS
from deepnic.errors import InputError
from deepnic.explain import folder
from deepnic.explain.folder import multiqc, open_folder, ranking, write_anndata, write_genes
from deepnic.files import read_csv
from tests.cli.made import dtype_of


def make_genes(n=60, null=True):
    """A list as `rank_genes` gives it, made up."""
    random = np.random.default_rng(0)
    genes = pd.DataFrame({"gene": [f"{k}_at" for k in range(n)], "symbol": ""})
    genes["direction"] = np.where(np.arange(n) % 3 == 0, "higher", "")
    if null:
        genes = genes.assign(score=np.linspace(9, -1, n), p=0.5, q=0.5)
    for k in range(1, 11):
        genes[f"nic{k}"], genes[f"nic{k}_at"] = random.random(n), "V3 R3"
    known = {"t": random.normal(size=n), "fold_change": 1.0, "welch_p": 0.5, "welch_q": 0.5}
    return genes.assign(smallest="V3 R3", stability=0.5, **known)


def test_write_genes__reads_back_and_every_column_is_explained(tmp_path):
    genes, conditions = make_genes(), pd.DataFrame({"tree_size": [3], "saturated": [True]})
    write_genes(tmp_path, genes, conditions=conditions)
    assert {file.name for file in tmp_path.iterdir()} == {
        "genes.csv", "conditions.csv", "columns.csv", "genes.rnk", "genes_mqc.tsv",
            "manifest.json",
    }  # fmt: skip
    found = read_csv(tmp_path / "genes.csv", WORDS)
    pd.testing.assert_frame_equal(found, genes, check_dtype=False)
    told = pd.read_csv(tmp_path / "columns.csv")
    assert told.query("table == 'genes'")["name"].tolist() == [*genes]
    for row in told.query("table == 'genes'").itertuples():
        assert dtype_of(found[row.name]) == row.dtype, row.name
    assert "genes.score" in COLUMNS


def test_ranking__is_signed_by_direction_or_t_and_takes_a_symbol_once():
    genes = pd.DataFrame(
        {
            "gene": ["a", "b", "c", "d", "e"],
            "symbol": ["A", "B", "B", "", "E"],
            "score": [5.0, 4.0, 6.0, 9.0, -2.0],
            "direction": ["lower", "", "higher", "higher", "higher"],
            "t": [3.0, -1.0, 2.0, 2.0, 2.0],
        }
    )
    assert ranking(genes).to_dict() == {"B": 6, "E": 0, "A": -5}
    assert ranking(genes.assign(symbol="")).to_dict() == {"d": 9, "c": 6, "e": 0, "b": -4, "a": -5}


def test_write_genes__rnk_has_two_columns_and_falls(tmp_path):
    write_genes(tmp_path, make_genes(null=False))
    rows = [*csv.reader((tmp_path / "genes.rnk").read_text().splitlines(), delimiter="\t")]
    assert {len(row) for row in rows} == {2}
    values = [float(row[1]) for row in rows]
    assert values == sorted(values, reverse=True)
    assert len({row[0] for row in rows}) == 60


def test_multiqc__is_a_table_under_a_header_of_yaml():
    lines = multiqc(make_genes()).splitlines()
    header = [line for line in lines if line.startswith("# ")]
    said = dict(line[2:].split(": ", 1) for line in header)
    assert {"id", "section_name", "description", "plot_type"} == {*said}
    assert said["plot_type"] == "table"
    assert lines[len(header)].split("\t")[0] == "gene"
    assert len(lines) == len(header) + 1 + folder.SHOWN


@pytest.fixture(scope="module")
def cohort():
    random = np.random.default_rng(0)
    y = np.arange(20) % 2
    genes, ids = [f"{k}_at" for k in range(12)], [f"p{k}" for k in range(20)]
    values = random.normal(size=(20, 12)) + y[:, None]
    return make_cohort(values, y.astype(str), genes, ids, positive="1")


def test_write_anndata__has_the_list_in_var(cohort, tmp_path):
    anndata = pytest.importorskip("anndata")
    genes = make_genes(12).iloc[::-1]
    write_anndata(cohort, genes, tmp_path / "g.h5ad")
    found = anndata.read_h5ad(tmp_path / "g.h5ad")
    assert found.var_names.tolist() == cohort["gene"].values.tolist()
    assert found.var["score"].tolist() == genes.set_index("gene")["score"][found.var_names].tolist()
    assert (cohort["expression"].values == found.X).all()
    again = read_cohort(tmp_path / "g.h5ad", state="label", positive="1")
    assert (again["state"].values == cohort["state"].values).all()


def test_open_folder__refuses_what_is_not_its_own(cohort, tmp_path):
    forests = [
        deepnic.grow_forest(cohort, n_trees=2, weight_ranges=[3], tree_sizes=[3], seed=k)
        for k in (0, 1)
    ]
    open_folder(tmp_path / "g", forests[0])
    open_folder(tmp_path / "g", forests[0])
    with pytest.raises(InputError, match="holds the genes of another forest"):
        open_folder(tmp_path / "g", forests[1])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "file").touch()
    for other in ("other", "other/file"):
        with pytest.raises(InputError, match="holds something else"):
            open_folder(tmp_path / other, forests[0])

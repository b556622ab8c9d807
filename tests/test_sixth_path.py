"""A further path is one row: registered in memory, it goes all the way to the pages."""

import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from deepnic import assemble, count_signatures, grow_forest
from deepnic.assembly import PATHS, assemble_counts
from deepnic.assembly.paths import Path
from deepnic.cohort import make_cohort
from deepnic.store import open_table


def down(rows, columns, seed):
    """Course of the further path: top to bottom, left to right."""
    return np.arange(rows * columns).reshape(rows, columns).T.ravel()


MINE = Path(down, "similarity", "top to bottom, column by column", "the test’s")

AUTHOR = """
import json, sys
from deepnic.assembly import PATHS
from tests.test_sixth_path import MINE
PATHS["mine"] = MINE  # what its author writes in paths.py
from deepnic.cli import main
for words in json.loads(sys.argv[1]):
    try:
        main(words)
    except SystemExit as end:
        if end.code:
            raise
"""


@pytest.fixture
def mine(monkeypatch):
    monkeypatch.setitem(PATHS, "mine", MINE)
    return "mine"


@pytest.fixture(scope="module")
def table():
    """40 observations x 10 genes, half of which differ between the classes."""
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    values = rng.normal(size=(40, 10)).round(3)
    values[:, :5] += 2 * y[:, None]
    genes = pd.DataFrame(values, columns=[f"g{k}" for k in range(10)])
    return genes.assign(id=[f"p{k}" for k in range(40)], state=np.where(y, "sick", "healthy"))


@pytest.fixture(scope="module")
def place(tmp_path_factory, table):
    """What the commands leave when the path is one more row; and what they say, in out.txt."""
    folder = tmp_path_factory.mktemp("mine")
    table.to_csv(folder / "cohort.csv", index=False)
    (folder / "study.toml").write_text(
        'folds = 2\nepochs = 2\n[cohorts.made]\nfile = "cohort.csv"\n'
        "[forest]\nn_genes = 0\nn_trees = 4\nweight_ranges = [3]\ntree_sizes = [3]\n"
        'subsample = 0.3\n[arms]\npaths = ["linear", "mine"]\nstrengths = [16]\nfdr = 1\n'
    )
    commands = [
        "train --help",
        "grow cohort.csv -o forest.zarr --n-trees 4 --weight-ranges 3 --tree-sizes 3,4 "
        "--subsample 0.3 --hold-out 0.25",
        "pixels forest.zarr -o table.zarr --k 16 --fdr 1",
        "train table.zarr --path mine --epochs 2 --device cpu -o runs",
        "study study.toml -o study",
        "report study -o study.md",
    ]
    words = json.dumps([command.split() for command in commands])
    result = subprocess.run(
        [sys.executable, "-c", AUTHOR, words],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, sys.path)),
                          "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert result.returncode == 0, result.stdout + result.stderr
    (folder / "out.txt").write_text(result.stdout)
    return folder


def test_help__lists_it(place):
    (option,) = re.findall(r"--path .*", (place / "out.txt").read_text())
    assert all(name in option for name in (*PATHS, "mine"))


def test_train__lays_along_it(place, mine):
    (run,) = (place / "runs").glob("mine-*")
    assert json.loads((run / "run.json").read_text())["config"]["assembly"]["path"] == "mine"
    canvas = assemble(open_table(place / "table.zarr"), path=mine)
    along_rows = assemble(open_table(place / "table.zarr"), path="linear", order="similarity")
    assert canvas.attrs["order"] == "similarity"
    assert (canvas["index"].values == along_rows["index"].values.T).all()


def test_study__compares_it_and_the_report_explains_it(place):
    results = pd.read_csv(place / "study" / "results.csv")
    assert "mine, 16 pixels" in set(results["arm"])
    page = (place / "study" / "report.html").read_text(encoding="utf-8")
    assert MINE.words in page
    assert MINE.source in page
    assert "mine" in (place / "study.md").read_text()


def test_assemble_counts__orders_the_pixels_of_genes_along_it(table, mine):
    """Its own order compares pixels, so some of them must be made for it."""
    cohort = make_cohort(
        table.drop(columns=["id", "state"]), table["state"], list(table.columns[:10]), table["id"]
    )
    forest = grow_forest(cohort, n_trees=4, weight_ranges=[3], tree_sizes=[3], subsample=0.3)
    counts = count_signatures(forest)
    canvas = assemble_counts(counts, family="base", path=mine)
    along_rows = assemble_counts(counts, family="base", path="linear", order="similarity")
    assert canvas.attrs["order"] == "similarity"
    assert (canvas["index"].values == along_rows["index"].values.T).all()

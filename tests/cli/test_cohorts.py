"""`deepnic cohort`: what a file is understood as, and the same as a clean table."""

import numpy as np
import pytest

from deepnic.cohort import read_cohort
from tests.cli.made import make_table


@pytest.mark.parametrize("name", ["clean.npz", "clean.csv"])
def test_cohort__says_and_writes_what_it_understood(run, tmp_path, name):
    table = make_table()
    table.drop(columns="state").set_index("id").T.to_csv(tmp_path / "a.csv", index_label="gene")
    table[["id", "state"]].iloc[::-1].to_csv(tmp_path / "b.csv", index=False)
    code, output, error = run("cohort", tmp_path / "a.csv", "--labels", tmp_path / "b.csv",
                              "--state", "state", "-o", tmp_path / name)  # fmt: skip
    assert code == 0, error
    assert "40 observations x 10 genes, 20 of state 1 (sick)" in output
    assert "genes in rows, named by column 'gene'" in output
    assert "healthy 20" in output
    clean = read_cohort(tmp_path / name)
    np.testing.assert_allclose(clean.expression, table.iloc[:, 2:], rtol=1e-6)
    assert clean.observation.values.tolist() == table["id"].tolist()
    assert clean.label.values.tolist() == table["state"].tolist()

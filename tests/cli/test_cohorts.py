"""`deepnic cohort`: what a file is understood as, and the same as a clean table."""

import numpy as np
import pandas as pd
import pytest

from deepnic.analysis.components import components, explained
from deepnic.cohort import read_cohort
from tests.cli.made import FEW, make_table


@pytest.fixture
def across(tmp_path):
    """A table of one row a gene, with a repeated patient, missing values and a missing label."""
    table = make_table()
    table.loc[3, "g4"] = table.loc[8, "g5"] = np.nan
    table["patient"] = [f"q{k // 2}" for k in range(40)]
    genes = [f"g{k}" for k in range(10)]
    table.set_index("id")[genes].T.to_csv(tmp_path / "a.csv", index_label="gene")
    table.loc[0, "state"] = ""
    table[["id", "state", "patient"]].iloc[::-1].to_csv(tmp_path / "b.csv", index=False)
    symbols = pd.Series(["TP53", "", "007"], genes[:3], name="symbol")
    symbols.to_csv(tmp_path / "a.symbols.csv")
    return table, ["--labels", tmp_path / "b.csv", "--state", "state", "--impute", "median"]


@pytest.mark.parametrize("name", ["clean.npz", "clean.csv", "clean.h5ad"])
def test_cohort__says_and_writes_what_it_understood(run, tmp_path, across, name):
    table, options = across
    code, output, error = run("cohort", tmp_path / "a.csv", *options, "-o", tmp_path / name)
    assert code == 0, error
    assert "40 observations x 10 genes, 20 of state 1 (sick)" in output
    assert "genes in rows, named by column 'gene'" in output
    assert "2 missing values in 2 genes, to be filled by --impute median" in output
    assert "classes: sick 20, healthy 19, to predict 1" in output
    assert "transform: none; missing: 2" in output
    assert "groups: 20" in output
    assert "1 genes are constant" in output
    assert "symbols of 2 of 10 genes, from a.symbols.csv" in output
    cohort = read_cohort(tmp_path / "a.csv", labels=options[1], state="state", impute="median")
    np.testing.assert_array_equal(cohort.label, table["state"])
    clean = read_cohort(tmp_path / name, impute="median")
    assert clean.symbol.values.tolist() == ["TP53", "", "007", *[""] * 7]
    assert clean.drop_attrs().identical(cohort.drop_attrs())


@pytest.mark.parametrize("name", ["clean.npz", "clean.csv", "clean.h5ad"])
def test_cohort__writes_every_bit(run, tmp_path, name):
    values = np.random.default_rng(0).lognormal(3, 4, (30, 400)).astype(np.float32)
    frame = pd.DataFrame(values, [f"00{k}" for k in range(30)], [f"{k}_at" for k in range(400)])
    frame.assign(state=["a", "b"] * 15).to_parquet(tmp_path / "a.parquet")
    code, _, error = run("cohort", tmp_path / "a.parquet", "-o", tmp_path / name)
    assert code == 0, error
    clean = read_cohort(tmp_path / name)
    np.testing.assert_array_equal(clean.expression, values)
    assert clean.observation.values.tolist() == [f"00{k}" for k in range(30)]


def test_cohort__draws_the_first_components(run, tmp_path, across):
    pytest.importorskip("matplotlib")
    _, options = across
    picture = tmp_path / "look.png"
    code, output, error = run("cohort", tmp_path / "a.csv", *options, "--picture", picture)
    assert code == 0, error
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert "the classes explain" in output
    code, _, error = run("cohort", tmp_path / "a.csv", *options, "--picture", picture)
    assert (code, "exists already" in error) == (2, True)
    code, _, error = run("cohort", tmp_path / "a.csv", *options, "--picture", tmp_path / "a.pdf")
    assert (code, "is no .png; name one" in error) == (2, True)


def test_components__are_those_of_the_correlations():
    table = make_table()
    cohort = read_cohort(table)
    found, shares = components(cohort)
    values = table.iloc[:, 2:11].to_numpy()
    values = (values - values.mean(axis=0)) / values.std(axis=0)
    u, s, _ = np.linalg.svd(values, full_matrices=False)
    for name, k in (("first", 0), ("second", 1)):
        ours, theirs = found[name].to_numpy(), u[:, k] * s[k]
        np.testing.assert_allclose(ours * np.sign(ours @ theirs), theirs, atol=1e-4)
    np.testing.assert_allclose(shares, (s**2 / (s**2).sum())[:2], rtol=1e-5)


def test_explained__is_the_share_between_the_classes():
    table = pd.DataFrame(
        {"label": ["a", "a", "b", "b", ""], "first": [0, 0, 2, 2, 9], "second": [0, 2, 0, 2, 9.0]}
    )
    assert explained(table) == (1, 0)


def test_grow__fills_what_is_missing_when_it_is_told_how(run, tmp_path, across):
    _, options = across
    *plain, _, _ = options
    store = tmp_path / "f.zarr"
    code, _, error = run("grow", tmp_path / "a.csv", *plain, "-o", store, *FEW)
    assert (code, store.exists()) == (2, False)
    assert "fill missing ones by --impute median or --impute knn" in error
    code, _, error = run("grow", tmp_path / "a.csv", *options, "-o", store, *FEW)
    assert code == 0, error


@pytest.fixture
def twice(tmp_path):
    """A table whose fifth and 31st patients are one, and how it is read."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, 100))
    values[30] = values[4] + rng.normal(scale=0.05, size=100)
    table = pd.DataFrame(values, [f"jane{k}" for k in range(40)], [f"g{k}" for k in range(100)])
    table.assign(state=["well", "sick"] * 20).to_csv(tmp_path / "a.csv", index_label="id")
    return tmp_path / "a.csv", "--positive", "sick"


@pytest.mark.parametrize("name", ["clean.npz", "clean.csv", "clean.h5ad"])
def test_cohort__warns_of_near_duplicates_and_keeps_them_together(run, tmp_path, twice, name):
    code, output, error = run("cohort", *twice, "-o", tmp_path / name, "--suspects")
    assert code == 0, error
    assert "near-duplicates: 1 pairs of observations (numbers 5 and 31), each is by far" in output
    assert "name the column of patients by --groups, or have one" in output
    assert "groups: 39, as suspected" in output
    assert "pairs by order" not in output
    assert "jane" not in output + error
    ids = read_cohort(twice[0], positive="sick")["observation"].values
    group = read_cohort(tmp_path / name, positive="sick")["group"].values
    np.testing.assert_array_equal(group, np.where(ids == ids[30], ids[4], ids))
    code, output, error = run("cohort", tmp_path / name, *twice[1:])
    assert (code, "near-duplicates" in output) == (0, False), error
    assert "groups: 39" in output


def test_cohort__makes_no_groups_unless_it_is_told(run, tmp_path, twice):
    code, output, error = run("cohort", *twice, "-o", tmp_path / "clean.csv")
    assert (code, "near-duplicates" in output) == (0, True), error
    assert "group" not in read_cohort(tmp_path / "clean.csv", positive="sick").coords


def test_cohort__warns_of_pairs_by_order(run, tmp_path):
    rng = np.random.default_rng(1)
    values = rng.normal(size=(40, 100)) + rng.normal(size=(20, 100)).repeat(2, axis=0)
    table = pd.DataFrame(values, [f"p{k}" for k in range(40)], [f"g{k}" for k in range(100)])
    table.assign(state=["a"] * 20 + ["b"] * 20).to_csv(tmp_path / "a.csv", index_label="id")
    code, output, error = run("cohort", tmp_path / "a.csv", "--positive", "b")
    assert code == 0, error
    assert (
        "pairs by order: 20 pairs of observations (numbers 1 and 2, 3 and 4, ..., 39 and" in output
    )
    assert "more alike than from one pair to the next" in output


def test_cohort__refuses_suspects_without_a_copy_or_beside_groups(run, tmp_path, twice, across):
    code, _, error = run("cohort", *twice, "--suspects")
    assert (code, "name that by --output" in error) == (2, True)
    _, options = across
    copy = tmp_path / "clean.csv"
    code, _, error = run("cohort", tmp_path / "a.csv", *options, "-o", copy, "--suspects")
    assert (code, "has groups already; leave out --suspects" in error) == (2, True)
    assert not copy.exists()

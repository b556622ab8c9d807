"""Commands with --pseudonymise, and the way back."""

import stat
from pathlib import Path

import pandas as pd
import pytest

from deepnic import read_cohort
from deepnic.errors import InputError
from deepnic.study import read_settings
from tests.cli.made import FEW, make_table, write_toml


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A folder of data, and a home without a key."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    table = make_table()
    table["id"] = [f"SECRET{k:03}" for k in range(40)]
    table.to_csv(tmp_path / "data" / "c.csv", index=False)
    return tmp_path


def test_key__beside_data_or_results_is_refused(refuse, place):
    cohort = place / "data" / "c.csv"
    with pytest.raises(InputError, match=r"lies beside c\.csv"):
        read_cohort(cohort, pseudonymise=place / "data" / "k")
    for key in (place / "out" / "k", place / "out" / "f.zarr" / "k"):
        words = ["--pseudonymise", "--key", key]
        assert "lies beside f.zarr" in refuse(
            "grow", cohort, "-o", place / "out" / "f.zarr", *words
        )
        assert not key.exists()
    assert "add --pseudonymise" in refuse("grow", cohort, "-o", place / "f", "--key", place / "k")


def test_commands__no_id_is_written_and_the_way_back_needs_the_key(run, refuse, place):
    cohort, out, key = place / "data" / "c.csv", place / "out", place / "keys" / "k"
    words = ["--pseudonymise", "--key", key]
    code, said, error = run("grow", cohort, "-o", out / "f.zarr", *FEW, *words)
    assert code == 0, error
    assert f"{key} is the key of the pseudonyms, and new" in said
    code, said, error = run("grow", cohort, "-o", out / "f.zarr", *FEW, *words)
    assert "and new" not in said
    assert "0 blocks" in said
    held = b"".join(file.read_bytes() for file in out.rglob("*") if file.is_file())
    assert b"SECRET" not in held
    assert "there is no key at" in refuse("pseudonyms", cohort, "-o", place / "t.csv")
    code, said, error = run("pseudonyms", cohort, "-o", place / "t.csv", "--key", key)
    assert code == 0, error
    assert "SECRET" not in said + error
    assert stat.S_IMODE((place / "t.csv").stat().st_mode) == 0o600
    table = pd.read_csv(place / "t.csv")
    read = read_cohort(cohort, pseudonymise=key)
    assert dict(zip(table["pseudonym"], table["id"], strict=True)) == {
        one: f"SECRET{k:03}" for k, one in enumerate(read.observation.values)
    }


@pytest.mark.parametrize("name", ["clean.npz", "clean.csv"])
def test_cohort__of_pseudonyms_and_the_way_back_take_labels_apart(run, refuse, place, name):
    table = make_table().assign(id=[f"SECRET{k:03}" for k in range(40)], patient="P")
    table["patient"] += table["id"].str[-2:]
    apart, key = place / "labels" / "b.csv", place / "keys" / "k"
    apart.parent.mkdir()
    table[["id", "state", "patient"]].to_csv(apart, index=False)
    cohort = place / "data" / "a.csv"
    genes = table.drop(columns=["state", "patient"]).set_index("id")
    genes.T.to_csv(cohort, index_label="gene")
    how = ["--labels", apart, "--state", "state", "--groups", "patient"]
    beside = ["--pseudonymise", "--key", apart.parent / "k"]
    assert "lies beside b.csv" in refuse("cohort", cohort, *how, *beside)
    words = [*how, "--pseudonymise", "--key", key]
    code, said, error = run("cohort", cohort, *words, "-o", place / "out" / name)
    assert code == 0, error
    assert "SECRET" not in said + error
    held = b"".join(file.read_bytes() for file in (place / "out").iterdir())
    assert b"SECRET" not in held
    assert all(stat.S_IMODE(one.stat().st_mode) == 0o600 for one in (place / "out").iterdir())
    code, said, error = run("pseudonyms", cohort, "-o", place / "t.csv", "--key", key, *how)
    assert code == 0, error
    back = pd.read_csv(place / "t.csv").set_index("pseudonym")["id"]
    clean = read_cohort(place / "out" / name)
    assert back[clean.observation.values].tolist() == table["id"].tolist()


@pytest.mark.slow
def test_study__of_pseudonyms_by_its_toml(run, place):
    table = make_table().assign(id=[f"SECRET{k:03}" for k in range(40)])
    table[["id", "state"]].to_csv(place / "data" / "l.csv", index=False)
    table.drop(columns="state").to_csv(place / "data" / "c.csv", index=False)
    (place / "data" / "genes.txt").write_text("\n".join(table.columns[2:]))
    settings = write_toml(
        place / "data" / "s.toml", "c.csv",
        cohorts={"mine": {"file": "c.csv", "pseudonymise": "../keys/k", "state": "state",
                          "labels": "l.csv", "genes": "genes.txt"}},
    )  # fmt: skip
    code, said, error = run("study", settings, "-o", place / "out")
    assert code == 0, error
    assert (place / "keys" / "k").exists()
    held = b"".join(file.read_bytes() for file in (place / "out").rglob("*") if file.is_file())
    assert b"SECRET" not in held + said.encode() + error.encode()
    written = read_settings(place / "out" / "study.toml").cohorts["mine"]
    assert written.pseudonymise.samefile(place / "keys" / "k")
    assert written.labels.samefile(place / "data" / "l.csv")
    assert Path(written.genes).samefile(place / "data" / "genes.txt")
    assert str(place) not in (place / "out" / "study.toml").read_text()

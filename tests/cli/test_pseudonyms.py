"""Commands with --pseudonymise, and the way back."""

import stat
from pathlib import Path

import pandas as pd
import pytest

from deepnic import read_cohort
from deepnic.errors import InputError
from deepnic.study import read_settings
from tests.cli.made import FEW, make_table, write_toml


def test_key__beside_data_or_results_is_refused(refuse, secrets):
    cohort = secrets / "data" / "c.csv"
    with pytest.raises(InputError, match=r"lies beside c\.csv"):
        read_cohort(cohort, pseudonymise=secrets / "data" / "k")
    for key in (secrets / "out" / "k", secrets / "out" / "f.zarr" / "k"):
        words = ["--pseudonymise", "--key", key]
        assert "lies beside f.zarr" in refuse(
            "grow", cohort, "-o", secrets / "out" / "f.zarr", *words
        )
        assert not key.exists()
    assert "add --pseudonymise" in refuse(
        "grow", cohort, "-o", secrets / "f", "--key", secrets / "k"
    )


def test_commands__no_id_is_written_and_the_way_back_needs_the_key(run, refuse, secrets):
    cohort, out, key = secrets / "data" / "c.csv", secrets / "out", secrets / "keys" / "k"
    words = ["--pseudonymise", "--key", key]
    code, said, error = run("grow", cohort, "-o", out / "f.zarr", *FEW, *words)
    assert code == 0, error
    assert f"{key} is the key of the pseudonyms, and new" in said
    code, said, error = run("grow", cohort, "-o", out / "f.zarr", *FEW, *words)
    assert "and new" not in said
    assert "0 blocks" in said
    held = b"".join(file.read_bytes() for file in out.rglob("*") if file.is_file())
    assert b"SECRET" not in held
    assert "there is no key at" in refuse("pseudonyms", cohort, "-o", secrets / "t.csv")
    code, said, error = run("pseudonyms", cohort, "-o", secrets / "t.csv", "--key", key)
    assert code == 0, error
    assert "SECRET" not in said + error
    assert stat.S_IMODE((secrets / "t.csv").stat().st_mode) == 0o600
    table = pd.read_csv(secrets / "t.csv")
    read = read_cohort(cohort, pseudonymise=key)
    assert dict(zip(table["pseudonym"], table["id"], strict=True)) == {
        one: f"SECRET{k:03}" for k, one in enumerate(read.observation.values)
    }


@pytest.mark.parametrize("name", ["clean.npz", "clean.csv"])
def test_cohort__of_pseudonyms_and_the_way_back_take_labels_apart(run, refuse, secrets, name):
    table = make_table().assign(id=[f"SECRET{k:03}" for k in range(40)], patient="P")
    table["patient"] += table["id"].str[-2:]
    apart, key = secrets / "labels" / "b.csv", secrets / "keys" / "k"
    apart.parent.mkdir()
    table[["id", "state", "patient"]].to_csv(apart, index=False)
    cohort = secrets / "data" / "a.csv"
    genes = table.drop(columns=["state", "patient"]).set_index("id")
    genes.T.to_csv(cohort, index_label="gene")
    how = ["--labels", apart, "--state", "state", "--groups", "patient"]
    beside = ["--pseudonymise", "--key", apart.parent / "k"]
    assert "lies beside b.csv" in refuse("cohort", cohort, *how, *beside)
    words = [*how, "--pseudonymise", "--key", key]
    code, said, error = run("cohort", cohort, *words, "-o", secrets / "out" / name)
    assert code == 0, error
    assert "SECRET" not in said + error
    held = b"".join(file.read_bytes() for file in (secrets / "out").iterdir())
    assert b"SECRET" not in held
    assert all(stat.S_IMODE(one.stat().st_mode) == 0o600 for one in (secrets / "out").iterdir())
    code, said, error = run("pseudonyms", cohort, "-o", secrets / "t.csv", "--key", key, *how)
    assert code == 0, error
    back = pd.read_csv(secrets / "t.csv").set_index("pseudonym")["id"]
    clean = read_cohort(secrets / "out" / name)
    assert back[clean.observation.values].tolist() == table["id"].tolist()


@pytest.mark.slow
def test_study__of_pseudonyms_by_its_toml(run, secrets):
    table = make_table().assign(id=[f"SECRET{k:03}" for k in range(40)])
    table[["id", "state"]].to_csv(secrets / "data" / "l.csv", index=False)
    table.drop(columns="state").to_csv(secrets / "data" / "c.csv", index=False)
    (secrets / "data" / "genes.txt").write_text("\n".join(table.columns[2:]))
    settings = write_toml(
        secrets / "data" / "s.toml", "c.csv",
        cohorts={"mine": {"file": "c.csv", "pseudonymise": "../keys/k", "state": "state",
                          "labels": "l.csv", "genes": "genes.txt"}},
    )  # fmt: skip
    code, said, error = run("study", settings, "-o", secrets / "out")
    assert code == 0, error
    assert (secrets / "keys" / "k").exists()
    held = b"".join(file.read_bytes() for file in (secrets / "out").rglob("*") if file.is_file())
    assert b"SECRET" not in held + said.encode() + error.encode()
    written = read_settings(secrets / "out" / "study.toml").cohorts["mine"]
    assert written.pseudonymise.samefile(secrets / "keys" / "k")
    assert written.labels.samefile(secrets / "data" / "l.csv")
    assert Path(written.genes).samefile(secrets / "data" / "genes.txt")
    assert str(secrets) not in (secrets / "out" / "study.toml").read_text()

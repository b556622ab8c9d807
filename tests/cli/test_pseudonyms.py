"""Commands with --pseudonymise, and the way back."""

import stat

import pandas as pd
import pytest

from deepnic import read_cohort
from deepnic.errors import InputError
from tests.cli.made import FEW, write_toml


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


@pytest.mark.slow
def test_study__of_pseudonyms_by_its_toml(run, secrets):
    settings = write_toml(
        secrets / "data" / "s.toml", "c.csv",
        cohorts={"mine": {"file": "c.csv", "pseudonymise": "../keys/k"}},
    )  # fmt: skip
    code, said, error = run("study", settings, "-o", secrets / "out")
    assert code == 0, error
    assert (secrets / "keys" / "k").exists()
    held = b"".join(file.read_bytes() for file in (secrets / "out").rglob("*") if file.is_file())
    assert b"SECRET" not in held + said.encode() + error.encode()
    assert 'pseudonymise = "../keys/k"' in (secrets / "out" / "study.toml").read_text()

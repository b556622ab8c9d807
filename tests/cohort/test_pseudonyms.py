"""Pseudonyms: who has the key can tell whose they are, and where the key may lie."""

import hashlib
import hmac
import stat

import numpy as np
import pandas as pd
import pytest

from deepnic import read_cohort
from deepnic.cohort.pseudonyms import default_key, open_key
from deepnic.errors import InputError
from tests.cli.made import make_table


def test_read_cohort__pseudonyms_are_keyed_hashes(secrets):
    """Against HMAC as RFC 2104 writes it, by hand."""
    file = secrets / "keys" / "k"
    read = read_cohort(secrets / "data" / "c.csv", pseudonymise=file)
    key = bytes.fromhex(file.read_text().strip()).ljust(64, b"\0")
    inner, outer = (bytes(one ^ pad for one in key) for pad in (0x36, 0x5C))
    names = read_cohort(secrets / "data" / "c.csv").observation.values
    wanted = [
        hashlib.sha256(outer + hashlib.sha256(inner + name.encode()).digest()).hexdigest()[:16]
        for name in names
    ]
    assert read.observation.values.tolist() == wanted
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "SECRET" not in str(read.to_dict())


def test_read_cohort__one_key_gives_the_same_and_another_others(secrets):
    path = secrets / "data" / "c.csv"
    first, again, other = (
        read_cohort(path, pseudonymise=key) for key in (secrets / "a", secrets / "a", secrets / "b")
    )
    assert first.observation.equals(again.observation)
    assert not np.isin(first.observation, other.observation).any()
    default = read_cohort(path, pseudonymise=True)
    assert default_key() == secrets / "home" / "deepnic" / "pseudonyms.key"
    assert (
        hmac.new(open_key(default_key()), b"SECRET007", "sha256").hexdigest()[:16]
        == (default.observation.values[7])
    )


def test_read_cohort__groups_are_pseudonyms_too(secrets):
    table = make_table().assign(patient=[f"SECRET{k // 2}" for k in range(40)])
    table.to_csv(secrets / "data" / "c.csv", index=False)
    how = {"groups": "patient", "pseudonymise": secrets / "k"}
    read = read_cohort(secrets / "data" / "c.csv", **how)
    assert "SECRET" not in str(read.to_dict())
    assert pd.Series(read.group.values).groupby(read.group.values).size().tolist() == [2] * 20


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda key: key.chmod(0o640), "others can read the key .*; run `chmod 600"),
        (lambda key: key.write_text("short"), "holds no key, which is 64 hexadecimal digits"),
        (lambda key: key.write_text("é" * 64), "holds no key"),
    ],
)
def test_open_key__refuses(tmp_path, spoil, sentence):
    key = tmp_path / "k"
    open_key(key)
    spoil(key)
    with pytest.raises(InputError, match=sentence):
        open_key(key)

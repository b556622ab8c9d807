"""Pseudonyms: keyed hashes in the place of patients' ids, and the key, in a file of its own.

Who has the key can tell whose a pseudonym is, nobody else; the same key gives the same ones, so
that predictions join, and another key gives others, which nobody can link to them.
"""

import hmac
import os
import stat
from pathlib import Path
from secrets import token_hex

import numpy as np
import xarray as xr

from deepnic.errors import InputError, as_word
from deepnic.files import locked, whole

DIGITS = 16  # of a pseudonym: two of a million patients have the same by a chance of 3e-8
KEY_DIGITS = 64


def default_key() -> Path:
    """Where the key is unless another file is named."""
    config = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(config).expanduser() / "deepnic" / "pseudonyms.key"


def check_apart(key: Path, *others: Path) -> None:
    """Refuse a key beside data or results, with which it would be copied."""
    key = key.expanduser().resolve()
    for other in (other.resolve() for other in others):
        if key.parent == other.parent or key.is_relative_to(other):
            raise InputError(
                f"the key {key} lies beside {other.name}; keep it in a folder apart from data and "
                "results, or leave it to deepnic where"
            )


def open_key(file: Path, *, make: bool = True) -> bytes:
    """Read a key; one that is not there is made, and only its owner reads it."""
    file = file.expanduser()
    if make and not file.exists():
        with locked(file):
            if not file.exists():
                with whole(file, mode=0o600) as partial:
                    partial.write_text(token_hex(KEY_DIGITS // 2) + "\n")
    if not file.is_file():
        raise InputError(
            f"there is no key at {file}; name the one that the pseudonyms were made by"
        )
    if stat.S_IMODE(file.stat().st_mode) & 0o077:
        raise InputError(f"others can read the key {file}; run `chmod 600 {as_word(file)}`")
    try:
        key = bytes.fromhex(file.read_text(encoding="ascii").strip())
    except ValueError:
        key = b""
    if 2 * len(key) != KEY_DIGITS:
        raise InputError(
            f"{file} holds no key, which is {KEY_DIGITS} hexadecimal digits; name a file that is "
            "not there yet, and one is made"
        )
    return key


def pseudonym(key: bytes, name: str) -> str:
    """Keyed hash of an id: the first digits of its HMAC-SHA256."""
    return hmac.digest(key, name.encode(), "sha256").hex()[:DIGITS]


def pseudonymised(cohort: xr.Dataset, file: Path) -> xr.Dataset:
    """Put pseudonyms in the place of the ids of observations and of their groups."""
    key = open_key(file)
    places = ["observation", *(["group"] if "group" in cohort.coords else [])]
    for place in places:
        hashed = [pseudonym(key, name) for name in cohort[place].values]
        cohort = cohort.assign_coords({place: ("observation", np.array(hashed, object))})
    return cohort

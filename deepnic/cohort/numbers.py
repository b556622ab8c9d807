"""What the numbers and names of a table tell: their scale, what stands for something else."""

import re

import numpy as np

from deepnic.errors import InputError

MONTH = (
    "jan|janv|feb|févr|mars?|march|mär|mrz|märz|apr|april|avr|avril|may|mai|june?|juni|juin|july?"
    "|juli|juil|aug|août|sept?|oct|okt|nov|dec|déc|dez"
)
DATE = re.compile(
    rf"X?\d{{1,2}}[-./ ] ?({MONTH})\.?([- .]\d{{2,4}})?|({MONTH})\.?[- ]\d{{1,4}}"
    r"|\d{4}-\d\d-\d\d( 00:00:00)?|\d{1,2}[./]\d{1,2}[./]\d{2,4}|\d\.\d+E\+\d+",
    re.IGNORECASE,
)
"""Names that a spreadsheet makes: 1-Sep of SEPT1, Mar-02 of MARCH2, 2.31E+13 of 2310009E13."""

CODES = (-9, -99, -999, -9999, 99, 999, 9999, 99999)
"""Numbers that stand for missing values in tables of other programs."""

FLOOR = 0.1  # share of values that are the smallest, from which that is told
TWICE = 4.6  # log2 of a logarithm to the base 2, and a logarithm to the base 10, are below


def say_names(gene: list[str]) -> list[str]:
    """Say which genes are named like dates."""
    dates = [name for name in gene if DATE.fullmatch(name)]
    if not dates:
        return []
    return [
        f"{len(dates)} genes have names that a spreadsheet made, such as {dates[0]!r} (1-Sep was "
        "SEPT1): import them as text"
    ]


def say_masked(values: np.ndarray) -> list[str]:
    """Say which numbers may stand for missing values: far from all others, or a common floor."""
    notes = []
    there = _finite(values)
    for code in (code for code in CODES if there.size and code in (there.min(), there.max())):
        others = there[there != code]
        if not others.size:
            continue
        low, high = float(others.min()), float(others.max())
        if (others >= 0).all() if code < 0 else code - high > high - low:
            notes.append(
                f"{there.size - others.size} values are {code}, and all others {low:.4g} to "
                f"{high:.4g}: if it stands for missing values, write NA in its place"
            )
            there = others
    if not there.size or there.min() == there.max():
        return notes
    share = (there == there.min()).mean()
    if share >= FLOOR and not _are_whole(there):
        notes.append(
            f"{share:.0%} of the values are the smallest, {there.min():.4g}: a floor, or what was "
            "not measured"
        )
    return notes


def say_scale(values: np.ndarray) -> list[str]:
    """Say where values look linear, like counts, or like a logarithm taken twice."""
    there = _finite(values)
    if not there.size:
        return []
    low, high = float(there.min()), float(there.max())
    if low >= 0 and 2 < high < TWICE and np.median(there) > 1.5 and not _are_whole(there):
        return [
            f"values {low:.3g} to {high:.3g} look like a logarithm taken twice, or to the base 10: "
            "check how the table was made"
        ]
    if high < 1000 or low < -high / 2:
        return []
    if low < 0 or not _are_whole(there):
        return [
            f"values up to {high:,.0f} look like linear intensities: log2=True takes their "
            "logarithm"
        ]
    sums = np.nansum(values, axis=1, dtype=np.float64)
    return [
        f"values up to {high:,.0f} look like counts, {sums.min():,.0f} to {sums.max():,.0f} an "
        "observation: correct for how deeply each was sequenced, and give log2=True"
    ]


def _finite(values: np.ndarray) -> np.ndarray:
    """Finite values of a table, which is not copied where all are."""
    finite = np.isfinite(values)
    return values.ravel("K") if finite.all() else values[finite]


def _are_whole(values: np.ndarray) -> bool:
    """Tell whether all are whole numbers, some at a time."""
    some = 1 << 20
    return all((values[k : k + some] % 1 == 0).all() for k in range(0, values.size, some))


def check_log2(name: str, values: np.ndarray) -> None:
    """Refuse the logarithm of what is no linear intensity."""
    with np.errstate(invalid="ignore"):
        largest, below = np.nanmax(values, initial=-np.inf), (values < 1).mean()
    if largest < 100:
        raise InputError(
            f"{name}: no value is above {largest:.3g} and {below:.0%} are below 1, so these are "
            "logarithms or standardised values, not linear intensities; leave out log2=True"
        )


def say_below_one(values: np.ndarray) -> list[str]:
    """Say how many values have no logarithm above 0."""
    with np.errstate(invalid="ignore"):
        below = int((values < 1).sum())
    return [f"{below:,} values below 1 become 0 by log2=True"] if below else []

"""New patients beside those of the training: genes that lack, another scale, the same patient."""

import hashlib
import hmac
from collections.abc import Set
from typing import NamedTuple

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.errors import InputError

MISSING = 0.05  # share of the genes read that may be missing in a patient
BLOCK, BLOCKS = 8, 64  # genes that are digested together; blocks of a patient at most
WIDTH = 16  # bytes of a digest
NAMED = 5  # genes that a sentence names

SHIFTED = 0.25  # of what would be another scale, from which on a shift of most patients is told

MEASURES = {"spread": 0.2, "median": 0.25, "distance": np.log(3), "correlation": 0.25}
"""How a patient's values are compared with the training patients', and how far beyond all of
theirs is another scale, at least: the spread over the genes (log of the interquartile range over
that of the means), the median difference from the genes' means (in interquartile ranges of these),
the median distance from them in standard deviations (log), and the correlation with them."""


class Profile(NamedTuple):
    """What is kept of the training patients: of each gene, and digests to know them again.

    A digest is of some genes' values, keyed by the digest of all that the trees were grown on. Only
    who has a patient's values can tell that it is theirs. Their order tells nothing.
    """

    genes: list[str]
    mean: NDArray[np.float64]  # (gene,)
    sd: NDArray[np.float64]  # (gene,)
    limits: NDArray[np.float64]  # (4, 2): least and largest of `MEASURES` among them
    blocks: NDArray[np.int32]  # (block, gene of the block)
    digests: NDArray[np.uint8]  # (patient, block, 16)

    @classmethod
    def of(cls, expression: NDArray[np.float32], genes: list[str], key: str | None) -> "Profile":
        """Profile of training patients, expression (patient, gene)."""
        mean = expression.mean(axis=0, dtype=np.float64)
        sd = expression.std(axis=0, ddof=1, dtype=np.float64)
        varying = np.flatnonzero(sd > 0)
        if not varying.size:
            raise InputError("no gene varies over the training patients; check their table")
        block = min(BLOCK, len(varying))
        spread = np.linspace(0, len(varying) - 1, min(BLOCKS, len(varying) // block) * block)
        blocks = varying[spread.round().astype(int)].reshape(-1, block).astype(np.int32)
        profile = cls(
            genes, mean, sd, np.zeros((len(MEASURES), 2)), blocks,
            np.zeros((len(expression), len(blocks), WIDTH), np.uint8),
        )  # fmt: skip
        measured = profile.measure(expression)
        limits = np.stack([measured.min(axis=1), measured.max(axis=1)], axis=1)
        return profile._replace(limits=limits, digests=_digests(expression, profile, key))

    def check(self) -> None:
        """Raise `ValueError` where the arrays do not fit each other: they may come from a file."""
        p, (n, blocks, width) = len(self.genes), self.digests.shape
        shapes = {(p,): (self.mean, self.sd), (len(MEASURES), 2): (self.limits,)}
        for shape, arrays in shapes.items():
            for array in arrays:
                if array.shape != shape or array.dtype != float or not np.isfinite(array).all():
                    raise ValueError("what is known of the genes has another shape or type")
        if (
            self.digests.dtype != np.uint8
            or width != WIDTH
            or n == 0
            or self.blocks.dtype != np.int32
            or self.blocks.ndim != 2
            or len(self.blocks) != blocks
            or self.blocks.min() < 0
            or self.blocks.max() >= p
            or len({*map(str, self.genes)}) != p
        ):
            raise ValueError("digests or genes have another shape or type")

    def measure(self, expression: NDArray[np.float32]) -> NDArray[np.float64]:
        """`MEASURES` of patients (patient, gene), as (measure, patient)."""
        tiny = np.finfo(float).tiny
        values = expression.astype(np.float64)
        between = self._between
        spread = np.log(np.maximum(_quartile_range(values), tiny) / between)
        away = values - self.mean
        varying = self.sd > 0
        distance = np.median(np.abs(away[:, varying]) / self.sd[varying], axis=1)
        centre = self.mean - self.mean.mean()
        lengths = values.std(axis=1) * np.sqrt(len(centre)) * np.linalg.norm(centre)
        alike = np.zeros(len(values))  # correlation; 0 of a patient whose values are all the same
        np.divide(values @ centre, lengths, out=alike, where=lengths > 0)
        return np.stack(
            [
                spread,
                np.median(away, axis=1) / between,
                np.log(np.maximum(distance, tiny)),
                np.clip(alike, -1, 1),
            ]
        )

    @property
    def _between(self) -> float:
        """Interquartile range of the genes' means; where they hardly differ, their usual sd."""
        usual = float(np.median(self.sd[self.sd > 0]))
        return max(float(_quartile_range(self.mean[None])[0]), usual)

    def check_scale(
        self, expression: NDArray[np.float32], transform: str
    ) -> tuple[NDArray[np.bool_], list[str]]:
        """Tell which patients are unlike the training ones; refuse where most are far off."""
        beyond = self._beyond(expression)
        far = beyond > 1
        if far.mean() > 0.5 or (far.any() and len(far) < 3):
            raise InputError(self._what_scale(expression, transform))
        notes = []
        if np.median(beyond) > SHIFTED:
            notes.append(
                "most patients' values lie outside those of all training patients (another chip, "
                "laboratory or normalisation); look whether both are normalised alike"
            )
        if far.any():
            notes.append(
                f"{far.sum()} of {len(far)} patients have values unlike all training patients'; "
                "their probabilities are not to be relied on"
            )
        return far, notes

    def _beyond(self, expression: NDArray[np.float32]) -> NDArray[np.float64]:
        """How far each patient is beyond all training patients, at the worst of the measures."""
        low, high = self.limits.T[..., None]
        least = np.array([*MEASURES.values()])[:, None]
        room = np.maximum((high - low) / 2, least)
        measured = self.measure(expression)
        beyond: NDArray[np.float64] = np.maximum(low - measured, measured - high) / room
        return beyond.max(axis=0)

    def _what_scale(self, expression: NDArray[np.float32], transform: str) -> str:
        median, usual = float(np.median(expression)), float(np.median(self.mean))
        said = (
            "the patients' values are on another scale than the training patients' (median "
            f"{median:.4g}, and {usual:.4g} in the training, whose transform was {transform})"
        )
        with np.errstate(over="ignore"):
            logarithms = np.log2(np.maximum(expression, 1))
            powers = np.exp2(np.minimum(expression, 100.0))
        if (self._beyond(logarithms) <= 1).mean() > 0.5:
            return f"{said}; they look linear: add log2=True"
        if (self._beyond(powers.astype(np.float32)) <= 1).mean() > 0.5:
            return f"{said}; they look like logarithms of what is wanted: take none (again)"
        return f"{said}; bring them to the scale and normalisation of the training"


def fill_missing(
    patients: xr.Dataset, profile: Profile, own: Set[int]
) -> tuple[NDArray[np.float32], NDArray[np.bool_], list[str]]:
    """Expression (patient, gene) of the genes of a profile, which of it was missing, and notes.

    What is missing becomes the gene's mean over the training patients; ``own`` are the genes of the
    pixels themselves.
    """
    place = patients.indexes["gene"].get_indexer(pd.Index(profile.genes))
    values = patients["expression"].transpose("observation", "gene").values
    expression = values[:, place].astype(np.float32)
    expression[:, place < 0] = np.nan
    if (infinite := np.isinf(expression)).any():
        raise InputError(
            f"{infinite.sum()} values of the patients are infinite or beyond float32; correct them"
        )
    missing = np.isnan(expression)
    if not missing.any():
        return expression, missing, []
    absent = np.flatnonzero(missing.all(axis=0))
    some = ", ".join(profile.genes[k] for k in absent[:NAMED])
    some = f" ({some}{', ...' if len(absent) > NAMED else ''})" if len(absent) else ""
    p = len(profile.genes)
    share = missing.mean(axis=1)
    if share.max() > MISSING:
        raise InputError(
            f"{missing.sum(axis=1).max():,} of the {p:,} genes that the network reads are missing"
            f"{some}, and {MISSING:.0%} may be at most; name the genes as in the training (for "
            "example by genes_from=), or measure them"
        )
    notes = []
    if len(absent):
        of_pixels = len(own & {*absent.tolist()})
        notes.append(
            f"{len(absent)} of the {p:,} genes that the network reads are missing{some}, "
            f"{of_pixels} of them of its pixels themselves; their means over the training patients "
            "stand in their place"
        )
    if cells := int(missing.sum()) - len(absent) * len(missing):
        notes.append(
            f"{cells} more values are missing; the genes' means over the training patients stand "
            "in their place"
        )
    expression = np.where(missing, profile.mean.astype(np.float32), expression)
    return expression, missing, notes


def recognise(
    expression: NDArray[np.float32], missing: NDArray[np.bool_], profile: Profile, key: str | None
) -> NDArray[np.bool_]:
    """Which training patients each patient is, bool (patient, training patient).

    Most of the blocks without a missing value agree to four digits.
    """
    whole = ~missing[:, profile.blocks].any(axis=2)  # (patient, block)
    mine = _digests(expression, profile, key)
    agree = np.stack(
        [((mine == theirs).all(axis=2) & whole).sum(axis=1) for theirs in profile.digests], axis=1
    )
    same: NDArray[np.bool_] = (agree > 0) & (2 * agree > whole.sum(axis=1)[:, None])
    return same


def _digests(
    expression: NDArray[np.float32], profile: Profile, key: str | None
) -> NDArray[np.uint8]:
    """Keyed digests (patient, block, 16) of values to four digits."""
    secret = (key or "").encode()
    n, (blocks, block) = len(expression), profile.blocks.shape
    words = np.char.mod("%.3e", expression[:, profile.blocks].astype(np.float64) + 0.0)
    lines = [" ".join(genes) for genes in words.reshape(-1, block).tolist()]
    hashed = [
        hmac.digest(secret, f"{k % blocks} {line}".encode(), hashlib.sha256)[:WIDTH]
        for k, line in enumerate(lines)
    ]
    return np.frombuffer(b"".join(hashed), np.uint8).reshape(n, blocks, WIDTH)


def _quartile_range(values: NDArray[np.float64]) -> NDArray[np.float64]:
    low, high = np.percentile(values, [25, 75], axis=1)
    width: NDArray[np.float64] = high - low
    return width

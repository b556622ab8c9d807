"""Colours of gene images under the colour vision that people have, and in grey."""

import numpy as np
import pytest

from deepnic.report.figures.palettes import PALETTES

# of linear RGB, for who lacks cones: Machado, Oliveira and Fernandes 2009, severity 1
DEUTERANOPIA = [
    [0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
    [-0.011820, 0.042940, 0.968881],
]  # fmt: skip
PROTANOPIA = [
    [0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
]  # fmt: skip
VISIONS = {
    "all cones": np.eye(3), "deuteranopia": np.array(DEUTERANOPIA),
    "protanopia": np.array(PROTANOPIA), "grey": np.tile([0.2126, 0.7152, 0.0722], (3, 1)),
}  # fmt: skip
TO_XYZ = np.array([
    [0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
    [0.0193339, 0.1191920, 0.9503041],
])  # fmt: skip
SEEN = 10.0  # CIELAB units between colours of areas that nobody takes for the same


def lab(rgb, vision):
    """CIELAB (D65) of sRGB colours as somebody sees them."""
    share = np.asarray(rgb) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    xyz = np.clip(linear @ vision.T, 0, 1) @ TO_XYZ.T / [0.95047, 1, 1.08883]
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack(
        [116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1
    )


def least_difference(rgb, vision):
    colours = lab(rgb, vision)
    differences = np.linalg.norm(colours[:, None] - colours, axis=2)
    return differences[np.triu_indices(len(rgb), 1)].min()


def colours_of(name):
    """The four families at 1, zero and undefined."""
    palette = PALETTES[name]
    return [*palette.ones, palette.zero, palette.undefined]


@pytest.mark.parametrize("vision", VISIONS)
def test_clear__tells_families_zero_and_undefined_apart(vision):
    assert least_difference(colours_of("clear"), VISIONS[vision]) > SEEN


def test_published__does_not_in_grey():
    assert least_difference(colours_of("published"), VISIONS["grey"]) < 1


@pytest.mark.parametrize("vision", ["all cones", "deuteranopia", "protanopia"])
def test_clear__tells_families_apart_at_half_of_the_scale(vision):
    half = PALETTES["clear"].ones / 2
    assert least_difference(half, VISIONS[vision]) > SEEN


def test_lab__of_white_black_and_red():
    """Reference values of CIELAB."""
    found = lab([[255, 255, 255], [0, 0, 0], [255, 0, 0]], np.eye(3))
    assert np.allclose(found, [[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.2]], atol=0.05)

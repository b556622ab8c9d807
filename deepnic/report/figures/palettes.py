"""Colours of gene images: the published ones, and some that everybody can tell apart."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from deepnic.nic.families import COLOURS

RGB = tuple[int, int, int]


class Palette(NamedTuple):
    """A row of `PALETTES`: ramps from 0 to 1 for each colour family, and a colour of no value."""

    zero: RGB
    one: dict[str, RGB]  # by the names of `COLOURS`
    undefined: RGB
    words: str

    @property
    def ones(self) -> NDArray[np.float64]:
        """Colours of 1, (code, RGB)."""
        return np.array([self.one[name] for name in COLOURS], np.float64)


MEANINGS = {
    "grey": "NIC1",
    "blue": "one criterion",
    "green": "several criteria at once",
    "red": "one given another",
}
"""Colour families in words."""

BLACK = (0, 0, 0)
PALETTES = {
    "clear": Palette(
        BLACK,
        {
            "grey": (205, 205, 205),
            "blue": (44, 70, 200),
            "green": (60, 178, 110),
            "red": (205, 90, 30),
        },
        (248, 236, 206),
        "differ in lightness too: told apart by the colour-blind, and on a grey print",
    ),
    "published": Palette(
        BLACK,
        {
            "grey": (255, 255, 255),
            "blue": (0, 0, 255),
            "green": (0, 255, 0),
            "red": (255, 0, 0),
        },
        (229, 219, 190),  # sand: neither a grey, nor black to a channel, nor on white to a hue
        "as published",
    ),
}
"""Palettes by name. "clear" is ours; so are both colours of the undefined."""

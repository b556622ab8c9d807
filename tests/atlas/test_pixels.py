"""What a browser draws is, bit for bit, what deepnic makes in Python."""

from base64 import b64decode
from itertools import product
from urllib.parse import urlencode

import numpy as np
import pytest

import deepnic
from deepnic.assembly import PATHS, assemble_counts
from deepnic.nic import count_signatures
from deepnic.nic.families import FAMILIES
from deepnic.report.figures.palettes import PALETTES

GENES = [0, 13, 29]
PACK = """const pack = (bytes) => {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text); // a list of numbers would take seconds on its way
};"""
VALUES = f"""async ([gene, family]) => {{
  {PACK}
  const image = atlas.imageOf((await atlas.loadGene(gene)).counts, await atlas.loadFamily(family));
  return pack(new Uint8Array(image.values.buffer));
}}"""
DRAWN = f"""() => {{
  {PACK}
  const canvas = document.querySelector("article canvas");
  const {{ data }} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
  return pack(data);
}}"""


@pytest.fixture(scope="module")
def images(forest):
    """Images by family, (gene, combination, tree_size, weight_range)."""
    return {family: deepnic.rop_images(forest, family=family).compute() for family in FAMILIES}


@pytest.mark.parametrize("family", FAMILIES)
def test_values__are_those_of_rop_images(visit, images, family):
    visit.open()
    shown = images[family]["image"].values[GENES].reshape(len(GENES), -1)
    for gene, expected in zip(GENES, shown, strict=True):
        found = np.frombuffer(b64decode(visit.page.evaluate(VALUES, [gene, family])), np.float32)
        defined = ~np.isnan(expected)
        assert np.array_equal(~np.isnan(found), defined)
        assert np.array_equal(found[defined].view(np.uint32), expected[defined].view(np.uint32))
    assert 0 < np.isnan(shown).mean() < 1


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("family", FAMILIES)
def test_canvas__is_the_figure_of_python(visit, forest, images, family, path):
    few = family in ("base", "distinct")
    order = None if few or path != "pacman" else "relevance"  # too many pixels to compare
    canvas = assemble_counts(count_signatures(forest), family=family, path=path, order=order)
    index, codes = canvas["index"].values, canvas["colour"].values
    for gene, palette in product(GENES if few else GENES[:1], PALETTES if few else ["clear"]):
        name = str(forest["gene"].values[gene])
        visit.open(urlencode({"gene": name, "family": family, "path": path, "palette": palette}))
        found = np.frombuffer(b64decode(visit.page.evaluate(DRAWN)), np.uint8)
        found = found.reshape(*index.shape, 4)
        values = images[family]["image"].values[gene].ravel()
        expected = deepnic.render(
            np.where(index < 0, np.nan, values[index]), codes, palette=palette
        )
        assert np.array_equal(found[..., 3], np.where(index < 0, 0, 255))
        assert np.array_equal(found[index >= 0, :3], expected[index >= 0])

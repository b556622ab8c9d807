"""What a network looks at, drawn: the numbers behind it, and the same file again."""

import numpy as np
import pandas as pd
import pytest

from deepnic.learn.attribution import Attribution
from deepnic.report.overlay import Overlay


@pytest.fixture
def found():
    """Two pipelines, three items of which two are sick; a pixel of the second is undefined."""
    place = {"pipeline": [0, 0, 1, 1], "row": [0, 1, 0, 0], "column": [0, 1, 1, 0]}
    names = {"gene": [*"abca"], "combination": "1|", "condition": "V3 R3"}
    pixels = pd.DataFrame(place | names)
    items = pd.DataFrame({"item": [*"xyz"], "predicted": ["sick", "well", "sick"]})
    gradients = np.array([[1.0, 0, -4, 2], [9, 9, 9, 9], [3, 0, -2, 0]])
    image = np.array([[0.5, 1, -1, np.nan], [0, 0, 0, 0], [0.1, 0, -1, np.nan]], np.float32)
    return Attribution("sick", items, pixels, gradients, {}, image)


def test_overlay__is_the_mean_of_those_predicted_to_be_of_the_class(found):
    table = Overlay.of(found).frame()
    for k, row in enumerate(found.pixels.itertuples()):
        cell = table.loc[(row.pipeline, row.row, row.column)]
        assert cell["attribution"] == found.gradients[[0, 2], k].mean()
        np.testing.assert_allclose(cell["value"], found.image[[0, 2], k].mean())
    assert table.loc[(0, 0, 1), "attribution"] == 0
    assert np.isnan(table.loc[(0, 0, 1), "value"])


def test_overlay__names_the_largest_first_and_numbers_their_cells(found):
    overlay = Overlay.of(found)
    assert [one["gene"] for one in overlay.images.attrs["named"]] == ["c", "a", "a", "b"]
    words = [text.get_text() for axes in overlay.draw().axes for text in axes.texts]
    assert any(one.startswith("1  c, 1|, V3 R3\n2  a, 1|, V3 R3") for one in words)
    assert {"1", "2", "3", "4"} <= {*words}
    assert overlay.images.attrs["who"] == "the mean of 2 items"
    assert overlay.content() == overlay.content()
    assert overlay.content().startswith(b"<?xml")


def test_overlay__of_nobody_in_the_class_is_of_all(found):
    found.items["predicted"] = "well"
    assert Overlay.of(found).images.attrs["who"] == "the mean of 3 items"

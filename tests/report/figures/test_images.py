"""What the figures of images hold and draw."""

import re
from base64 import b64decode
from io import BytesIO

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from deepnic.assembly.paths import PATHS
from deepnic.report.figures.images import BaseTiles, Courses, GeneCanvases, ObservationCanvases
from deepnic.report.figures.palettes import PALETTES


def test_courses__visit_every_cell_once_and_draw_it():
    side = 6
    chart = Courses.of([*PATHS, "unknown"], side)
    frame = chart.frame()
    assert frame.groupby("path").size().to_dict() == dict.fromkeys(PATHS, side**2) | {"unknown": 1}
    assert not frame.duplicated().any()
    *known, unknown = chart.draw().axes
    for axes in known:
        cells = np.concatenate([line.get_xydata() for line in axes.lines])
        inside = {(x, y) for x, y in cells if x % 1 == 0 and y % 1 == 0}
        assert len(inside) == side**2
    assert unknown.get_title() == "unknown"
    assert not any(len(line.get_xdata()) for line in unknown.lines)


def test_pictures__hold_the_value_of_every_pixel(results):
    images = results.examples["alon"].isel(shown=0)
    frame = ObservationCanvases(images).frame()["observation_image"]
    assert frame["snail", 3, 5] == images["observation_image"].sel(path="snail").values[3, 5]
    gene = GeneCanvases(images).frame()
    assert (gene.loc["snail", "gene_colour"] == -1).sum() == 9
    assert len(BaseTiles(images).frame()) == 30 * 6 * 3
    assert GeneCanvases(images).address().startswith("data:image/svg+xml;base64,")
    [picture] = re.findall(
        r'xlink:href="data:image/png;base64,\s*([^"]+)"', BaseTiles(images).content().decode()
    )
    with Image.open(BytesIO(b64decode(picture))) as tiles:
        assert tiles.size == (40, 24)  # a dot a pixel, however large it is shown


def test_gene_canvases__tell_no_pixel_from_undefined_and_from_zero(results):
    images = results.examples["alon"]
    figure = GeneCanvases(images).draw()
    one = images.sel(path="snail")
    drawn = figure.axes[1].images[0].get_array()
    value, code = one["gene_image"].values, one["gene_colour"].values
    assert (drawn[..., 3] == np.where(code < 0, 0, 255)).all()
    assert figure.axes[1].patch.get_hatch()
    undefined = np.isnan(value) & (code >= 0)
    assert {*map(tuple, drawn[undefined].tolist())} == {(*PALETTES["clear"].undefined, 255)}
    FigureCanvasAgg(figure).draw()
    box = figure.legends[0].get_window_extent()
    assert 0 <= box.x0 < box.x1 <= figure.bbox.x1
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names[-2:] == ["undefined", "no pixel"]


def test_observation_canvases__tell_no_pixel_from_undefined(results):
    one = results.examples["alon"].isel(shown=0)
    figure = ObservationCanvases(one).draw()
    drawn = figure.axes[1].images[0].get_array()
    snail = one.sel(path="snail")
    empty = ~snail["observation_there"].values
    assert empty.sum() == 9
    assert (drawn[..., 3] == np.where(empty, 0, 255)).all()
    undefined = np.isnan(snail["observation_image"].values) & ~empty
    assert {*map(tuple, drawn[undefined].tolist())} == {(*PALETTES["clear"].undefined, 255)}
    names = [text.get_text() for text in figure.legends[0].get_texts()]
    assert names == ["undefined", "no pixel"]
    full = one.assign(observation_image=one["observation_image"].fillna(0),
                      observation_there=one["observation_there"] | True)  # fmt: skip
    assert ObservationCanvases(full).draw().legends == []


def test_base_tiles__have_a_border_each(results):
    [axes] = BaseTiles(results.examples["alon"]).draw().axes
    corners = [patch.get_xy() for patch in axes.patches]
    assert len(corners) == 30
    assert corners[11] == (3.5, 9.5)  # the second of the second row: 4 columns and 8 rows a tile
    assert {(patch.get_width(), patch.get_height()) for patch in axes.patches} == {(3, 6)}

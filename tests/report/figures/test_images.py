"""What the figures of images hold and draw."""

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg

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
    images = results.examples["alon"]
    frame = ObservationCanvases(images).frame()["observation_image"]
    assert frame["snail", 3, 5] == images["observation_image"].sel(path="snail").values[3, 5]
    gene = GeneCanvases(images).frame()
    assert (gene.loc["snail", "gene_colour"] == -1).sum() == 9
    assert len(BaseTiles(images).frame()) == 30 * 6 * 3
    assert GeneCanvases(images).address().startswith("data:image/png;base64,")


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


def test_base_tiles__have_a_border_each(results):
    [axes] = BaseTiles(results.examples["alon"]).draw().axes
    corners = [patch.get_xy() for patch in axes.patches]
    assert len(corners) == 30
    assert corners[11] == (3.5, 9.5)  # the second of the second row: 4 columns and 8 rows a tile
    assert {(patch.get_width(), patch.get_height()) for patch in axes.patches} == {(3, 6)}

"""What the figures of images hold and draw."""

import numpy as np

from deepnic.assembly.paths import PATHS
from deepnic.report.figures.images import BaseTiles, Courses, GeneCanvases, ObservationCanvases


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

"""What the figures draw, read back from them."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from deepnic.assembly.paths import PATHS
from deepnic.report.account import Stage
from deepnic.report.figures import curves as charts
from deepnic.report.figures import images as pictures
from deepnic.report.figures import style as drawing


def test_account__writes_every_count_even_0():
    figure = charts.account([Stage("data", 12_345, {"undefined": 678, "duplicate": 0})])
    [axes] = figure.axes
    words = [text.get_text() for text in axes.texts]
    assert words == ["13,023", "678 removed", "0 removed", "12,345"]
    assert axes.get_xscale() == "log"
    assert drawing.svg(figure)


@pytest.mark.parametrize("followed", [False, True])
def test_training__draws_the_mean_over_folds(followed):
    history = pd.DataFrame(
        {"arm": "snail", "fold": [0, 0, 1, 1], "epoch": [1, 2, 1, 2], "training_loss": [4, 2, 2, 0]}
    )
    if followed:
        history["test_accuracy"] = [0.5, 0.7, 0.7, 0.9]
    figure = charts.training(history)
    assert len(figure.axes) == 1 + followed
    assert figure.axes[0].lines[0].get_ydata().tolist() == [3, 1]
    assert drawing.svg(figure)


def test_courses__draws_every_cell_of_every_path():
    side = 6
    figure = pictures.courses([*PATHS, "unknown"], side)
    *known, unknown = figure.axes
    for axes in known:
        cells = np.concatenate([line.get_xydata() for line in axes.lines])
        inside = {(x, y) for x, y in cells if x % 1 == 0 and y % 1 == 0}
        assert len(inside) == side**2
    assert not unknown.lines


def test_show__loads_neither_pyplot_nor_torch():
    code = (
        "import sys, deepnic.report; print({'matplotlib.pyplot', 'torch', 'ray'} & {*sys.modules})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert loaded.stdout.strip() == "set()"

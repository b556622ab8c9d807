"""What the charts of patients draw."""

import numpy as np
import pandas as pd

from deepnic.report.figures.patients import Probabilities, Reliability
from deepnic.report.sections.patients import patients_section


def test_reliability__has_a_bar_of_wilson_at_each_point():
    """16 of 20 patients told 0.7 are sick: Wilson's interval by its published formula."""
    truth = [1] * 16 + [0] * 4 + [0] * 10
    patients = pd.DataFrame({"arm": "a", "truth": truth, "probability": [0.7] * 20 + [0.1] * 10,
                             "wrong": 0.0, "sure": 0.4})  # fmt: skip
    section = patients_section({"a": (patients, ("well", "sick"))})
    chart = section.content["parts"][0]["calibration"]
    z = 1.959964
    middle, half = 0.8 + z**2 / 40, z * np.sqrt(0.8 * 0.2 / 20 + z**2 / 1600)
    expected = [[0.7, (middle + side * half) / (1 + z**2 / 20)] for side in (-1, 1)]
    [axes] = chart.draw().axes
    bars = axes.collections[0].get_segments()
    np.testing.assert_allclose(bars[1], expected, atol=1e-6)
    assert len(bars) == 2
    assert isinstance(chart, Reliability)
    grouped = patients.assign(group=["p"] * 2 + [f"q{k}" for k in range(28)])
    part = patients_section({"a": (grouped, ("well", "sick"))}).content["parts"][0]
    assert all(
        np.ptp(bar[:, 1]) == 0
        for bar in part["calibration"].draw().axes[0].collections[0].get_segments()
    )


def test_probabilities__name_the_classes():
    table = pd.DataFrame({"truth": [1, 0], "probability": [0.9, 0.2]})
    [axes] = Probabilities(table, ("$well$", "sick")).draw().axes
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["sick", "$well$"]

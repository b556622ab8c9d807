"""The README's picture, of a demo: python notebooks/pictures/paths.py demo."""

import sys
from io import BytesIO
from pathlib import Path

import matplotlib
from PIL import Image

from deepnic.report.figures.images import GeneCanvases, ObservationCanvases
from deepnic.report.figures.style import STYLE
from deepnic.study import read_study

PICTURE = Path(__file__).with_suffix(".png")

[example] = read_study(sys.argv[1]).examples.values()
figures = [GeneCanvases(example), *(ObservationCanvases(example.isel(shown=k)) for k in (0, 1))]
drawn = []
for figure in figures:
    file = BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.draw().savefig(file, dpi=130, metadata={"Software": None})
    drawn.append(Image.open(file).convert("RGB"))
whole = Image.new("RGB", (drawn[0].width, sum(each.height for each in drawn)), "white")
for k, each in enumerate(drawn):
    whole.paste(each, (0, sum(other.height for other in drawn[:k])))
whole.save(PICTURE, optimize=True)

"""How figures look and how they are kept; drawn without pyplot: nothing global is touched.

Colours are those of Okabe and Ito, told apart by the colour-blind; shape and fill say the same
once more.
"""

import base64
import io

import matplotlib
from matplotlib.figure import Figure

BLUE, ORANGE, GREY, RULE = "#0072B2", "#C65300", "#5F5F5F", "#DDDDDD"
STYLE = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": GREY,
    "axes.titlesize": 10,
    "xtick.color": GREY,
    "ytick.color": GREY,
    "xtick.labelcolor": "black",
    "ytick.labelcolor": "black",
    "svg.hashsalt": "deepnic",  # the same file for the same figure
}


def svg(figure: Figure) -> bytes:
    """Return a chart as SVG, the same bytes for the same chart."""
    file = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="svg", metadata={"Date": None})
    return file.getvalue()


def png(figure: Figure) -> bytes:
    """Return a picture as PNG: its pixels stay sharp wherever it is shown."""
    file = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        figure.savefig(file, format="png", dpi=180)
    return file.getvalue()


def svg_address(figure: Figure) -> str:
    """Return a chart as an address that holds it whole."""
    return _address("image/svg+xml", svg(figure))


def png_address(figure: Figure) -> str:
    """Return a picture as an address that holds it whole."""
    return _address("image/png", png(figure))


def _address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode()}"

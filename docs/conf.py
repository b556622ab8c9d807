"""Settings of Sphinx for ``make docs``, which runs it on the whole folder.

Pages of ``cluster/``, the notebooks and SECURITY.md are read where they stand, so that nothing is
said twice and their links lead to the same files as on a forge.
"""

import sys
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE.parent), str(HERE)]

from deepnic import __version__  # noqa: E402
from tests.lessons import NOTEBOOKS, run_lessons  # noqa: E402

project = "deepnic"
author = "the deepnic developers"
copyright = "2026, the deepnic developers, BSD-3-Clause"
version = release = __version__

root_doc = "docs/index"
include_patterns = [
    "README.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENCES.md",
    "SECURITY.md",
    "cluster/**.md",
    "docs/**",
    "notebooks/*",
    "studies/RESULTS.md",
]
exclude_patterns = ["docs/_build", "docs/_templates", ".*", "**/.ipynb_checkpoints"]
templates_path = [str(HERE / "_templates")]  # autosummary would look in the folder of the pages

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "numpydoc",
    "myst_nb",
    "declared",
]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
nb_execution_mode = "off"  # they build on each other: run in order, below

smartquotes = False  # they would make one dash of the two of an option
default_role = "code"
highlight_language = "none"  # blocks without a language are commands, trees and drawings
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
autosummary_ignore_module_all = False
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False
nitpick_ignore = [
    ("py:class", "deepnic.learn.trees.Trees"),  # a part of a predictor
    ("py:class", "deepnic.atlas.widget.GeneWidget"),  # needs anywidget
]
nitpick_ignore_regex = [  # what other packages say of themselves is not asked for: built offline
    (
        "py:.*",
        r"(anndata|annotated_types|collections|dask|np|numpy|NDArray|ArrayLike|os|pandas|pathlib|pd|pydantic|"
        r"sklearn|torch|typing|xarray|xr)(\..*)?",
    ),
]

html_static_path = ["_static"]
html_css_files = ["outputs.css"]
html_theme = "pydata_sphinx_theme"
html_title = f"deepnic {release}"
html_show_sourcelink = False
html_additional_pages = {"index": "to-docs.html"}
html_theme_options = {
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "secondary_sidebar_items": ["page-toc"],
    "show_prev_next": False,
    "footer_start": ["copyright"],
    "footer_end": [],
}


@cache
def executed():
    """Lessons as notebooks with outputs, by name; none is kept with them."""
    with TemporaryDirectory() as folder:
        return {name: nbformat.writes(done) for name, done in run_lessons(Path(folder)).items()}


def show_outputs(app, docname, source):
    """Put the lesson that was run in the place of the one that is kept."""
    name = docname.removeprefix("notebooks/")
    if (NOTEBOOKS / f"{name}.ipynb").exists():
        source[0] = executed()[name]


def setup(app):
    """Connect what is above."""
    app.connect("source-read", show_outputs)

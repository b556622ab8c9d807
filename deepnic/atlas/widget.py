"""One gene in a notebook, by the scripts of the pages."""

from importlib.resources import files

import anywidget
import numpy as np
import pandas as pd
import traitlets
import xarray as xr

from deepnic.assembly import PATHS
from deepnic.atlas.chip import describe_chip
from deepnic.atlas.images import packed_family, packed_layout
from deepnic.atlas.pack import least_unsigned, packed
from deepnic.compute import under_way
from deepnic.errors import choose
from deepnic.nic import count_signatures
from deepnic.nic.families import FAMILIES
from deepnic.nic.genes import choose_genes

SCRIPTS = ("data", "page", "words", "images", "canvas", "tiles", "article")
"""Those of the pages that show a gene, in their order."""

MODULE = """\
const makeAtlas = () => {{
{scripts}
  return atlas;
}};

const render = async ({{ model, el }}) => {{
  const atlas = makeAtlas();
  const root = el.attachShadow({{ mode: "open" }}); // the style of a page is not for a notebook
  await atlas.showAlone(root, model.get("data"), model.get("style"));
}};

export default {{ render }};
"""

STYLE = "\n:host { color: var(--ink); background: var(--paper); padding: .5rem }\n"


def _pages(*names: str) -> str:
    return "\n".join(
        files("deepnic.atlas").joinpath("pages", name).read_text("utf-8") for name in names
    )


class GeneWidget(anywidget.AnyWidget):
    """A gene's image that one points at, its criteria and the 30 published images.

    ``data`` are those of an atlas of this gene alone, by the names of their scripts.
    """

    _esm = MODULE.format(scripts=_pages(*(f"js/{name}.js" for name in SCRIPTS)))
    data = traitlets.Dict().tag(sync=True)
    style = traitlets.Unicode().tag(sync=True)


def show_gene(
    forest: xr.Dataset, gene: str, *, family: str = "distinct", path: str = "linear"
) -> GeneWidget:
    """Show a gene in a notebook, as the pages of `write_atlas` do.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store.
    gene : str
        One of its genes.
    family : {"base", "combinations", "all", "distinct"}
        See `deepnic.nic.family`.
    path : str
        A name in `deepnic.assembly.PATHS`.

    Returns
    -------
    GeneWidget
        Which a notebook draws: the image, a pixel in words where one points at it, the ten criteria
        and the 30 published images.

    Raises
    ------
    InputError
        Unknown gene, family or path.

    Notes
    -----
    Images and criteria: as of `rop_images`. Similarity of pixels, for paths that go by it, is that
    of all genes of the forest, which are counted.

    Examples
    --------
    >>> import deepnic
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=2, weight_ranges=[3], tree_sizes=[3])
    >>> sorted(deepnic.show_gene(forest, "mean texture").data)
    ['chip', 'choice', 'family-base', 'family-distinct', 'genes-0', 'layout-distinct-linear']
    """
    choose("family", family, FAMILIES)
    choose("path", path, PATHS)
    one = choose_genes(forest, [gene])
    with under_way("counting signatures"):
        counted = count_signatures(forest).load()
    alone = counted.sel(gene=[gene])
    counts = alone["count"].values.reshape(1, -1).astype(least_unsigned(forest.sizes["draw"]))
    others = packed(np.array([], np.uint32))
    data = {
        "choice": {"family": family, "path": path},
        "chip": describe_chip(alone, one, pd.DataFrame(index=[gene]), 1),
        "genes-0": {"counts": packed(counts), "alike": others, "trees": others},
        "family-base": packed_family("base"),
        f"family-{family}": packed_family(family),
        f"layout-{family}-{path}": packed_layout(counted, family, path),
    }
    return GeneWidget(data=data, style=_pages("atlas.css").replace(":root", ":host") + STYLE)

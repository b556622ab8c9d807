"""The folder of an atlas: pages as they lie in ``pages``, and the data of one forest."""

import shutil
from importlib.resources import as_file, files
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

from deepnic.assembly import PATHS
from deepnic.atlas.chip import describe_chip
from deepnic.atlas.genes import most_alike, read_known
from deepnic.atlas.images import packed_family, packed_layout
from deepnic.atlas.map import place_genes
from deepnic.atlas.pack import least_unsigned, packed, write_data
from deepnic.atlas.patients import NAMES, NOBODY, PATIENTS, write_patients
from deepnic.atlas.study import Study
from deepnic.cohort.pseudonyms import check_apart, default_key, pseudonymised
from deepnic.compute import under_way
from deepnic.files import as_path, check_new, whole
from deepnic.nic import count_signatures
from deepnic.nic.families import FAMILIES

TOGETHER = 256  # genes of a script, which is loaded when one of them is looked at


def write_atlas(
    forest: xr.Dataset,
    folder: str | Path,
    *,
    genes: str | Path | None = None,
    study: str | Path | None = None,
    patients: bool = False,
    pseudonymise: bool | str | Path = True,
    title: str = "a forest",
) -> Path:
    """Write pages of all genes of a forest, which open from a folder, without a server.

    No observation is in them unless asked for: what trees say of genes, in counts, and nothing of
    votes or states. Every page says whether patients are in it.

    Parameters
    ----------
    forest : Dataset
        From `grow_forest` or a store.
    folder : path
        To make; it appears whole.
    genes : path, optional
        A list of the forest's genes (CSV, column ``gene``), whose columns ``symbol``, ``q`` and
        ``direction`` are shown where it has them.
    study : path, optional
        Folder of a study, whose findings are shown; lies it beside the pages, with a link to its
        report.
    patients : bool
        Put patients in: their class, what the perfect trees of each gene that left them out say of
        them, and how sure the best assembly of the study is.
    pseudonymise : bool or path
        Put pseudonyms in the place of their ids: True by the key of ``deepnic pseudonyms``, a path
        by another; False for a store whose ids are pseudonyms, or may be shown.
    title : str
        What the forest is called in the pages.

    Returns
    -------
    Path
        The page to open, ``index.html`` in the folder.

    Raises
    ------
    InputError
        The folder holds something, the list of genes is not one of this forest, the study is not
        finished, has no patient of the forest, or trees left out no patient.

    Notes
    -----
    Images and criteria: as of `rop_images`. Which genes are alike, their map, and votes: ours.

    Examples
    --------
    >>> import deepnic, tempfile
    >>> cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    >>> forest = deepnic.grow_forest(cohort, n_trees=2, weight_ranges=[3], tree_sizes=[3])
    >>> with tempfile.TemporaryDirectory() as place:
    ...     page = deepnic.write_atlas(forest, f"{place}/atlas")
    ...     page.name, page.is_file()
    ('index.html', True)
    """
    folder = as_path(folder)
    check_new(folder)
    found = None if study is None else Study(as_path(study))
    judged = found.patients(forest["observation"].values) if found and patients else None
    if patients and pseudonymise:
        key = default_key() if pseudonymise is True else as_path(pseudonymise)
        check_apart(key, folder)
        forest = pseudonymised(forest, key)
    with under_way("counting signatures"):
        counted = count_signatures(forest).load()
    names = counted["gene"].values.astype(object)
    known = pd.DataFrame(index=names) if genes is None else read_known(genes, names)
    about = PATIENTS.format(names=NAMES[bool(pseudonymise)]) if patients else NOBODY
    said = {"title": title, "about": about, "patients": patients, "study": found is not None}
    with whole(folder) as partial:
        with as_file(files("deepnic.atlas") / "pages") as pages:
            shutil.copytree(pages, partial)
        data = partial / "data"
        data.mkdir()
        if patients:
            with under_way("counting votes"):
                write_patients(data, forest, judged, TOGETHER)
        if found:
            write_data(data, "study", found.words(folder))
        write_data(data, "chip", describe_chip(counted, forest, known, TOGETHER) | said)
        _write_genes(data, counted, forest.sizes["draw"])
        _write_looks(data, counted)
    return folder / "index.html"


def _write_looks(data: Path, counted: xr.Dataset) -> None:
    """Where genes lie on the map, and pixels on the images."""
    with under_way("making the map"):
        places, method = place_genes(counted["count"].values)
        write_data(data, "map", {"places": packed(places), "method": method})
    for name in FAMILIES:
        write_data(data, f"family-{name}", packed_family(name))
    with under_way("laying pixels along the paths"):
        for name, path in product(FAMILIES, PATHS):
            write_data(data, f"layout-{name}-{path}", packed_layout(counted, name, path))


def _write_genes(data: Path, counted: xr.Dataset, n_trees: int) -> None:
    """Counts of all genes, some to a script, and who is most alike to each."""
    counts = counted["count"].values
    rows = counts.reshape(len(counts), -1).astype(least_unsigned(n_trees))
    alike, trees = map(np.concatenate, zip(*most_alike(counts), strict=True))
    for number, first in enumerate(range(0, len(rows), TOGETHER)):
        part = slice(first, first + TOGETHER)
        genes = {
            "counts": packed(rows[part]),
            "alike": packed(alike[part].astype(np.uint32)),
            "trees": packed(trees[part].astype(np.uint32)),
        }
        write_data(data, f"genes-{number}", genes)

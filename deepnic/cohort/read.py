"""Files to a cohort, whatever their format."""

from os import PathLike
from pathlib import Path

import numpy as np
import xarray as xr

from deepnic.cohort.check import make_cohort
from deepnic.cohort.pseudonyms import check_apart, default_key, pseudonymised
from deepnic.cohort.readers import READERS
from deepnic.cohort.readers.text import check_file
from deepnic.errors import InputError


def read_cohort(
    path: str | PathLike[str],
    *,
    state: str | None = None,
    positive: str | None = None,
    log2: bool = False,
    groups: str | None = None,
    pseudonymise: bool | str | PathLike[str] = False,
) -> xr.Dataset:
    r"""Read a file of expression values and states.

    Parameters
    ----------
    path : str or path
        One of

        - ``name.npz``: arrays ``X (observation, gene)``, ``genes`` and ``samples``, no pickled
          objects, with ``name.labels.csv`` beside it: columns ``sample_id`` and ``label`` (others
          are ignored), one row for each sample, in any order;
        - ``.csv``, ``.tsv`` or ``.txt``: UTF-8, a header row, one row an observation; comma,
          semicolon or tab between the columns, decimal point or comma (with a decimal comma, not
          a comma between the columns): both are found from the file. The files of the CRAN
          package ROP (``Id;ETAT;variables``) are of this kind.
    state : str, optional
        Column of the states. By default ``label`` in a labels file, and in a table the first of
        `STATE_COLUMNS` that occurs. A state that is one of `MISSING` becomes -1:
        to be predicted.
    positive : str, optional
        The label that is state 1, against all others; see `make_cohort`.
    log2 : bool
        Take log2(max(x, 1)) of linear intensities. Nothing is transformed otherwise.
    groups : str, optional
        Column, of the table or of the labels file, of what observations have in common, such as
        their patient: those of one group stay together in the folds of a study.
    pseudonymise : bool or path
        Put keyed hashes in the place of the ids of observations and groups; the key is this file,
        or with True one in ``~/.config/deepnic``, made if it is not there. It must not lie beside
        the data, and nobody else may read it.

    Returns
    -------
    Dataset
        As `make_cohort`: ``expression(observation, gene)`` float32, ``state(observation)`` int8,
        coordinates ``label`` and, with `groups`, ``group``; attributes ``positive``,
        ``constant_genes``, ``source`` (name of the file), ``id_column`` ("" if the ids were made
        up) and ``transform``.

    Raises
    ------
    InputError
        The file cannot be read, or what it holds is no cohort; the sentence says which rule was
        broken and what to do. It names no observation, but tells its number.

    Notes
    -----
    Ids of a table's observations are in the first of `ID_COLUMNS` that occurs (the others of them
    are left out, and so are R's row names), else in the first column if it holds text or whole
    numbers that differ, else they are obs_1, obs_2, ... All other columns are genes.
    The ROP layout is documented in that package's manual (Nguyen and Antonioli, ROP 1.0), the
    rest is ours.

    Examples
    --------
    >>> from pathlib import Path
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "small.csv")
    ...     _ = path.write_text("Id;ETAT;g1;g2\n7;0;1,5;2\n8;0;2,5;2\n9;1;0;2\n12;1;0,5;2\n")
    ...     cohort = read_cohort(path)
    >>> cohort.observation.values.tolist(), cohort.state.values.tolist()
    (['7', '8', '9', '12'], [0, 0, 1, 1])
    >>> cohort.attrs["source"], cohort.attrs["constant_genes"]
    ('small.csv', 1)
    """
    path = Path(path)
    check_file(path)
    suffix = path.suffix.lower()
    if suffix not in READERS:
        *others, last = READERS
        raise InputError(
            f"{path.name} has the unknown suffix {suffix!r}; give a {', '.join(others)} or {last}"
        )
    raw = READERS[suffix](path, state, groups)
    values = np.log2(np.maximum(raw.values, 1)) if log2 else raw.values
    cohort = make_cohort(
        values, raw.label, raw.gene, raw.observation, positive=positive, group=raw.group
    )
    if pseudonymise:
        key = default_key() if pseudonymise is True else Path(pseudonymise)
        check_apart(key, path)
        cohort = pseudonymised(cohort, key)
    return cohort.assign_attrs(
        source=path.name, id_column=raw.id_column, transform="log2(max(x, 1))" if log2 else "none"
    )

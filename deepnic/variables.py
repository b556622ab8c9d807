"""Everything stored in Datasets, declared once: variables, and kinds; tables are in `columns`.

``describe`` writes into a Dataset what it is and what its variables mean, ``validate`` refuses one
that breaks a declaration, ``kind_of`` tells what a Dataset is.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import xarray as xr

from deepnic.errors import InputError

FORMAT = 2
"""Of the layout of what is stored. Raised when older files can no longer be read as they are."""

RULES = 1
"""Of how results are computed. Raised when the same input and parameters give other bits."""

CLASSES = "deepnic_classes"
"""Attribute of a group of stores, of each class against the rest: their labels by name."""

PARTS = "deepnic_parts"
"""Attribute of a group of stores, each grown without the labels of a part: the parts by name."""

GROUPS_OF = {CLASSES: "of each class against the rest", PARTS: "each grown without a part"}
"""What is said of the stores of a group, by its attribute."""


@dataclass(frozen=True)
class Variable:
    """A stored variable: its dimensions in order, its NumPy dtype, and one sentence.

    What it and its values are is said in short too, as xarray's plots write it beside an axis.
    """

    dims: tuple[str, ...]
    dtype: str
    meaning: str
    long_name: str
    units: str = "1"  # of what has none, as in the CF conventions
    optional: bool = False


CONDITION = ("tree_size", "weight_range")

EXPRESSION = Variable(
    ("observation", "gene"),
    "float32",
    "Expression as found in the file.",
    long_name="expression",
    units="as read",
)
STATE = Variable(
    ("observation",),
    "int8",
    "1 at risk (sick), 0 not, -1 to be predicted.",
    long_name="state",
)
SIGNATURE = Variable(
    (*CONDITION, "draw", "gene"),
    "uint8",
    "Signature (0..36) of the tree that counts for the gene.",
    long_name="signature",
)
TREE_SIGNATURE = Variable(
    (*CONDITION, "draw", "tree", "slot"),
    "uint8",
    "Signature of each gene of a tree, as grown; 0 where there is no such tree.",
    long_name="signature of a tree",
)
VOTE = Variable(
    (*CONDITION, "draw", "tree", "observation"),
    "int8",
    "Out-of-bag vote of a tree: +1 at risk, -1 not, 0 in bag or no such tree.",
    long_name="out-of-bag vote",
)
COUNT = Variable(
    ("gene", *CONDITION, "signature"),
    "uint16",
    "Trees of the gene that have the signature.",
    long_name="count",
    units="trees",
)
PERFECT = Variable(
    ("gene", *CONDITION),
    "uint16",
    "Perfect trees of a permuted gene, of those in which no other is permuted.",
    long_name="perfect trees",
    units="trees",
)
COUNTED = replace(
    PERFECT, meaning="Trees of a permuted gene in which no other is permuted.", long_name="trees"
)
MOST_TREES = int(np.iinfo(COUNT.dtype).max)
"""Trees of a gene under a condition, at most: all may have one signature."""
MOST_CLASSES = int(np.iinfo(STATE.dtype).max) + 1
"""Classes of items, at most: they are numbered from 0, and -1 is to be predicted."""
IMAGE = Variable(
    ("gene", "combination", *CONDITION),
    "float32",
    "Pixel N(A and B) / N(B); NaN where N(B) = 0.",
    long_name="pixel of a gene",
)
OBSERVATION_IMAGE = Variable(
    ("observation", *IMAGE.dims),
    "float32",
    "Pixel (V1(A and B) - V0(A and B)) / N(B) over out-of-bag trees; NaN where N(B) = 0.",
    long_name="pixel of an observation",
)
VALUE = Variable(
    ("item", "pixel"),
    "float32",
    "Kept pixels of each item; NaN where undefined.",
    long_name="pixel",
)
RELEVANCE = Variable(
    ("pixel",),
    "float32",
    "Relevance of a pixel on training items; best first.",
    long_name="relevance",
)

CANVAS_IMAGE = Variable(
    ("item", "row", "column"),
    "float32",
    "Pixels laid on a canvas; NaN where undefined or empty.",
    long_name="pixel",
)
CANVAS_COUNT = replace(COUNT, dims=("item", *COUNT.dims[1:]))
CANVAS_INDEX = Variable(
    ("row", "column"),
    "int32",
    "Position in the table of the pixel in a cell, -1 where none.",
    long_name="position of the pixel",
)
CANVAS_COLOUR = Variable(
    ("row", "column"),
    "int8",
    "Colour family of the pixel in a cell, by code; -1 where none.",
    long_name="colour family",
)

SHOWN_BY = Variable(
    ("item",),
    "int16",
    "Pipeline that shows the item; an item to be predicted is shown by each.",
    long_name="pipeline",
)

COHORT = {"expression": EXPRESSION, "state": STATE}
FOREST = {"signature": SIGNATURE, "tree_signature": TREE_SIGNATURE, "vote": VOTE, "state": STATE}

KINDS: dict[str, Mapping[str, Variable]] = {
    "cohort": COHORT,
    "forest": FOREST,
    "counts": {"count": COUNT},
    "null": {"perfect": PERFECT, "trees": COUNTED},
    "gene images": {"image": IMAGE},
    "observation images": {"image": OBSERVATION_IMAGE},
    "table": {"value": VALUE, "relevance": RELEVANCE},
    "cross-fitted canvas": {
        "index": replace(CANVAS_INDEX, dims=("pipeline", *CANVAS_INDEX.dims)),
        "image": CANVAS_IMAGE,
        "colour": replace(CANVAS_COLOUR, dims=("pipeline", *CANVAS_COLOUR.dims), optional=True),
        "shown_by": SHOWN_BY,
    },
    "canvas": {
        "image": CANVAS_IMAGE,
        "index": CANVAS_INDEX,
        "colour": replace(CANVAS_COLOUR, optional=True),
    },
    "count canvas": {"count": CANVAS_COUNT, "index": CANVAS_INDEX, "colour": CANVAS_COLOUR},
}
"""What a Dataset can be. The name and dimensions of its first variable are no other kind's."""

MADE_BY = {
    "cohort": "read_cohort",
    "forest": "grow_forest",
    "counts": "count_signatures",
    "null": "permutation_null",
    "gene images": "rop_images",
    "observation images": "observation_images",
    "table": "filter_pixels",
    "cross-fitted canvas": "join_canvases",
    "canvas": "assemble",
    "count canvas": "assemble_counts",
}
"""Which function of ``deepnic`` makes a Dataset of each kind, in the order of the steps."""


def describe(dataset: xr.Dataset, kind: str) -> xr.Dataset:
    """Return the Dataset, validated, with its kind and its variables' meanings as attributes."""
    declared = KINDS[kind]
    validate(dataset, declared)
    return dataset.assign(
        {
            name: dataset[name].assign_attrs(
                meaning=variable.meaning, long_name=variable.long_name, units=variable.units
            )
            for name, variable in declared.items()
            if name in dataset
        }
    ).assign_attrs(deepnic_kind=kind)


def kind_of(dataset: xr.Dataset) -> str:
    """Tell what a Dataset is, of `KINDS`; `InputError` where it is of none.

    Without the attribute of `describe`, as version 0.1.0 made it or a user does by hand, its
    variables tell; they are only looked at for this, not validated.

    Examples
    --------
    >>> import numpy as np
    >>> kind_of(xr.Dataset({"image": (("item", "row", "column"), np.zeros((2, 8, 8)))}))
    'canvas'
    """
    for of, what in GROUPS_OF.items():
        if names := getattr(dataset, "attrs", {}).get(of):
            raise InputError(
                f"this is a group of stores, {what} ({', '.join(names)}); pass one of them"
            )
    if not isinstance(dataset, xr.Dataset):
        raise InputError(
            f"a {type(dataset).__name__} is no Dataset; pass one that deepnic made, or "
            "`xarray.Dataset` of your own"
        )
    stated = dataset.attrs.get("deepnic_kind")
    # a Dataset that was changed since may still state what it was
    for kind in sorted(KINDS, key=lambda kind: kind != stated):
        name, variable = next(iter(KINDS[kind].items()))
        if name in dataset and set(dataset[name].dims) == set(variable.dims):
            return kind
    raise InputError(
        f"a Dataset of {', '.join(map(str, dataset)) or 'nothing'} is none of deepnic's "
        f"({', '.join(KINDS)}); pass one that deepnic made"
    )


def expect(dataset: xr.Dataset, *kinds: str) -> str:
    """Tell which of some kinds a Dataset is; an `InputError` names the step that was left out.

    Examples
    --------
    >>> import deepnic
    >>> expect(deepnic.demo_cohort(), "table")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: a table is needed, and this is a cohort; make one by filter_pixels
    """
    wanted, makers = " or ".join(kinds), " or ".join(MADE_BY[kind] for kind in kinds)
    try:
        kind = kind_of(dataset)
    except InputError as error:
        what, *_ = str(error).partition("; ")
        raise InputError(f"a {wanted} is needed, and {what}; make one by {makers}") from error
    if kind not in kinds:
        raise InputError(f"a {wanted} is needed, and this is a {kind}; make one by {makers}")
    return kind


def validate(dataset: xr.Dataset, declared: Mapping[str, Variable]) -> None:
    """Check that a Dataset holds the declared variables.

    Raises
    ------
    InputError
        A variable is missing, or has other dimensions or another dtype.
    """
    for name, variable in declared.items():
        wanted = f"{name!r} ({', '.join(variable.dims)}) {variable.dtype}"
        if name not in dataset and variable.optional:
            continue
        if name not in dataset:
            raise InputError(f"the Dataset has no variable {wanted}; pass one that deepnic made")
        array = dataset[name]
        if array.dims != variable.dims or array.dtype != variable.dtype:
            raise InputError(
                f"variable {wanted} has dimensions {array.dims} and dtype {array.dtype}; "
                "convert it first"
            )

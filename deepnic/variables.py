"""Every stored variable, declared once: its dimensions, its dtype and what it means.

``describe`` writes the meaning into a variable's attributes, ``validate`` refuses a Dataset that
breaks a declaration.
"""

from dataclasses import dataclass

import xarray as xr

from deepnic.errors import InputError


@dataclass(frozen=True)
class Variable:
    """A stored variable.

    Attributes
    ----------
    dims : tuple of str
        Its dimensions, in order.
    dtype : str
        NumPy dtype.
    meaning : str
        One sentence.
    """

    dims: tuple[str, ...]
    dtype: str
    meaning: str


CONDITION = ("tree_size", "weight_range")

EXPRESSION = Variable(("observation", "gene"), "float32", "Expression as found in the file.")
STATE = Variable(("observation",), "int8", "1 at risk (sick), 0 not, -1 to be predicted.")
SIGNATURE = Variable(
    (*CONDITION, "draw", "gene"), "uint8", "Signature (0..36) of the tree that counts for the gene."
)
TREE_SIGNATURE = Variable(
    (*CONDITION, "draw", "tree", "slot"),
    "uint8",
    "Signature of each gene of a tree, as grown; 0 where there is no such tree.",
)
VOTE = Variable(
    (*CONDITION, "draw", "tree", "observation"),
    "int8",
    "Out-of-bag vote of a tree: +1 at risk, -1 not, 0 in bag or no such tree.",
)
COUNT = Variable(
    ("gene", *CONDITION, "signature"), "uint16", "Trees of the gene that have the signature."
)
IMAGE = Variable(
    ("gene", "combination", *CONDITION), "float32", "Pixel N(A and B) / N(B); NaN where N(B) = 0."
)
OBSERVATION_IMAGE = Variable(
    ("observation", *IMAGE.dims),
    "float32",
    "Pixel (V1(A and B) - V0(A and B)) / N(B) over out-of-bag trees; NaN where N(B) = 0.",
)
VALUE = Variable(("item", "pixel"), "float32", "Kept pixels of each item; NaN where undefined.")
RELEVANCE = Variable(("pixel",), "float32", "Relevance of a pixel on training items; best first.")

CANVAS_IMAGE = Variable(
    ("item", "row", "column"), "float32", "Pixels laid on a canvas; NaN where undefined or empty."
)
CANVAS_COUNT = Variable(
    ("item", *CONDITION, "signature"), "uint16", "Trees of the gene that have the signature."
)
CANVAS_INDEX = Variable(
    ("row", "column"), "int32", "Position in the table of the pixel in a cell, -1 where none."
)
CANVAS_COLOUR = Variable(
    ("row", "column"), "int8", "Colour family of the pixel in a cell, by code; -1 where none."
)

COHORT = {"expression": EXPRESSION, "state": STATE}
FOREST = {
    "signature": SIGNATURE,
    "tree_signature": TREE_SIGNATURE,
    "vote": VOTE,
    "state": STATE,
}
TABLE = {"value": VALUE, "relevance": RELEVANCE}
CANVAS = {"image": CANVAS_IMAGE, "index": CANVAS_INDEX}
COUNT_CANVAS = {"count": CANVAS_COUNT, "index": CANVAS_INDEX, "colour": CANVAS_COLOUR}


METRICS = {"accuracy": True, "balanced_accuracy": True, "auroc": True, "brier": False}
"""What every arm of a study is measured by, columns of its results, and whether more is better."""


def describe(dataset: xr.Dataset, declared: dict[str, Variable]) -> xr.Dataset:
    """Return the Dataset, validated, with each declared variable's meaning in its attributes.

    Examples
    --------
    >>> import numpy as np
    >>> ds = xr.Dataset({"state": ("observation", np.zeros(2, "int8"))})
    >>> describe(ds, {"state": STATE})["state"].attrs["meaning"]
    '1 at risk (sick), 0 not, -1 to be predicted.'
    """
    validate(dataset, declared)
    return dataset.assign(
        {name: dataset[name].assign_attrs(meaning=v.meaning) for name, v in declared.items()}
    )


def validate(dataset: xr.Dataset, declared: dict[str, Variable]) -> None:
    """Check that a Dataset holds the declared variables.

    Raises
    ------
    InputError
        A variable is missing, or has other dimensions or another dtype.

    Examples
    --------
    >>> validate(xr.Dataset(), COHORT)
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: the Dataset has no variable 'expression' (observation, gene) ...
    """
    for name, variable in declared.items():
        wanted = f"{name!r} ({', '.join(variable.dims)}) {variable.dtype}"
        if name not in dataset:
            raise InputError(f"the Dataset has no variable {wanted}; pass one that deepnic made")
        found = dataset[name]
        if found.dims != variable.dims or found.dtype != variable.dtype:
            raise InputError(
                f"variable {wanted} has dimensions {found.dims} and dtype {found.dtype}; "
                "convert it first"
            )


KINDS = {
    "cohort": COHORT,
    "forest": FOREST,
    "counts": {"count": COUNT},
    "gene images": {"image": IMAGE},
    "observation images": {"image": OBSERVATION_IMAGE},
    "table": TABLE,
    "canvas": CANVAS,
    "count canvas": COUNT_CANVAS,
}


def kind_of(dataset: xr.Dataset) -> str:
    """Tell what a Dataset is, of `KINDS`."""
    for kind, declared in KINDS.items():
        name, variable = next(iter(declared.items()))
        if name in dataset and set(dataset[name].dims) == set(variable.dims):
            return kind
    raise InputError(
        f"a Dataset of {', '.join(map(str, dataset)) or 'nothing'} is none of deepnic's "
        f"({', '.join(KINDS)}); pass one that deepnic made"
    )

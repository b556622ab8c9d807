"""Everything stored, declared once: variables of Datasets, their kinds, and columns of tables.

``describe`` writes into a Dataset what it is and what its variables mean, ``validate`` refuses one
that breaks a declaration, ``kind_of`` tells what a Dataset is, ``column_rows`` explains tables.
"""

import re
from collections.abc import Hashable, Iterable, Mapping
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


@dataclass(frozen=True)
class Column:
    """A column of a table that people read: dtype where no value is missing, and one sentence."""

    dtype: str
    meaning: str


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
    "gene images": "rop_images",
    "observation images": "observation_images",
    "table": "filter_pixels",
    "cross-fitted canvas": "join_canvases",
    "canvas": "assemble",
    "count canvas": "assemble_counts",
}
"""Which function of ``deepnic`` makes a Dataset of each kind, in the order of the steps."""


NO_FILTER = "none"
"""Strength of the filter at which pixels are not ranked by the classes; their genes may be."""

METRICS = {"accuracy": True, "balanced_accuracy": True, "auroc": True, "brier": False}
"""What every arm of a study is measured by, columns of its results, and whether more is better."""

COLUMNS = {
    "cohort": Column("str", "Name of the cohort, or A-to-B: trained on A, tested on B."),
    "permutation": Column("int64", "Number of the permutation of the labels, -1 for the true."),
    "arm": Column("str", "What is compared; no two arms have the same name."),
    "kind": Column("str", "assembly, placement, pixels, forest or expression: what it reads."),
    "role": Column("str", "Part it plays: ours, placement (of a peer), random or baseline."),
    "family": Column("str", "What arms are called that differ in strength and unit alone."),
    "path": Column("str", "Path or placement of the canvas, empty without a canvas."),
    "strength": Column("str", "Pixels kept at most, none without a filter, empty without pixels."),
    "unit": Column("str", "pixel or tile: what is laid along the path, empty without a canvas."),
    "metric": Column("str", f"One of {', '.join(METRICS)}, average_precision."),
    "stage": Column("str", "Step that all arms of a fold share, empty in the row of an arm."),
    "repeat": Column("int64", "Number of the repeat of the cross-validation."),
    "fold": Column("int64", "Number of the fold in its repeat."),
    "seed": Column("int64", "Seed of the network or classifier."),
    "item": Column("str", "Id of the observation or gene."),
    "group": Column("str", "Id of what observations have in common, such as their patient."),
    "symbol": Column("str", "Symbol of the gene, empty where its annotation has none."),
    "state": Column("int64", STATE.meaning),
    "truth": Column("int64", "Class of an item that was held out, -1 where unknown or trained on."),
    "score": Column(
        "float64",
        "Higher = rather state 1; of observations a probability, by the rule of all arms.",
    ),
    "probability": Column(
        "float64",
        "Probability of class 1, or of the class that is named; calibrated where the page says so.",
    ),
    "predicted": Column("int64", "Predicted class."),
    "n_test": Column("int64", "Observations tested in the fold."),
    "accuracy": Column("float64", "Share of the test observations that were predicted right."),
    "balanced_accuracy": Column("float64", "Mean of sensitivity and specificity."),
    "auroc": Column("float64", "Area under the ROC curve of the score."),
    "brier": Column("float64", "Mean squared error of the probability; less is better."),
    "mean": Column("float64", "Value of the metric."),
    "low": Column("float64", "Lower end of its interval."),
    "high": Column("float64", "Upper end of its interval."),
    "calibration.predicted": Column("float64", "Mean predicted probability of class 1 in a bin."),
    "observed": Column("float64", "Share of class 1 among the predictions of the bin."),
    "n": Column("int64", "Predictions in the bin."),
    "patients.truth": Column("int64", "True state."),
    "patients.probability": Column(
        "float64",
        "Mean probability of state 1 over the predictions made while the patient was held out; "
        "empty of an arm that gives none.",
    ),
    "patients.n": Column("int64", "Predictions made while the patient was held out."),
    "wrong": Column("float64", "Share of these predictions that were wrong, 0 to 1."),
    "sure": Column("float64", "How far the mean probability is from even: |2 p - 1|, 0 to 1."),
    "other": Column("str", "Arm that this one is compared with."),
    "rank": Column("float64", "Mean rank of the arm over cohorts, 1 = best."),
    "other_rank": Column("float64", "Mean rank of the other arm."),
    "n_cohorts": Column("int64", "Cohorts that were compared over."),
    "p": Column("float64", "p-value of the pair by Nemenyi's test."),
    "critical_difference": Column("float64", "Ranks further apart than this differ (Nemenyi)."),
    "friedman": Column("float64", "Statistic of Friedman's test of all arms."),
    "friedman_p": Column("float64", "p-value of Friedman's test."),
    "control.p": Column("float64", "p-value of the distance from chance, Bonferroni-corrected."),
    "excess": Column("float64", "AUROC of the image arms above 0.5, their mean."),
    "off_chance": Column("bool", "Whether the arm is off chance though the labels are permuted."),
    "epoch": Column("int64", "Number of the epoch, from 1."),
    "learning_rate": Column("float64", "Learning rate at the end of the epoch."),
    "training_loss": Column("float64", "Mean cross-entropy met in the epoch, dropout included."),
    "training_accuracy": Column("float64", "Share predicted right in the epoch, dropout included."),
    "validation_loss": Column("float64", "Cross-entropy of the validation items."),
    "validation_accuracy": Column("float64", "Share of the validation items predicted right."),
    "test_accuracy": Column("float64", "Share of the test items predicted right."),
    "seconds": Column("float64", "Wall time."),
    "core_seconds": Column("float64", "Processor time, wherever it was spent."),
    "items": Column("int64", "Observations tested in the fold."),
    "ranking": Column("str", "What the test genes are ordered by."),
    "difference": Column("float64", "Lead of the first ranking over this one."),
    "difference_low": Column("float64", "Lower end of the lead's interval."),
    "difference_high": Column("float64", "Upper end of the lead's interval."),
    "task": Column("str", "What was asked of the genes, or the rule that was planted."),
    "half": Column("int64", "Number of the cut of the patients in halves."),
    "part": Column("str", "Part of the genes: validation or test."),
    "scores.metric": Column("str", "auroc, or spearman where the truth is a rank."),
    "scores.n_test": Column("int64", "Genes that were judged."),
    "value": Column("float64", "Value of the metric on the test genes."),
    "added": Column(
        "float64",
        "How much better the ranking by simple statistics becomes with this arm's beside it, put "
        "together on the validation genes.",
    ),
    "explained": Column(
        "float64",
        "Share of the variance of a truth of ranks that a line on the ranked scores explains, "
        "fitted on the validation genes.",
    ),
    "dose": Column("float64", "Uninformative pixels, in times of the informative ones."),
    "filler": Column("str", "What the uninformative pixels hold."),
    "held": Column("bool", "Whether the canvas is as large for every dose."),
    "what": Column("str", "What pixels were put in the place of another gene's together."),
    "name": Column("str", "Which of them."),
    "drop": Column("float64", "How much worse the network ranks the test genes for it."),
    "column": Column("str", "Column of scores.csv that the mean is of."),
    "summary.n_cohorts": Column("int64", "Cohorts that the mean is over."),
    "differences.difference": Column("float64", "Value of the arm less the other's, over cohorts."),
    "differences.p": Column("float64", "p-value of the pair, corrected by Holm within the task."),
    "worse": Column("float64", "Probability that the arm is worse by more than a point."),
    "detectable": Column("float64", "Difference that would be found four times in five, about."),
    "same": Column("float64", "Probability that the two are within a point."),
    "better": Column("float64", "Probability that the arm is better by more than a point."),
    "gene": Column("str", "Id of the gene."),
    "direction": Column("str", "higher or lower in those at risk, by the signs of its weights."),
    "genes.score": Column(
        "float64",
        "How far its trees are perfect more often than those of permuted genes: mean over "
        "conditions of the scaled deviance residual, about standard normal by chance.",
    ),
    "genes.p": Column("float64", "Share of the permuted genes that score as high, pooled."),
    "genes.q": Column("float64", "That p adjusted over the genes (Benjamini and Hochberg)."),
    **{
        f"nic{k}": Column("float64", f"Share of {what}, mean over conditions.")
        for k, what in enumerate(
            (
                "its trees that are perfect",
                "its perfect trees with all its weights non-zero",
                "its perfect trees with all its weights positive",
                "its perfect trees with all its weights negative",
                "the last two together, the fourth root of their product",
                "its perfect trees without non-zero weights of either sign",
                "its perfect trees of one cycle",
                "its perfect trees of one node",
                "its perfect trees whose nodes have finite sets of optima",
                "its perfect trees whose nodes have one optimum each",
            ),
            1,
        )
    },
    **{
        f"nic{k}_at": Column("str", f"Condition in which nic{k} is largest, such as V3 R4.")
        for k in range(1, 11)
    },
    "smallest": Column("str", "First condition, by genes of a tree, with a perfect tree of it."),
    "stability": Column(
        "float64", "Agreement of even and odd draws on its perfect trees: weighted Jaccard index."
    ),
    "t": Column("float64", "Welch's t, above 0 where those at risk are higher."),
    "fold_change": Column("float64", "Mean of those at risk less that of the others."),
    "welch_p": Column("float64", "p-value of Welch's test."),
    "welch_q": Column("float64", "It adjusted over the genes (Benjamini and Hochberg)."),
    "tree_size": Column("int64", "Genes of a tree, V."),
    "weight_range": Column("int64", "Number of weights, R."),
    "permuted": Column("float64", "Share of the trees of permuted genes that are perfect."),
    "dispersion": Column("float64", "Variance of their count between genes, over the binomial."),
    "most": Column("float64", "Residual of a gene all of whose trees are perfect there."),
    "saturated": Column("bool", "Whether nearly all trees of permuted genes are perfect."),
    "companion": Column("str", "Id of another gene that it shares trees with."),
    "together": Column("int64", "Trees that both are in."),
    "perfect": Column("int64", "Of these, how many are perfect."),
    "expected": Column("float64", "How many would be, if each only added what it does elsewhere."),
    "companions.p": Column("float64", "Probability of as many perfect ones or more by chance."),
    "companions.q": Column("float64", "It adjusted over all pairs that met (Benjamini, Hochberg)."),
}
"""Columns of the CSV files that people read, by name; by file and name where files differ."""

WORDS = tuple(name for name, column in COLUMNS.items() if column.dtype == "str")
"""Columns that are read as they are written: an arm may be called "none", an item "1"."""


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
    for of, what in ((CLASSES, "of each class against the rest"), (PARTS, "each without a part")):
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


def column_rows(tables: Mapping[str, Iterable[Hashable]]) -> list[dict[str, str]]:
    """Explain the columns of tables by their names, such as "results": rows of a ``columns.csv``.

    Examples
    --------
    >>> column_rows({"history": ["epoch"]})[0]["meaning"]
    'Number of the epoch, from 1.'
    """
    rows = []
    for table, names in tables.items():
        for name in map(str, names):
            general = re.sub(r"_\d+$", "", name)  # probability_2 of more than two classes
            column = COLUMNS.get(f"{table}.{name}") or COLUMNS[general]
            rows.append({"table": table, "name": name, **vars(column)})
    return rows


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

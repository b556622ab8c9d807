"""Columns of the tables that people read, declared once; ``column_rows`` explains a table."""

import re
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass

from deepnic.variables import STATE


@dataclass(frozen=True)
class Column:
    """A column of a table that people read: dtype where no value is missing, and one sentence."""

    dtype: str
    meaning: str


NO_FILTER = "none"
"""Strength of the filter at which pixels are not ranked by the classes; their genes may be."""

METRICS = {"accuracy": True, "balanced_accuracy": True, "auroc": True, "brier": False}
"""What every arm of a study is measured by, columns of its results, and whether more is better."""

COLUMNS = {
    "cohort": Column("str", "Name of the cohort, or A-to-B: trained on A, tested on B."),
    "permutation": Column("int64", "Number of the permutation of the labels, -1 for the true."),
    "arm": Column("str", "What is compared; no two arms have the same name."),
    "kind": Column(
        "str",
        "assembly, placement, one forest, network, encoder, pretrained, pixels, forest, map or "
        "expression: what it reads, or what reads it.",
    ),
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
    "chosen": Column("float64", "Share of the fits whose filter keeps a pixel of the gene."),
    "fits": Column("int64", "Pipelines that were fitted: of each part of each training fold."),
    "pixels": Column("float64", "Share of the kept pixels that are the gene's, mean over fits."),
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
    "correlation": Column("float64", "Correlation of two trees of one permuted gene."),
    "most": Column("float64", "Residual of a gene all of whose trees are perfect there."),
    "saturated": Column("bool", "Whether nearly all trees of permuted genes are perfect."),
    "companion": Column("str", "Id of another gene that it shares trees with."),
    "together": Column("int64", "Trees that both are in."),
    "perfect": Column("int64", "Of these, how many are perfect."),
    "expected": Column("float64", "How many would be, if each only added what it does elsewhere."),
    "companions.p": Column("float64", "Probability of as many perfect ones or more by chance."),
    "companions.q": Column("float64", "It adjusted over all pairs that met (Benjamini, Hochberg)."),
    "class": Column("str", "Class whose margin is explained: its score less the others' mean."),
    "condition": Column("str", "Genes of a tree and number of weights, such as V3 R4."),
    "combination": Column("str", "Criteria A|B of the pixel: N(A and B) / N(B)."),
    "pipeline": Column("int64", "Number of the pipeline whose canvas has the pixel."),
    "row": Column("int64", "Row of the pixel on the canvas, from 0."),
    "pixels.column": Column("int64", "Column of the pixel on the canvas, from 0."),
    "place": Column("int64", "Place in the list of the class, 1 = looked at most."),
    "attribution": Column(
        "float64", "Integrated gradients: mean size over the items; of an item with their sign."
    ),
    "share": Column("float64", "Attribution as a share of their sum."),
    "occlusion": Column(
        "float64",
        "What the margin loses where its pixels are 0: mean size over the items; "
        "of an item with its sign.",
    ),
    "in_class": Column("float64", "Mean attribution in items predicted to be of the class."),
    "in_others": Column("float64", "Mean attribution in the other items."),
    "best": Column("int64", "Best place that it has in one of the networks."),
    "worst": Column("int64", "Worst place that it has in one of the networks."),
    "items.predicted": Column("str", "Class that is predicted, by most of several networks."),
    "margin": Column("float64", "Score of the class less the mean of the others', not calibrated."),
    "of_baseline": Column(
        "float64", "The same of its image with all votes turned; of genes with 0 for all."
    ),
    "items.explained": Column(
        "float64", "Sum of the integrated gradients: margin less of_baseline."
    ),
    "agreement.what": Column("str", "gene, combination, condition or pixel."),
    "between": Column("str", "networks, or pipelines of one network."),
    "first": Column("int64", "Number of the one that is compared, from 1, as they were given."),
    "second": Column("int64", "Number of the other."),
    "agreement": Column(
        "float64",
        "Spearman's correlation of their attributions; networks that learnt the same labels from "
        "the same images agree even if the labels were permuted.",
    ),
    "genes_for": Column("int64", "Genes of whose perfect trees more voted for risk than against."),
    "genes_against": Column("int64", "Genes of whose perfect trees more voted against it."),
    "genes_even": Column("int64", "Genes of whose perfect trees as many voted for as against it."),
    "genes_silent": Column("int64", "Genes whose perfect trees were all grown on the patient."),
    "genes_never_perfect": Column("int64", "Genes that have no perfect tree."),
    "votes_for": Column(
        "int64", "Votes of perfect trees not grown on the patient that it is at risk, by gene."
    ),
    "votes_against": Column("int64", "The same that it is not."),
    "left_out": Column("int64", "Trees of the gene, perfect or not, not grown on the patient."),
    "votes.perfect": Column("int64", "Perfect trees of the gene, whatever they were grown on."),
    "set": Column("str", "Name of the set of genes in the GMT file."),
    "nes": Column(
        "float64", "Normalised enrichment score, above 0 where its genes are higher in the sick."
    ),
    "enrichment.p": Column("float64", "Share of permutations of genes that score as high."),
    "enrichment.q": Column(
        "float64",
        "False discovery rate, as if genes were independent, which makes it too small.",
    ),
    "enrichment.genes": Column("int64", "Genes of the set that are in the list."),
    "leading": Column("str", "Genes before the peak of the score, with ; between them."),
    "common": Column("int64", "How many are among the ten first of both."),
}
"""Columns of the CSV files that people read, by name; by file and name where files differ."""

WORDS = tuple(name for name, column in COLUMNS.items() if column.dtype == "str")
"""Columns that are read as they are written: an arm may be called "none", an item "1"."""


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

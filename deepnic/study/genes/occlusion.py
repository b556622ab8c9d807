"""What a network looks at: how much worse it ranks once some pixels are those of other genes."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray

from deepnic.analysis.gene_scores import quality
from deepnic.assembly import Assembly, fit_assembly, lay
from deepnic.assembly.gene_canvas import pixel_table
from deepnic.nic.families import family
from deepnic.nic.genes import expand
from deepnic.study.genes.fold import GeneFold

AT_ONCE = 2000  # images of a prediction


def occlude(fold: GeneFold, *, path: str, seed: int) -> pd.DataFrame:
    """Train the network on the 510 combinations, and take parts of the test images away.

    The pixels of a part are put in the place of another test gene's, all of a part together, so
    that each pixel keeps its law and loses what it says of this gene (permutation importance).

    Returns
    -------
    DataFrame
        A row for each condition, for each criterion that a combination names, and for each
        combination: what, name, ``drop`` (of AUROC or Spearman's correlation on some test genes).
    """
    from deepnic.learn.fit import train  # loads torch where it is used

    members = family("distinct")
    table = pixel_table(fold.counts, members)
    assembly = fit_assembly(table.isel(item=slice(0, 0)), path=path, order="relevance", seed=seed)
    training = fold.part == "training"
    canvas = lay(table.isel(item=training), assembly)
    canvas = canvas.assign_coords(state=("item", fold.state[training]))
    canvas = fold.aimed(canvas, training)
    network = train(canvas, epochs=fold.epochs, seed=seed, device=fold.device).predictor

    judged = (fold.part == "test") & fold.sample
    truth, values = fold.truth[judged], table["value"].values[judged]
    other = values[np.random.default_rng(seed).permutation(len(values))]
    layout = table.drop_vars(["value", "item"])

    def qualities(pixels: NDArray[np.bool_]) -> list[float]:
        """Quality with some pixels (part, pixel) of other genes, part by part."""
        mixed = np.where(pixels[:, None], other, values).reshape(-1, pixels.shape[1])
        some = layout.assign(value=(("item", "pixel"), mixed))
        said = network.predict(lay(some.assign_coords(item=np.arange(len(mixed))), assembly))
        scores = said["probability of 1"].to_numpy().reshape(len(pixels), -1)
        return [quality(truth, score) for score in scores]

    parts = list(_parts(table, members.label))
    (whole,) = qualities(np.zeros((1, values.shape[1]), bool))
    at_once = max(1, AT_ONCE // len(values))
    left = [
        value
        for start in range(0, len(parts), at_once)
        for value in qualities(np.stack([part[2] for part in parts[start : start + at_once]]))
    ]
    rows = [(*part[:2], whole - value) for part, value in zip(parts, left, strict=True)]
    return pd.DataFrame(rows, columns=["what", "name", "drop"])


def _parts(
    table: xr.Dataset, labels: tuple[str, ...]
) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """Pixels of each part that is taken away."""
    tree_size, weight_range = table["tree_size"].values, table["weight_range"].values
    for v, r in sorted({*zip(tree_size.tolist(), weight_range.tolist(), strict=True)}):
        yield "condition", f"V {v}, R {r}", (tree_size == v) & (weight_range == r)
    combination = table["combination"].values
    named = {label: {*label.replace("|", "+").split("+")} - {""} for label in labels}
    for criterion in sorted(set().union(*named.values()), key=int):
        those = [label for label, criteria in named.items() if criterion in criteria]
        yield "criterion", criterion, np.isin(combination, those)
    for label in labels:
        yield "combination", label, combination == label


def example(fold: GeneFold, paths: tuple[str, ...], seed: int) -> xr.Dataset:
    """One test gene's 510 combinations under each path, and its base images.

    The gene is the one of the largest absolute t in the first half. Variables as of
    `deepnic.study.examples.example_images`.
    """
    strength = fold.statistics["t"].abs().to_numpy() * (fold.part == "test")
    one = int(np.nanargmax(strength))
    counts = fold.counts.isel(gene=[one])
    members = family("distinct")
    table = pixel_table(counts, members)
    laid: list[Assembly] = []
    few = fold.counts.isel(gene=np.flatnonzero(fold.part == "training")[:256])
    training = pixel_table(few, members)
    for path in paths:
        laid.append(fit_assembly(training, path=path, seed=seed))
    canvases = [lay(table, assembly) for assembly in laid]
    cells = ("path", "gene_row", "gene_column")
    base = family("base")
    tile = expand(counts["count"].values, base)[0]
    return xr.Dataset(
        {
            "gene_image": (cells, np.stack([canvas["image"].values[0] for canvas in canvases])),
            "gene_colour": (cells, np.stack([canvas["colour"].values for canvas in canvases])),
            "tile": (("combination", "tree_size", "weight_range"), tile),
        },
        coords={
            "path": np.array(paths, object),
            "combination": np.array(base.label, object),
            "colour": ("combination", np.array(base.colour, object)),
            "tree_size": counts["tree_size"].values,
            "weight_range": counts["weight_range"].values,
        },
        attrs={"gene": str(fold.item[one])},
    )

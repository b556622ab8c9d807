"""Tables of what networks look at: what ranks first, for whom, and how far networks agree."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from deepnic.learn.attribution import PARTS, Attribution

PLACE = ["pipeline", "row", "column"]


def parts_of(attributions: Sequence[Attribution]) -> list[str]:
    """What the pixels of these networks can be put together by, and "pixel"."""
    return [*(part for part in PARTS if part in attributions[0].pixels), "pixel"]


def rank_parts(attributions: Sequence[Attribution], part: str) -> pd.DataFrame:
    """List genes, combinations, conditions or pixels, those first that a network looks at most.

    Parameters
    ----------
    attributions : sequence of Attribution
        Of one network, or of several of the same classes, such as of other seeds.
    part : {"gene", "combination", "condition", "pixel"}

    Returns
    -------
    DataFrame
        A row a part of each class, by rising ``place``: ``class``, the names of the part,
        ``attribution``, the mean size (absolute value) of its integrated gradients over the items,
        ``share`` of their sum, ``occlusion``, the mean size of what the margin loses without it;
        ``in_class`` and ``in_others``, the mean of its integrated gradients, signs included, in the
        items predicted to be of the class and in the others (NaN where there are none). Of several
        networks these are means over them, what a network has no pixel of counting 0, and ``best``
        and ``worst`` are the ranks it has in them.

    Examples
    --------
    >>> pixels = pd.DataFrame({"pipeline": 0, "row": 0, "column": [0, 1], "gene": ["a", "b"]})
    >>> items = pd.DataFrame({"item": ["p", "q"], "predicted": ["sick", "not"], "margin": 0.0,
    ...                       "of_baseline": 0.0})
    >>> lost = {"gene": np.zeros((2, 2)), "pixel": np.zeros((2, 2))}
    >>> one = Attribution("sick", items, pixels, np.array([[1.0, 3.0], [-1.0, 5.0]]), lost, None)
    >>> rank_parts([one], "gene")[["gene", "attribution", "in_class", "in_others"]].values.tolist()
    [['b', 4.0, 3.0, 5.0], ['a', 1.0, 1.0, -1.0]]
    """
    return pd.concat(
        [_ranked(group, part).assign(**{"class": label}) for label, group in _by(attributions)],
        ignore_index=True,
    ).pipe(lambda table: table[["class", *table.columns.drop("class")]])


def list_items(attributions: Sequence[Attribution]) -> pd.DataFrame:
    """List each item's margin and what explains it: see `Attribution`, of several networks means.

    ``predicted`` is the class that most say; ``explained`` is the sum of the integrated gradients,
    nearly ``margin`` less ``of_baseline``.
    """
    rows = []
    for label, group in _by(attributions):
        tables = [one.items.assign(explained=one.gradients.sum(axis=1)) for one in group]
        table = tables[0][["item"]].assign(predicted=_predicted(group))
        table.insert(1, "class", label)
        for name in ("margin", "of_baseline", "explained"):
            table[name] = np.mean([one[name] for one in tables], axis=0)
        rows.append(table)
    return pd.concat(rows, ignore_index=True)


def explain_items(attributions: Sequence[Attribution]) -> pd.DataFrame:
    """List for each item what each gene adds to its margin; of images of genes each combination.

    A row has ``item``, ``class``, the name, ``attribution`` (integrated gradients, signs included)
    and ``occlusion``; the largest attribution of an item first. Of several networks they are means.
    What no canvas of an item shows is left out.
    """
    part = parts_of(attributions)[0]
    rows = []
    for label, group in _by(attributions):
        means = {name: _mean(group, part, lost) for name, lost in MEASURES.items()}
        names = _named(means["attribution"].columns, part)
        item, which = np.indices(means["attribution"].shape).reshape(2, -1)
        table = names.iloc[which].reset_index(drop=True)
        table.insert(0, "item", group[0].items["item"].to_numpy()[item])
        table.insert(1, "class", label)
        table = table.assign(**{name: mean.to_numpy().ravel() for name, mean in means.items()})
        order = np.lexsort((-table["attribution"].abs(), item))
        table = table.iloc[order]
        rows.append(table[(table[[*MEASURES]] != 0).any(axis=1)])
    return pd.concat(rows, ignore_index=True)


MEASURES = {"attribution": False, "occlusion": True}
"""Measures by their columns, and whether they are of what is lost by occlusion."""


def agreement(attributions: Sequence[Attribution]) -> pd.DataFrame:
    """Tell how far networks, and the pipelines of one network, agree on what ranks first.

    Returns
    -------
    DataFrame
        A row a pair and part: ``class``, ``what``, ``between`` ("networks" or "pipelines"),
        ``first`` and ``second``, their numbers from 1, and ``agreement``: Spearman's correlation of
        the mean sizes of integrated gradients, over all parts that either has, 0 for what one has
        no pixel of; ``common``, how many are among the ten first of both. Pixels of other pipelines
        are other pixels, and are not compared; nor are fewer than three parts.
    """
    rows = []
    for label, group in _by(attributions):
        for part in parts_of(group):
            compared = {"networks": [_sizes(one, part) for one in group]}
            if len(group) == 1 and part != "pixel":
                compared["pipelines"] = [*_sizes_of_pipelines(group[0], part)]
            for between, sizes in compared.items():
                pairs = combinations(enumerate(sizes, 1), 2)
                rows += [
                    (label, part, between, first, second, *_agreement(one, other))
                    for (first, one), (second, other) in pairs
                ]
    names = ["class", "what", "between", "first", "second", "agreement", "common"]
    return pd.DataFrame(rows, columns=names).dropna(ignore_index=True)


FIRST = 10  # of which networks may have some in common


def _by(attributions: Sequence[Attribution]) -> Iterator[tuple[str, list[Attribution]]]:
    """Attributions of each class."""
    for label in dict.fromkeys(one.label for one in attributions):
        yield label, [one for one in attributions if one.label == label]


def _predicted(group: Sequence[Attribution]) -> NDArray[np.object_]:
    """Class of each item, by most networks; of as many the first in the alphabet."""
    said = pd.concat([one.items["predicted"] for one in group], axis=1)
    return said.mode(axis=1)[0].to_numpy(object)


def _ranked(group: Sequence[Attribution], part: str) -> pd.DataFrame:
    """Parts of a class."""
    mean, lost = (_mean(group, part, of, size=True).mean() for of in MEASURES.values())
    signed = _mean(group, part, False)
    of_class = _predicted(group) == group[0].label
    table = pd.DataFrame({"attribution": mean, "share": mean / mean.sum(), "occlusion": lost})
    for name, those in (("in_class", of_class), ("in_others", ~of_class)):
        table[name] = signed[those].mean() if those.any() else np.nan
    if len(group) > 1:
        each = pd.concat([_sizes(one, part) for one in group], axis=1).reindex(table.index)
        ranks = each.fillna(0).rank(ascending=False, method="min").astype(int)
        table = table.assign(best=ranks.min(axis=1), worst=ranks.max(axis=1))
    table = table.sort_values("attribution", ascending=False, kind="stable")
    table = _named(table.index, part).join(table.reset_index(drop=True))
    table.insert(0, "place", np.arange(1, len(table) + 1))
    return table


def _named(names: pd.Index, part: str) -> pd.DataFrame:
    """Columns of names of parts; of pixels their places, and what they are as far as it is said."""
    if part != "pixel":
        return pd.DataFrame({part: names})
    table = pd.DataFrame(names.tolist(), columns=[*PLACE, *PARTS])
    unsaid = [name for name in PARTS if (table[name] == "").all()]
    return table.drop(columns=unsaid if table["pipeline"].any() else [*unsaid, "pipeline"])


def _mean(
    group: Sequence[Attribution], part: str, lost: bool, *, size: bool = False
) -> pd.DataFrame:
    """Values (item, part) by name, their mean over networks; of absolute values for ``size``."""
    tables = [_values(one, part, lost) for one in group]
    names = dict.fromkeys(name for table in tables for name in table.columns)
    index = pd.Index([*names], tupleize_cols=False)
    filled = [table.reindex(columns=index, fill_value=0.0).to_numpy() for table in tables]
    means = np.mean(np.abs(filled) if size else filled, axis=0)
    return pd.DataFrame(means, columns=index)


def _values(one: Attribution, part: str, lost: bool = False) -> pd.DataFrame:
    """Values (item, part) of a network."""
    values = one.occlusion[part] if lost else one.of(part)
    if part == "pixel":
        names = one.pixels.reindex(columns=[*PLACE, *PARTS], fill_value="")
        columns: list[Any] = [tuple(row) for row in names.itertuples(index=False)]
    else:
        columns = one.names(part)
    return pd.DataFrame(values, columns=pd.Index(columns, tupleize_cols=False))


def _sizes(one: Attribution, part: str) -> pd.Series:
    """Mean size of each part, by name."""
    return _values(one, part).abs().mean()


def _sizes_of_pipelines(one: Attribution, part: str) -> Iterator[pd.Series]:
    """Mean size of each part among the pixels of each pipeline, over the items that it shows."""
    for _, pixels in one.pixels.groupby("pipeline"):
        place = pixels.index.to_numpy()
        shown = np.flatnonzero(~np.isnan(one.image[:, place]).all(axis=1))
        mine = one.gradients[np.ix_(shown, place)]
        yield pd.DataFrame(mine.T).groupby(pixels[part].to_numpy()).sum().abs().mean(axis=1)


def _agreement(one: pd.Series, other: pd.Series) -> tuple[float, int]:
    """Spearman's correlation over all names of either, and names among the ten first of both."""
    first = [{*each[each > 0].nlargest(FIRST).index} for each in (one, other)]
    both = pd.concat([one, other], axis=1).fillna(0).to_numpy()
    if len(both) < 3 or (np.ptp(both, axis=0) == 0).any():
        return np.nan, 0
    return float(stats.spearmanr(*both.T).statistic), len(first[0] & first[1])

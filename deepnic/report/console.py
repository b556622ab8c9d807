"""Small tables for the console."""

import pandas as pd
from rich.table import Table


def ranking_table(ranking: pd.DataFrame) -> Table:
    """Lay out how the network orders genes, beside what is known without it.

    Parameters
    ----------
    ranking : DataFrame
        From `deepnic.analysis.gene_rankings.compare_rankings`.

    Examples
    --------
    >>> ranking = pd.DataFrame([["network", "auroc", 0.8, 0.7, 0.9]],
    ...     columns=["ranking", "metric", "mean", "low", "high"])
    >>> list(ranking_table(ranking).columns[1].cells)
    ['0.800 (0.700-0.900)']
    """
    metrics = ranking["metric"].unique().tolist()
    table = Table("order of the test genes by", *(name.replace("_", " ") for name in metrics))
    for name, rows in ranking.groupby("ranking", sort=False):
        by_metric = rows.set_index("metric")
        cells = [
            "{mean:.3f} ({low:.3f}-{high:.3f})".format(**by_metric.loc[metric])
            for metric in metrics
        ]
        table.add_row(str(name), *cells)
    return table

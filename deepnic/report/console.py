"""Tables for the console."""

import math
import os
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pandas as pd
from rich.box import SIMPLE
from rich.console import Group
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from deepnic.analysis import Findings, Interval
from deepnic.analysis.metrics import METRIC_TITLES
from deepnic.analysis.ranking import best_of_each, rows
from deepnic.columns import METRICS

if TYPE_CHECKING:
    from deepnic.store.estimate import Estimate  # loads the search


def summary_table(findings: Findings) -> Table:
    """The best arm of each family of a study; of each kind, if there are several cohorts."""
    from deepnic.report.tables import kind_title

    several = len(findings.tested) > 1
    best = best_of_each(findings.scores(), "kind") if several else findings.best
    intervals = {
        (row.cohort, row.arm, row.metric): Interval.of(row).short() for row in rows(findings.arms)
    }
    metrics = [metric for metric in METRIC_TITLES if METRICS[metric]]  # more is better: 80 columns
    title = "On unseen observations: mean and 95% interval"
    table = Table(title=title, box=SIMPLE, show_edge=False, padding=0)
    table.add_column("arm")
    for metric in metrics:
        table.add_column(METRIC_TITLES[metric], justify="right", no_wrap=True)
    above = None
    for row in rows(best):
        section = row.cohort if several else kind_title(row.kind)
        if section != above:
            table.add_section()
            table.add_row(Text(section, style="bold"))
        above = section
        cells = [row.arm, *(intervals[row.cohort, row.arm, metric] for metric in metrics)]
        table.add_row(*map(Text, cells))  # Text: a bracket in a name is no markup
    return table


def account_table(account: Sequence[Mapping[str, Any]]) -> Table:
    """Lay out one filter's account.

    Parameters
    ----------
    account : sequence of mappings
        Of each stage, ``stage``, ``kept`` and ``removed`` (count by reason).

    Examples
    --------
    >>> table = account_table([{"stage": "data", "kept": 4, "removed": {"undefined": 6}}])
    >>> [list(column.cells) for column in table.columns]
    [['data'], ['4'], ['undefined 6']]
    """
    table = Table("stage", "kept", "removed")
    for stage in account:
        removed = ", ".join(f"{reason} {count:,}" for reason, count in stage["removed"].items())
        table.add_row(stage["stage"], f"{stage['kept']:,}", removed)
    return table


def estimate_table(job: "Estimate", cores: int) -> Group:
    """Lay out what a job will take: in all, by condition, and where less is asked for.

    Examples
    --------
    >>> from deepnic.store.estimate import Estimate
    >>> job = Estimate({(3, 5): 7200}, 3e8, 1e7, 1e9, savings={"--n-trees 50": 0.5})
    >>> for table in estimate_table(job, 36).renderables:
    ...     [list(column.cells)[-1] for column in table.columns]
    ['36 cores like these', '0:03:20', '660.0 MB', '1.0 GB']
    ['3', '0:03:20']
    ['--n-trees 50', '0:01:40', '50 %']
    """
    return Group(*(lay_out(job, cores) for lay_out in (_in_all, _by_condition, _with_less)))


def _in_all(job: "Estimate", cores: int) -> Table:
    """Time, memory and disk, on this machine and on so many cores like its own."""
    table = Table("", "time", "memory", "disk")
    here = os.cpu_count() or 1
    for where, n in ((f"this machine, {here} cores", here), (f"{cores} cores like these", cores)):
        memory, disk = decimal(int(job.memory(n))), decimal(int(job.disk_bytes))
        table.add_row(where, _duration(job.seconds(n)), memory, disk)
    return table


def _by_condition(job: "Estimate", cores: int) -> Table:
    """Time of each condition, tree size by weight range."""
    sizes, ranges = (sorted(set(some)) for some in zip(*job.by_condition, strict=True))
    title = f"time by condition, {cores} cores"
    table = Table("genes a tree", *(f"weight range {R}" for R in ranges), title=title)
    for V in sizes:
        table.add_row(str(V), *(_duration(job.by_condition[V, R] / cores) for R in ranges))
    return table


def _with_less(job: "Estimate", cores: int) -> Table:
    """Time of smaller jobs."""
    table = Table("if you ask for", "time", "saved", title=f"what takes less, {cores} cores")
    for words, share in job.savings.items():
        table.add_row(words, _duration(job.seconds(cores) * (1 - share)), f"{100 * share:.0f} %")
    return table


def _duration(seconds: float) -> str:
    return str(timedelta(seconds=math.ceil(seconds)))


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
    for name, of_name in ranking.groupby("ranking", sort=False):
        by_metric = of_name.set_index("metric")
        cells = ["{mean:.3f} ({low:.3f}-{high:.3f})".format(**by_metric.loc[m]) for m in metrics]
        table.add_row(str(name), *cells)
    return table

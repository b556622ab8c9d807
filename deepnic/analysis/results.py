"""What a study or a run leaves, as it is judged: tables, accounts and images in memory."""

from dataclasses import dataclass
from typing import Any

import pandas as pd
import xarray as xr


@dataclass(frozen=True)
class StudyResults:
    """Results of a study, as `deepnic.study.folder.read_study` reads them.

    Attributes
    ----------
    facts : dict
        ``study.json``: settings, cohorts, machine, deepnic, command, started, finished,
        data_parallel, failures, left_out.
    summary, predictions, history, calibration, costs : DataFrame
        Of the true labels; see `deepnic.columns` for the columns.
    accounts : list of dict
        The filter's account in each training fold, by cohort and strength.
    examples : dict of Dataset
        One gene and one observation of each cohort as images.
    control : DataFrame or None
        What became of the arms under permuted labels.
    control_units : DataFrame or None
        What became of the image arms together in each permuted study; None of version 0.1.0.
    patients : DataFrame or None
        Every patient by cohort and arm; None of a study of version 0.1.0.
    chosen_genes : DataFrame or None
        Genes whose pixels the strictest filter keeps, and how often; None without such a filter,
        and of a study of an earlier version.
    """

    facts: dict[str, Any]
    summary: pd.DataFrame
    predictions: pd.DataFrame
    history: pd.DataFrame
    calibration: pd.DataFrame
    costs: pd.DataFrame
    accounts: list[dict[str, Any]]
    examples: dict[str, xr.Dataset]
    control: pd.DataFrame | None = None
    control_units: pd.DataFrame | None = None
    patients: pd.DataFrame | None = None
    chosen_genes: pd.DataFrame | None = None

    @property
    def cohorts(self) -> list[str]:
        """Cohorts with a result, without the transfers between them."""
        return [name for name, facts in self._tested.items() if "train" not in facts]

    @property
    def whole(self) -> dict[str, str]:
        """The cohort that each of them is a part of: itself, but for one class against the rest."""
        return {name: self._tested[name].get("one_of") or name for name in self.cohorts}

    @property
    def independent(self) -> list[str]:
        """Cohorts that share no patients by their making."""
        return [name for name, whole in self.whole.items() if name == whole]

    @property
    def transfers(self) -> list[str]:
        """Transfers from one cohort to another with a result, by name."""
        return [name for name, facts in self._tested.items() if "train" in facts]

    @property
    def grouped(self) -> list[str]:
        """Cohorts of whose groups some hold several observations: intervals are over groups."""
        if "group" not in self.predictions:
            return []
        items = self.predictions[["cohort", "item", "group"]].drop_duplicates()
        return items.loc[items.duplicated(["cohort", "group"]), "cohort"].unique().tolist()

    @property
    def _tested(self) -> dict[str, Any]:
        there = set(self.summary["cohort"])
        return {name: facts for name, facts in self.facts["cohorts"].items() if name in there}


@dataclass(frozen=True)
class GeneResults:
    """Results of a study of genes, as `deepnic.study.genes.folder.read_gene_study` reads them.

    ``scores`` have a row for each cohort, task, half, arm and seed; ``summary`` and ``differences``
    are over cohorts; ``costs`` of stages and arms; ``occlusion`` is None unless a task was looked
    at closely; ``examples`` hold one gene of each cohort under each path.
    """

    facts: dict[str, Any]
    scores: pd.DataFrame
    summary: pd.DataFrame
    differences: pd.DataFrame
    costs: pd.DataFrame
    occlusion: pd.DataFrame | None
    examples: dict[str, xr.Dataset]


@dataclass(frozen=True)
class RunResults:
    """Results of a training run, as `deepnic.runs.folder.read_run` reads them.

    ``facts`` are those of `deepnic.runs.folder.RunFacts`; ``history`` has a row an epoch;
    ``n_judged`` items held out have a known class, those that the test measures are of; ``ranking``
    has a row for each ranking of the test genes and metric, None unless they were ranked;
    ``patients`` has one for each patient held out whose state is known, None unless there are any;
    ``looked_at`` are the genes, combinations or pixels that the network looks at most, by class,
    and ``overlays`` the pictures of it (SVG), of ``deepnic attribute`` into the run's folder.
    """

    facts: dict[str, Any]
    history: pd.DataFrame
    n_judged: int
    ranking: pd.DataFrame | None
    patients: pd.DataFrame | None = None
    looked_at: pd.DataFrame | None = None
    overlays: tuple[bytes, ...] = ()


@dataclass(frozen=True)
class ClassesResults:
    """Results of joined runs, of each of several classes against the rest.

    ``facts`` name the ``classes``, and of each its run and metrics (``of_classes``);
    ``predictions`` have a row an observation, with the numbers of the classes in the order of the
    facts.
    """

    facts: dict[str, Any]
    predictions: pd.DataFrame

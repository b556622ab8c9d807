"""The tables of a study as Markdown, for a README."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from deepnic.analysis.differences import Lead, headline, rivals
from deepnic.analysis.factors import choices, claim
from deepnic.analysis.ranking import TITLES, Interval, leaders, scores, strength_label, strengths
from deepnic.report.folder import StudyFolder, read_study
from deepnic.report.tables import family_rows, kept_pixels, kept_rows, unfiltered


def write_tables(folder: str | Path, path: str | Path | None = None) -> Path:
    """Write what a study found as Markdown.

    Parameters
    ----------
    folder : str or Path
        Folder written by `deepnic.run_study`.
    path : str or Path, optional
        File to write; ``tables.md`` in the folder unless given.

    Returns
    -------
    Path
        The file: the answer, balanced accuracy of each family of arms by cohort, the lead of the
        best assembly over other ways, where a study holds them strengths of the filter and what
        each choice is worth over the cohorts, and every arm in every metric.

    Raises
    ------
    InputError
        The folder or one of its files is missing or cannot be read.

    Examples
    --------
    >>> write_tables("nowhere")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no study in nowhere: run `deepnic study` first
    """
    study = read_study(folder)
    path = Path(folder) / "tables.md" if path is None else Path(path)
    path.write_text("\n\n".join(_parts(study)) + "\n", encoding="utf-8")
    return path


def _parts(study: StudyFolder) -> list[str]:
    table, kept = scores(study.summary), kept_pixels(study)
    found, weighed = rivals(table, study.predictions, study.own), choices(table, study.own)
    parts = [
        " ".join(headline(table, found, study.own)),
        "Balanced accuracy and its 95% interval over patients, best strength and unit of each:",
        _scores("best of", study.cohorts, leaders(table)),
    ]
    if found:
        said = "in points and their 95% interval over patients; bold if the one over folds agrees:"
        parts += [f"The best assembly beside other ways, {said}", _leads(study.cohorts, found)]
    if len(strengths(table)) > 1:
        parts += [" ".join(claim(weighed, unfiltered(kept))), _strengths(table, kept)]
    if len(study.own) > 1:
        rows = [
            [one.name, one.mean.points(), *(one.point(name) for name in study.own)]
            for one in weighed
        ]
        said = "What each choice is worth, in points: mean over cohorts and its 95% interval"
        parts += [f"{said}, and each cohort:", _table(["choice", "mean", *study.own], rows)]
    for metric, title in TITLES.items():
        every = scores(study.summary, metric).dropna(subset="mean")
        every = every.assign(family=every["arm"])
        parts += [f"Every arm, {title}:", _scores("arm", study.cohorts, every)]
    return [part for part in parts if part]


def _scores(title: str, cohorts: Sequence[str], table: pd.DataFrame) -> str:
    rows = [
        [row["name"], *(_score(row["intervals"].get(name, Interval())) for name in cohorts)]
        for row in family_rows(table)
    ]
    return _table([title, *cohorts], rows)


def _leads(cohorts: Sequence[str], found: dict[str, list[Lead]]) -> str:
    cells = {(name, lead.cohort): _lead(lead) for name, leads in found.items() for lead in leads}
    rows = [[cohort, *(cells.get((name, cohort), "") for name in found)] for cohort in cohorts]
    return _table(["cohort", *found], rows)


def _score(interval: Interval) -> str:
    if not interval.bounded:
        return str(interval)
    return f"{interval.mean:.3f} ({interval.low:.2f}-{interval.high:.2f})"


def _lead(lead: Lead) -> str:
    said = lead.patients.points()
    return f"**{said}**" if lead.sign else said


def _strengths(table: pd.DataFrame, kept: pd.Series) -> str:
    names = ["cohort", "pixels at most", "kept", "mean of paths", "best less worst path"]
    rows = [
        [row["cohort"], strength_label(row["strength"]), f"{row['pixels']:,.0f}"]
        + [f"{row[name]:.3f}" for name in ("paths", "spread", "random")]
        for row in kept_rows(table, kept)
    ]
    return _table([*names, "random placement"], rows)


def _table(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [names, ["---"] * len(names), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in lines)

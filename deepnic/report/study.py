"""What the page of a study says."""

from collections.abc import Mapping
from typing import Any

import pandas as pd

from deepnic.analysis.differences import SIDES, headline, rivals
from deepnic.analysis.factors import Choice, choices, claim
from deepnic.analysis.ranking import (
    KINDS,
    MEASURE,
    NO_FILTER,
    TITLES,
    leaders,
    representatives,
    scores,
    strengths,
)
from deepnic.assembly.paths import PATHS
from deepnic.report.figures import cohorts as panels
from deepnic.report.figures import curves as charts
from deepnic.report.figures import images as pictures
from deepnic.report.figures import style as drawing
from deepnic.report.folder import StudyFolder
from deepnic.report.tables import (
    arm_rows,
    by_kind,
    control_rows,
    cost_rows,
    family_rows,
    filter_rows,
    kept_pixels,
    kept_rows,
    stages,
    unfiltered,
    winners,
)

FACTS = ("cohorts", "settings", "machine", "command", "started", "finished", "data_parallel")


def content(study: StudyFolder) -> dict[str, Any]:
    """Everything the template shows, by name; never the id of an observation."""
    table = scores(study.summary)
    first, asked, kept = leaders(table), strengths(table), kept_pixels(study)
    found = rivals(table, study.predictions, study.own)
    weighed, ranking = choices(table, study.own), rank_families(study, table)
    arms = {name: arm_rows(study.summary, table, name) for name in study.cohorts}
    best = set(first["arm"])
    control = [] if study.control is None else control_rows(study.control)
    settings = study.facts["settings"]
    return {
        **{name: study.facts[name] for name in FACTS},
        "own": study.own,
        "n_arms": table["arm"].nunique(),
        "metrics": TITLES,
        "strengths": asked,
        "headline": headline(table, found, study.own),
        "rivals": found,
        "sides": [
            f"{table.loc[table['kind'].isin(kinds), 'arm'].nunique()} {what}"
            for what, kinds in SIDES.items()
        ],
        "families": by_kind(family_rows(first)),
        "winners": winners(table),
        "best_arms": by_kind([row for row in arms[study.cohorts[0]] if row["name"] in best]),
        "arms": {name: by_kind(rows) for name, rows in arms.items()},
        "claim": claim(weighed, unfiltered(kept)),
        "kept": kept_rows(table, kept),
        "choices": weighed,
        "friedman": None if ranking is None else ranking.iloc[0],
        "n_ranked": 0 if ranking is None else ranking["arm"].nunique(),
        "control": control,
        "off_chance": [
            f"{row['arm']} ({TITLES[row['metric']]})" for row in control if row["off_chance"]
        ],
        "accounts": {name: filter_rows(study, name, asked) for name in study.cohorts},
        "costs": by_kind(cost_rows(study.costs, first)),
        "examples": {
            name: {key: study.examples[name].attrs[key] for key in ("gene", "label")}
            for name in study.cohorts
        },  # never the id of the observation
        "paths": {name: PATHS.get(name) for name in settings["arms"]["paths"]},
        "sections": _sections(settings),
        "figures": figures(study, table, kept, weighed, ranking),
    }


def figures(
    study: StudyFolder,
    table: pd.DataFrame,
    kept: pd.Series,
    weighed: list[Choice],
    ranking: pd.DataFrame | None,
) -> dict[str, str]:
    """Draw every figure that the study has the numbers for; each whole in its address."""
    shown, asked = study.cohorts[0], strengths(table)
    weakest = [k for k in asked if k != NO_FILTER] or asked
    images = study.examples[shown]
    drawn = {
        "families": panels.families(table),
        "courses": pictures.courses(images["path"].values.tolist()),
        "account": charts.account(stages(study, shown, weakest[-1])),
        "training": charts.training(training_curves(study.history, table, shown)),
        "calibration": panels.calibration(study.calibration, calibrated(study.calibration, table)),
    }
    if len(asked) > 1:
        drawn |= {"filters": panels.filters(table), "kept": panels.kept(table, kept)}
    if ranking is not None:
        drawn |= {"choices": panels.choices(weighed), "ranks": panels.ranks(ranking)}
    painted = {"gene": pictures.gene_canvases(images), "tiles": pictures.base_tiles(images)}
    painted |= {
        f"observation of {name}": pictures.observation_canvases(one)
        for name, one in study.examples.items()
    }
    return {name: drawing.svg_address(figure) for name, figure in drawn.items()} | {
        name: drawing.png_address(figure) for name, figure in painted.items()
    }


def rank_families(study: StudyFolder, table: pd.DataFrame) -> pd.DataFrame | None:
    """Compare one arm of each family over the cohorts by ranks; None where that is not defined."""
    own = study.summary[study.summary["cohort"].isin(study.own)]
    own = own[(own["metric"] == MEASURE) & own["arm"].isin(representatives(table, study.own))]
    if len(study.own) < 2 or own["arm"].nunique() < 3:
        return None
    from deepnic.analysis.compare import compare_cohorts  # imports the networks

    return compare_cohorts(own)


def training_curves(history: pd.DataFrame, table: pd.DataFrame, cohort: str) -> pd.DataFrame:
    """Training curves of a cohort's best arm of each path and placement, named after these."""
    first = leaders(table[table["cohort"] == cohort])
    path = first[first["path"] != ""].set_index("arm")["path"]
    own = history[(history["cohort"] == cohort) & history["arm"].isin(path.index)]
    return own.assign(arm=own["arm"].map(path))


def calibrated(calibration: pd.DataFrame, table: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Best arm of each kind that gives probabilities: by kind, the arm of each cohort."""
    able = table.merge(calibration[["cohort", "arm"]].drop_duplicates())
    return {
        KINDS.get(str(kind), str(kind)): dict(zip(rows["cohort"], rows["arm"], strict=True))
        for kind, rows in leaders(able, "kind").groupby("kind", sort=False)
    }


def _sections(settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Settings by the title of their table: what stands alone, then what is grouped."""
    alone = {name: one for name, one in settings.items() if not isinstance(one, Mapping)}
    groups = {f"Settings: {name}": one for name, one in settings.items() if name not in alone}
    return {"Settings": alone} | {title: dict(one) for title, one in groups.items() if one}

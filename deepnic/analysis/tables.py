"""The tables of a study, all made of its predictions."""

from collections.abc import Collection

import pandas as pd

from deepnic.analysis.compare import compare_cohorts
from deepnic.analysis.control import image_units, permutation_control
from deepnic.analysis.metrics import calibration, score_arms, summarise
from deepnic.analysis.patients import patients_of


def make_tables(
    predictions: pd.DataFrame, cohorts: Collection[str], of_one: Collection[str] = ()
) -> dict[str, pd.DataFrame]:
    """Judge the predictions of all arms: the tables of a study by name.

    Predictions have a row for each cohort, permutation of the labels (-1: the true ones), arm,
    repeat, fold, seed and item. Of the true labels ``results`` (`score_arms`), ``summary``
    (`summarise`), ``calibration`` and ``patients`` (`patients_of`) of each cohort, and
    ``comparison`` (`compare_cohorts`) of several; of permuted ones, where there are any,
    ``control`` (`permutation_control`) and ``control_units`` (`image_units`). Transfers are no
    cohorts; those in `of_one` are classes of one cohort, and not compared over.
    """
    true = predictions[predictions["permutation"] < 0]
    by_cohort = dict(iter(true.groupby("cohort", sort=False)))
    tables = {
        name: pd.concat(
            [judge(part).assign(cohort=cohort) for cohort, part in by_cohort.items()],
            ignore_index=True,
        )
        for name, judge in (
            ("results", score_arms), ("summary", summarise), ("calibration", calibration),
            ("patients", patients_of),
        )
    }  # fmt: skip
    arms = predictions[["arm", "path", "strength", "unit", "role", "family"]].drop_duplicates()
    for name, columns in (("results", ["arm", "role", "family"]), ("summary", [*arms])):
        tables[name] = tables[name].merge(arms[columns], on="arm", how="left", sort=False)
    summary = tables["summary"]
    apart = {*cohorts} - {*of_one}
    of_cohorts = summary[summary["cohort"].isin(apart)]  # a transfer is no other cohort
    n_defined = of_cohorts.dropna(subset="mean").groupby(["metric", "arm"]).size()
    everywhere = n_defined[n_defined == len(apart)]
    if len(apart) > 1 and everywhere.groupby("metric").size().ge(3).any():
        tables["comparison"] = compare_cohorts(of_cohorts)
    of_one_cohort = predictions["cohort"].isin(cohorts)  # a transfer has the labels of two
    permuted = predictions[of_one_cohort & (predictions["permutation"] >= 0)]
    if len(permuted):
        studies = [part for _, part in permuted.groupby(["cohort", "permutation"], sort=False)]
        tables["control"] = permutation_control(studies)
        tables["control_units"] = image_units(permuted)
    return tables

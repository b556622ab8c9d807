"""What did each change to the study of patients do? Taken back on the same folds.

    python -m studies.experiments.changes STUDY -o changes.csv

Of a finished study: its first path and logistic regression, as they are now and as they were before

- *the rule*: by the network's or classifier's own probabilities, cut at 0.5;
- *cross-fitting*: on images of one forest that was grown on all training patients, which they are
  shown by too, each by the trees that left it out;
- *equal weights*: with patients, not classes, weighing the same;
- *log2*: on intensities as they were read, where the study takes their logarithm.

And as they might be: with ten parts, and with a network for each pipeline, which learns from images
of that pipeline alone (its patients shown by the trees that left them out). Prints what each change
gained, over cohorts, with Student's 95 % interval. A second start goes on.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import numpy as np
import pandas as pd
import typer
import xarray as xr
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from deepnic.files import write_csv
from deepnic.learn.baselines import baseline_of
from deepnic.learn.fit import train
from deepnic.study import StudySettings, read_settings, read_study
from deepnic.study.arms.arm import Answer
from deepnic.study.arms.canvas import OneForestArm, PathArm
from deepnic.study.arms.classifiers import ExpressionArm
from deepnic.study.cohorts import Split, cut, read_cohorts
from deepnic.study.fold import Fold, fit_fold, seen_by
from studies.experiments.differences import differences, print_markdown, scores_by_cohort
from studies.experiments.optimism import true_predictions

CLASSICAL = "logistic regression"
OWN_RULE, ONE_FOREST, ONE_FOREST_RULE = (
    "network, own probabilities",
    "network, own probabilities, one forest",
    "network, one forest",
)
CLASSICAL_RULE, CLASSICAL_WEIGHTS = (
    f"{CLASSICAL}, own probabilities",
    f"{CLASSICAL}, own probabilities, patients weigh the same",
)
TEN_PARTS, NETWORKS = "network, ten parts", "networks, one of each pipeline"
AS_READ, CLASSICAL_AS_READ = "network, intensities", f"{CLASSICAL}, intensities"
KEYS = ["cohort", "repeat", "fold"]


def own(margin: NDArray[np.float64]) -> Answer:
    """Probability and class that a margin says by itself."""
    return Answer(expit(margin), margin > 0, {})


def regression(fold: Fold) -> Iterator[tuple[str, Answer]]:
    """Logistic regression on expression by its own probabilities, classes or patients alike."""
    values, known = fold.cohort["expression"].values.astype(np.float64), fold.state >= 0
    state = fold.state[known]
    model = baseline_of(CLASSICAL).make(state, values.shape[1], fold.settings.seed)
    for name, weight in ((CLASSICAL_RULE, "balanced"), (CLASSICAL_WEIGHTS, None)):
        model.set_params(logisticregression__class_weight=weight)
        with threadpool_limits(1):
            model.fit(values[known], state)
            yield name, own(model.decision_function(values))


def network_of_each(arm: PathArm, fold: Fold) -> NDArray[np.float64]:
    """Margin of networks that learnt of one pipeline each: their mean for new patients."""
    seed, margin = fold.settings.seed, np.zeros(len(fold.part))
    for k, pipeline in enumerate(fold.pipelines):
        canvas = arm.canvas(seen_by(fold, pipeline, k), seed)
        said = train(canvas, epochs=fold.epochs, seed=seed, device="cpu").margin
        margin[fold.part == k] = said[fold.part == k]
        margin[fold.part < 0] += said[fold.part < 0] / len(fold.pipelines)
    return margin


def read_without_log2(settings: StudySettings) -> dict[str, xr.Dataset]:
    """Read intensities as they are, of cohorts whose logarithm the study takes."""
    logs = {name: one for name, one in settings.cohorts.items() if one.log2}
    plain = {name: one.model_copy(update={"log2": False}) for name, one in logs.items()}
    return read_cohorts(settings.model_copy(update={"cohorts": plain}))[0]


def fit_again(split: Split, settings: StudySettings) -> Fold:
    """Fit a fold that the study has not."""
    with TemporaryDirectory() as folder:
        return fit_fold(split.hidden, settings.of_cohort(split.name), Path(folder))


def ask(
    arm: PathArm,
    split: Split,
    settings: StudySettings,
    study: Path,
    as_read: Mapping[str, xr.Dataset],
) -> pd.DataFrame:
    """Predictions of the test patients by everything that is taken back or tried."""
    fold = fit_fold(split.hidden, settings.of_cohort(split.name), study / split.folder)
    seed, answers = settings.seed, dict(regression(fold))
    result = train(arm.canvas(fold, seed), epochs=fold.epochs, seed=seed, device="cpu")
    answers[OWN_RULE] = own(result.margin)
    margin, _ = OneForestArm(arm.method, arm.strength, arm.unit).margin(fold, seed)
    answers |= {ONE_FOREST: own(margin), ONE_FOREST_RULE: Answer.of(margin, fold.state)}
    answers[NETWORKS] = Answer.of(network_of_each(arm, fold), fold.state)
    ten = fit_again(split, settings.model_copy(update={"parts": 10}))
    answers[TEN_PARTS] = arm.fit_predict(ten, seed)
    if split.name in as_read:
        plain = fit_again(replace(split, cohort=as_read[split.name]), settings)
        answers[AS_READ] = arm.fit_predict(plain, seed)
        answers[CLASSICAL_AS_READ] = ExpressionArm(CLASSICAL).fit_predict(plain, seed)
    rows = [fold.told(a.score, a.predicted).assign(arm=name) for name, a in answers.items()]
    return pd.concat(rows).assign(kind="taken back", seed=seed)


def gains(told: pd.DataFrame, now: str, study: Path) -> pd.DataFrame:
    """What each change gained over the cohorts, in points; a row a change and measure."""
    whole = read_study(study).whole
    arms = scores_by_cohort(told, whole)
    changes = {
        "the rule": [(now, OWN_RULE), (ONE_FOREST_RULE, ONE_FOREST), (CLASSICAL, CLASSICAL_RULE)],
        "cross-fitting": [(OWN_RULE, ONE_FOREST), (now, ONE_FOREST_RULE)],
        "equal weights": [(CLASSICAL_RULE, CLASSICAL_WEIGHTS)],
        "log2": [(now, AS_READ), (CLASSICAL, CLASSICAL_AS_READ)],
        "all of it": [(now, ONE_FOREST), (CLASSICAL, CLASSICAL_WEIGHTS)],
        "none, network less regression": [(ONE_FOREST, CLASSICAL_WEIGHTS)],
        "all, network less regression": [(now, CLASSICAL)],
        "all but cross-fitting, network less regression": [(ONE_FOREST_RULE, CLASSICAL)],
        "ten parts": [(TEN_PARTS, now), (TEN_PARTS, CLASSICAL)],
        "a network for each pipeline": [(NETWORKS, now), (NETWORKS, CLASSICAL)],
    }
    rows = []
    for change, pairs in changes.items():
        for first, second in pairs:
            for n, title, after, before, gain in differences(first, second, arms, whole):
                rows.append((change, second, n, title, before, after, gain))
    columns = ["change", "of", "cohorts", "measure", "before", "after", "gain"]
    return pd.DataFrame(rows, columns=columns)


def main(
    study: Annotated[Path, typer.Argument(help="Folder of a finished study of patients.")],
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("changes.csv"),
) -> None:
    """Ask what is taken back, print the table as Markdown."""
    settings = read_settings(study / "study.toml")
    assert isinstance(settings, StudySettings)
    strongest = min(k for k in settings.arms.strengths if isinstance(k, int))
    arm = PathArm(settings.arms.paths[0], strongest, "pixel")
    as_read = read_without_log2(settings)
    cohorts, settings = read_cohorts(settings)
    kept = pd.read_csv(output, dtype={"cohort": str, "item": str}) if output.exists() else None
    done = set() if kept is None else {*kept[KEYS].itertuples(index=False, name=None)}
    for split in cut(cohorts, settings):
        place = (split.name, split.repeat, split.fold)
        if split.permutation >= 0 or place in done:
            continue
        told = ask(arm, split, settings, study, as_read).assign(
            **dict(zip(KEYS, place, strict=True))
        )
        truth = split.cohort["state"].sel(observation=told["item"].to_numpy())
        kept = pd.concat([kept, told.assign(state=truth.values)])
        write_csv(output, kept)
    now = true_predictions(study)
    both = pd.concat([now[now["arm"].isin([arm.name, CLASSICAL])], kept])
    print_markdown(gains(both, arm.name, study))


if __name__ == "__main__":
    typer.run(main)

"""What did each change to the study of patients do? Taken back on the same folds.

    python -m studies.experiments.changes STUDY -o changes.csv

Of a finished study: its first path and logistic regression, as they are now and as they were before

- *the rule*: by the network's or classifier's own probabilities, cut at 0.5;
- *cross-fitting*: on images of one forest that was grown on all training patients, which they are
  shown by too, each by the trees that left it out;
- *equal weights*: with patients, not classes, weighing the same.

Prints what each change gained, over cohorts, with Student's 95 % interval. A second start goes on.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import pandas as pd
import typer
from numpy.typing import NDArray
from scipy.special import expit
from threadpoolctl import threadpool_limits

from deepnic.files import write_csv
from deepnic.learn.baselines import baseline_of
from deepnic.learn.fit import train
from deepnic.study import StudySettings, read_settings, read_study
from deepnic.study.arms.arm import Answer
from deepnic.study.arms.canvas import OneForestArm, PathArm
from deepnic.study.cohorts import cut, read_cohorts
from deepnic.study.fold import Fold, fit_fold
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


def ask(arm: PathArm, fold: Fold) -> pd.DataFrame:
    """Predictions of the test patients by everything that is taken back."""
    seed, answers = fold.settings.seed, dict(regression(fold))
    result = train(arm.canvas(fold, seed), epochs=fold.epochs, seed=seed, device="cpu")
    answers[OWN_RULE] = own(result.margin)
    margin, _ = OneForestArm(arm.method, arm.strength, arm.unit).margin(fold, seed)
    answers |= {ONE_FOREST: own(margin), ONE_FOREST_RULE: Answer.of(margin, fold.state)}
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
        "all of it": [(now, ONE_FOREST), (CLASSICAL, CLASSICAL_WEIGHTS)],
        "none, network less regression": [(ONE_FOREST, CLASSICAL_WEIGHTS)],
        "all, network less regression": [(now, CLASSICAL)],
        "all but cross-fitting, network less regression": [(ONE_FOREST_RULE, CLASSICAL)],
    }
    rows = []
    for change, pairs in changes.items():
        for first, second in pairs:
            for _, title, after, before, difference in differences(first, second, arms, whole):
                rows.append((change, second, title, before, after, difference))
    return pd.DataFrame(rows, columns=["change", "of", "measure", "before", "after", "gain"])


def main(
    study: Annotated[Path, typer.Argument(help="Folder of a finished study of patients.")],
    output: Annotated[Path, typer.Option("--output", "-o")] = Path("changes.csv"),
) -> None:
    """Ask what is taken back, print the table as Markdown."""
    settings = read_settings(study / "study.toml")
    assert isinstance(settings, StudySettings)
    strongest = min(k for k in settings.arms.strengths if isinstance(k, int))
    arm = PathArm(settings.arms.paths[0], strongest, "pixel")
    cohorts, settings = read_cohorts(settings)
    kept = pd.read_csv(output, dtype={"cohort": str, "item": str}) if output.exists() else None
    done = set() if kept is None else {*kept[KEYS].itertuples(index=False, name=None)}
    for split in cut(cohorts, settings):
        place = (split.name, split.repeat, split.fold)
        if split.permutation >= 0 or place in done:
            continue
        fold = fit_fold(split.hidden, settings.of_cohort(split.name), study / split.folder)
        told = ask(arm, fold).assign(**dict(zip(KEYS, place, strict=True)))
        truth = split.cohort["state"].sel(observation=told["item"].to_numpy())
        kept = pd.concat([kept, told.assign(state=truth.values)])
        write_csv(output, kept)
    now = true_predictions(study)
    both = pd.concat([now[now["arm"].isin([arm.name, CLASSICAL])], kept])
    print_markdown(gains(both, arm.name, study))


if __name__ == "__main__":
    typer.run(main)

"""Does a network of other cohorts do without training on this one what trained ones do?

    python -m studies.experiments.pretrained STUDY

Of a study with `arms.pretrained`: the pretrained network, which has not seen the cohort, beside the
network and the classifier trained on it, over cohorts, and over the smallest alone. One more arm is
the network's own probabilities, for which no state of the cohort was looked at but to grow trees.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from scipy.special import expit

from deepnic.assembly import assemble
from deepnic.assembly.cross_fitted import join_canvases, read_parts
from deepnic.learn.pretrained import Pretrained
from deepnic.study import read_settings, read_study
from deepnic.study.cohorts import FOLDS, read_cohorts
from deepnic.study.fold import read_tables
from studies.experiments.differences import differences, print_markdown, scores_by_cohort
from studies.experiments.optimism import true_predictions

OWN = "pretrained network, its own probabilities"
SMALLEST = 26  # observations


def own_predictions(study: Path) -> pd.DataFrame:
    """What the network that has not seen a cohort says of its test patients, as it says it."""
    settings = read_settings(study / "study.toml")
    networks = Pretrained.read(settings.arms.pretrained)
    strongest = min(k for k in settings.arms.strengths if isinstance(k, int))
    told = true_predictions(study)
    places = ["cohort", "repeat", "fold", "item", "state"]
    truth = told.drop_duplicates(places)[places].set_index("item")
    cohorts, _ = read_cohorts(settings)
    tables = []
    for (cohort, repeat, fold), test in truth.groupby(["cohort", "repeat", "fold"], sort=False):
        parts = sorted((study / FOLDS / str(cohort) / f"{repeat}-{fold}").glob("part-*"))
        shown = [read_tables(part, settings)[strongest] for part in parts]
        canvas = join_canvases([assemble(one, path="linear") for one in shown], *read_parts(shown))
        margin = networks.margin(canvas, networks.unseen_by(cohorts[str(cohort)]))
        own = pd.Series(margin, [str(item) for item in shown[0]["item"].values])[test.index]
        said = {"score": expit(own), "predicted": (own > 0).astype(int)}
        tables.append(test.assign(arm=OWN, kind="pretrained", seed=0, **said).reset_index())
    return pd.concat(tables)


def pairs(arms: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what is compared, first less second."""
    (pretrained,) = (arm for arm in arms if arm.startswith("pretrained network") and arm != OWN)
    (snail,) = (arm for arm in arms if arm.startswith("snail"))
    (encoder,) = (arm for arm in arms if arm.startswith("shared encoder"))
    yield from ((pretrained, other) for other in (snail, "logistic regression", "forest vote"))
    yield OWN, pretrained
    yield OWN, snail
    yield encoder, snail
    yield from ((arm, snail) for arm in arms if arm.endswith(f", {snail}"))  # other networks


def compare(study: Path) -> pd.DataFrame:
    """Differences over cohorts, in points, of all and of the smallest."""
    results = read_study(study)
    told = pd.concat([true_predictions(study), own_predictions(study)])
    arms = scores_by_cohort(told, results.whole)
    sizes = told.drop_duplicates(["cohort", "item"]).groupby("cohort").size()
    small = {name: whole for name, whole in results.whole.items() if sizes[name] <= SMALLEST}
    of = {"all": results.whole} | ({f"n <= {SMALLEST}": small} if small != results.whole else {})
    rows = []
    for first, second in pairs([*arms["arm"].unique()]):
        for words, whole in of.items():
            for row in differences(first, second, arms, whole):
                rows.append((first, second, words, *row))
    columns = ["first", "second", "cohorts", "n", "measure", "of first", "of second", "difference"]
    return pd.DataFrame(rows, columns=columns)


def main(study: Annotated[Path, typer.Argument(help="Folder of a study.")]) -> None:
    """Print the table, as Markdown."""
    print_markdown(compare(study))


if __name__ == "__main__":
    typer.run(main)

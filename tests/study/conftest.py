"""A cohort whose classes are easy to tell, and the settings of a study of seconds."""

from pathlib import Path

import numpy as np
import pytest
from rich.progress import Progress

from deepnic.cohort import make_cohort
from deepnic.config import checked
from deepnic.study import StudySettings, run_study
from deepnic.study.cohorts import Split
from deepnic.study.fold import fit_fold

SMALL = {
    "folds": 3,
    "parts": 2,
    "epochs": 8,
    "forest": {
        "n_genes": 12,
        "n_trees": 6,
        "weight_ranges": [3],
        "tree_sizes": [3, 4],
        "subsample": 0.2,  # few enough observations that trees of noise are perfect too
    },
    "arms": {"paths": ["snail", "pacman"], "strengths": ["none", 64], "unfiltered": 64, "fdr": 1},
}
TINY = SMALL | {
    "folds": 2,
    "epochs": 2,
    "forest": SMALL["forest"] | {"n_trees": 3},
    "arms": {"paths": ["linear"], "strengths": [16], "fdr": 1, "one_forest": True},
}


def make_settings(base=SMALL, **changes):
    """Settings with some values changed; of a table, some of its values."""
    values = dict(base)
    for name, value in changes.items():
        values[name] = {**values.get(name, {}), **value} if isinstance(value, dict) else value
    return checked(StudySettings, values)


def make_fold(cohort, test, settings, folder):
    """A fold of the test observations given."""
    return fit_fold(Split("made", -1, 0, 0, cohort, test).hidden, settings, Path(folder))


@pytest.fixture
def done_before(monkeypatch):
    """Arms that the bar of a study starts with, for each start."""
    counts, add_task = [], Progress.add_task

    def noting(bars, description, *args, completed=0, **kind):
        if description == "study":
            counts.append(completed)
        return add_task(bars, description, *args, completed=completed, **kind)

    monkeypatch.setattr(Progress, "add_task", noting)
    return counts


@pytest.fixture(scope="session")
def cohort():
    """100 observations x 16 genes, half of which differ between the classes."""
    rng = np.random.default_rng(0)
    y = np.arange(100) % 2
    expression = rng.normal(size=(100, 16))
    expression[:, :8] += 1.5 * y[:, None]
    return make_cohort(
        expression,
        np.where(y, "sick", "healthy"),
        [f"g{k}" for k in range(16)],
        [f"p{k}" for k in range(100)],
    )


@pytest.fixture(scope="session")
def folder(cohort, tmp_path_factory):
    """Folder of a study of every arm, and its control; a test that changes it copies it first."""
    output = tmp_path_factory.mktemp("study") / "new" / "folder"
    run_study({"made": cohort}, output, make_settings(permutations=1))
    return output

"""Settings of a study, read from a TOML file, with what options say in their place."""

from collections.abc import Mapping
from os.path import isfile
from pathlib import Path
from typing import Any, TypeVar

from deepnic.cohort.demo import BUNDLED
from deepnic.config import checked, read_toml
from deepnic.learn.settings import SHIPPED
from deepnic.study.genes.settings import GeneStudySettings
from deepnic.study.settings import CohortFile, StudySettings

S = TypeVar("S", bound=StudySettings | GeneStudySettings)


def override(settings: S, given: Mapping[str, Any]) -> S:
    """Put what is given (not None) in the place of settings; ``n_trees`` of the forest.

    ``groups`` are those of every cohort.

    Examples
    --------
    >>> override(StudySettings(), {"folds": 3, "seed": None, "n_trees": 7}).forest.n_trees
    7
    """
    values = settings.model_dump()
    tables = {"n_trees": [values["forest"]], "groups": values["cohorts"].values()}
    for name, value in given.items():
        if value is not None:
            for table in tables.get(name, [values]):
                table[name] = value
    return checked(type(settings), values)


def read_settings(path: Path) -> StudySettings | GeneStudySettings:
    r"""Read the settings of a study; files named in it are relative to it.

    Those that say ``items = "genes"`` are of a study of genes.

    Raises
    ------
    InputError
        The file is missing or no TOML, a key is unknown, or a value is not allowed.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder, "study.toml")
    ...     _ = path.write_text('folds = 10\n[cohorts.mine]\nfile = "mine.csv"\n')
    ...     settings = read_settings(path)
    >>> settings.folds, settings.cohorts["mine"].file.name
    (10, 'mine.csv')
    """
    values = read_toml(path)
    settings: StudySettings | GeneStudySettings
    if values.get("items") == "genes":
        settings = checked(GeneStudySettings, values)
    else:
        settings = checked(StudySettings, values)
        if (networks := settings.arms.pretrained) not in ("", SHIPPED):
            arms = settings.arms.model_copy(update={"pretrained": str(path.parent / networks)})
            settings = settings.model_copy(update={"arms": arms})
    return settings.model_copy(update={"cohorts": beside(path.parent, settings.cohorts)})


def beside(folder: Path, cohorts: Mapping[str, CohortFile]) -> dict[str, CohortFile]:
    """Cohorts whose files lie in a folder, unless they are bundled."""
    return {
        name: cohort
        if str(cohort.file) in BUNDLED
        else cohort.model_copy(update=_beside(folder, cohort))
        for name, cohort in cohorts.items()
    }


def _beside(folder: Path, cohort: CohortFile) -> dict[str, Any]:
    """Files that a cohort names, in the folder of the settings."""
    genes, key = cohort.genes, cohort.pseudonymise
    return {
        "file": folder / cohort.file,
        "labels": cohort.labels and folder / cohort.labels,
        "annotation": cohort.annotation and folder / cohort.annotation,
        "genes": str(folder / genes) if genes and isfile(folder / genes) else genes,
        "pseudonymise": key if isinstance(key, bool) else folder / key.expanduser(),
    }

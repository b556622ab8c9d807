"""The comparison: five assemblies and the baselines, on the same folds."""

from deepnic.study.settings import StudySettings
from deepnic.study.study import run_study

__all__ = ["StudySettings", "run_study"]

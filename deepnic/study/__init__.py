"""The comparison: five assemblies and the baselines, on the same folds."""

from deepnic.study.settings import StudySettings, read_settings
from deepnic.study.study import run_study

__all__ = ["StudySettings", "read_settings", "run_study"]

"""The comparison: five assemblies and the baselines, on the same folds."""

from deepnic.study.run import run_study
from deepnic.study.settings import StudySettings, read_settings

__all__ = ["StudySettings", "read_settings", "run_study"]

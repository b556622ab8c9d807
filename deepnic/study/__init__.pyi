from .folder import read_study as read_study
from .run import run_study as run_study
from .settings import StudySettings as StudySettings
from .toml import read_settings as read_settings

__all__ = ["StudySettings", "read_settings", "read_study", "run_study"]

from .run import pretrain as pretrain
from .settings import PretrainSettings as PretrainSettings
from .simulate import simulate_cohort as simulate_cohort

__all__ = ["PretrainSettings", "pretrain", "simulate_cohort"]

from .attribution import Attribution as Attribution
from .attribution import attribute as attribute
from .baselines import BASELINES as BASELINES
from .baselines import Baseline as Baseline
from .baselines import learner_of as learner_of
from .calibration import Calibration as Calibration
from .calibration import calibrate as calibrate
from .calibration import cross_fitted_margins as cross_fitted_margins
from .fit import train as train
from .loading import load_network as load_network
from .network import NETWORKS as NETWORKS
from .network import ResidualNetwork as ResidualNetwork
from .network import SmallNetwork as SmallNetwork
from .network import build_network as build_network
from .one_vs_rest import OneVsRest as OneVsRest
from .predictor import Predictor as Predictor
from .result import TrainResult as TrainResult
from .settings import DEVICES as DEVICES
from .settings import Settings as Settings

__all__ = [
    "BASELINES",
    "DEVICES",
    "NETWORKS",
    "Attribution",
    "Baseline",
    "Calibration",
    "OneVsRest",
    "Predictor",
    "ResidualNetwork",
    "Settings",
    "SmallNetwork",
    "TrainResult",
    "attribute",
    "build_network",
    "calibrate",
    "cross_fitted_margins",
    "learner_of",
    "load_network",
    "train",
]

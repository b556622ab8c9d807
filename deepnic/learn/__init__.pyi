from .baselines import BASELINES as BASELINES
from .baselines import Baseline as Baseline
from .baselines import BaselinePrediction as BaselinePrediction
from .baselines import fit_predict_baseline as fit_predict_baseline
from .fit import TrainResult as TrainResult
from .fit import train as train
from .loading import load_network as load_network
from .network import NETWORKS as NETWORKS
from .network import ResidualNetwork as ResidualNetwork
from .network import SmallNetwork as SmallNetwork
from .network import build_network as build_network
from .one_vs_rest import OneVsRest as OneVsRest
from .predictor import Predictor as Predictor
from .settings import DEVICES as DEVICES
from .settings import Settings as Settings

__all__ = [
    "BASELINES",
    "DEVICES",
    "NETWORKS",
    "Baseline",
    "BaselinePrediction",
    "OneVsRest",
    "Predictor",
    "ResidualNetwork",
    "Settings",
    "SmallNetwork",
    "TrainResult",
    "build_network",
    "fit_predict_baseline",
    "load_network",
    "train",
]

"""Networks and baselines on canvases and tables. Torch and Ray are imported only here."""

import os

# Hospital data: Ray must not send usage statistics, whoever starts it. Set before ray is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from deepnic.learn.baselines import BASELINES, BaselinePrediction, fit_predict_baseline
from deepnic.learn.network import SmallNetwork
from deepnic.learn.train import TrainResult, load_network, predict, train

__all__ = [
    "BASELINES",
    "BaselinePrediction",
    "SmallNetwork",
    "TrainResult",
    "fit_predict_baseline",
    "load_network",
    "predict",
    "train",
]

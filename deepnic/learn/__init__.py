"""Networks and baselines on canvases and tables. Torch and Ray are imported only here.

`deepnic.train` is the function in `trainer`; the module `train` is what a scheduler starts.
"""

import os

# Hospital data: Ray must not send usage statistics, whoever starts it. Set before ray is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

from deepnic.learn.baselines import BASELINES, BaselinePrediction, fit_predict_baseline
from deepnic.learn.fit import TrainResult
from deepnic.learn.network import NETWORKS, ResidualNetwork, SmallNetwork, build_network
from deepnic.learn.predictor import Trained, load_network
from deepnic.learn.settings import Settings

__all__ = [
    "BASELINES",
    "NETWORKS",
    "BaselinePrediction",
    "ResidualNetwork",
    "Settings",
    "SmallNetwork",
    "TrainResult",
    "Trained",
    "build_network",
    "fit_predict_baseline",
    "load_network",
]

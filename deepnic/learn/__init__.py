"""Networks and baselines on canvases and tables. Torch and Ray are imported here alone, if used."""

import os

import lazy_loader

# Hospital data: Ray must not send usage statistics, whoever starts it. Set before ray is imported.
os.environ["RAY_USAGE_STATS_ENABLED"] = "0"

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "baselines": ["BASELINES", "Baseline", "BaselinePrediction", "fit_predict_baseline"],
        "fit": ["TrainResult", "train"],
        "network": ["NETWORKS", "ResidualNetwork", "SmallNetwork", "build_network"],
        "predictor": ["Predictor", "load_network"],
        "settings": ["DEVICES", "Settings"],
    },
)

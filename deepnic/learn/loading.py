"""Trained networks from the files of their checkpoints."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deepnic.errors import InputError
from deepnic.files import as_path
from deepnic.learn.calibration import Calibration
from deepnic.learn.network import NETWORKS
from deepnic.learn.one_vs_rest import OneVsRest
from deepnic.learn.predictor import Predictor, rebuild
from deepnic.learn.saved import NETWORKS_OF_CLASSES, About, check_about, read_checkpoint
from deepnic.nic.families import COLOURS
from deepnic.variables import MOST_CLASSES


def load_network(
    checkpoint: str | os.PathLike[str], *, network: str | None = None
) -> Predictor | OneVsRest:
    """Read a trained network from a checkpoint of `train`, ready to predict on the CPU.

    No code in the file, or named by it, is run.

    Parameters
    ----------
    checkpoint : path
    network : str, optional
        "module:function" of the network, where it is your own: only your word has it imported, and
        the checkpoint must name the same.

    Returns
    -------
    Predictor or OneVsRest
        The latter of more than two classes, each against the rest: it predicts in the same words.

    Raises
    ------
    InputError
        No such file, not a checkpoint of deepnic, damaged, of a network that was not named, or
        weights that do not fit the network.

    Examples
    --------
    >>> load_network("no/such/checkpoint.pt")
    Traceback (most recent call last):
    ...
    deepnic.errors.InputError: no checkpoint at no/such/checkpoint.pt; give the checkpoint.pt of ...
    """
    path = as_path(checkpoint)
    if not path.is_file():
        raise InputError(f"no checkpoint at {path}; give the checkpoint.pt of a run's folder")
    saved = read_checkpoint(path)
    if NETWORKS_OF_CLASSES not in saved:
        return _load_one(path, saved, network)
    parts = saved[NETWORKS_OF_CLASSES]
    if not isinstance(parts, list) or not 2 < len(parts) <= MOST_CLASSES:
        raise _no_checkpoint(path)
    return OneVsRest(tuple(_load_one(path, part, network) for part in parts))


def _load_one(path: Path, saved: Mapping[str, Any], network: str | None) -> Predictor:
    """Make a network of what a checkpoint holds of it."""
    try:
        about = check_about(_completed(saved["about"]))
        weights = dict(saved["network"])
    except Exception as error:  # whatever is where something else belongs
        raise _no_checkpoint(path) from error
    named = about["network"]
    if network not in (None, named):
        raise InputError(f"{path} is of the network {named!r}, not of {network!r}; name that")
    if named not in NETWORKS and network is None:
        raise InputError(
            f"{path} is of the network {named!r}, which is code that it cannot bring; name it "
            f"yourself, as network={named!r}, if you trust that code"
        )
    try:
        calibration = Calibration.read(saved.get("calibration"))
        return rebuild(about, weights, saved.get("trees"), calibration)
    except InputError:
        raise
    except Exception as error:  # xarray raises many kinds for a layout that is none
        raise InputError(
            f"the canvas or trees that the checkpoint {path} tells of are none; train the run again"
        ) from error


def _no_checkpoint(path: Path) -> InputError:
    return InputError(
        f"{path} is not a checkpoint of deepnic, or is damaged; give the checkpoint.pt of a run's "
        "folder"
    )


def _completed(about: dict[str, Any]) -> About:
    """Add what version 0.1.0 left to be told from the layout."""
    layout = about["layout"]
    kind = "count canvas" if "family" in layout["attrs"] else "canvas"
    channels = len(COLOURS) + 1 if "colour" in layout["variables"] else 2
    return {"kind": kind, "channels": channels, **about}  # type: ignore[typeddict-item]

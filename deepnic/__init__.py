"""deepnic: one gene, one image.

cohort -> forest -> images -> pixels -> canvas -> network -> study -> report

Public names are loaded when first used, so that ``import deepnic`` is quick and compiles nothing.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "demo_cohort": "deepnic.cohort",
    "hide_labels": "deepnic.cohort",
    "read_cohort": "deepnic.cohort",
    "grow_forest": "deepnic.rop",
    "count_signatures": "deepnic.nic",
    "rop_images": "deepnic.nic",
    "observation_images": "deepnic.nic",
    "filter_pixels": "deepnic.pixels",
    "assemble": "deepnic.assembly",
    "assemble_counts": "deepnic.assembly",
    "train": "deepnic.learn.fit",
    "load_network": "deepnic.learn",
    "run_study": "deepnic.study",
    "write_report": "deepnic.report",
    "ROPImageTransformer": "deepnic.assembly.transformer",
    "InputError": "deepnic.errors",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'deepnic' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

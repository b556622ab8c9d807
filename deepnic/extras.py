"""What is installed on request: which packages an extra brings, and the sentence where one lacks.

Rooms are loaded when first used (SPEC 1): so that a part of deepnic needs what it uses, no more.
"""

from collections.abc import Callable
from importlib.util import find_spec
from typing import Any

import lazy_loader

from deepnic.errors import EngineError

EXTRAS = {
    "train": ("networks need torch and Ray", ("torch", "ray", "tensorboardX")),
    "cluster": (
        "several machines need dask-jobqueue, cryptography and PyYAML",
        ("dask_jobqueue", "cryptography", "yaml"),
    ),
    "formats": (
        "Excel, Parquet, Feather and AnnData files need openpyxl, pyarrow and anndata",
        ("openpyxl", "pyarrow", "anndata"),
    ),
    "report": (
        "a report needs Matplotlib, Jinja and scikit-posthocs",
        ("matplotlib", "jinja2", "scikit_posthocs"),
    ),
    "explain": (
        "what a network looks at is found by Captum, and sets of genes are tested by gseapy",
        ("captum", "gseapy"),
    ),
    "jupyter": ("a gene in a notebook needs anywidget", ("anywidget",)),
}
"""Purpose in words and modules of each extra; pyproject.toml has their distributions."""


def explain(error: ModuleNotFoundError) -> EngineError | None:
    """Say which extra has the module that was not found, if one has."""
    module = (error.name or "").partition(".")[0]
    for extra, (_, modules) in EXTRAS.items():
        if module in modules:
            return _lack(extra)
    return None


def needs(*extras: str) -> None:
    """See that extras are installed, before work that ends with them begins (or `EngineError`)."""
    for extra in extras:
        if not all(find_spec(module) for module in EXTRAS[extra][1]):
            raise _lack(extra)


def _lack(extra: str) -> EngineError:
    return EngineError(f"{EXTRAS[extra][0]}; install them with: pip install 'deepnic[{extra}]'")


def attach_stub(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]], list[str]]:
    """Load what a package's stub names when it is first used, as `lazy_loader.attach_stub`.

    Its ``__getattr__`` raises `EngineError` where a package of an extra is missing.
    """
    load, names, public = lazy_loader.attach_stub(package, file)

    def get(name: str) -> Any:
        try:
            return load(name)
        except ModuleNotFoundError as error:
            if sentence := explain(error):
                raise sentence from error
            raise

    return get, names, public

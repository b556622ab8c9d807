"""The configuration of a training: one TOML file, or the options of the command line."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from deepnic.assembly import ORDERS, PATHS
from deepnic.assembly.canvas import UNITS
from deepnic.config import Strict, checked, one_of, read_toml
from deepnic.errors import InputError
from deepnic.learn.settings import DEVICES, Settings
from deepnic.nic.families import FAMILIES
from deepnic.variables import MOST_CLASSES

TestShare = Field(default=0.3, gt=0, lt=1)  # genes of each class that are held out


class Data(Strict):
    """What is learnt from: a store of `deepnic grow` (genes) or a table of `deepnic pixels`."""

    source: Path
    family: Annotated[str, one_of(FAMILIES)] = "distinct"  # of a store
    cohort: Path | None = None  # of observations, where it is not where it was grown from


class Replication(Strict):
    """Genes that differ between the classes in the half that the store was not grown on."""

    kind: Literal["replication"]
    cohort: Path
    state: str | None = None
    positive: str | None = None
    log2: bool = False
    pseudonymise: bool | Path = False  # as the store's cohort was; True, or the key
    fdr: float = Field(default=0.05, gt=0, lt=1)
    test: float = TestShare


class Clusters(Strict):
    """Clusters of the images themselves, as published."""

    kind: Literal["clusters"]
    n_clusters: int = Field(default=3, ge=2, le=MOST_CLASSES)
    test: float = TestShare


class LabelTable(Strict):
    """A table of the user's: gene, label."""

    kind: Literal["table"]
    file: Path
    test: float = TestShare


class AssemblySettings(Strict):
    """Where the pixels lie; see `deepnic.assemble`."""

    path: Annotated[str, one_of(PATHS)] = "linear"
    unit: Annotated[str, one_of(UNITS)] = "pixel"
    order: Annotated[str, one_of(ORDERS)] | None = None


class Run(Strict):
    """Where it runs and what it leaves; see `deepnic.train`."""

    output: Path | None = None
    workers: int = Field(default=0, ge=0)
    elastic: bool = False
    device: Annotated[str, one_of(DEVICES)] = "auto"


class TrainConfig(Strict):
    """A training, from the data to the folder of the run."""

    data: Data
    labels: Replication | Clusters | LabelTable | None = Field(default=None, discriminator="kind")
    assembly: AssemblySettings = AssemblySettings()
    training: Settings = Settings()
    run: Run = Run()


def read_config(path: Path | None, given: Mapping[str, Mapping[str, Any]]) -> TrainConfig:
    """Read a TOML file, if any, and put tables of the command line over it (None = not given)."""
    tables: dict[str, Any] = {} if path is None else read_toml(path)
    for name, values in given.items():
        options = {key: value for key, value in values.items() if value is not None}
        if options and isinstance(tables.setdefault(name, {}), dict):
            tables[name] = tables[name] | options
    if not isinstance(data := tables.get("data", {}), dict) or "source" not in data:
        raise InputError(
            "no store or table was named; give its path, or source = ... under [data] of --config"
        )
    return checked(TrainConfig, tables)

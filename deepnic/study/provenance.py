"""What a study says of itself: its settings, its cohorts, the machine, the command and the time."""

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr
from pydantic import BaseModel

from deepnic import __version__
from deepnic.cohort.demo import BUNDLED
from deepnic.host.provenance import command, machine
from deepnic.learn.settings import SHIPPED
from deepnic.rop.bags import group_of
from deepnic.rop.forest import provenance
from deepnic.variables import FORMAT, RULES


def facts_of(
    cohorts: Mapping[str, xr.Dataset], settings: BaseModel, output: Path
) -> dict[str, Any]:
    """Facts of a study that starts; files that the settings name are seen from its folder."""
    plain = settings.model_dump(mode="json")

    def seen_from_there(path: str) -> str:
        return Path(os.path.relpath(path, output)).as_posix()

    if (networks := plain.get("arms", {}).get("pretrained", "")) not in ("", SHIPPED):
        plain["arms"]["pretrained"] = seen_from_there(networks)
    for cohort in plain["cohorts"].values():
        if cohort["file"] not in BUNDLED:
            for name in ("file", "labels", "annotation", "genes", "pseudonymise"):
                value = cohort[name]
                if isinstance(value, str) and (name != "genes" or os.path.isfile(value)):
                    cohort[name] = seen_from_there(value)
    return {
        "settings": plain,
        "cohorts": {name: facts_of_cohort(cohort) for name, cohort in cohorts.items()},
        "machine": machine(),
        "deepnic": __version__,
        "format": FORMAT,
        "rules": RULES,
        "command": command(),
        "started": now(),
        "finished": None,
    }


def facts_of_cohort(cohort: xr.Dataset) -> dict[str, Any]:
    """What a cohort is, without an id."""
    more = {name: cohort.attrs[name] for name in ("one_of", "impute") if name in cohort.attrs}
    if "impute" in more:
        more["missing"] = int(np.isnan(cohort["expression"].values).sum())
    labels, counts = np.unique(cohort["label"].values.astype(str), return_counts=True)
    everything = np.arange(cohort.sizes["gene"])
    return {
        "source": cohort.attrs.get("source", "given in memory"),
        "observations": cohort.sizes["observation"],
        "genes": cohort.sizes["gene"],
        "groups": len(np.unique(cohort["group"].values)) if "group" in cohort.coords else None,
        "classes": dict(zip(labels.tolist(), counts.tolist(), strict=True)),
        "positive": cohort.attrs["positive"],
        "constant_genes": cohort.attrs["constant_genes"],
        "sha256": provenance(cohort, everything, group_of(cohort))["input_sha256"],
        **more,
    }


def now() -> str:
    """Time of the clock, with its zone."""
    return datetime.now().astimezone().isoformat(timespec="seconds")

"""The paths, and what images look like along them."""

from typing import Any

import xarray as xr

from deepnic.analysis import Findings, StudyResults
from deepnic.assembly.paths import PATHS
from deepnic.report.figures.images import BaseTiles, Courses, GeneCanvases, ObservationCanvases
from deepnic.report.sections.section import Section
from deepnic.report.tables import Table


def section(study: StudyResults, findings: Findings) -> Section | None:
    """Nothing without examples; never the id of an observation."""
    examples = {name: study.examples[name] for name in findings.tested if name in study.examples}
    if not examples:
        return None
    cohort, example = next(iter(examples.items()))
    paths = study.facts["settings"]["arms"]["paths"]
    notes = [
        [path, *([PATHS[path].words, PATHS[path].source] if path in PATHS else ["", ""])]
        for path in paths
    ]
    content = {
        "courses": Courses.of(example["path"].values.tolist()),
        "paths": Table(["path", "course", "whose definition"], notes, align="lll"),
        "observations": {
            name: [_observation(each.isel(shown=k)) for k in range(each.sizes["shown"])]
            for name, each in examples.items()
        },
        "of_cohort": f" of {cohort}" if len(findings.tested) > 1 else "",
        "gene": example.attrs["gene"],
        "gene_canvases": GeneCanvases(example),
        "tiles": BaseTiles(example),
    }
    return Section("images", "The images", content)


def _observation(one: xr.Dataset) -> dict[str, Any]:
    """One observation's pictures and class, and the mean of its pixels, which needs no colours."""
    mean = float(one["observation_image"].isel(path=0).mean())
    return {"label": one["label"].item(), "canvases": ObservationCanvases(one), "mean": mean}

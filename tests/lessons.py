"""Running the notebooks, here or on a cluster."""

import os
from collections.abc import Mapping
from pathlib import Path

import nbformat
from nbclient import NotebookClient

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"


def run_lessons(
    folder: Path, variables: Mapping[str, str] | None = None
) -> dict[str, nbformat.NotebookNode]:
    """Execute the notebooks in an empty folder, with variables added to the environment."""
    quiet = {
        "DASK_DISTRIBUTED__DASHBOARD__LINK": "",
        "PYTHONWARNINGS": "ignore:Port 8787 is already in use",  # other lessons may run just now
    }
    done = {}
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        client = NotebookClient(
            nbformat.read(path, as_version=4),
            timeout=300,
            kernel_name="python3",
            coalesce_streams=True,
        )
        environment = os.environ | quiet | dict(variables or {})
        done[path.stem] = client.execute(cwd=str(folder), env=environment)
    return done

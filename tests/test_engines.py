"""Both engines on one machine, one after the other: Dask grows and filters, then Ray trains."""

import os
import subprocess
import sys

import psutil
import pytest

import deepnic

DEEPNIC = [sys.executable, "-m", "deepnic"]
FEW = ["--n-trees", "4", "--weight-ranges", "3", "--tree-sizes", "3", "--subsample", "0.5"]


@pytest.mark.ray
def test_dask_then_ray__leave_nothing_to_each_other(tmp_path):
    """Each is closed when its command ends: no process stays to hold cores or memory."""
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    table = cohort["expression"].to_pandas()
    table.insert(0, "state", cohort["label"].values)
    table.to_csv(tmp_path / "cohort.csv")
    commands = [
        ["grow", "cohort.csv", "-o", "forest.zarr", *FEW, "--hold-out", "0.3", "--workers", "2"],
        ["pixels", "forest.zarr", "-o", "table.zarr", "--k", "64", "--workers", "2"],
        ["train", "table.zarr", "-o", "runs", "--epochs", "2", "--workers", "2"],
    ]
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("DASK_", "RAY_"))}
    for command in commands:
        before = set(psutil.pids())
        done = subprocess.run(
            [*DEEPNIC, *command], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        mine = [p for p in psutil.process_iter(["cwd"]) if p.pid not in before]
        assert not [p for p in mine if p.info["cwd"] == str(tmp_path)]
    assert "test accuracy" in done.stdout

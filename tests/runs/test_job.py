"""`ray job submit` to a running cluster: the log, the exit code, and what the run leaves."""

import os
import secrets
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import Request, urlopen

import pandas as pd
import psutil
import pytest
import torch

import deepnic
from deepnic.nic import observation_images
from deepnic.pixels import filter_pixels
from deepnic.store import write_forest, write_table

RAY = Path(sys.executable).with_name("ray")
DEEPNIC = Path(sys.executable).with_name("deepnic")
pytestmark = pytest.mark.ray


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.fixture(scope="module")
def head(tmp_path_factory):
    """A Ray head of one CPU with its dashboard on the loopback, and how to reach it."""
    folder = tmp_path_factory.mktemp("ray", numbered=True)
    port = free_port()
    environment = os.environ | {
        "HOME": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_ADDRESS": "",
    }
    command = [
        RAY, "start", "--head", "--block", "--node-ip-address=127.0.0.1", f"--port={free_port()}",
        "--dashboard-host=127.0.0.1", f"--dashboard-port={port}", "--num-cpus=1", "--num-gpus=0",
        "--object-store-memory=100000000", "--disable-usage-stats",
    ]  # fmt: skip
    with (folder / "head.log").open("w") as log:
        process = subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}"
    token = {"Authorization": f"Bearer {environment['RAY_AUTH_TOKEN']}"}
    until = time.monotonic() + 120
    while True:
        try:
            urlopen(Request(f"{address}/api/version", headers=token), timeout=5).close()
            break
        except (URLError, OSError):
            assert process.poll() is None, (folder / "head.log").read_text()
            assert time.monotonic() < until, (folder / "head.log").read_text()
            time.sleep(0.5)
    yield address, environment
    family = psutil.Process(process.pid)
    for one in [*family.children(recursive=True), family]:  # asked to, it would take half a minute
        one.kill()
    process.wait(timeout=60)


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    """A pixel table of 60 observations of Wisconsin, 21 of them held out."""
    folder = tmp_path_factory.mktemp("tables")
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    hidden = deepnic.hide_labels(cohort, [k >= 39 for k in range(60)])
    forest = deepnic.grow_forest(
        hidden, n_trees=8, weight_ranges=[3], tree_sizes=[3, 4], subsample=0.5
    )
    write_forest(forest, folder / "forest.zarr")
    images = observation_images(forest)
    write_table(filter_pixels(images, k=64, fdr=None), folder / "table.zarr")
    return folder / "table.zarr"


def submit(head, folder, *arguments):
    address, environment = head
    return subprocess.run(
        [RAY, "job", "submit", "--address", address, "--working-dir", folder, "--",
         sys.executable, "-m", "deepnic", "train", *arguments],
        env=environment, capture_output=True, text=True, timeout=600,
    )  # fmt: skip


def test_ray_job_submit__trains_and_leaves_a_checkpoint_that_predicts(head, table, tmp_path):
    job = tmp_path / "job"
    job.mkdir()
    (job / "run.toml").write_text(
        f'[data]\nsource = "{table}"\n[assembly]\npath = "snail"\n[training]\nepochs = 2\n'
        f'[run]\nworkers = 1\noutput = "{tmp_path / "runs"}"\n'
    )
    done = submit(head, job, "--config", "run.toml")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "n test: 21" in done.stdout
    assert "test accuracy: " in done.stdout

    (run,) = (tmp_path / "runs").iterdir()
    assert run.name.startswith("snail-")
    assert len(list(run.glob("checkpoint_*/*"))) == 2  # it ran on a worker, not in the driver
    assert (run / "report.html").exists()
    assert torch.load(run / "checkpoint.pt", weights_only=True)["about"]["classes"] == [
        "benign",
        "malignant",
    ]
    subprocess.run(
        [DEEPNIC, "predict", run / "checkpoint.pt", table.with_name("forest.zarr"),
         "-o", tmp_path / "predictions.csv"],
        check=True,
    )  # fmt: skip
    predicted = pd.read_csv(tmp_path / "predictions.csv").set_index("item")
    trained = pd.read_csv(run / "predictions.csv").set_index("item")
    assert len(predicted) == 60
    pd.testing.assert_series_equal(
        predicted["probability of malignant"], trained["probability"], check_names=False, atol=1e-6
    )


def test_ray_job_submit__fails_with_the_jobs_code(head, table, tmp_path):
    (tmp_path / "run.toml").write_text(f'[data]\nsource = "{table}"\n[training]\nepoch = 2\n')
    done = submit(head, tmp_path, "--config", "run.toml")
    assert done.returncode == 1  # Ray tells any failure of a job so
    log = done.stdout + done.stderr
    assert "unknown key 'epoch' in [training]; choose from network, epochs" in log
    assert "exit code 2" in log
    assert "Traceback" not in log


def test_ray_job_submit__is_refused_without_the_token(head, table, tmp_path):
    address, environment = head
    done = submit((address, environment | {"RAY_AUTH_TOKEN": "0" * 64}), tmp_path, "--help")
    assert done.returncode != 0
    assert "n test" not in done.stdout

"""Ray's own launcher starts the hosts of an inventory, runs a script there and stops them."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from deepnic.cli import app
from tests.cluster.conftest import skip_for
from tests.cluster.hosts import PATIENCE, Hosts
from tests.cluster.sshd import PORT, RAY_PORT, SSHD, make_inventory
from tests.cluster.strangers import met
from tests.probing import rows, unexplained

TRAIN = Path(__file__).parents[2] / "cluster" / "train.py"
NODES = "python -m deepnic.cluster.nodes $RAY_ADDRESS"

pytestmark = [pytest.mark.ray, pytest.mark.slow]


@pytest.fixture(scope="module")
def launch(hosts: Hosts, tmp_path_factory):
    """Run a command of Ray's launcher on the file that deepnic writes."""
    missing = [tool for tool in (SSHD, "rsync") if shutil.which(tool) is None]
    skip_for(f"{', '.join(missing)} are not installed" if missing else "")
    folder = tmp_path_factory.mktemp("launcher")
    inventory = make_inventory(hosts, folder)
    written = folder / "ray.yaml"
    done = CliRunner().invoke(app, ["cluster", "launcher", str(inventory), "-o", str(written)])
    assert done.exit_code == 0, done.output
    line = done.stdout.partition("`")[2].partition("`")[0]  # as the user is told
    hosts.run("ws1", ["sh", "-c", f"echo '{line}' >~/.bashrc"])

    def ray(command: str, *words: object) -> subprocess.CompletedProcess:
        given = [sys.executable, "-m", "ray.scripts.scripts", command, written, *words]
        return subprocess.run(
            list(map(str, given)), env=os.environ | {"RAY_USAGE_STATS_ENABLED": "0"},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            timeout=PATIENCE,
        )  # fmt: skip

    done = ray("up", "--yes")
    assert done.returncode == 0, done.stdout
    until = time.monotonic() + PATIENCE  # `ray up` does not wait for the others
    while "10.77.0.12" not in (done := ray("exec", NODES)).stdout.splitlines():
        assert time.monotonic() < until, done.stdout + monitor_log(hosts)
        time.sleep(1)
    return ray


def monitor_log(hosts: Hosts) -> str:
    """What the head says of the hosts that it starts."""
    logs = hosts.folder / "ws1" / "ray"
    return "".join(log.read_text()[-5000:] for log in logs.glob("session_2*/logs/monitor.*"))


def test_launcher__starts_both_hosts_and_trains_on_them(launch, table, tmp_path):
    done = launch("submit", TRAIN, "--", table, "--workers", 2, "--epochs", 2, "-o", tmp_path)
    assert done.returncode == 0, done.stdout
    assert "epoch 2 of 2" in done.stdout
    (run,) = tmp_path.iterdir()
    assert (run / "report.html").exists()


def test_launcher__leaves_no_port_open(hosts: Hosts, launch):
    found = met(hosts, but=(PORT, RAY_PORT))
    assert len(found) > 8
    assert unexplained(found, rows("`cluster up`")) == {}


def test_launcher__down_ends_ray_on_both_hosts(hosts: Hosts, launch):
    done = launch("down", "--yes")
    assert done.returncode == 0, done.stdout
    until = time.monotonic() + PATIENCE
    while left := [line for name in hosts.addresses for line in hosts.processes(name)]:
        assert time.monotonic() < until, left
        time.sleep(1)

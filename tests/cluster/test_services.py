"""Command lines and what keeps them running, as files and on this machine."""

import os
import subprocess
import time
from pathlib import PurePosixPath

import pytest

from deepnic.cluster.ssh.inventory import Inventory
from deepnic.cluster.ssh.services import (
    Service,
    client_environment,
    host_environment,
    loop,
    running_script,
    services,
    start_script,
    stop_script,
    unit,
)
from deepnic.config import checked

HOSTS = [
    {"name": f"ws{k}", "address": f"10.0.0.{k}", "interface": "eth0", "cores": 18,
     "memory": "64GiB", "gpus": 1}
    for k in (1, 2)
]  # fmt: skip
INVENTORY = checked(
    Inventory, {"folder": "/data", "python": "/opt/python", "ports": {"dask": 9000}, "hosts": HOSTS}
)
HEAD, OTHER = INVENTORY.hosts


def after(words: list[str], option: str) -> str:
    return words[words.index(option) + 1]


def test_services__of_the_head_and_of_another_host():
    assert [each.name for each in services(INVENTORY, HEAD)] == [
        "dask-scheduler", "dask-worker", "ray"
    ]  # fmt: skip
    worker, ray = (each.command for each in services(INVENTORY, OTHER))
    assert "tls://10.0.0.1:9000" in worker
    assert [after(worker, f"--{name}") for name in ("host", "nthreads", "nworkers")] == [
        "10.0.0.2", "18", "1"
    ]  # fmt: skip
    assert [after(ray, f"--{name}") for name in ("address", "num-cpus", "num-gpus")] == [
        "10.0.0.1:6379", "18", "1"
    ]  # fmt: skip


def test_services__share_the_memory_of_a_host():
    worker, ray = (each.command for each in services(INVENTORY, OTHER))
    given = [after(worker, "--memory-limit")]
    given += [after(ray, f"--{name}") for name in ("memory", "object-store-memory")]
    assert sum(map(int, given)) == 64 * 2**30
    assert int(given[0]) == 32 * 2**30


def test_services__dashboards_are_on_the_loopback():
    scheduler, worker, ray = (each.command for each in services(INVENTORY, HEAD))
    assert after(scheduler, "--dashboard-address") == "127.0.0.1:8787"
    assert after(worker, "--dashboard-address") == "127.0.0.1:0"
    assert after(ray, "--dashboard-host") == "127.0.0.1"


def test_environments__name_the_own_key_and_send_no_statistics():
    host = host_environment(INVENTORY, OTHER)
    client = client_environment(INVENTORY, PurePosixPath("/home/marie/secrets"))
    for values, key in [
        (host, "/data/ws2/secrets/ws2-key.pem"),
        (client, "/home/marie/secrets/client-key.pem"),
    ]:
        assert {values[name] for name in values if name.endswith("KEY")} == {key}
        assert values["RAY_USAGE_STATS_ENABLED"] == "0"
        assert values["RAY_AUTH_MODE"] == "token"
    assert host["GLOO_SOCKET_IFNAME"] == "eth0"
    assert "DASK_SCHEDULER_ADDRESS" not in host  # a worker is told by its command


def test_unit__is_started_again_with_the_same_environment():
    service = services(INVENTORY, OTHER)[0]
    lines = unit(service, OTHER, INVENTORY.place(OTHER)).splitlines()
    assert "Restart=always" in lines
    assert "EnvironmentFile=/data/ws2/environment" in lines
    assert f"ExecStart={' '.join(service.command)}" in lines


@pytest.mark.skipif(os.name != "posix", reason="the scripts are for Linux")
def test_scripts__start_keep_and_stop(tmp_path):
    """It runs once, comes back when it is killed, and leaves nothing behind."""
    place = PurePosixPath(tmp_path)
    service = Service("nap", ["sleep 77 & echo $$ >>starts; sleep", "88"])
    (tmp_path / "logs").mkdir()
    (tmp_path / "environment").write_text("NAP=1\n")
    (tmp_path / "nap.sh").write_text(loop(service, place))

    def sh(script: str) -> str:
        return subprocess.run(
            ["sh"], input=script, check=True, text=True, capture_output=True
        ).stdout

    def naps() -> list[str]:
        session = (tmp_path / "nap.lock").read_text().strip()
        done = subprocess.run(["ps", "-o", "args=", "-s", session], text=True, capture_output=True)
        return [line for line in done.stdout.splitlines() if line == "sleep 88"]

    def wait(starts: int) -> None:
        until = time.monotonic() + 10
        file = tmp_path / "starts"
        while not (file.exists() and len(file.read_text().split()) == starts and naps()):
            assert time.monotonic() < until
            time.sleep(0.05)

    assert sh(running_script(["nap"], place)) == ""
    sh(start_script(service, place))
    wait(1)
    subprocess.run(["sh"], input=start_script(service, place), text=True, check=False)
    assert sh(running_script(["nap"], place)) == "nap\n"
    session = (tmp_path / "nap.lock").read_text().strip()
    find = ["ps", "-o", "pid=,args=", "-s", session]
    for line in subprocess.check_output(find, text=True).splitlines():
        if line.endswith("sleep 88"):
            os.kill(int(line.split()[0]), 9)
    wait(2)
    sh(stop_script(service, place))
    assert sh(running_script(["nap"], place)) == ""
    assert subprocess.run(find, text=True, capture_output=True).stdout == ""
    sh(stop_script(service, place))  # once more does no harm

"""Command lines and what keeps them running, as files and on this machine."""

import os
import subprocess
import time
from pathlib import Path, PurePosixPath

import pytest

from deepnic.cluster.ssh import supervisors
from deepnic.cluster.ssh.inventory import Inventory
from deepnic.cluster.ssh.launcher import LOGIN, launcher, scripts
from deepnic.cluster.ssh.services import (
    client_environment,
    host_environment,
    python_lines,
    services,
)
from deepnic.cluster.ssh.supervisors import LOOP, SHELL_LOOP, SYSTEMD_USER, supervisor
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


def after(command: str, option: str) -> str:
    words = command.split()
    return words[words.index(option) + 1]


def test_services__of_the_head_and_of_another_host():
    assert [each.name for each in services(INVENTORY, HEAD)] == [
        "dask-scheduler", "dask-worker", "ray"
    ]  # fmt: skip
    worker, ray = (each.command for each in services(INVENTORY, OTHER))
    assert "tls://10.0.0.1:9000" in worker.split()
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


def test_services__of_dask_serve_no_pages_and_ray_on_the_loopback():
    scheduler, worker, ray = (each.command for each in services(INVENTORY, HEAD))
    for dask in (scheduler, worker):
        assert "--no-dashboard" in dask.split()
        assert after(dask, "--dashboard-address") == "127.0.0.1:0"
    environment = host_environment(INVENTORY, HEAD)
    assert environment["DASK_DISTRIBUTED__SCHEDULER__HTTP__ROUTES"] == "[]"
    assert environment["DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED"] == "False"
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


def test_environment__names_the_same_key_to_all_roles_of_a_host():
    host = host_environment(INVENTORY, OTHER)
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    for role in ("CLIENT", "WORKER", "SCHEDULER"):
        assert host[f"{tls}{role}__CERT"] == host["RAY_TLS_SERVER_CERT"]
        assert host[f"{tls}{role}__KEY"] == host["RAY_TLS_SERVER_KEY"]
    assert host[f"{tls}CA_FILE"] == host["RAY_TLS_CA_CERT"] == "/data/ws2/secrets/authority.pem"
    assert f"{tls}WORKER__KEY" not in client_environment(INVENTORY, PurePosixPath("secrets"))


def test_python_lines__connect_with_the_certificate_of_the_client():
    *security, client = python_lines(INVENTORY, PurePosixPath("/home/marie/secrets")).splitlines()
    assert client == "client = Client('tls://10.0.0.1:9000', security=tls)"
    names: dict = {}
    exec("\n".join(security), names)
    tls = names["tls"].get_tls_config_for_role("client")
    assert tls["key"] == "/home/marie/secrets/client-key.pem"
    assert names["tls"].require_encryption


def test_launcher__names_the_head_and_the_script_of_each_host():
    given = launcher(INVENTORY)
    head = {"type": "local", "head_ip": "10.0.0.1", "worker_ips": ["10.0.0.2"]}
    assert given["provider"] == head
    assert "sh /data/ws1/ray-start.sh " in given["head_start_ray_commands"][0]
    assert "*' 10.0.0.2 '*) sh /data/ws2/ray-start.sh" in given["worker_start_ray_commands"][0]
    assert "RAY_ADDRESS=10.0.0.1:6379" in scripts(INVENTORY, OTHER)[LOGIN]


def test_supervisor__is_that_of_the_inventory():
    assert supervisor(INVENTORY) is SHELL_LOOP
    assert supervisor(INVENTORY.model_copy(update={"start": "systemd"})) is SYSTEMD_USER


def test_systemd_user__starts_units_again_with_the_same_environment():
    files = SYSTEMD_USER.files(INVENTORY, OTHER)
    assert list(files) == ["deepnic-dask-worker.service", "deepnic-ray.service"]
    lines = files["deepnic-dask-worker.service"].splitlines()
    assert "Description=deepnic: dask-worker of ws2" in lines
    assert "Restart=always" in lines
    assert "EnvironmentFile=/data/ws2/environment" in lines
    assert f"ExecStart={services(INVENTORY, OTHER)[0].command}" in lines


@pytest.mark.parametrize("each", [SHELL_LOOP, SYSTEMD_USER])
def test_supervisors__stop_the_last_service_first(each, monkeypatch):
    commands = []
    monkeypatch.setattr(supervisors, "ssh", lambda *words: commands.append(words[2]) or "ray\n")
    each.start(INVENTORY, HEAD)
    each.stop(INVENTORY, HEAD)
    assert each.running(INVENTORY, OTHER) == ["ray"]
    assert commands == [
        "sh -s start /data/ws1 dask-scheduler dask-worker ray",
        "sh -s stop /data/ws1 ray dask-worker dask-scheduler",
        "sh -s running /data/ws2 dask-worker ray",
    ]


@pytest.mark.skipif(os.name != "posix", reason="the script is for Linux")
def test_shell_loop__starts_keeps_and_stops(tmp_path):
    """It runs once, comes back when it is killed, and leaves nothing behind."""
    (tmp_path / "logs").mkdir()
    (tmp_path / "environment").write_text("NAP=1\n")
    command = "sleep 77 & echo $$ >>starts; sleep 88"
    facts = {"name": "nap", "place": tmp_path, "environment": "environment", "command": command}
    (tmp_path / "nap.sh").write_text(LOOP.format(**facts))
    script = Path(supervisors.__file__).with_name(SHELL_LOOP.script)

    def sh(action: str, place: Path = tmp_path) -> str:
        words = ["sh", "-s", action, str(place), "nap"]
        with script.open() as file:
            return subprocess.run(
                words, stdin=file, check=True, text=True, stdout=subprocess.PIPE
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

    assert sh("running") == ""
    sh("start")
    wait(1)
    sh("start")
    assert sh("running") == "nap\n"
    session = (tmp_path / "nap.lock").read_text().strip()
    find = ["ps", "-o", "pid=,args=", "-s", session]
    for line in subprocess.check_output(find, text=True).splitlines():
        if line.endswith("sleep 88"):
            os.kill(int(line.split()[0]), 9)
    wait(2)
    sh("stop")
    assert sh("running") == ""
    assert subprocess.run(find, text=True, capture_output=True).stdout == ""
    sh("stop")  # once more does no harm
    assert sh("stop", tmp_path / "none") + sh("running", tmp_path / "none") == ""
    with pytest.raises(subprocess.CalledProcessError):
        sh("start", tmp_path / "none")

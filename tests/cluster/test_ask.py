"""Hosts looked at: made-up ones for clocks and silence, and two real ones, broken one by one."""

import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import pytest
from typer.testing import CliRunner

from deepnic.cli import app
from deepnic.cluster.ssh import ask
from deepnic.cluster.ssh.ask import HERE, check_folder, check_hosts
from deepnic.cluster.ssh.inventory import Inventory, read_inventory
from deepnic.cluster.ssh.workstations import prepare
from deepnic.config import checked
from deepnic.errors import EngineError
from deepnic.host.doctor import Check
from tests.cluster.conftest import skip_for
from tests.cluster.hosts import Hosts
from tests.cluster.sshd import SSHD, make_inventory, start_sshd

# --- made-up hosts


@pytest.fixture
def made_up(tmp_path, monkeypatch):
    """Hosts that are all this machine; ssh is its shell."""
    monkeypatch.setattr(ask, "ssh", lambda _, host, command, stdin: run_here(command, stdin))
    monkeypatch.setattr(ask, "sh", lambda _, host, script: run_here(script, b""))
    card = {"interface": "lo", "cores": 1, "memory": "1GiB"}
    hosts = [card | {"name": f"ws{k}", "address": f"127.0.0.{k}"} for k in (1, 2)]
    places = {"folder": str(tmp_path), "python": sys.executable}
    return checked(Inventory, places | {"hosts": hosts})


def run_here(command, given):
    place = dict(cwd="/", env={"PATH": os.environ["PATH"]})  # as of one who logs in
    words = ["sh", "-c", command]
    done = subprocess.run(words, input=given, check=True, capture_output=True, **place)
    return done.stdout.decode()


@pytest.mark.parametrize(
    ("ahead", "found"),
    [(50.0, "50.3 s ahead of this"), (-50.0, "49.7 s behind this"), (0.0, "as this")],
)
def test_check_hosts__takes_the_way_out_of_a_clock(made_up, monkeypatch, ahead, found):
    """Of three ways, the second took least: 0.8 s there and 0.2 s back."""
    ways = iter([(9.0, 1.0), (0.8, 0.2), (0.1, 5.0)])
    now = 1e9

    def sh(*_):
        nonlocal now
        there, back = next(ways)
        said = now + there + ahead
        now += there + back
        return f"{said}\n"

    monkeypatch.setattr(ask, "sh", sh)
    monkeypatch.setattr(ask, "time", SimpleNamespace(time=lambda: now))
    one = made_up.model_copy(update={"hosts": made_up.hosts[:1]})
    clock = check_hosts(one, Path("none"))["ws1"][0]
    assert clock.result == f"{found} machine, give or take 0.5 s"
    assert ("chrony" in clock.remedy) == bool(ahead)


def test_check_hosts__goes_on_without_a_silent_host(made_up, monkeypatch):
    def sh(_, host, script):
        if host.name == "ws1":
            raise EngineError("ssh to ws1 failed (No route to host); try `ssh 127.0.0.1`")
        return run_here(script, b"")

    monkeypatch.setattr(ask, "sh", sh)
    found = check_hosts(made_up, Path("none"))
    (check,) = found["ws1"]
    assert check[:2] == ("ssh", "127.0.0.1 is not reached")
    assert "No route to host" in check.remedy
    assert len(found["ws2"]) > 5
    assert "of ws1" not in str(found["ws2"])


def test_check_hosts__does_not_wait_for_ever(made_up, monkeypatch, tmp_path):
    monkeypatch.setattr(ask, "ANSWER", 1)
    slow = tmp_path / "python"
    slow.write_text("#!/bin/sh\nsleep 60\n")
    slow.chmod(0o755)
    python = check_hosts(made_up.model_copy(update={"python": slow}), Path("none"))["ws1"][-1]
    assert python.subject == "python"
    assert "nothing was said within 1 s" in python.result


def test_check_hosts__with_a_python_without_deepnic(made_up, tmp_path):
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "bare"], check=True)
    bare = tmp_path / "bare" / "bin" / "python"
    python = check_hosts(made_up.model_copy(update={"python": bare}), Path("none"))["ws1"][-1]
    assert python.result.startswith(f"{bare} has no deepnic to ask (")
    assert "No module named 'deepnic'" in python.result
    assert "constraints.txt" in python.remedy


def test_check_folder__without_sharing(made_up, monkeypatch):
    """Two hosts with a folder each: what one writes the other does not see."""

    def ssh(_, host, command, given):
        place = Path(made_up.folder) / host.name
        place.mkdir(exist_ok=True)
        return run_here(command, given.replace(str(made_up.folder).encode(), str(place).encode()))

    monkeypatch.setattr(ask, "ssh", ssh)
    blind = check_folder(made_up)
    for host, other in zip(made_up.hosts, made_up.hosts[::-1], strict=True):
        assert blind[host].result == f"{made_up.folder} is not that of {other.name}"
        assert "shared = false" in blind[host].remedy
    apart = check_folder(made_up.model_copy(update={"shared": False}))
    assert {check.remedy for check in apart.values()} == {""}
    assert not [path for path in Path(made_up.folder).rglob("*") if path.is_file()]


def test_check_folder__that_is_missing(made_up, tmp_path):
    missing = made_up.model_copy(update={"folder": tmp_path / "none"})
    for check in check_folder(missing).values():
        assert "none cannot be written to (" in check.result
        assert "make it or mount it" in check.remedy


# --- real hosts


class Cluster(NamedTuple):
    """The hosts, their inventory, and the folder of its secrets."""

    hosts: Hosts
    path: Path
    inventory: Inventory
    secrets: Path

    def to_mend(self, **changed: object) -> dict[str, dict[str, Check]]:
        """Checks with a remedy, by host and what was looked at."""
        hosts = check_hosts(self.inventory.model_copy(update=changed), self.secrets)
        return {
            name: {check.subject: check for check in checks if check.remedy}
            for name, checks in hosts.items()
        }

    def doctor(self) -> tuple[int, str]:
        """Exit code and output of the command."""
        words = ["doctor", str(self.path.parent), "--inventory", str(self.path)]
        done = CliRunner().invoke(app, words, env={"COLUMNS": "200"})
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout


@pytest.fixture(scope="module")
def cluster(hosts: Hosts, tmp_path_factory) -> Cluster:
    skip_for("" if Path(SSHD).exists() else "no sshd is installed")
    folder = tmp_path_factory.mktemp("cluster")
    path = make_inventory(hosts, folder)
    (folder / "hosts").mkdir()
    return Cluster(hosts, path, read_inventory(path), folder / "secrets")


def test_doctor__before_the_first_start(cluster: Cluster):
    code, told = cluster.doctor()
    assert code == 0, told
    assert all(f"\n{name} " in told for name in (HERE, "ws1", "ws2"))
    assert told.count("nothing listens yet") == 3
    assert list((cluster.path.parent / "hosts").iterdir()) == []


@pytest.fixture
def prepared(cluster: Cluster) -> Cluster:
    """The hosts with their secrets, of which all is well."""
    if not cluster.secrets.exists():
        prepare(cluster.inventory, cluster.secrets)
    return cluster


def test_check_hosts__with_a_wrong_token_and_an_open_key(prepared: Cluster):
    place = prepared.path.parent / "hosts" / "ws2" / "secrets"
    key, token = place / "ws2-key.pem", place / "ray_token"
    right = token.read_text()
    key.chmod(0o644)
    token.write_text("0" * 64)
    to_mend = prepared.to_mend()
    key.chmod(0o600)
    token.write_text(right)
    assert to_mend.pop("ws2").keys() == {"key", "membership"}
    assert to_mend == {HERE: {}, "ws1": {}}


SERVE = """
import sys
from http.server import HTTPServer, SimpleHTTPRequestHandler
from threading import Thread
for place in ("10.77.0.11", 8786), ("127.0.0.1", 6379):
    server = HTTPServer(place, SimpleHTTPRequestHandler)
    Thread(target=server.serve_forever, daemon=True).start()
print("serving", flush=True)
sys.stdin.read()
"""


def test_check_hosts__with_taken_ports(prepared: Cluster):
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    with prepared.hosts.start("ws1", [sys.executable, "-c", SERVE], **pipes) as others:
        assert others.stdout.readline() == b"serving\n"
        to_mend = prepared.to_mend()
        others.communicate()
    assert to_mend.pop("ws1").keys() == {"port 8786", "port 6379"}
    assert not any(to_mend.values())


def test_check_hosts__with_a_folder_of_its_own(prepared: Cluster):
    folder = prepared.inventory.folder
    prepared.hosts.run("ws2", ["mount", "-t", "tmpfs", "tmpfs", folder])
    try:
        to_mend = prepared.to_mend()
    finally:
        prepared.hosts.run("ws2", ["umount", folder])
    assert to_mend["ws1"]["folder"].result == f"{folder} is not that of ws2"
    assert to_mend["ws2"]["folder"].result == f"{folder} is not that of ws1"
    assert not to_mend[HERE]


def test_check_hosts__with_another_card_and_no_way_to_the_head(prepared: Cluster):
    head, other = prepared.inventory.hosts
    other = other.model_copy(update={"interface": "eth1", "cores": 999})
    prepared.hosts.run("ws2", ["ip", "route", "add", "unreachable", "10.77.0.11"])
    try:
        to_mend = prepared.to_mend(hosts=(head, other))
    finally:
        prepared.hosts.run("ws2", ["ip", "route", "del", "unreachable", "10.77.0.11"])
    found = to_mend.pop("ws2")
    ways = {"way to 10.77.0.11:8786", "way to 10.77.0.11:6379"}
    assert found.keys() == {"network card", "resources"} | ways
    assert found["network card"].remedy.startswith('write interface = "eth0" for ws2')
    assert not any(to_mend.values())


def test_check_hosts__without_a_python(prepared: Cluster):
    to_mend = prepared.to_mend(python="/no/python")
    assert not to_mend.pop(HERE)
    for findings in to_mend.values():
        (check,) = findings.values()
        assert "/no/python has no deepnic to ask (" in check.result
        assert "not found" in check.result


def test_doctor__of_a_host_that_is_off(prepared: Cluster):
    prepared.hosts.power_off("ws2")
    code, told = prepared.doctor()
    prepared.hosts.boot("ws2")
    start_sshd(prepared.hosts, "ws2", prepared.path.parent)
    assert code == 1
    assert "10.77.0.12 is not reached" in told
    assert "free for dask" in told

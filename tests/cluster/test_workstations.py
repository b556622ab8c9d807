"""Two workstations: started over ssh, closed to strangers, and whole again after each loss."""

import json
import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import xarray as xr
from typer.testing import CliRunner

from deepnic.cli import app
from deepnic.cluster.certificates import make_secrets
from deepnic.store import open_forest
from tests.cluster.conftest import skip_for
from tests.cluster.hosts import Hosts
from tests.cluster.sshd import PORT, SSHD, make_inventory, start_sshd

ALON = Path(__file__).parents[3] / "shared" / "data" / "alon.npz"
DEEPNIC = [sys.executable, "-m", "deepnic.cli"]
PATIENCE = 180

FEW = ["--n-trees", "2", "--weight-ranges", "3", "--tree-sizes", "3,4"]
MANY = ["--n-trees", "20", "--weight-ranges", "3-5", "--tree-sizes", "3-6"]  # some 20 s of a core


class Cluster(NamedTuple):
    """The hosts, where their files are, and the variables that `up` printed."""

    hosts: Hosts
    folder: Path
    variables: dict[str, str]

    def command(self, word: str) -> tuple[int, str]:
        """Run `deepnic cluster` in this process: exit code and output."""
        done = CliRunner().invoke(app, ["cluster", word, str(self.folder / "inventory.toml")])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.exit_code, done.stdout

    def deepnic(self, *words: object) -> subprocess.CompletedProcess:
        return subprocess.run(
            [*DEEPNIC, *map(str, words)],
            env=os.environ | self.variables, capture_output=True, text=True, timeout=PATIENCE,
        )  # fmt: skip

    def python(self, script: str, **variables: str) -> subprocess.CompletedProcess:
        """Run a script as a user of the cluster, with some variables changed."""
        return subprocess.run(
            [sys.executable, "-c", script],
            env=os.environ | self.variables | variables, capture_output=True, text=True,
            timeout=PATIENCE,
        )  # fmt: skip

    def up(self) -> None:
        code, told = self.command("up")
        assert code == 0, told
        self.variables.update(re.findall("^export (.*?)=(.*)$", told, re.MULTILINE))

    def processes(self, name: str) -> list[str]:
        """Processes of a host beside those that a host has anyway."""
        lines = self.hosts.run(name, ["ps", "-eo", "pid=,args="]).splitlines()
        return [line for line in lines if not re.search(r" (bash -c|sleep 1d|sshd:|ps -eo)", line)]


@pytest.fixture(scope="module")
def cluster(hosts: Hosts, tmp_path_factory) -> Iterator[Cluster]:
    skip_for("" if Path(SSHD).exists() else "no sshd is installed")
    folder = tmp_path_factory.mktemp("cluster")
    make_inventory(hosts, folder)
    started = Cluster(hosts, folder, {})
    started.up()
    yield started
    for log in sorted(folder.glob("hosts/*/logs/*.log")):  # shown where a test fails
        print(f"--- {log.parents[1].name} {log.name}", log.read_text()[-3000:], sep="\n")


def test_up__starts_every_service(cluster: Cluster):
    code, told = cluster.command("status")
    assert code == 0, told
    assert "dask-scheduler, dask-worker, ray" in told
    assert "not in" not in told


def test_up__twice_starts_nothing_new(cluster: Cluster):
    before = {name: cluster.processes(name) for name in cluster.hosts.addresses}
    cluster.up()
    for name, lines in before.items():
        services = [line for line in lines if re.search(r"-m (dask|ray\.scripts)", line)]
        assert services
        assert set(services) <= set(cluster.processes(name))


def test_up__gives_a_host_its_own_key_only(cluster: Cluster):
    for name in cluster.hosts.addresses:
        files = sorted((cluster.folder / "hosts" / name / "secrets").iterdir())
        assert [file.name for file in files] == [
            "authority.pem", "ray_token", f"{name}-key.pem", f"{name}.pem"
        ]  # fmt: skip
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


# --- strangers

CONNECT = "from distributed import Client; Client({!r}, timeout='20s'); print('connected')"


def test_dask__is_open_to_the_client(cluster: Cluster):
    done = cluster.python(
        "from distributed import Client; print(Client().submit(abs, -1).result())"
    )
    assert done.stdout.strip() == "1", done.stderr


@pytest.mark.parametrize("stranger", ["plain", "no certificate", "another authority"])
def test_dask__refuses_strangers(cluster: Cluster, tmp_path, stranger):
    address = cluster.variables["DASK_SCHEDULER_ADDRESS"]
    tls = "DASK_DISTRIBUTED__COMM__TLS__"
    changed: dict[str, str] = {}
    if stranger == "plain":
        address = address.replace("tls://", "tcp://")
    else:
        make_secrets(tmp_path, {})
        changed = {f"{tls}CLIENT__CERT": "", f"{tls}CLIENT__KEY": ""}
    if stranger == "another authority":
        changed = {
            f"{tls}CLIENT__CERT": str(tmp_path / "client.pem"),
            f"{tls}CLIENT__KEY": str(tmp_path / "client-key.pem"),
        }
    done = cluster.python(CONNECT.format(address), **changed)
    assert done.returncode != 0
    assert "connected" not in done.stdout
    assert re.search("Error", done.stderr)


NODES = [sys.executable, "-m", "deepnic.cluster.nodes"]


@pytest.mark.parametrize(
    ("changed", "welcome"),
    [
        ({}, True),
        ({"RAY_AUTH_TOKEN_PATH": "", "RAY_AUTH_TOKEN": "0" * 64}, False),
        ({"RAY_AUTH_MODE": "disabled"}, False),
        ({"RAY_USE_TLS": "0"}, False),
    ],
    ids=["user", "wrong token", "no token", "no certificate"],
)
def test_ray__refuses_strangers(cluster: Cluster, changed, welcome):
    variables = {**os.environ, **cluster.variables, **changed}
    environment = {name: value for name, value in variables.items() if value}
    try:
        done = subprocess.run(
            [*NODES, cluster.variables["RAY_ADDRESS"]],
            env=environment, capture_output=True, text=True, timeout=20,
        )  # fmt: skip
        answered = done.returncode == 0 and "10.77.0.11" in done.stdout
    except subprocess.TimeoutExpired:
        answered = False
    assert answered == welcome


ASK_DASHBOARD = """
import sys, urllib.error, urllib.request
headers = {"Authorization": f"Bearer {token}"} if (token := sys.argv[1]) else {}
request = urllib.request.Request("http://127.0.0.1:8265/api/jobs/", headers=headers)
try:
    print(urllib.request.urlopen(request, timeout=60).status)
except urllib.error.HTTPError as error:
    print(error.code)
"""


@pytest.mark.parametrize(("token", "code"), [("", 401), ("0" * 64, 403), ("right", 200)])
def test_ray__dashboard_takes_a_token(cluster: Cluster, token, code):
    token = token.replace("right", (cluster.folder / "secrets" / "ray_token").read_text())
    answer = cluster.hosts.run("ws1", [sys.executable, "-c", ASK_DASHBOARD, token])
    assert int(answer) == code


def test_listeners__are_closed_to_strangers(cluster: Cluster):
    """Whatever is not on the loopback wants a certificate or the token."""
    found = []
    for name, address in cluster.hosts.addresses.items():
        for port in listeners(cluster.hosts, name):
            if port != PORT:
                found.append((name, port, plain(address, port), encrypted(address, port)))
    assert len(found) > 10
    open_ones = [each for each in found if each[2] not in ("", "401") or each[3]]
    assert not open_ones


def listeners(hosts: Hosts, name: str) -> list[int]:
    """Ports of a host that others reach."""
    ports = set()
    for line in hosts.run(name, ["cat", "/proc/net/tcp", "/proc/net/tcp6"]).splitlines():
        words = line.split()
        if words[3] != "0A":  # listening
            continue
        address, port = words[1].split(":")
        if not address.endswith("0100007F") and address != "0" * 24 + "01000000":
            ports.add(int(port, 16))
    return sorted(ports)


def plain(address: str, port: int) -> str:
    """What a request without a token gets: its status, nothing, or the answer as it is."""
    with socket.create_connection((address, port), timeout=10) as stranger:
        stranger.settimeout(5)
        try:
            stranger.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = stranger.recv(200)
        except OSError:
            return ""
    status = re.match(rb"HTTP/1\.\d (\d+)", answer)
    if status:
        return status[1].decode()
    return "" if answer[:1] == b"\x15" else answer.hex()  # 21 is an alert of TLS


def encrypted(address: str, port: int) -> str:
    """What a client without a certificate gets once the line is encrypted."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with socket.create_connection((address, port), timeout=10) as line:
            line.settimeout(5)
            with context.wrap_socket(line) as stranger:
                stranger.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
                return stranger.recv(200).hex()
    except OSError:  # as ssl.SSLError is
        return ""


# --- growing

growing = pytest.mark.skipif(
    not ALON.exists(), reason="the real cohorts are not part of the project"
)


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """Forest that this machine grows by itself, for given options."""
    folder = tmp_path_factory.mktemp("alone")

    def grow(options: list[str]) -> xr.Dataset:
        store = folder / f"{abs(hash(tuple(options)))}.zarr"
        if not store.exists():
            subprocess.run([*DEEPNIC, "grow", ALON, "-o", store, *options], check=True)
        return open_forest(store)

    return grow


COUNT_TASKS = """
import json
from distributed import Client

def count(dask_worker):
    return dask_worker.name, dask_worker.state.executed_count

print(json.dumps(list(Client().run(count).values())))
"""


@growing
def test_grow__through_both_hosts(cluster: Cluster, alone, tmp_path):
    done = cluster.deepnic("grow", ALON, "-o", tmp_path / "store.zarr", *FEW)
    assert done.returncode == 0, done.stderr
    xr.testing.assert_identical(open_forest(tmp_path / "store.zarr"), alone(FEW))
    counts = dict(json.loads(cluster.python(COUNT_TASKS).stdout))
    assert counts.keys() == cluster.hosts.addresses.keys()
    assert min(counts.values()) > 0


def start_growing(cluster: Cluster, store: Path) -> subprocess.Popen:
    """Start to grow many trees, and wait until the first are written."""
    growing = subprocess.Popen(
        [*DEEPNIC, "grow", ALON, "-o", store, *MANY], env=os.environ | cluster.variables,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until = time.monotonic() + PATIENCE
    while not list(store.glob("vote/c/*/*/*/*/0")):
        assert growing.poll() is None, growing.communicate()[1]
        assert time.monotonic() < until
        time.sleep(0.1)
    return growing


def finish(growing: subprocess.Popen) -> int:
    with growing:
        try:
            growing.communicate(timeout=PATIENCE)
        finally:
            growing.kill()
    return growing.returncode


@pytest.fixture
def mended(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, which is whole again afterwards."""
    yield cluster
    cluster.hosts.plug("ws2")
    if "ws2" not in cluster.hosts.first:
        cluster.hosts.boot("ws2")
        start_sshd(cluster.hosts, "ws2", cluster.folder)
    cluster.up()


@growing
def test_grow__with_a_host_powered_off(mended: Cluster, alone, tmp_path):
    growing = start_growing(mended, tmp_path / "store.zarr")
    mended.hosts.power_off("ws2")
    assert finish(growing) == 0
    xr.testing.assert_identical(open_forest(tmp_path / "store.zarr"), alone(MANY))
    code, told = mended.command("status")
    assert code == 1
    assert "ssh to ws2 failed" in told


@growing
def test_grow__with_the_cable_pulled_and_put_back(mended: Cluster, alone, tmp_path):
    growing = start_growing(mended, tmp_path / "store.zarr")
    mended.hosts.unplug("ws2")
    time.sleep(35)  # Dask gives a silent worker up after 30 s
    mended.hosts.plug("ws2")
    assert finish(growing) == 0
    xr.testing.assert_identical(open_forest(tmp_path / "store.zarr"), alone(MANY))


@growing
def test_grow__with_the_scheduler_killed(mended: Cluster, alone, tmp_path):
    growing = start_growing(mended, tmp_path / "store.zarr")
    (scheduler,) = [line for line in mended.processes("ws1") if "-m dask scheduler" in line]
    mended.hosts.run("ws1", ["kill", "-9", scheduler.split()[0]])
    assert finish(growing) == 1
    again = mended.deepnic("grow", ALON, "-o", tmp_path / "store.zarr", *MANY)
    assert again.returncode == 0, again.stderr
    assert int(re.search(r"(\d+) blocks of trees grown", again.stdout)[1]) < 12
    xr.testing.assert_identical(open_forest(tmp_path / "store.zarr"), alone(MANY))


def test_down__leaves_no_process(cluster: Cluster):
    code, told = cluster.command("down")
    assert code == 0, told
    for name in cluster.hosts.addresses:
        assert cluster.processes(name) == []

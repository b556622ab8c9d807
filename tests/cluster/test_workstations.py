"""Two workstations: started over ssh, closed to strangers, and whole again after each loss."""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
import xarray as xr
from typer.testing import CliRunner, Result

import deepnic
from deepnic.cli import app
from deepnic.cluster.certificates import make_secrets
from deepnic.store import open_classes, open_forest
from tests.cluster.conftest import skip_for
from tests.cluster.hosts import PATIENCE, Hosts
from tests.cluster.sshd import PORT, RAY_PORT, SSHD, make_inventory, start_sshd
from tests.cluster.strangers import met
from tests.cluster.test_slurm import epochs
from tests.lessons import run_lessons
from tests.probing import missing, rows, unexplained
from tests.test_docs import commands

ALON = Path(__file__).parents[3] / "shared" / "data" / "alon.npz"
DEEPNIC = [sys.executable, "-m", "deepnic"]
EPOCHS = 100  # of two items a step, so that it is not over when a host is lost

pytestmark = [pytest.mark.ray, pytest.mark.slow]

# 8 blocks, enough for both hosts
BLOCKS = "vote/c/*/*/*/*/0"  # a file each, in a store
MANY = ["--n-trees", "20", "--weight-ranges", "3-5", "--tree-sizes", "3-6"]  # tasks for both hosts


# a silent host is given up after 12 s, the least that Dask takes, rather than 30
CONFIG = "~/.config/dask/distributed.yaml"
QUICK = "distributed: {comm: {timeouts: {tcp: 12s}}}"


class Cluster(NamedTuple):
    """The hosts, where their files are, and the variables that `up` printed."""

    hosts: Hosts
    folder: Path
    variables: dict[str, str]

    def command(self, word: str) -> Result:
        """Run `deepnic cluster` in this process."""
        done = CliRunner().invoke(app, ["cluster", word, str(self.folder / "inventory.toml")])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done

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
        done = self.command("up")
        assert done.exit_code == 0, done.output
        self.variables.update(re.findall("^export (.*?)=(.*)$", done.stdout, re.MULTILINE))


@pytest.fixture(scope="module")
def cluster(hosts: Hosts, tmp_path_factory) -> Iterator[Cluster]:
    skip_for("" if Path(SSHD).exists() else "no sshd is installed")
    folder = tmp_path_factory.mktemp("cluster")
    make_inventory(hosts, folder)
    for name in hosts.addresses:
        hosts.run(name, ["sh", "-c", f"mkdir -p ~/.config/dask && echo '{QUICK}' >{CONFIG}"])
    started = Cluster(hosts, folder, {})
    started.up()
    yield started
    for log in sorted(folder.glob("hosts/*/logs/*.log")):  # shown where a test fails
        print(f"--- {log.parents[1].name} {log.name}", log.read_text()[-3000:], sep="\n")


def test_up__starts_every_service(cluster: Cluster):
    done = cluster.command("status")
    assert done.exit_code == 0, done.output
    assert "dask-scheduler, dask-worker, ray" in done.stdout
    assert "not in" not in done.stdout


def test_up__twice_starts_nothing_new(cluster: Cluster):
    before = {name: cluster.hosts.processes(name) for name in cluster.hosts.addresses}
    cluster.up()
    for name, lines in before.items():
        services = [line for line in lines if re.search(r"-m (dask|ray\.scripts)", line)]
        assert services
        assert set(services) <= set(cluster.hosts.processes(name))


def test_up__gives_a_host_its_own_key_only(cluster: Cluster):
    for name in cluster.hosts.addresses:
        files = sorted((cluster.folder / "hosts" / name / "secrets").iterdir())
        assert [file.name for file in files] == [
            "authority.pem", "ray_token", f"{name}-key.pem", f"{name}.pem"
        ]  # fmt: skip
        assert {file.stat().st_mode & 0o777 for file in files} == {0o600}


PAGE = Path(__file__).parents[2] / "cluster" / "workstations" / "README.md"
APART = {"down", "launcher", "--renew", "--replace", "train"}  # other tests have their words
FEW = ["--n-trees", "10", "--weight-ranges", "3", "--tree-sizes", "3,4"]


def test_page__commands_one_after_the_other(cluster: Cluster, tmp_path, monkeypatch):
    """From the first look at the hosts to a table of pixels, as the page has them typed."""
    monkeypatch.chdir(tmp_path)
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    table = cohort["expression"].to_pandas().assign(state=cohort["label"].values)
    table.to_csv("cohort.csv", index_label="id")
    typed = [words for words in commands(PAGE) if not APART & {*words}]
    verbs = ["doctor", "cluster", "cluster", "grow", "pixels", "cluster", "cluster"]
    assert [words[0] for words in typed] == verbs
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    for words in typed:
        words += FEW * (words[0] == "grow")
        inventory = str(cluster.folder / "inventory.toml")
        mine = [word.replace("inventory.toml", inventory) for word in words]
        done = cluster.deepnic(*[word.replace("/data/deepnic", str(there)) for word in mine])
        assert done.returncode == 0, f"{words}: {done.stdout}{done.stderr}"
        if words[0] in ("grow", "pixels"):
            alone = [word.replace("/data/deepnic", str(here)) for word in words]
            subprocess.run([*DEEPNIC, *alone], check=True)
    one, other = (open_classes(place / "table.zarr") for place in (here, there))
    assert one.keys() == other.keys()
    for label, tables in one.items():
        assert len(tables) == len(other[label]) == 5
        for mine, theirs in zip(tables, other[label], strict=True):
            xr.testing.assert_identical(mine.load(), theirs.load())


# --- strangers

CONNECT = "from distributed import Client; Client({!r}, timeout='20s'); print('connected')"


def test_dask__is_open_to_the_client(cluster: Cluster):
    done = cluster.python(
        "from distributed import Client; print(Client().submit(abs, -1).result())"
    )
    assert done.stdout.strip() == "1", done.stderr


def test_dask__is_open_to_the_lines_that_up_prints(cluster: Cluster):
    said = cluster.command("up").stderr
    lines = [line for line in said.splitlines() if line and not line.startswith("#")]
    assert len(lines) == 3
    nothing = {name: value for name, value in os.environ.items() if "DASK" not in name}
    done = subprocess.run(
        [sys.executable, "-c", "\n".join([*lines, "print(client.submit(abs, -2).result())"])],
        env=nothing, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.stdout.strip() == "2", done.stderr


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
    """To neighbours and to other users of the hosts; and they are those of the page."""
    found = met(cluster.hosts, but=(PORT, RAY_PORT))
    assert len(found) > 10
    assert unexplained(found, rows("`cluster up`")) == {}
    assert missing(found, rows("`cluster up`")) == []
    private = list(Path("/tmp").glob(f"deepnic-ray-{os.getuid()}-*"))
    assert len(private) >= len(cluster.hosts.addresses)
    assert {folder.stat().st_mode & 0o777 for folder in private} == {0o700}


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


def tasks(cluster: Cluster) -> dict[str, int]:
    """Tasks that each host has done."""
    return dict(json.loads(cluster.python(COUNT_TASKS).stdout))


@growing
def test_grow__through_both_hosts(cluster: Cluster, alone, tmp_path):
    before = tasks(cluster)
    done = cluster.deepnic("grow", ALON, "-o", tmp_path / "store.zarr", *MANY)
    assert done.returncode == 0, done.stderr
    xr.testing.assert_identical(open_forest(tmp_path / "store.zarr"), alone(MANY))
    assert before.keys() == cluster.hosts.addresses.keys()
    assert all(count > before[name] for name, count in tasks(cluster).items())


def test_notebooks__run_on_both_hosts(cluster: Cluster, tmp_path):
    before = tasks(cluster)
    run_lessons(tmp_path, cluster.variables)
    assert (tmp_path / "lessons" / "table.zarr").is_dir()
    assert all(count > before[name] for name, count in tasks(cluster).items())


def until(process: subprocess.Popen, condition: Callable[[], object]) -> None:
    """Wait while a process runs until a condition holds."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.1)


def start_growing(cluster: Cluster, store: Path) -> subprocess.Popen:
    """Start to grow many trees, and wait until the first are written."""
    growing = subprocess.Popen(
        [*DEEPNIC, "grow", ALON, "-o", store, *MANY], env=os.environ | cluster.variables,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    until(growing, lambda: list(store.glob(BLOCKS)))
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
    status = mended.command("status")
    assert status.exit_code == 1
    assert "ssh to ws2 failed" in status.stdout


KILL_WORKERS = """
from distributed import Client
from distributed.chaos import KillWorker

Client().register_plugin(KillWorker(delay="6 s", mode="segfault"), name="chaos")
"""
SPARE_WORKERS = """
from contextlib import suppress
from distributed import Client

client = Client()
with suppress(OSError):  # the scheduler has forgotten it, a worker that is told so dies
    client.unregister_worker_plugin("chaos")
client.restart()  # those that live on without it are still to die
"""


@growing
def test_grow__while_workers_die_on_both_hosts(mended: Cluster, alone, tmp_path):
    """Again and again, as Dask's own chaos has it: each worker lives some seconds."""
    growing = start_growing(mended, tmp_path / "store.zarr")
    assert mended.python(KILL_WORKERS).returncode == 0
    ended = finish(growing)
    assert mended.python(SPARE_WORKERS).returncode == 0
    assert ended in (0, 1)
    if ended:  # a task that three workers died of is given up
        again = mended.deepnic("grow", ALON, "-o", tmp_path / "store.zarr", *MANY)
        assert again.returncode == 0, again.stderr
    xr.testing.assert_identical(open_forest(tmp_path / "store.zarr"), alone(MANY))


WAIT_UNTIL_LOST = """
import time
from distributed import Client

client = Client()
while len(client.scheduler_info(n_workers=-1)["workers"]) > 1:
    time.sleep(0.2)
"""


@growing
def test_grow__with_the_cable_pulled_and_put_back(mended: Cluster, alone, tmp_path):
    growing = start_growing(mended, tmp_path / "store.zarr")
    mended.hosts.unplug("ws2")
    assert mended.python(WAIT_UNTIL_LOST).returncode == 0
    mended.hosts.plug("ws2")
    assert finish(growing) == 0
    xr.testing.assert_identical(open_forest(tmp_path / "store.zarr"), alone(MANY))


@growing
def test_grow__with_the_scheduler_killed(mended: Cluster, alone, tmp_path):
    growing = start_growing(mended, tmp_path / "store.zarr")
    (scheduler,) = [line for line in mended.hosts.processes("ws1") if "-m dask scheduler" in line]
    mended.hosts.run("ws1", ["kill", "-9", scheduler.split()[0]])
    assert finish(growing) == 1
    again = mended.deepnic("grow", ALON, "-o", tmp_path / "store.zarr", *MANY)
    assert again.returncode == 0, again.stderr
    blocks = list((tmp_path / "store.zarr").glob(BLOCKS))
    assert int(re.search(r"(\d+) blocks of trees grown", again.stdout)[1]) < len(blocks)
    xr.testing.assert_identical(open_forest(tmp_path / "store.zarr"), alone(MANY))


# --- training


def answers(address: str, port: int) -> bool:
    with socket.socket() as tried:
        return tried.connect_ex((address, port)) == 0


@pytest.fixture
def tunnel(cluster: Cluster) -> Iterator[None]:
    """Make the head's dashboard of Ray this machine's, as the README says."""
    login = ["-p", str(PORT), "-i", str(cluster.folder / "identity")]
    known = f"UserKnownHostsFile={cluster.folder / 'known_hosts'}"
    head = cluster.hosts.addresses["ws1"]
    words = ["ssh", "-N", "-L", "8265:127.0.0.1:8265", *login, "-o", known, head]
    with subprocess.Popen(words) as process:
        until(process, lambda: answers("127.0.0.1", 8265))
        yield
        process.terminate()


def test_train__as_a_job_goes_on_without_a_lost_host(mended: Cluster, tunnel, table, tmp_path):
    runs = tmp_path / "runs"
    submit = [sys.executable, "-m", "ray.scripts.scripts", "job", "submit", "--"]
    train = [sys.executable, "-m", "deepnic", "train", table, "--workers", 2, "--elastic"]
    words = [*submit, *train, "--epochs", EPOCHS, "--batch-size", 2, "-o", runs]
    with subprocess.Popen(
        list(map(str, words)), env=os.environ | mended.variables,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as job:  # fmt: skip
        until(job, lambda: epochs(tmp_path) >= 2)
        found = met(mended.hosts, but=(PORT, RAY_PORT))
        mended.hosts.power_off("ws2")
        assert epochs(tmp_path) < EPOCHS
        log = job.communicate(timeout=PATIENCE)[0]
    assert job.returncode == 0, log
    assert len(found) > 15  # of Ray, its workers, and gloo
    page = rows("`cluster up`") + rows("training on such a cluster")
    assert unexplained(found, page) == {}
    assert f"epoch {EPOCHS} of {EPOCHS}" in log
    (run,) = runs.iterdir()
    assert pd.read_csv(run / "history.csv")["epoch"].tolist() == list(range(1, EPOCHS + 1))


def test_down__leaves_no_process(cluster: Cluster):
    done = cluster.command("down")
    assert done.exit_code == 0, done.output
    for name in cluster.hosts.addresses:
        assert cluster.hosts.processes(name) == []

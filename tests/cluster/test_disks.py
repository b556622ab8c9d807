"""Workers with disks of their own: the store comes together where it was asked for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import xarray as xr
from distributed import Client, LocalCluster

from deepnic import cli
from deepnic.store import forest as store
from deepnic.store import write_forest
from tests.cluster.conftest import skip_for
from tests.store.test_forest import (
    BLOCKS_BY_TREE,
    ONE_TREE,
    PARAMETERS,
    cut_forest,
    made_cohort,
    snapshot,
)

WORKER = [sys.executable, "-m", "dask", "worker", "--nthreads", "1", "--no-nanny"]
OWN_DISK = 'mount -t tmpfs tmpfs "$0" && exec "$@"'


class Workers:
    """A scheduler, and workers that are processes with a disk of their own at a folder, or without.

    Parameters
    ----------
    folder : Path
        Empty; its `disk` is what they see or do not see.
    """

    def __init__(self, folder: Path):
        self.folder, self.disk = folder, folder / "disk"
        self.disk.mkdir()
        self.processes: dict[str, subprocess.Popen] = {}

    def __enter__(self) -> "Workers":
        self.cluster = LocalCluster(n_workers=0, protocol="tcp://", dashboard_address=":0")
        self.address = self.cluster.scheduler_address
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self.processes):
            self.kill(name)
        self.cluster.close()

    def start(self, name: str, *, own_disk: bool = True) -> None:
        command = [*WORKER, self.address, "--name", name, "--no-dashboard"]
        command += ["--local-directory", str(self.folder / name)]
        if own_disk:
            own = ["unshare", "--mount", "--propagation", "private", "sh", "-c", OWN_DISK]
            command = [*own, str(self.disk), *command]
        with (self.folder / f"{name}.log").open("w") as log:
            self.processes[name] = subprocess.Popen(command, stdout=log, stderr=log)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        process.kill()
        process.wait(timeout=10)

    def only(self, client: Client, **own_disk: bool) -> None:
        """Have these workers, with a disk of their own or without, and no others."""
        for name in self.processes.keys() - own_disk:
            self.kill(name)
        for name in own_disk.keys() - self.processes.keys():
            self.start(name, own_disk=own_disk[name])
        names = set()
        while names != own_disk.keys():
            assert all(process.poll() is None for process in self.processes.values())
            names = {each["name"] for each in client.scheduler_info()["workers"].values()}


@pytest.fixture(scope="module")
def workers(tmp_path_factory) -> Iterator[Workers]:
    can = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("unshare")
    skip_for("" if can else "disks of their own take root on Linux, and unshare")
    with Workers(tmp_path_factory.mktemp("workers")) as started:
        yield started


@pytest.fixture
def client(workers: Workers) -> Iterator[Client]:
    with Client(workers.address) as connected:
        yield connected


@pytest.fixture(scope="module")
def forest() -> xr.Dataset:
    """Seventy blocks, each a moment's work."""
    return cut_forest(made_cohort(), ONE_TREE, **PARAMETERS)


@pytest.fixture(scope="module")
def alone(forest, tmp_path_factory) -> Path:
    """The store that this machine makes by itself."""
    path = tmp_path_factory.mktemp("alone") / "f.zarr"
    write_forest(forest, path)
    return path


@pytest.fixture
def path(workers: Workers) -> Iterator[Path]:
    """Where to make a store, on our disk."""
    yield workers.disk / "f.zarr"
    shutil.rmtree(workers.disk / "f.zarr", ignore_errors=True)


@pytest.fixture(autouse=True)
def a_block_a_task(monkeypatch):
    monkeypatch.setattr(store, "TOGETHER_SECONDS", 0)


@pytest.fixture
def received(monkeypatch) -> list[int]:
    """Number of files of each block that came here."""
    return at_block(monkeypatch, -1, lambda: None)


def at_block(monkeypatch, number: int, act: Callable[[], object]) -> list[int]:
    """Act when the block of a number has come, before it is written."""
    received: list[int] = []
    write = store.write_noted

    def count_and_write(path, files):
        if len(next(iter(files), "signature").split("/")) == 7:  # not of draws in order
            received.append(len(files))
            if len(received) == number:
                act()
        write(path, files)

    monkeypatch.setattr(store, "write_noted", count_and_write)
    return received


def contents(path: Path) -> dict[Path, bytes]:
    return {name: content for name, (content, _) in snapshot(path).items()}


def seen(client: Client, folder: Path) -> dict[str, list[str]]:
    """What each worker sees in a folder."""

    def names(dask_worker):
        return dask_worker.name, sorted(os.listdir(folder))

    return dict(client.run(names).values())


def test_write_forest__workers_with_their_own_disks(workers, client, forest, alone, path, received):
    workers.only(client, a=True, b=True)
    assert write_forest(forest, path) == BLOCKS_BY_TREE
    assert received == [2] * BLOCKS_BY_TREE
    assert contents(path) == contents(alone)
    assert seen(client, workers.disk) == {"a": [], "b": []}  # nothing is left there
    assert write_forest(forest, path) == 0


def test_write_forest__going_on_after_an_interruption(
    workers, client, forest, alone, path, monkeypatch
):
    """Each block that came before is kept."""

    def interrupt():
        raise KeyboardInterrupt

    workers.only(client, a=True, b=True)
    with monkeypatch.context() as patch:
        at_block(patch, 11, interrupt)
        with pytest.raises(KeyboardInterrupt):
            write_forest(forest, path)
    assert write_forest(forest, path) == BLOCKS_BY_TREE - 10
    assert contents(path) == contents(alone)


def test_write_forest__with_a_worker_lost(workers, client, forest, alone, path, monkeypatch):
    workers.only(client, a=True, b=True)
    received = at_block(monkeypatch, 5, lambda: workers.kill("b"))
    assert write_forest(forest, path) == BLOCKS_BY_TREE
    assert received == [2] * BLOCKS_BY_TREE
    assert contents(path) == contents(alone)


def test_write_forest__several_blocks_come_at_once(
    workers, client, forest, alone, path, received, monkeypatch
):
    workers.only(client, a=True, b=True)
    monkeypatch.setattr(store, "TOGETHER_SECONDS", 1)
    monkeypatch.setattr(store, "LEAST_TASKS", 0.5)  # not 1: sums are rounded
    assert write_forest(forest, path) == BLOCKS_BY_TREE
    assert received == [2 * BLOCKS_BY_TREE]
    assert contents(path) == contents(alone)


def test_write_forest__with_all_workers_lost(workers, client, forest, alone, path, monkeypatch):
    """What trees are grown from is sent again to the one that comes after."""

    def exchange():
        workers.kill("a")
        workers.start("b")

    workers.only(client, a=True)
    received = at_block(monkeypatch, 5, exchange)
    assert write_forest(forest, path) == BLOCKS_BY_TREE
    assert received == [2] * BLOCKS_BY_TREE
    assert contents(path) == contents(alone)


def test_write_forest__one_worker_sees_the_store(workers, client, forest, alone, path, received):
    """As on the host where the store lies."""
    workers.only(client, a=True, here=False)
    assert write_forest(forest, path) == BLOCKS_BY_TREE
    assert contents(path) == contents(alone)
    assert seen(client, workers.disk) == {"a": [], "here": ["f.zarr"]}


def test_pixels__refuses_workers_without_the_store(workers, client, alone, path, capsys):
    workers.only(client, a=True)
    shutil.copytree(alone, path)
    words = ["pixels", str(path), "-o", str(path.parent / "t"), "--scheduler", workers.address]
    with pytest.raises(SystemExit, match="2"):
        cli.main([*words, "--items", "genes"])
    told = capsys.readouterr().err
    assert f"of the store {path} is missing on" in told
    assert "a host without the store needs a copy there" in told
    assert told.count("\n") == 1

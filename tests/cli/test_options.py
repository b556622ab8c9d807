"""Where the tasks of a command run: threads, workers of its own, a scheduler that runs."""

import os
import socket

import pytest
from distributed import LocalCluster, get_client

from deepnic.cli import options
from deepnic.cli.options import dask_scheduler
from deepnic.errors import InputError
from deepnic.store import open_forest
from tests.cli.made import FEW

KEPT = ["MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_"]
ONE_WORKER = {
    "n_workers": 1,
    "processes": False,
    "protocol": "tcp",
    "dashboard_address": "127.0.0.1:0",
}


def test_grow__scheduler_that_does_not_answer(refuse, place, tmp_path):
    """Nothing listens on port 9; and no client stays behind for later computations to wait for."""
    sentence = refuse("grow", place / "cohort.csv", "-o", tmp_path / "out", *FEW,
                      "--scheduler", "tcp://127.0.0.1:9")  # fmt: skip
    assert "no Dask scheduler answers at tcp://127.0.0.1:9; start it, or correct" in sentence
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="No"):
        get_client()


def test_scheduler__that_is_none_is_told_in_time(monkeypatch):
    """What listens and says nothing, or speaks HTTP as a dashboard does, or is a Dask worker."""
    monkeypatch.setattr(options, "ANSWER", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"tcp://127.0.0.1:{silent.getsockname()[1]}"
        with pytest.raises(InputError, match="no Dask scheduler answers"):
            options._answering(address)
    with LocalCluster(**ONE_WORKER) as cluster:
        pages = f"tcp://127.0.0.1:{cluster.scheduler.http_server.port}"
        with pytest.raises(InputError, match="a dashboard's is another one"):
            options._answering(pages)
        (worker,) = cluster.workers.values()
        with pytest.raises(InputError, match=r"a Dask Worker answers at .*; give the scheduler's"):
            options._answering(worker.address)
        assert options._answering(cluster.scheduler_address) == cluster.scheduler_address


def test_grow__on_a_scheduler_that_runs(run, place, tmp_path):
    with LocalCluster(**ONE_WORKER) as cluster:
        code, _, error = run("grow", place / "cohort.csv", "-o", tmp_path / "out", *FEW,
                             "--scheduler", cluster.scheduler_address)  # fmt: skip
        assert code == 0, error
    assert open_forest(tmp_path / "out").signature.size > 0


def test_grow__scheduler_file_that_is_none(refuse, place, tmp_path):
    file = tmp_path / "scheduler.json"
    file.write_text("{")
    sentence = refuse("grow", place / "cohort.csv", "-o", tmp_path / "out", *FEW,
                      "--scheduler", file)  # fmt: skip
    assert "no Dask scheduler answers at " in sentence
    assert not (tmp_path / "out").exists()


def test_workers__keep_the_memory_that_they_free(monkeypatch):
    """Where they give it back, a network spends half of its time on page faults."""
    for name in KEPT:  # what a user has set stays, and Dask sets one where a worker was started
        monkeypatch.delenv(name, raising=False)
    with dask_scheduler(1, None):
        told = get_client().run(lambda: [os.environ.get(name) for name in KEPT])
    assert list(told.values()) == [[str(2**30)] * 2]

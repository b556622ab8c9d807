"""Wall time, and processor time wherever it was spent."""

import json
from time import perf_counter, process_time, sleep, thread_time

import dask
import pytest
from distributed import Client, LocalCluster

from deepnic.study.costs import measured, noted, processor_seconds


def burn(seconds):
    start = process_time()
    while process_time() < start + seconds:
        pass


def test_measured__sleep_takes_no_processor():
    with measured(thread_time) as cost:
        sleep(0.2)
        burn(0.1)
    assert cost["seconds"] >= 0.3
    assert 0.1 <= cost["core_seconds"] < 0.2


def test_noted__of_the_first_time(tmp_path):
    with noted(tmp_path / "step.json"):
        burn(0.1)
    first = json.loads((tmp_path / "step.json").read_text())
    assert first["core_seconds"] >= 0.1
    with noted(tmp_path / "step.json"):
        pass
    assert json.loads((tmp_path / "step.json").read_text()) == first


def test_noted__nothing_of_a_step_that_failed(tmp_path):
    with pytest.raises(RuntimeError), noted(tmp_path / "step.json"):
        raise RuntimeError
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("processes", [True, False])
def test_processor_seconds__adds_up_workers_and_counts_a_process_once(processes):
    kind = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": "127.0.0.1:0"}
    with LocalCluster(processes=processes, **kind) as cluster, Client(cluster):
        before, start = processor_seconds(), perf_counter()
        dask.compute(*(dask.delayed(burn)(0.4, dask_key_name=f"burn-{k}") for k in range(2)))
        used = processor_seconds() - before
    assert used >= (0.8 if processes else 0.4)  # in one process, both burn the same seconds
    assert used < 2 * (perf_counter() - start) + 0.4

"""Progress bars: counts, silence, errors; threads and a cluster."""

import logging
import re
import time
from itertools import accumulate, islice, pairwise
from threading import Event, current_thread

import dask
import pytest
from distributed import Client, LocalCluster
from rich.progress import Progress

from deepnic.compute import (
    INTERVAL,
    LONGEST,
    compute,
    current_client,
    local_workers,
    progress,
    under_way,
    waits,
)


@pytest.fixture(params=["threads", "cluster"])
def anywhere(request):
    """Compute on threads of this process, or on a cluster."""
    if request.param == "threads":
        yield
        return
    cluster = LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=":0"
    )
    with cluster, Client(cluster):
        yield


@pytest.fixture
def bars(monkeypatch):
    """What is told to the bars: [description, total, advanced, removed]."""
    told: list[list] = []

    def add_task(self, description, total):
        told.append([description, total, 0, False])
        return len(told) - 1

    def advance(self, job, cost):
        told[job][2] += cost

    def remove_task(self, job):
        told[job][3] = True

    for method in (add_task, advance, remove_task):
        monkeypatch.setattr(Progress, method.__name__, method)
    return told


@dask.delayed
def square(x):
    return x * x


@dask.delayed
def fail(x):
    raise ZeroDivisionError(f"task {x}")


@pytest.mark.usefixtures("anywhere")
def test_compute__values_in_order_and_every_task_counted(bars):
    assert compute([square(x) for x in range(20)], "squaring") == [x * x for x in range(20)]
    assert bars == [["squaring", 20, 20, True]]


@pytest.mark.usefixtures("anywhere")
def test_compute__counts_the_tasks_watched(bars):
    squares = [square(x) for x in range(10)]
    assert compute([dask.delayed(sum)(squares)], "adding", watch=squares) == [285]
    assert bars == [["adding", 10, 10, True]]


@pytest.mark.usefixtures("anywhere")
def test_compute__gives_each_value(bars):
    came = []
    assert compute([square(x) for x in range(20)], "squaring", receive=came.append) == []
    assert sorted(came) == [x * x for x in range(20)]
    assert bars == [["squaring", 20, 20, True]]


ran: list[int] = []  # the workers of a test are threads of its process
last_may_end = Event()


def run_or_wait(number):
    ran.append(number)
    assert number < 9 or last_may_end.wait(30)
    return number


def test_compute__within_a_task_takes_no_worker_from_it():
    """A task that waited for others would hold the only worker, for ever."""

    def thread():
        return current_thread().name

    def task():
        (inner,) = compute([dask.delayed(thread)()], "inner")
        return current_client() is None, "Dask-Default" in thread(), inner == thread()

    with (
        LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=":0"
        ) as c,
        Client(c),
    ):
        (told,) = compute([dask.delayed(task)()], "outer")
        assert current_client() is not None
    assert told == (True, True, True)


def test_compute__runs_no_received_task_again_when_its_worker_is_lost():
    came = []
    tasks = [dask.delayed(run_or_wait, pure=False)(number) for number in range(10)]

    def receive(number):
        came.append(number)
        if len(came) == 9:
            until = time.monotonic() + 5
            while len(cluster.scheduler.tasks) > 1 and time.monotonic() < until:
                time.sleep(0.01)  # word of what came is on its way
            lost = [worker for worker in cluster.workers.values() if not worker.state.executing]
            cluster.sync(lost[0].close)
            last_may_end.set()

    cluster = LocalCluster(
        n_workers=2, threads_per_worker=1, processes=False, dashboard_address=":0"
    )
    with cluster, Client(cluster):
        compute(tasks, "running", receive=receive)
    assert sorted(ran) == sorted(came) == list(range(10))


@pytest.mark.usefixtures("anywhere")
def test_compute__nothing(bars):
    assert compute([], "resting") == []
    assert bars == [["resting", 0, 0, True]]


@pytest.mark.usefixtures("anywhere")
def test_compute__error_of_a_task_is_raised_and_the_bar_removed(bars):
    with pytest.raises(ZeroDivisionError, match="task 3"):
        compute([square(1), fail(3)], "failing")
    assert bars[0][3]


def test_progress__silent_where_nobody_looks(capsys):
    compute([square(2)], "squaring")
    captured = capsys.readouterr()
    assert captured.out + captured.err == ""


def test_progress__closed_after_an_error():
    with pytest.raises(KeyError), progress() as first:
        raise KeyError
    with progress() as second:
        assert second is not first


@dask.delayed
def wait(x):
    time.sleep(0.1)
    return x


@pytest.mark.usefixtures("anywhere")
def test_progress__where_no_terminal_is_says_share_and_time_left_now_and_then(monkeypatch, caplog):
    monkeypatch.setattr("deepnic.compute.INTERVAL", 0.05)
    with caplog.at_level(logging.INFO, "deepnic.progress"), progress() as bars:
        bars.add_task("study", total=2)
        compute([wait(x) for x in range(12)], "waiting")
    lines = caplog.messages
    assert len(lines) >= 3
    assert all(line.startswith("study: 0 %, time left not known yet; waiting: ") for line in lines)
    shares = [int(re.search(r"waiting: (\d+) %", line)[1]) for line in lines]
    assert shares == sorted(shares)
    assert re.search(r"\d:\d\d:\d\d left$", lines[-1])


def test_waits__are_some_seconds_at_first_and_longer_later():
    """Who waits three minutes sees a line every few seconds, and who waits a night no book."""
    told = [*accumulate(islice(waits(INTERVAL, LONGEST), 1000))]
    assert 17 <= sum(at <= 180 for at in told) <= 36
    assert max(after - at for at, after in pairwise(told) if after <= 180) < 15
    assert told[-1] - told[-2] == LONGEST
    assert told[sum(at <= 600 for at in told)] - told[sum(at <= 600 for at in told) - 1] == LONGEST


def test_under_way__says_for_how_long(monkeypatch, caplog):
    monkeypatch.setattr("deepnic.compute.INTERVAL", 0.02)
    with caplog.at_level(logging.INFO, "deepnic.progress"), under_way("laying out"):
        time.sleep(0.1)
    assert caplog.messages
    assert {*caplog.messages} == {"laying out: 0:00:00 so far"}


def test_progress__is_not_told_where_its_logger_is_disabled(monkeypatch, caplog):
    monkeypatch.setattr("deepnic.compute.INTERVAL", 0.02)
    monkeypatch.setattr(logging.getLogger("deepnic.progress"), "disabled", True)
    with caplog.at_level(logging.INFO, "deepnic"):
        compute([wait(x) for x in range(2)], "waiting")
    assert not caplog.messages


def test_local_workers__take_no_samples_of_their_threads():
    """Which can lock a worker for ever, see `deepnic.compute.QUIET`."""
    with local_workers(1):
        (callbacks,) = current_client().run(_callbacks).values()
    assert "heartbeat" in callbacks
    assert "profile" not in callbacks


def _callbacks(dask_worker):
    return [*dask_worker.periodic_callbacks]

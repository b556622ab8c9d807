"""The model of scaling against a clock that ticks, and its figures from small runs."""

import socket
from dataclasses import replace
from types import SimpleNamespace
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.benchmarks import scaling
from tests.benchmarks.forests import made_cohort
from tests.benchmarks.scaling_model import Costs, Workers, predict, queued
from tests.benchmarks.scaling_runs import bytes_moved
from tests.benchmarks.table import Section, as_table

FREE = Costs(
    start=0,
    alone=(0, 0),
    searches=[2, 2, 2, 2],
    python=0,
    scheduler=0,
    ordered=0,
    n_conditions=2,
    stored=0,
    calls=0,
)


def ticked(durations: list[int], n: int, interval: int) -> int:
    """Let idle threads take what is there, tick after tick."""
    waiting, left, tick = list(enumerate(durations)), [0] * n, 0
    while waiting or any(left):
        for thread in range(n):
            if not left[thread] and waiting and waiting[0][0] * interval <= tick:
                left[thread] = waiting.pop(0)[1]
        left = [max(ticks - 1, 0) for ticks in left]
        tick += 1
    return tick


@given(st.lists(st.integers(1, 9), max_size=20), st.integers(1, 6), st.integers(0, 4))
def test_queued__as_a_clock_that_ticks(durations, n, interval):
    assert queued(durations, n, interval) == ticked(durations, n, interval)


@pytest.mark.parametrize(
    ("costs", "machine", "growing", "limit"),
    [
        ({}, Workers(1, 1), 80, "cores"),
        ({}, Workers(2, 2), 20, "cores"),
        ({}, Workers(4, 1, 2), 40, "cores"),  # four share two
        ({"scheduler": 0.5}, Workers(2, 1), 50, "cores"),  # it works there too
        ({"scheduler": 0.5}, Workers(1, 1, 2), 80, "cores"),  # it has one of its own
        ({}, Workers(1000, 1), 2, "longest block"),
        ({"scheduler": 4}, Workers(1000, 1), 160, "scheduler"),
        ({"scheduler": 1, "searches": [0, 0, 0, 9]}, Workers(1000, 1), 39 + 9, "scheduler"),
        ({"python": 1}, Workers(2, 24), 20, "interpreters"),
        ({"stored": 10}, Workers(100, 1, bytes_a_second=50), 8, "file server"),
        ({"calls": 40}, Workers(100, 1, calls_a_second=100), 16, "file server"),
    ],
)
def test_predict__what_growing_waits_for(costs, machine, growing, limit):
    found = predict(replace(FREE, **costs), 10, machine)
    assert found.limit == limit
    assert found.growing == growing


def test_predict__signatures_are_ordered_four_a_task_by_one_thread_a_process():
    costs = replace(FREE, ordered=1)  # of 2 conditions
    assert predict(costs, 12, Workers(1, 9)).ordering == 24
    assert predict(costs, 12, Workers(2, 9)).ordering == 12
    assert predict(costs, 12, Workers(9, 9)).ordering == 4


def test_predict__adds_what_does_not_depend_on_the_workers():
    costs = replace(FREE, start=3, alone=(5, 0.5))
    found = predict(costs, 10, Workers(1, 1))
    assert found.alone == 5 + 40 / 2
    assert found.total == found.start + found.working == 3 + 25 + 80


def test_bytes_moved__what_a_connection_has_sent_and_received():
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()) as here,
        server.accept()[0] as there,
    ):
        comm = SimpleNamespace(stream=SimpleNamespace(socket=here))
        sent, received = bytes_moved(comm)
        here.sendall(b"x" * 5000)
        there.sendall(b"x" * 300)
        assert len(there.recv(5000, socket.MSG_WAITALL)) == 5000
        assert len(here.recv(300, socket.MSG_WAITALL)) == 300
        after = bytes_moved(comm)
    assert (after[0] - sent, after[1] - received) == (5000, 300)


@pytest.mark.long
def test_scaling__every_part_has_its_rows():
    starting = 1.0, Section("start, s", [""], [("", ["1.0"])])
    with (
        mock.patch("deepnic.rop.graph.cut", return_value=(1, 250)),
        mock.patch.multiple("deepnic.store.forest", TOGETHER_SECONDS=0.05, LEAST_TASKS=4),
        mock.patch.multiple(
            scaling, FEW=1, CORES=1, CHECKED=[(1, Workers(1, 1))], ASLEEP=Workers(1, 4)
        ),
        mock.patch.object(scaling, "started", return_value=starting),
    ):
        sections = scaling.scaling(made_cohort(22, 1500), n_trees=4, repeats=1)
    assert as_table(sections).row_count == sum(1 + len(section.rows) for section in sections)
    overhead, blocks, predictions, check = sections[1:]
    rows = dict(overhead.rows)
    n_blocks = [int(cell) for cell in rows["blocks"]]
    assert n_blocks == [n_blocks[0], n_blocks[0], 4 * n_blocks[0]]
    assert all(float(cell) > 1 for cell in rows["blocks a task"])
    (_, (*_, between_workers)) = next(row for row in blocks.rows if row[0].startswith("moved"))
    assert float(between_workers) >= 0  # there is but one
    others = [cells for name, cells in blocks.rows if not name.startswith("moved")]
    assert all(float(cell) > 0 for cells in others for cell in cells)
    assert [cells[-1] for _, cells in predictions.rows if not cells[-1]] == []
    for _, (predicted, measured, ratio) in check.rows:
        assert float(ratio) == pytest.approx(float(predicted) / float(measured), rel=0.2)

"""Where a chip's forest stops growing faster: `python -m tests.benchmarks.scaling [COHORT]`.

Four kinds of runs, on Dask workers of this machine:

- the whole graph with tasks that do nothing: what schema, graph and scheduler take;
- one draw, a worker a core: what its blocks take, and what moves for each;
- another draw by 1, 2 and 4 workers: does it take the time that the model makes of the others?
- a quarter of all draws by two workers of 18 threads, which sleep where they would search. All
  else is real, and little enough for two cores. The same question.
"""

import os
import subprocess
import sys
from pathlib import Path
from statistics import mean, median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import typer
import xarray as xr
from rich.console import Console

import deepnic
from tests.benchmarks.forests import made_cohort
from tests.benchmarks.scaling_model import Costs, Workers, predict
from tests.benchmarks.scaling_runs import (
    Run,
    Search,
    grow,
    nothing_done,
    searches,
    sleep_for_searches,
    time_searches,
    workers,
)
from tests.benchmarks.table import Section, as_table

CHIP = Path(__file__).resolve().parents[3] / "shared" / "data" / "gse4107.npz"
N_GENES = 54_675
CORES = len(os.sched_getaffinity(0))
FEW = 5  # trees, beside all of them: what is the same for any number
GIGABIT, CALLS = 1e9 / 8, 1e4  # a second, of a file server: assumed
MACHINES = {
    f"here, {CORES} workers": Workers(CORES, 1),
    "2 workers of 18 threads": Workers(2, 18, None, GIGABIT, CALLS),
    "36 workers of 1 thread": Workers(36, 1, None, GIGABIT, CALLS),
    "10 nodes of 24 threads": Workers(10, 24, None, 10 * GIGABIT, CALLS),
    "100 nodes": Workers(100, 24, None, 10 * GIGABIT, CALLS),
    "1,000 nodes": Workers(1000, 24, None, 10 * GIGABIT, CALLS),
}
CHECKED = [(1, Workers(n, 1, CORES)) for n in (1, 2, 4)]  # trees, and who grows them
ASLEEP = Workers(2, 18)


def scaling(cohort: xr.Dataset, *, n_trees: int = 100, repeats: int = 3) -> list[Section]:
    """Measure what a forest costs, predict its time, and compare smaller ones with their times."""
    start, starting = started()
    empty, overhead = _overhead(cohort, n_trees)
    with workers(CORES) as client:
        time_searches(client)
        drawn = grow(client, cohort, 1, seed=1)  # the check grows another draw
        searched = searches(client)
    costs = _costs(start, *empty, drawn, searched)
    sections = [starting, overhead, _blocks(costs, drawn), _predictions(costs, n_trees)]
    if repeats:
        sections.append(_check(cohort, costs, searched, n_trees // 4, repeats))
    return sections


def _costs(start: float, few: Run, whole: Run, drawn: Run, searched: list[Search]) -> Costs:
    seconds = sorted((search.seconds for search in searched), reverse=True)  # as they are grown
    slope = (whole.alone - few.alone) / (whole.blocks - few.blocks)
    n_conditions = len({search.condition for search in searched})
    return Costs(
        start=start,
        alone=(few.alone - slope * few.blocks, slope),
        searches=seconds,
        python=(drawn.workers - sum(seconds) - drawn.ordering) / drawn.blocks,
        scheduler=whole.scheduler / whole.blocks,
        ordered=drawn.ordering / n_conditions,
        n_conditions=n_conditions,
        stored=drawn.stored / drawn.blocks,
        calls=drawn.calls / drawn.blocks,
    )


def started() -> tuple[float, Section]:
    """Start a worker; load the kernels, and compile them."""
    begun = perf_counter()
    with workers(1):
        start = perf_counter() - begun
    times = [start]
    with TemporaryDirectory() as cache:
        for more in ({}, {"NUMBA_CACHE_DIR": cache}):
            begun = perf_counter()
            load = [sys.executable, "-c", "import deepnic.rop.kernels.tree"]
            subprocess.run(load, env=os.environ | more, check=True)
            times.append(perf_counter() - begun)
    columns = ["a worker", "a Python with kernels", "compiled first"]
    return start, Section("start, s", columns, [("", [f"{time:.1f}" for time in times])])


def _overhead(cohort: xr.Dataset, n_trees: int) -> tuple[tuple[Run, Run], Section]:
    """Grow forests that are all graph: few trees over TCP and TLS, all over TLS."""
    runs = []
    for trees, tls in ((FEW, False), (FEW, True), (n_trees, True)):
        with workers(CORES, tls=tls) as client, nothing_done():
            runs.append(grow(client, cohort, trees))
    rows = {
        "blocks": [f"{run.blocks:,}" for run in runs],
        "blocks a task": [f"{run.blocks / run.tasks:.1f}" for run in runs],
        "s until the first block begins": [f"{run.first:.1f}" for run in runs],
        "s in which workers have nothing": [f"{run.alone:.1f}" for run in runs],
        "ms of scheduler and client a block": [_each(run.scheduler, run, 1e3) for run in runs],
        "graph, MB": [f"{run.graph / 1e6:.1f}" for run in runs],
        "messages of a block, kB": [
            _each(run.messages - cohort["expression"].nbytes, run, 1e-3) for run in runs
        ],
    }
    columns = [f"TCP, {FEW} trees", f"TLS, {FEW}", f"TLS, {n_trees}"]
    return (runs[1], runs[2]), Section("tasks that do nothing", columns, list(rows.items()))


def _each(amount: float, run: Run, unit: float) -> str:
    return f"{unit * amount / run.blocks:.1f}"


def _blocks(costs: Costs, drawn: Run) -> Section:
    """What the blocks of a draw take, and move."""
    rows = {
        "search, s: median, mean, longest": [
            f"{value:.3f}"
            for value in (median(costs.searches), mean(costs.searches), max(costs.searches))
        ],
        "all else, ms: worker, scheduler": [
            f"{1000 * value:.1f}" for value in (costs.python, costs.scheduler)
        ],
        "cores that one scheduler can feed": [
            f"{(mean(costs.searches) + costs.python) / max(costs.scheduler, 1e-6):.0f}"
        ],
        "signatures by genes in the end, ms a draw of a condition": [f"{1000 * costs.ordered:.0f}"],
        "moved, kB: to the store, between workers": [
            _each(moved, drawn, 1e-3) for moved in (drawn.stored, drawn.peers)
        ],
        "files opened, renamed, folders made": [_each(drawn.calls, drawn, 1)],
    }
    return Section(f"a block ({drawn.blocks} a draw)", [""] * 3, list(rows.items()))


def _predictions(costs: Costs, n_trees: int) -> Section:
    rows = []
    one = predict(costs, n_trees, Workers(1, 1)).total
    for name, machine in MACHINES.items():
        found = predict(costs, n_trees, machine)
        parts = found.start + found.alone, found.growing, found.ordering, found.total
        cells = [*(f"{part:,.0f}" for part in parts), f"{one / found.total:.0f}", found.limit]
        rows.append((name, cells))
    columns = ["start, alone", "growing", "ordering", "in all", "times faster", "growing waits for"]
    return Section(f"predicted, s: {n_trees} trees (one core: {one:,.0f})", columns, rows)


def _check(
    cohort: xr.Dataset, costs: Costs, found: list[Search], n_asleep: int, repeats: int
) -> Section:
    """Grow again by other numbers of workers, and by threads that sleep."""
    rows = []
    for n_trees, machine in (*CHECKED, (n_asleep, ASLEEP)):
        measured = []
        for _ in range(repeats):
            with workers(machine.processes, machine.threads) as client:
                if machine is ASLEEP:
                    sleep_for_searches(client, found)
                measured.append(grow(client, cohort, n_trees).seconds)
        predicted, usual = predict(costs, n_trees, machine).working, median(measured)
        name = f"{n_trees} trees, {machine.processes} x {machine.threads} threads"
        cells = [f"{predicted:.1f}", f"{usual:.1f}", f"{predicted / usual:.2f}"]
        rows.append((name + " asleep" * (machine is ASLEEP), cells))
    columns = ["predicted", f"median of {repeats}", "ratio"]
    return Section("check, s without the start", columns, rows)


def main(
    cohort: Annotated[Path, typer.Argument(help="what read_cohort reads")] = CHIP,
    observations: Annotated[
        int, typer.Option(help="make a chip of so many up, instead of reading one")
    ] = 0,
    repeats: Annotated[int, typer.Option(help="of the check; 0: only predict")] = 3,
) -> None:
    """Measure, predict and check; 54,675 genes where the cohort is made up."""
    if observations:
        data = made_cohort(observations, N_GENES)
    elif cohort.exists():
        data = deepnic.read_cohort(cohort)
    else:
        print(f"{cohort} is not there; --observations 22 makes one up")
        return
    sizes = f"{data.sizes['observation']} x {data.sizes['gene']:,}"
    console = Console(stderr=True)
    with console.status(f"measuring {sizes}"):
        sections = scaling(data, repeats=repeats)
    Console(width=140).print(sizes, as_table(sections))


if __name__ == "__main__":
    typer.run(main)

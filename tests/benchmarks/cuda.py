"""The node search of `deepnic.rop.cuda` against that of a core, bit for bit.

``python -m tests.benchmarks.cuda`` compares a million nodes on the GPU of this machine, among them
some of hundreds of observations, and tells vectors a second; some three minutes, most of them of
the cores. ``--simulate 100000`` compares so many small nodes in Numba's simulator, which needs no
GPU: a hundred a second. ``--compile 75,90`` makes PTX of all kernels for these, without a driver.
"""

import argparse
import os
import sys
import warnings
from collections.abc import Iterator
from importlib import import_module
from time import perf_counter, sleep
from types import SimpleNamespace
from unittest import mock

import numpy as np
from numpy.typing import NDArray

CONDITIONS = ((2, 3), (3, 3), (2, 4), (3, 2), (1, 5))  # V, R of small boxes
LARGER = ((3, 3), (4, 3), (5, 3), (6, 3), (3, 4), (4, 4), (3, 5), (4, 5))
TIMED = ((8, 5, 800), (8, 5, 200), (6, 5, 800), (8, 3, 800))  # V, R, n
TOGETHER = 500

Batch = tuple[int, int, list[NDArray[np.int32]], NDArray[np.int64], NDArray[np.uint64]]


def made_nodes(V: int, most: int, B: int, random: np.random.Generator) -> tuple[list, NDArray]:
    """Nodes of up to so many observations: of few levels, repeated, constant, shifted or smooth."""
    nodes, high = [], []
    for _ in range(B):
        n = int(random.integers(2, most + 1))
        P = int(random.integers(1, n))
        levels = int(random.choice([1, 2, 3, 6, 65536]))
        Z = np.rint(random.normal(0, levels, (V, n))).astype(np.int32)
        Z[:, :P] += np.rint(levels * random.choice([0, 0.5, 1, 3])).astype(np.int32)
        if random.random() < 0.3:
            Z = Z[:, np.sort(random.integers(0, n, n))]  # repeated, also across the classes
        Z[random.random(V) < 0.1] = levels
        nodes.append(np.ascontiguousarray(Z + np.int32(random.integers(-9, 10))))
        high.append(P)
    return nodes, np.array(high)


def batches(
    n: int, conditions: tuple, most: int, seed: int, together: int = TOGETHER
) -> Iterator[Batch]:
    """So many nodes, some hundreds of one condition at a time."""
    random = np.random.default_rng(seed)
    for k in range(0, n, together):
        V, R = conditions[k // together % len(conditions)]
        nodes, high = made_nodes(V, most, min(together, n - k), random)
        yield V, R, nodes, high, random.integers(0, 2**64, len(nodes), np.uint64)


def differing(batch: Batch, **size: int) -> int:
    """Nodes of a batch that come out otherwise than on a core: weights, threshold, cut or ties."""
    from deepnic.rop.cuda import search_nodes
    from deepnic.rop.engine import weights_of_range
    from deepnic.rop.kernels.search import search

    V, R, nodes, high, keys = batch
    weights = weights_of_range(R)
    found = search_nodes(nodes, high, keys, weights, **size)
    box, wrong = (np.tile(weights, (V, 1)), np.full(V, R)), 0
    for node, P, key, coef, *rest in zip(nodes, high, keys, *found, strict=True):
        expected = np.empty(V, np.int64)
        said = search(node, P, *box, False, key, np.empty((0, V), np.int64), expected)
        wrong += (*coef.tolist(), *map(int, rest)) != (*expected.tolist(), *said)
    return wrong


def compare(n: int, conditions: tuple, most: int, seed: int, **size: int) -> int:
    """Search so many nodes both ways; returns how many differ, and tells now and then."""
    start, wrong, done = perf_counter(), 0, 0
    for batch in batches(n, conditions, most, seed):
        wrong += differing(batch, **size)
        done += len(batch[2])
        if done % (20 * TOGETHER) == 0 or done == n:
            print(f"{done:,} nodes, {wrong} differ, {perf_counter() - start:.0f} s", flush=True)
    return wrong


def time_vectors(V: int, R: int, n: int) -> None:
    """Tell vectors a second in nodes of noise."""
    from deepnic.rop.cuda import search_nodes
    from deepnic.rop.engine import weights_of_range

    random = np.random.default_rng(1)
    B = max(100_000_000 // R**V, 4)
    nodes = [np.rint(random.normal(0, 65536, (V, n))).astype(np.int32) for _ in range(B)]
    for _ in range(2):  # the first compiles
        start = perf_counter()
        search_nodes(nodes, np.full(B, n // 2), np.zeros(B, np.uint64), weights_of_range(R))
        seconds = perf_counter() - start
    rate = B * R**V / seconds
    print(f"R{R} V{V}, n = {n}: {rate:.3g} vectors a second, {1e9 / rate:.2f} ns each", flush=True)


def compile_for(capability: int) -> dict[str, str]:
    """PTX of every kernel, of trees of eight genes, for devices of that compute capability."""
    from numba import cuda, types

    from deepnic.rop.cuda import THREADS, kernels

    i1, i2, z2 = types.int64[::1], types.int64[:, ::1], types.int32[:, ::1]
    w1, u1 = types.int32[::1], types.uint64[::1]
    taken = {
        "bound": (z2, i1, i1, w1, i2, i1),
        "judge": (z2, i1, i1, w1, i2, i1, i1),
        "count": (w1, i2, i1, i1, i1),
        "draw": (w1, i2, i1, i1, u1, u1),
        "settle": (i2, i1, u1, u1, i1),
        "cut": (z2, i1, i1, w1, i1, z2, i2),
    }
    cc = divmod(capability, 10)
    made = kernels.__wrapped__(8, THREADS)  # for this capability alone
    # small functions are compiled for the device that is there
    with mock.patch.object(
        import_module("numba.cuda.dispatcher"),
        "get_current_device",
        return_value=SimpleNamespace(compute_capability=cc),
    ):
        return {
            name: cuda.compile_ptx(getattr(made, name).py_func, kinds, cc=cc)[0]
            for name, kinds in taken.items()
        }


def simulate() -> None:
    """Have Numba simulate a GPU; before it is imported.

    Its blocks poll their threads without a pause, which slows these; here they sleep between.
    """
    os.environ["NUMBA_ENABLE_CUDASIM"] = "1"
    # random numbers of 64 bits wrap around, which NumPy's scalars tell of
    warnings.filterwarnings("ignore", "overflow encountered in scalar", RuntimeWarning)
    from numba.cuda.simulator.kernel import BlockManager, BlockThread

    def run(self, grid_point, *args):
        places = np.ndindex(*self._block_dim)
        threads = [
            BlockThread(lambda: self._f(*args), self, grid_point, place, self._debug)
            for place in places
        ]
        for thread in threads:
            thread.start()
        live = threads
        while live := [thread for thread in live if thread.is_alive()]:
            if all(thread.syncthreads_blocked for thread in live):
                for thread in live:
                    thread.syncthreads_blocked = False
                    thread.syncthreads_event.set()
            sleep(1e-5)
        for thread in threads:
            if thread.exception:
                raise thread.exception[0].with_traceback(thread.exception[1])

    BlockManager.run = run
    from deepnic.rop import cuda

    cuda.BUCKETS = 8  # a vector of so few observations would leave most of 128 empty


def main() -> None:
    """Compare, and exit with 1 where a node differs."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--simulate", type=int, help="so many small nodes in the simulator")
    parser.add_argument("--compile", help="compute capabilities, such as 75,90")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--into", default=".", help="folder for PTX")
    given = parser.parse_args()
    if given.compile:
        for capability in map(int, given.compile.split(",")):
            for name, ptx in compile_for(capability).items():
                with open(f"{given.into}/{name}-sm_{capability}.ptx", "w") as file:
                    file.write(ptx)
        return
    if given.simulate:
        simulate()
        sys.exit(compare(given.simulate, CONDITIONS, 8, given.seed, threads=2, each=10**6) > 0)
    for one in TIMED:
        time_vectors(*one)
    wrong = compare(1_000_000 - 20_000, CONDITIONS, 40, given.seed)
    sys.exit(wrong + compare(20_000, LARGER, 600, given.seed + 1) > 0)


if __name__ == "__main__":
    main()

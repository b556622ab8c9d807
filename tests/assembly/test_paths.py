"""Paths against pictures drawn by hand and the rules of their steps."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepnic.assembly import PATHS, visit
from deepnic.errors import InputError

SIDES = st.integers(1, 24)
SEEDS = st.integers(0, 2**64)


def picture(path, rows, columns, seed=0):
    """Step of the visit in every cell."""
    step = np.full((rows, columns), -1)
    step[tuple(visit(path, rows, columns, seed=seed).T)] = range(rows * columns)
    return step.tolist()


def distances(visited):
    return np.abs(np.diff(visited, axis=0)).sum(axis=1)


@pytest.mark.parametrize("path", PATHS)
@given(rows=SIDES, columns=SIDES, seed=SEEDS)
def test_visit__takes_every_cell_once(path, rows, columns, seed):
    visited = visit(path, rows, columns, seed=seed)
    assert visited.shape == (rows * columns, 2)
    assert visited.dtype == np.int32
    assert set(map(tuple, visited.tolist())) == set(np.ndindex(rows, columns))


@pytest.mark.parametrize("path", ["snail", "earthworm", "hilbert"])
@given(rows=SIDES, columns=SIDES)
def test_visit__steps_to_neighbours(path, rows, columns):
    assert (distances(visit(path, rows, columns)) == 1).all()


@given(half_rows=st.integers(1, 12), half_columns=st.integers(1, 12), seed=SEEDS)
def test_pacman__is_a_closed_walk_with_tunnels(half_rows, half_columns, seed):
    sides = np.array([2 * half_rows, 2 * half_columns])
    walk = visit("pacman", *sides, seed=seed)
    step = np.abs(walk - np.roll(walk, 1, axis=0))
    assert (np.minimum(step, sides - step).sum(axis=1) == 1).all()


def test_pacman__uses_tunnels():
    assert any((distances(visit("pacman", 8, 8, seed=seed)) > 1).any() for seed in range(5))


@pytest.mark.parametrize("power", [1, 2, 3, 4, 5])
def test_hilbert__fills_each_block_before_the_next(power):
    """On squares of side 2^n it is Hilbert's: a quarter of a quarter is left only when full."""
    visited = visit("hilbert", 2**power, 2**power)
    for part in range(power):
        runs = (visited >> part).reshape(-1, 4**part, 2)
        assert (runs == runs[:, :1]).all()


@pytest.mark.parametrize("side", [6, 10, 15, 21, 32])
def test_hilbert__stays_near(side):
    """Locality: cells 16 steps apart lie about 4 cells apart, on any square."""
    visited = visit("hilbert", side, side)
    assert np.abs(visited[16:] - visited[:-16]).sum(axis=1).mean() < 7


def test_linear__draws():
    assert picture("linear", 2, 3) == [[0, 1, 2], [3, 4, 5]]


def test_earthworm__draws():
    assert picture("earthworm", 3, 3) == [[0, 1, 2], [5, 4, 3], [6, 7, 8]]


def test_snail__draws_even():
    assert picture("snail", 4, 4) == [
        [15, 14, 13, 12],
        [4, 3, 2, 11],
        [5, 0, 1, 10],
        [6, 7, 8, 9],
    ]


def test_snail__draws_odd():
    assert picture("snail", 3, 3) == [[8, 7, 6], [1, 0, 5], [2, 3, 4]]


def test_snail__draws_oblong():
    assert picture("snail", 2, 4) == [[7, 6, 5, 4], [0, 1, 2, 3]]


def test_hilbert__draws():
    assert picture("hilbert", 4, 4) == [
        [0, 1, 14, 15],
        [3, 2, 13, 12],
        [4, 7, 8, 11],
        [5, 6, 9, 10],
    ]


def test_pacman__walks_round_one_room():
    assert picture("pacman", 2, 2) == [[0, 1], [3, 2]]


def test_pacman__joins_two_rooms_by_a_corridor_or_a_tunnel():
    drawn = [picture("pacman", 2, 4, seed=seed) for seed in range(9)]
    corridor, tunnel = [[0, 1, 2, 3], [7, 6, 5, 4]], [[0, 1, 6, 7], [3, 2, 5, 4]]
    assert corridor in drawn
    assert tunnel in drawn
    assert all(one in (corridor, tunnel) for one in drawn)


def test_pacman__leaves_out_what_falls_outside():
    assert picture("pacman", 1, 3) == [[0, 1, 2]]


def test_pacman__is_pinned():
    """The same maze on every machine and for every version of NumPy and SciPy."""
    assert picture("pacman", 6, 6, seed=0) == [
        [0, 1, 16, 17, 18, 35],
        [7, 2, 15, 10, 9, 8],
        [6, 3, 14, 11, 26, 27],
        [5, 4, 13, 12, 25, 28],
        [30, 31, 22, 23, 24, 29],
        [33, 32, 21, 20, 19, 34],
    ]


def test_pacman__changes_with_the_seed():
    assert picture("pacman", 8, 8, seed=1) == picture("pacman", 8, 8, seed=1)
    assert picture("pacman", 8, 8, seed=1) != picture("pacman", 8, 8, seed=2)


def test_visit__names_the_known_paths():
    with pytest.raises(InputError, match="unknown path 'spiral'; choose from linear, snail"):
        visit("spiral", 4, 4)


def test_visit__rejects_empty_grid():
    with pytest.raises(InputError, match="no cell"):
        visit("snail", 0, 4)

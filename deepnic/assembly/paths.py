"""Paths: the order in which the cells of a grid are visited.

A further path is a function and its row in `PATHS`, which settings, help and report read.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from deepnic.errors import InputError, choose

UP, RIGHT, DOWN, LEFT = range(4)


class Path(NamedTuple):
    """A row of `PATHS`."""

    # (rows, columns, seed) -> cell numbers (row * columns + column) in the order of the visit
    course: Callable[[int, int, int], NDArray[np.intp]]
    order: str  # of the pixels along it where none is chosen, a name in `ORDERS`
    words: str  # the course
    source: str  # of the definition


def visit(path: str, rows: int, columns: int, *, seed: int = 0) -> NDArray[np.int32]:
    """Visit every cell of a grid once, along a path.

    DEEPNIC names the first four and defines the first only: the others are readings of their names.
    Snail, earthworm and hilbert step to a neighbouring cell on every grid; pacman, with the
    tunnels, on every grid of even sides (on odd sides it leaps over what falls outside).

    Parameters
    ----------
    path : str
        A name in `PATHS`, whose row says the course and whose it is.
    rows, columns : int
        Sides of the grid.
    seed : int, default 0
        Seed of the maze; the other paths have no use for it.

    Returns
    -------
    ndarray of int32, shape (rows * columns, 2)
        Row and column of every cell, in the order of the visit.

    Raises
    ------
    InputError
        Unknown path, or a grid without a cell.

    Examples
    --------
    >>> step = np.empty((4, 4), dtype=int)
    >>> step[tuple(visit("snail", 4, 4).T)] = range(16)
    >>> step
    array([[15, 14, 13, 12],
           [ 4,  3,  2, 11],
           [ 5,  0,  1, 10],
           [ 6,  7,  8,  9]])
    """
    course = PATHS[choose("path", path, PATHS)].course
    if rows < 1 or columns < 1:
        raise InputError(
            f"a grid of {rows} x {columns} has no cell to visit: give sides of at least 1"
        )
    cells = course(rows, columns, seed)
    return np.stack(np.unravel_index(cells, (rows, columns)), axis=1).astype(np.int32)


def shuffle(size: int, seed: int) -> NDArray[np.intp]:
    """Permutation drawn from a seed, the same for every version of NumPy.

    Only the raw words of a bit generator are promised to stay; the methods of `Generator` are not.
    """
    return np.random.Philox(key=seed).random_raw(size).argsort(kind="stable")


def _linear(rows: int, columns: int, seed: int) -> NDArray[np.intp]:
    return np.arange(rows * columns)


def _snail(rows: int, columns: int, seed: int) -> NDArray[np.intp]:
    """Peel the grid from outside, one side at a time, and read the peel backwards."""
    rest = np.arange(rows * columns).reshape(rows, columns)
    peel = []
    while rest.size:
        peel.append(rest[0])
        rest = np.rot90(rest[1:])
    return np.concatenate(peel)[::-1]


def _earthworm(rows: int, columns: int, seed: int) -> NDArray[np.intp]:
    cells = np.arange(rows * columns).reshape(rows, columns)
    cells[1::2] = cells[1::2, ::-1]
    return cells.ravel()


def _pacman(rows: int, columns: int, seed: int) -> NDArray[np.intp]:
    """Walk around a random spanning tree of a maze, always with the corridor on the right hand.

    A room of the maze is a block of 2 x 2 cells. In a corner cell of a room, the walk follows the
    corridor (an edge of the tree) on the side it comes to, or turns right where there is a wall.
    """
    rooms = (rows + 1) // 2, (columns + 1) // 2
    corridor = _corridors(*rooms, seed)
    row, column = np.indices((2 * rooms[0], 2 * rooms[1]))
    room = (row // 2) * rooms[1] + column // 2
    corner = np.array([[UP, RIGHT], [LEFT, DOWN]])[row % 2, column % 2]  # side ahead in each cell
    heading = np.where(corridor[room, corner], corner, (corner + 1) % 4)
    after_row = (row + np.array([-1, 0, 1, 0])[heading]) % (2 * rooms[0])
    after_column = (column + np.array([0, 1, 0, -1])[heading]) % (2 * rooms[1])
    after = (after_row * 2 * rooms[1] + after_column).ravel().tolist()

    walk = [0]
    while after[walk[-1]] != 0:
        walk.append(after[walk[-1]])
    walk_row, walk_column = np.divmod(walk, 2 * rooms[1])
    inside = (walk_row < rows) & (walk_column < columns)
    return (walk_row * columns + walk_column)[inside]


def _corridors(rows: int, columns: int, seed: int) -> NDArray[np.bool_]:
    """Which sides of every room a random spanning tree of the torus opens, (room, side)."""
    rooms = np.arange(rows * columns).reshape(rows, columns)
    start = np.tile(rooms.ravel(), 2)
    end = np.stack([np.roll(rooms, -1, axis=0), np.roll(rooms, -1, axis=1)]).ravel()
    weight = 1 + shuffle(len(start), seed)  # distinct: the tree is unique; 0 would be no edge
    tree = minimum_spanning_tree(coo_array((weight, (start, end)), shape=(rooms.size,) * 2)).tocoo()

    edge = np.argsort(weight)[tree.data.astype(int) - 1]
    vertical = edge < rooms.size
    corridor = np.zeros((rooms.size, 4), dtype=bool)
    corridor[start[edge], np.where(vertical, DOWN, RIGHT)] = True
    corridor[end[edge], np.where(vertical, UP, LEFT)] = True
    return corridor


def _hilbert(rows: int, columns: int, seed: int) -> NDArray[np.intp]:
    """Run along the even side, which always admits a curve; of two alike, along the longer."""
    if (columns % 2, -columns) <= (rows % 2, -rows):
        column, row = _curve(columns, rows).T
    else:
        row, column = _curve(rows, columns).T
    return row * columns + column


def _curve(length: int, height: int) -> NDArray[np.intp]:
    """Hilbert curve of (along, across) from corner (0, 0) to corner (length - 1, 0).

    By the colours of a chessboard such a path exists if `length` is even or both sides are odd.
    Cutting at even places keeps the rule in all parts, so that every step is to a neighbour.
    """
    if height == 1:
        return np.stack([np.arange(length), np.zeros(length, dtype=int)], axis=1)
    if length == 2:
        up = np.arange(height)
        return np.stack([np.repeat([0, 1], height), np.append(up, up[::-1])], axis=1)
    half = 2 * ((length + 2) // 4)
    if length >= 2 * height:
        return np.concatenate(
            [_curve(half, height), _curve(length - half, height) + np.array([half, 0])]
        )
    middle = 2 * ((2 * height - min(length, height) + 2) // 4)
    up = _curve(middle, half)[:, ::-1]
    along = _curve(half, height - middle)
    further = _curve(length - half, height - middle)
    down = -_curve(middle, length - half)[:, ::-1]
    return np.concatenate(
        [
            up,
            along + np.array([0, middle]),
            further + np.array([half, middle]),
            down + np.array([length - 1, middle - 1]),
        ]
    )


READING = "the authors’ name, our reading"
PATHS = {
    "linear": Path(_linear, "relevance", "left to right, top to bottom", "the authors’"),
    "snail": Path(_snail, "relevance", "a spiral from the centre outwards", READING),
    "earthworm": Path(_earthworm, "relevance", "left to right, then right to left", READING),
    "pacman": Path(
        _pacman,
        "similarity",
        "a closed walk through a maze whose edges wrap; it eats next the most similar pixel left",
        READING,
    ),
    "hilbert": Path(
        _hilbert,
        "relevance",
        "a Hilbert curve",
        "ours: the text counts five techniques and names four",
    ),
}

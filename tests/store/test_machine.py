"""Stores as a state machine: any order of work and of what befalls it ends in the same bits, or is
told in a sentence.

`make soak` plays many more rounds than the tests do (SOAK=2000), and counts what came of them.
"""

import errno
import json
import os
import shutil
import signal
import time
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp
from threading import current_thread, main_thread
from unittest import mock

import dask
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from deepnic import cli
from deepnic.cli.forests import filtered
from deepnic.cohort import read_cohort
from deepnic.errors import DeepnicError
from deepnic.files import locked
from deepnic.manifest import damaged
from deepnic.rop import grow_forest
from deepnic.store import open_forest, open_items, write_forest, write_table

ROUNDS = int(os.environ.get("SOAK", 20))
FOREST = {"n_trees": 3, "weight_ranges": [3], "tree_sizes": [2, 3]}
TABLE = {"items": "observations", "max_undefined": 0.9, "fdr": 1.0, "k": 6, "redundancy": False}
CAME_OF = Counter()  # what the actions came to, for those who soak
MOMENTS = st.integers(0, 60)  # operations on files before something happens
NAMES = st.sampled_from(["f.zarr", "t.zarr"])
PLACES = st.integers(0, 10**6)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A cohort's file, and what is right: a forest, its table, and a forest of another seed."""
    folder = tmp_path_factory.mktemp("made")
    random = np.random.default_rng(1)
    genes = pd.DataFrame(random.normal(size=(12, 7)), columns=[f"g{k}" for k in range(7)])
    genes.insert(0, "state", [*"nynnyynynyny"])
    genes.index = pd.Index([f"o{k}" for k in range(12)], name="id")
    genes.to_csv(folder / "cohort.csv")
    with cut_small():
        write_forest(lazy_forest(folder), folder / "f.zarr")
        write_forest(lazy_forest(folder, seed=1), folder / "other.zarr")
        write_table(filtered(open_forest(folder / "f.zarr"), TABLE), folder / "t.zarr")
    return folder


@contextmanager
def cut_small():
    with (
        mock.patch("deepnic.rop.graph.cut", return_value=(2, 4)),  # draws and trees of a block
        dask.config.set(scheduler="sync"),
    ):
        yield


def lazy_forest(folder, **other):
    cohort = read_cohort(folder / "cohort.csv", state="state", positive="y")
    return grow_forest(cohort, **FOREST | other)


@contextmanager
def at_operation(number, act, *, ever_after=False):
    """Act in place of the writing operation of a number, and of all that follow if asked to."""
    count = 0

    def counted(operation):
        def run(*arguments, **named):
            nonlocal count
            count += 1
            if count == number or (ever_after and count > number):
                act()
            return operation(*arguments, **named)

        return run

    targets = ("os.replace", "os.fsync", "pathlib.Path.write_bytes", "zarr.storage._local._put",
               "deepnic.store.journal._lines")  # fmt: skip
    patches = [mock.patch(target, counted(resolve(target))) for target in targets]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()


def resolve(target):
    from pkgutil import resolve_name

    return resolve_name(target)


def full():
    raise OSError(errno.ENOSPC, "No space left on device")


def stop():
    if current_thread() is main_thread():  # no other is interrupted
        raise KeyboardInterrupt


def flip(file, place):
    content = bytearray(file.read_bytes())
    content[place % len(content)] ^= 1 << place % 8
    file.write_bytes(content)


def cut(file, place):
    os.truncate(file, place % file.stat().st_size)


def zero(file, place):
    content = file.read_bytes()
    start = place % len(content)
    file.write_bytes(content[:start] + bytes(len(content) - start))


def unlink(file, place):
    file.unlink()


DAMAGES = {damage.__name__: damage for damage in (flip, cut, zero, unlink)}


class Stores(RuleBasedStateMachine):
    """A store and its table, at the mercy of everything."""

    made: Path  # set by the test

    def __init__(self):
        super().__init__()
        self.folder = Path(mkdtemp(dir="/dev/shm" if os.access("/dev/shm", os.W_OK) else None))
        shutil.copy(self.made / "cohort.csv", self.folder)
        self.small = cut_small()
        self.small.__enter__()

    def teardown(self):
        self.do("grow at the end", lambda: write_forest(lazy_forest(self.folder), self.forest))
        self.small.__exit__(None, None, None)
        shutil.rmtree(self.folder)

    @property
    def forest(self):
        return self.folder / "f.zarr"

    def do(self, name, action, *, expected=DeepnicError):
        """Act, and tell whether it was done; if not, it was told in a sentence."""
        told = None
        try:
            action()
        except expected as error:
            told = error
        CAME_OF[name, "done" if told is None else type(told).__name__] += 1
        assert not {"\n", "delete"} & {*str(told), *str(told).split()}, told
        return told is None

    def read(self, name, right):
        """Read a store or table: the same bits, or a sentence."""

        def compare():
            found, expected = (open_items(folder / name).load() for folder in (right, self.made))
            xr.testing.assert_identical(found, expected)

        return self.do(f"read {name}", compare)

    def files(self, name):
        return sorted(file for file in (self.folder / name).rglob("*") if file.is_file())

    @initialize(there=st.sampled_from([(), ("f.zarr",), ("f.zarr", "t.zarr")]))
    def begin(self, there):
        for name in there:
            shutil.copytree(self.made / name, self.folder / name)

    @rule()
    def grow(self):
        if self.do("grow", lambda: write_forest(lazy_forest(self.folder), self.forest)):
            assert self.read("f.zarr", self.folder)

    @rule()
    def grow_another(self):
        """By mistake, on the same path: never if a tree is there."""
        if self.forest.exists():
            other = lazy_forest(self.folder, seed=1)
            assert not self.do("grow another", lambda: write_forest(other, self.forest))

    @rule(moment=MOMENTS)
    def grow_on_a_full_disk(self, moment):
        with at_operation(moment, full, ever_after=True):
            self.do("full disk", lambda: write_forest(lazy_forest(self.folder), self.forest))

    @rule(moment=MOMENTS)
    def grow_and_stop(self, moment):
        with at_operation(moment, stop):
            self.do(
                "stopped",
                lambda: write_forest(lazy_forest(self.folder), self.forest),
                expected=(DeepnicError, KeyboardInterrupt),
            )

    @rule(moment=MOMENTS)
    def grow_and_die(self, moment):
        """As by kill -9: nothing is cleaned up."""
        code = self.wait(self.start(moment))
        CAME_OF["killed at an operation", str(code)] += 1
        assert code in (0, 2, 9)

    @rule(milliseconds=st.integers(1, 200))
    def grow_and_kill(self, milliseconds):
        process = self.start(0)
        time.sleep(milliseconds / 1000)
        os.kill(process, signal.SIGKILL)
        code = self.wait(process)
        CAME_OF["killed at a time", str(code)] += 1
        assert code in (0, 2, -9)

    @rule()
    def grow_twice_at_once(self):
        codes = [self.wait(process) for process in [self.start(0), self.start(0)]]
        CAME_OF["two at once", str(sorted(codes))] += 1
        assert {*codes} <= {0, 2}

    def start(self, moment):
        """Grow in a process of its own, which dies at an operation."""
        if (process := os.fork()) == 0:
            code = 3
            try:
                with at_operation(moment, lambda: os._exit(9)):
                    write_forest(lazy_forest(self.folder), self.forest)
                code = 0
            except DeepnicError:
                code = 2
            finally:
                os._exit(code)
        return process

    def wait(self, process):
        return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])

    @rule()
    def grow_while_another_does(self):
        with locked(self.forest):
            assert not self.do(
                "locked", lambda: write_forest(lazy_forest(self.folder), self.forest)
            )

    @rule()
    def filter(self):
        def make():
            write_table(filtered(open_forest(self.forest), TABLE), self.folder / "t.zarr")

        if self.do("filter", make):
            assert self.read("t.zarr", self.folder)

    @rule(moment=MOMENTS)
    def filter_on_a_full_disk(self, moment):
        if self.forest.exists() and not (self.folder / "t.zarr").exists():
            with at_operation(moment, full, ever_after=True):
                self.filter()

    @rule(name=NAMES)
    def look(self, name):
        self.read(name, self.folder)

    @rule(name=NAMES)
    def verify(self, name):
        def compare():
            if not [one for one in damaged(self.folder / name) if one.what != "unknown"]:
                assert self.read(name, self.folder)

        self.do("verify", compare)

    @rule(name=NAMES)
    def repair(self, name):
        source = "cohort.csv" if name == "f.zarr" else "f.zarr"
        words = ["verify", self.folder / name, "--repair", "--from", self.folder / source]

        def run():
            with pytest.raises(SystemExit, match="0"):  # what is told is raised as it is
                cli.main(["--debug", *map(str, words), "--state", "state", "--positive", "y"])

        if self.do(f"repair {name}", run):
            assert self.read(name, self.folder)

    @rule(name=NAMES, number=PLACES, kind=st.sampled_from([*DAMAGES]), place=PLACES)
    def damage(self, name, number, kind, place):
        files = self.files(name)
        if files and (file := files[number % len(files)]).stat().st_size:
            DAMAGES[kind](file, place)
            CAME_OF["damage", kind] += 1

    @rule(name=NAMES, number=PLACES, other=PLACES)
    def swap(self, name, number, other):
        """Files of one name, each of them whole."""
        if files := self.files(name):
            file = files[number % len(files)]
            alike = [one for one in files if one.name == file.name]
            there = alike[other % len(alike)]
            content = file.read_bytes()
            file.write_bytes(there.read_bytes())
            there.write_bytes(content)
            CAME_OF["damage", "swap"] += 1

    @rule(number=PLACES)
    def replace(self, number):
        """By the file of another forest, whole as well."""
        if files := self.files("f.zarr"):
            file = files[number % len(files)]
            there = self.made / "other.zarr" / file.relative_to(self.forest)
            if there.is_file():
                shutil.copy(there, file)
                CAME_OF["damage", "replace"] += 1

    @rule(name=NAMES, number=PLACES)
    def reword(self, name, number):
        """Take an attribute away, or give it another value."""
        files = [file for file in self.files(name) if file.name == "zarr.json"]
        if files:
            file = files[number % len(files)]
            try:
                values = json.loads(file.read_bytes())
                attrs = values["attributes"]
                one = [*attrs][number % len(attrs)]
            except (ValueError, KeyError, ZeroDivisionError, TypeError, AttributeError):
                return
            attrs[one] = attrs[one] + 1 if isinstance(attrs[one], int) else None
            file.write_text(json.dumps(values))
            CAME_OF["damage", "reword"] += 1

    @rule(name=NAMES)
    def lose(self, name):
        """The whole of it, as by a move."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        CAME_OF["damage", "lose"] += 1

    @invariant()
    def nothing_is_left_lying(self):
        strange = {file.name for file in self.folder.iterdir()} - {"f.zarr", "t.zarr", "cohort.csv"}
        assert not [name for name in strange if not name.endswith((".lock", ".partial", ".json"))]


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_stores__whatever_befalls_them(made):
    machine = type("StoresMade", (Stores,), {"made": made})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=ROUNDS,
            stateful_step_count=14,
            deadline=None,
            suppress_health_check=[*HealthCheck],
        ),
    )
    print(f"\n{ROUNDS} rounds, {sum(CAME_OF.values())} actions")
    for (what, came_of_it), count in sorted(CAME_OF.items()):
        print(f"{what:24}{came_of_it:20}{count:8}")

"""Appearing whole, locks, and tables read as they were written."""

import csv
import os
import signal
import stat
import subprocess
import sys
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from deepnic import files
from deepnic.errors import EngineError, InputError
from deepnic.files import (
    SHARE,
    check_new,
    locked,
    read_csv,
    read_json,
    whole,
    write_csv,
    write_json,
)


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_whole__file_replaces_what_was_there(tmp_path):
    file = tmp_path / "a.txt"
    file.write_text("old")
    with whole(file) as partial:
        partial.write_text("new")
        assert file.read_text() == "old"
        assert partial.parent == tmp_path
    assert file.read_text() == "new"
    assert names(tmp_path) == ["a.txt"]


def test_whole__folder_appears_at_once(tmp_path):
    with whole(tmp_path / "in" / "a.zarr") as partial:
        (partial / "deep").mkdir(parents=True)
        (partial / "deep" / "zarr.json").write_text("{}")
        assert not (tmp_path / "in" / "a.zarr").exists()
    assert names(tmp_path / "in") == ["a.zarr"]
    assert names(tmp_path / "in" / "a.zarr" / "deep") == ["zarr.json"]


@pytest.mark.parametrize("kind", ["nothing", "file", "folder"])
def test_whole__leaves_nothing_after_an_error(tmp_path, kind):
    (tmp_path / "a").write_text("old")

    def write_in_part():
        with whole(tmp_path / "a") as partial:
            if kind == "file":
                partial.write_text("half of")
            elif kind == "folder":
                partial.mkdir()
                (partial / "b").write_text("half of")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_in_part()
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_whole__replaces_no_folder_with_content(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "thesis").write_text("precious")
    with pytest.raises(EngineError, match="not empty"), whole(tmp_path / "a") as partial:
        partial.mkdir()
    assert names(tmp_path) == ["a"]
    assert names(tmp_path / "a") == ["thesis"]


def test_whole__two_at_once_do_not_meet(tmp_path):
    with whole(tmp_path / "a") as one, whole(tmp_path / "a") as two:
        one.write_text("one")
        two.write_text("two")
    assert (tmp_path / "a").read_text() == "one"  # the outer one ends last


def test_whole__mode_holds_from_the_first_byte(tmp_path):
    with whole(tmp_path / "key", mode=0o600) as partial:
        assert stat.S_IMODE(partial.stat().st_mode) == 0o600
        partial.write_bytes(b"secret")
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600
    assert (tmp_path / "key").read_bytes() == b"secret"


def test_whole__is_on_disk_before_and_after_it_appears(tmp_path, monkeypatch):
    """In the order that a loss of power cannot undo: content, name, folder."""
    events = []
    sync, replace = os.fsync, os.replace

    def note_sync(opened):
        events.append(os.path.basename(os.readlink(f"/proc/self/fd/{opened}")).split(".")[0])
        sync(opened)

    def note_replace(source, target):
        events.append("replace")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_sync)
    monkeypatch.setattr(os, "replace", note_replace)
    folder = tmp_path / "folder"
    with whole(folder / "store") as partial:
        partial.mkdir()
        (partial / "chunk").write_text("")
    assert sorted(events[:2]) == ["chunk", "store"]
    assert events[2:] == ["replace", "folder"]


def test_locked__is_refused_to_others(tmp_path):
    path = tmp_path / "new" / "f.zarr"
    with locked(path):
        other = subprocess.run(
            [sys.executable, "-c", HOLD.replace("sleep(60)", "sleep(0)"), path],
            capture_output=True,
            text=True,
        )
        assert f"f.zarr is being written by process {os.getpid()} on " in other.stderr
        with locked(tmp_path / "new" / "g.zarr"):
            pass
    assert names(path.parent) == []
    with locked(path):
        pass


HOLD = """
import sys, time
from deepnic.files import locked, whole
def ready():
    print(flush=True)
    time.sleep(60)
with locked(sys.argv[1]), whole(sys.argv[1]) as partial:
    partial.write_text("half of")
    ready()
"""


def test_locked__is_free_after_a_kill_and_what_was_left_is_removed(tmp_path):
    path = tmp_path / "a[1].zarr"
    precious = [f"{path.name}.partial", f"{path.name}.thesis.partial", "b.zarr.partial"]
    for name in precious:
        (tmp_path / name).write_text("precious")
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, path], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "\n"
        with pytest.raises(InputError, match=f"written by process {process.pid} on"), locked(path):
            pass
        process.send_signal(signal.SIGKILL)
    assert len(names(tmp_path)) == len(precious) + 2  # the lock and half a file
    with locked(path):
        assert names(tmp_path) == sorted([*precious, f"{path.name}.lock"])
    assert names(tmp_path) == sorted(precious)


def test_locked__ends_with_an_error(tmp_path):
    with pytest.raises(KeyError), locked(tmp_path / "a"):
        raise KeyError
    with locked(tmp_path / "a"):
        pass


def test_locked__goes_on_where_the_file_system_has_no_locks(tmp_path, monkeypatch):
    def no_locks(descriptor):
        raise OSError(files.errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr("filelock._unix.lock_fd_nonblocking", no_locks)
    with locked(tmp_path / "a"):
        (tmp_path / "a").touch()
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("kind", ["nothing", "empty folder", "folder", "file"])
def test_check_new__takes_what_holds_nothing(tmp_path, kind):
    path = tmp_path / "a"
    if "folder" in kind:
        path.mkdir()
    if kind in ("folder", "file"):
        (path / "b" if kind == "folder" else path).touch()
        with pytest.raises(InputError, match=r"a exists already; choose another path$"):
            check_new(path)
    else:
        check_new(path)


def test_json__comes_back(tmp_path):
    value = {"name": "Müller", "numbers": [0.1, None], "file": tmp_path}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value | {"file": str(tmp_path)}
    assert names(tmp_path) == ["a.json"]


def test_read_csv__as_it_was_written(tmp_path):
    random = np.random.default_rng(0).integers(0, 2**62, 3000).view(np.float64)
    arms = ["none", "1", "1.0", "nan", "NA", "", "True", "a, b"]
    table = pd.DataFrame(
        {
            "arm": np.resize(np.array(arms, object), 3000),
            "strength": "0016",
            "mean": np.where(np.arange(3000) % 7, random, np.nan),
            "n": np.arange(3000),
        }
    )
    write_csv(tmp_path / "a.csv", table)
    read = read_csv(tmp_path / "a.csv", words=["arm", "strength", "unit"])
    assert read["arm"].tolist() == table["arm"].tolist()
    assert set(read["strength"]) == {"0016"}
    np.testing.assert_array_equal(read["mean"], table["mean"])
    assert read["n"].dtype == np.int64


def test_what_is_written__is_its_owners_alone(tmp_path, monkeypatch):
    before = os.umask(0o022)
    try:
        for share, modes in (("", {0o700, 0o600}), ("1", {0o755, 0o644})):
            monkeypatch.setenv(SHARE, share) if share else monkeypatch.delenv(SHARE, raising=False)
            top = tmp_path / f"new{share}"
            with whole(top / "deeper" / "a.txt") as partial:
                partial.write_text("a")
            with whole(top / "deeper" / "folder") as partial:
                partial.mkdir()
            found = {place.stat().st_mode & 0o777 for place in [top, *top.rglob("*")]}
            assert found == modes
    finally:
        os.umask(before)


@given(
    st.lists(
        st.text(st.sampled_from("=+-@'\t a1,\""), max_size=6).filter(
            lambda word: word.strip() == word
        )
        | st.sampled_from(["=1+1", "'=1", "-5", "+x", "@a", "''", "'a", "plain"]),
        min_size=1,
    )
)
def test_write_csv__no_word_is_a_formula_and_all_come_back(words):
    table = pd.DataFrame({"item": words, "score": -1.5})
    with TemporaryDirectory() as folder:
        write_csv(f"{folder}/t.csv", table)
        with open(f"{folder}/t.csv", newline="", encoding="utf-8") as file:
            cells = [row[0] for row in csv.reader(file)][1:]
        found = read_csv(f"{folder}/t.csv", ["item"])
    assert not [cell for cell in cells if cell[:1] in ("=", "+", "-", "@", "\t", "\r")]
    pd.testing.assert_frame_equal(found, table)

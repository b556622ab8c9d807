"""What listens while a command runs on one machine is on the page, and answers no stranger."""

import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil
import pytest
from distributed import LocalCluster
from torch.distributed import TCPStore

from deepnic.cli import studies
from tests.cli.made import FEW, make_table, succeed, write_toml
from tests.probing import asked, listening, missing, readable, rows, unexplained

DEEPNIC = [sys.executable, "-m", "deepnic"]
MANY = ["--n-trees", "60000", *FEW[2:]]  # more than a test waits for
SETTLED = 2.0  # seconds after which no more listeners come

pytestmark = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="two workers take two CPUs")


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    """A folder that everybody may enter, with a cohort and a pixel table of one's own."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        os.chmod(folder, 0o755)
        made = Path(folder)
        make_table().to_csv(made / "cohort.csv", index=False)
        (made / "cohort.csv").chmod(0o600)
        (made / "tmp").mkdir()
        (made / "tmp").chmod(0o1777)
        patch.setenv("TMPDIR", str(made / "tmp"))
        succeed("grow", made / "cohort.csv", "-o", made / "forest.zarr", *FEW, "--hold-out", 0.25)
        succeed("pixels", made / "forest.zarr", "-o", made / "table.zarr", "--k", 64, "--fdr", 1)
        yield made


@contextmanager
def running(place: Path, *words: object) -> Iterator[psutil.Process]:
    """Run a command, and end it with all that it started."""
    with (place / "said").open("w") as said:
        process = subprocess.Popen(
            [*DEEPNIC, *map(str, words)], cwd=place, stdout=said, stderr=said
        )
        root = psutil.Process(process.pid)
        try:
            yield root
        finally:
            family = root.children(recursive=True) if process.poll() is None else []
            process.kill()
            process.wait()
            for one in psutil.wait_procs(family, timeout=10)[1]:
                one.kill()


def seen(process: psutil.Process, ready: Callable[[], bool] = lambda: True) -> set:
    """Listeners of a command once it is ready and no more come, or all it ever had if it ends."""
    found, since = set(), time.monotonic()
    while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
        now = listening(process)
        if now - found or not (now and ready()):
            since = time.monotonic()
        found |= now
        if time.monotonic() > since + SETTLED:
            return now
        time.sleep(0.05)
    return found


def private(place: Path) -> list[str]:
    """What a stranger can read of a run, but for what was made here."""
    own = {place / "tmp", place / "said", place / "settings.toml"}
    return [path for path in readable(place) if Path(path) not in own]


@pytest.mark.parametrize(
    "words",
    [
        ["grow", "cohort.csv", "-o", "f.zarr", *FEW],
        ["pixels", "forest.zarr", "-o", "t.zarr", "--k", 64, "--fdr", 1],
        ["train", "table.zarr", "--epochs", 2, "-o", "runs"],
    ],
    ids=lambda words: words[0],
)
def test_command__without_workers_listens_nowhere(place, words):
    (row,) = [row for row in rows(f"`{words[0]}`") if row.listener == "none"]
    assert f"`{words[0]}`" in row.command
    with running(place, *words) as process:
        assert seen(process) == set()
    assert "error" not in (place / "said").read_text()
    assert private(place) == []


@pytest.mark.parametrize("command", ["grow", "study"])
def test_workers__are_what_the_page_says_and_answer_no_stranger(place, command):
    write_toml(place / "settings.toml", "cohort.csv", epochs=100000)
    words = {
        "grow": ["grow", "cohort.csv", "-o", "many.zarr", *MANY],
        "study": ["study", "settings.toml", "-o", "long"],
    }
    begun = Path(place, words[command][3])  # once the workers are there
    with running(place, *words[command], "--workers", 2) as process:
        found = seen(process, begun.exists)
        got = asked(found)
        assert listening(process) >= found  # while they were asked
        assert private(place) == []
    said = rows("`grow`, `pixels`, `study --workers N`")
    assert len(said) == 2
    assert len(found) >= 6  # scheduler, nannies, workers, and what serves no page
    assert unexplained(got, said) == {}
    assert missing(got, said) == []


def test_train_workers__are_what_the_page_says_and_answer_no_stranger(place):
    train = ["train", "table.zarr", "--epochs", 10**6, "--workers", 2, "-o", "long-runs"]
    with running(place, *train) as process:
        found = seen(process, lambda: bool(list(place.glob("long-runs/*/history.csv"))))
        got = asked(found)
        assert listening(process) >= found
        assert process.is_running()
        assert private(place) == []
    said = rows("`train --workers N`")
    assert len(found) == 2  # one port a worker
    assert unexplained(got, said) == {}
    assert missing(got, said) == []


def test_demo__is_what_the_page_says(place, monkeypatch):
    """Its settings, on a smaller cohort and one arm; a study listens nowhere by itself."""
    asked_for = []
    monkeypatch.setattr(studies, "compare", lambda settings, _: asked_for.append(settings))
    studies.demo()
    workers = asked_for[0].data_parallel
    arms = {"paths": ["linear"]}
    write_toml(place / "settings.toml", "cohort.csv", data_parallel=workers, arms=arms)
    with running(place, "study", "settings.toml", "-o", "demo") as process:
        found = seen(process, lambda: False)
    assert "error" not in (place / "said").read_text()
    assert len(found) == workers
    assert unexplained({one: set() for one in found}, rows("`demo`")) == {}
    assert private(place) == []
    (none,) = [row for row in rows("`study`") if row.listener == "none"]
    assert "`demo`" not in none.command


# --- the probes see what is open


class Open(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()


def test_asked__tells_what_is_open():
    pages = HTTPServer(("127.0.0.1", 0), Open)
    threading.Thread(target=pages.serve_forever, daemon=True).start()
    store = TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    silent = socket.create_server(("127.0.0.1", 0))
    dask = {"n_workers": 0, "dashboard_address": None, "host": "127.0.0.1"}
    with pages, silent, LocalCluster(**dask, protocol="tcp") as cluster:
        ports = [pages.server_port, store.port, silent.getsockname()[1], cluster.scheduler.port]
        got = asked([("127.0.0.1", port) for port in ports])
        pages.shutdown()
    page, keys, nothing, scheduler = got.values()
    assert "200 /" in page
    assert keys - {""}
    assert nothing == {""}
    assert scheduler - {""}
    said = rows("`grow`, `pixels`, `study --workers N`")
    assert {port for _, port in unexplained(got, said)} == {*ports} - {ports[2]}


def test_readable__tells_what_is_open(tmp_path):
    with TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        for mode in (0o600, 0o644, 0o622):
            (Path(folder) / str(mode)).touch()
            (Path(folder) / str(mode)).chmod(mode)
        open_ones = {Path(path).name for path in readable(Path(folder))}
    assert open_ones == {str(0o644), str(0o622)}


def test_unexplained__is_what_the_page_does_not_have():
    said = rows("`train --workers N`")
    found = {("0.0.0.0", 1): {""}, ("10.0.0.1", 2): {""}, ("127.0.0.1", 3): {"404"}}
    assert unexplained(found | {("127.0.0.1", 4): {""}}, said) == found
    assert missing(found, said) == said

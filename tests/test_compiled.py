"""Where machine code is kept: where it can be written, and by nobody else."""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numba
import pytest

import deepnic
from deepnic import compiled

ROOT = Path(deepnic.__file__).parent
# bytecode of a file that was written twice within a second would pass for current
UNKEPT = {"PYTHONPATH": "", "PYTHONDONTWRITEBYTECODE": "1"}
ADD = """
from numba import int64
from deepnic.compiled import compiled
@compiled(int64(int64))
def {name}(x): return {what}
"""


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """A file of a folder in which nothing can be kept, and passing files of this test alone."""
    monkeypatch.setattr(numba.config, "CACHE_DIR", "")
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "passing"))
    (tmp_path / "passing").mkdir()
    file = tmp_path / "installed" / "one_numba.py"
    file.parent.mkdir()
    file.touch()
    (file.parent / "__pycache__").touch()
    return file


def place(file):
    return compiled.place_of("kernels", [file]).parent


def test_place_of__is_beside_the_files(installed):
    (installed.parent / "__pycache__").unlink()
    assert place(installed) == installed.parent / "__pycache__"


def test_place_of__who_cannot_write_there_is_the_users(installed, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert place(installed) == tmp_path / "home" / ".cache" / "deepnic"
    monkeypatch.setattr(numba.config, "CACHE_DIR", str(tmp_path / "scratch"))
    assert place(installed) == tmp_path / "scratch"
    monkeypatch.setattr(numba.config, "CACHE_DIR", "/proc/scratch")
    assert place(installed) == tmp_path / "home" / ".cache" / "deepnic"


@pytest.mark.parametrize("home", ["/proc/home", "nowhere"])
def test_place_of__who_has_no_home_is_among_passing_files(installed, monkeypatch, home):
    monkeypatch.setenv("HOME", home)
    passing = Path(tempfile.gettempdir())
    own = passing / f"deepnic-{os.getuid()}"
    assert place(installed) == own
    assert stat.S_IMODE(own.stat().st_mode) == 0o700
    own.chmod(0o777)  # a stranger may have put code there, which would run
    assert own != place(installed)
    assert place(installed).parent == passing
    own.rmdir()
    (passing / "of a stranger").mkdir()
    own.symlink_to(passing / "of a stranger")
    assert own != place(installed)


def test_compiled__of_a_changed_file_that_is_called_is_made_anew(tmp_path):
    folder = tmp_path / "deepnic"
    folder.mkdir()
    (folder / "__init__.py").touch()
    shutil.copy(compiled.__file__, folder)
    caller = ADD.format(name="two", what="one(x) + 2")
    caller = caller.replace("from deepnic", "from deepnic.a_numba import one\nfrom deepnic", 1)
    (folder / "b_numba.py").write_text(caller)
    show = "from deepnic.b_numba import two as f; print(f(3), f.stats.cache_hits.total())"
    environment = {k: v for k, v in os.environ.items() if k != "NUMBA_CACHE_DIR"}
    for factor, hits in ((10, 0), (10, 1), (20, 0), (10, 1)):
        (folder / "a_numba.py").write_text(ADD.format(name="one", what=f"{factor} * x"))
        told = subprocess.run(
            [sys.executable, "-c", show], cwd=tmp_path, env=environment | UNKEPT,
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        assert told.split() == [str(3 * factor + 2), str(hits)]


def test_files__that_are_compiled_keep_their_code_by_it():
    """Kernels are loaded into one place, all together; all others name `compiled`."""
    files = [file for file in ROOT.rglob("*.py") if file.parent.name != "kernels"]
    keeping = [file.name for file in files if re.search(r"cache=True", file.read_text())]
    assert keeping == ["compiled.py"]
    using = {file.name for file in files if "import compiled" in file.read_text()}
    assert using == {file.name for file in files if file.name.endswith("_numba.py")}

"""The scripts of the pages are typed by their JSDoc, and TypeScript agrees."""

import shutil
import subprocess
from importlib.resources import files

import pytest

SCRIPTS = files("deepnic.atlas") / "pages" / "js"
STRICT = ["--noEmit", "--allowJs", "--checkJs", "--strict", "--target", "es2022",
          "--lib", "es2022,dom,dom.iterable"]  # fmt: skip


def check_types(*scripts):
    """What TypeScript says of scripts that share one namespace: its exit code, and lines."""
    program = shutil.which("tsc")
    if program is None:
        pytest.skip("there is no TypeScript (tsc) on this machine")
    done = subprocess.run([program, *STRICT, *map(str, scripts)], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


@pytest.mark.slow
def test_types__of_all_scripts_hold():
    scripts = sorted(SCRIPTS.glob("*.js"))
    assert len(scripts) > 10
    assert check_types(*scripts) == (0, [])


@pytest.mark.slow
def test_types__that_are_wrong_are_told(tmp_path):
    script = tmp_path / "wrong.js"
    script.write_text('const half = (/** @type {number} */ n) => n / 2;\nhalf("2");\n')
    code, lines = check_types(script)
    assert code > 0
    assert "(2,6): error TS2345" in lines[0]

"""The command line as the shell runs it, on a small table."""

import sys

import pytest

from deepnic import cli
from deepnic.compute import LONGEST
from tests.cli.made import FEW, make_classes, make_table, succeed


@pytest.fixture(autouse=True)
def _progress_is_told_late(monkeypatch):
    """Later than a command takes here, on busy machines too: what is on stderr is certain."""
    monkeypatch.setattr("deepnic.compute.INTERVAL", LONGEST)


@pytest.fixture(scope="session")
def place(tmp_path_factory):
    """Folder with a CSV table, a finished store and a pixel table; tests write elsewhere."""
    folder = tmp_path_factory.mktemp("cli")
    make_table().to_csv(folder / "cohort.csv", index=False)
    succeed("grow", folder / "cohort.csv", "-o", folder / "forest.zarr", *FEW, "--hold-out", 0.25)
    succeed("pixels", folder / "forest.zarr", "-o", folder / "table.zarr", "--k", 64, "--fdr", 1)
    return folder


@pytest.fixture(scope="session")
def classes(tmp_path_factory):
    """Folder with a table of three classes, and the groups of its stores and pixel tables."""
    folder = tmp_path_factory.mktemp("classes")
    make_classes().to_csv(folder / "c.csv", index=False)
    succeed("grow", folder / "c.csv", "-o", folder / "forest.zarr", *FEW, "--hold-out", 0.25)
    few = ["--k", 64, "--fdr", 1, "--max-undefined", 0.9]
    succeed("pixels", folder / "forest.zarr", "-o", folder / "table.zarr", *few)
    return folder


@pytest.fixture
def run(monkeypatch, capfd):
    """Run `deepnic` as the shell does: exit code, stdout, stderr."""

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["deepnic", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        return (exit_.value.code or 0, *capfd.readouterr())

    return run


@pytest.fixture
def refuse(run):
    """Run it and see it end with one sentence on stderr; the sentence."""

    def refuse(*arguments, code=2):
        found, _, error = run(*arguments)
        assert found == code, error
        *progress, error = error.splitlines(keepends=True)
        assert all(
            line.startswith(("not made: ", "epoch ", "the images to learn")) for line in progress
        )
        assert error.startswith("error: ")
        assert error.count("\n") == 1
        assert error.endswith("\n")
        assert "Traceback" not in error
        return error

    return refuse

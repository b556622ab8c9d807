"""Settings of all tests, and what several rooms look at."""

import logging
import os
import shutil

import pytest
from hypothesis import settings

# a busy machine is no defect; and a run that decides something must be repeatable
settings.register_profile("deepnic", deadline=None, derandomize="CI" in os.environ)
settings.load_profile("deepnic")


@pytest.fixture(autouse=True)
def _logs_as_before():
    """What a command sets for its process: a handler of a stderr that is closed after the test."""
    yield
    ours = logging.getLogger("deepnic")
    ours.handlers.clear()
    ours.setLevel(logging.NOTSET)


@pytest.fixture(scope="session", autouse=True)
def _few_trees():
    """Of the random forest, 500 trees of which would be a third of each small study."""
    from deepnic.learn import baselines

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(baselines, "N_TREES", 25)
        yield


@pytest.fixture
def secrets(tmp_path, monkeypatch):
    """A folder whose data, data/c.csv, nobody may know the ids of, and a home without a key."""
    from tests.cli.made import make_table

    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home"))
    (tmp_path / "data").mkdir()
    table = make_table()
    table["id"] = [f"SECRET{k:03}" for k in range(40)]
    table.to_csv(tmp_path / "data" / "c.csv", index=False)
    return tmp_path


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Three cohorts, a transfer, permuted labels; a test that changes it copies it first."""
    from tests.made_study import write_study

    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def small_study(tmp_path_factory):
    """One cohort, one strength of the filter, no tiles, no control."""
    from tests.made_study import write_study

    cohort = {"wisconsin": 0.9}
    folder = tmp_path_factory.mktemp("small")
    return write_study(folder, cohort, None, 0, strengths=("64",), units=("pixel",))


@pytest.fixture(scope="session")
def results(study):
    from deepnic.study import read_study

    return read_study(study)


@pytest.fixture(scope="session")
def findings(results):
    from deepnic.analysis import find

    return find(results)


@pytest.fixture(scope="session")
def small_results(small_study):
    from deepnic.study import read_study

    return read_study(small_study)


@pytest.fixture(scope="session")
def small_findings(small_results):
    from deepnic.analysis import find

    return find(small_results)


@pytest.fixture(scope="module")
def chromium():
    """Chromium as the system has it; none is downloaded.

    Not for longer than a module: while it is open, an event loop runs in this thread, and Dask
    finds it there.
    """
    from playwright.sync_api import sync_playwright

    program = shutil.which("chromium")
    if program is None:
        pytest.skip("there is no Chromium on this machine")
    with sync_playwright() as tool:
        browser = tool.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()

"""Studies, written once; a test that changes one copies it first."""

import pytest

from tests.show.made import write_study


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """Three cohorts, a transfer and a control of permuted labels."""
    return write_study(tmp_path_factory.mktemp("study"))


@pytest.fixture(scope="session")
def small_study(tmp_path_factory):
    """One cohort, one strength of the filter, no tiles, no control."""
    cohort = {"wisconsin": 0.9}
    folder = tmp_path_factory.mktemp("small")
    return write_study(folder, cohort, None, 0, strengths=("64",), units=("pixel",))

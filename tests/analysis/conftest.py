"""A made study, read and judged once."""

import pytest

from deepnic.analysis import find
from deepnic.study import read_study


@pytest.fixture(scope="session")
def results(study):
    return read_study(study)


@pytest.fixture(scope="session")
def findings(results):
    return find(results)


@pytest.fixture(scope="session")
def small_findings(small_study):
    return find(read_study(small_study))

"""Two test hosts for a module's tests."""

import os

import pytest

from tests.cluster.hosts import Hosts, lacking


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """Two hosts; where they cannot be made the tests are skipped, except in CI."""
    reason = lacking()
    if reason and os.environ.get("CI"):
        pytest.fail(f"in CI these tests must run: {reason}")
    if reason:
        pytest.skip(reason)
    with Hosts(tmp_path_factory.mktemp("hosts")) as two:
        yield two

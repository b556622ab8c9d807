"""Two test hosts for a module's tests."""

import os

import pytest

from tests.cluster.hosts import Hosts, lacking


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """Two hosts; where they cannot be made the tests are skipped, except in CI."""
    skip_for(lacking())
    with Hosts(tmp_path_factory.mktemp("hosts")) as two:
        yield two


def skip_for(reason: str) -> None:
    """Skip a test for a reason, if there is one; in CI it fails."""
    if reason and os.environ.get("CI"):
        pytest.fail(f"in CI these tests must run: {reason}")
    if reason:
        pytest.skip(reason)

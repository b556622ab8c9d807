"""Two test hosts for a module's tests."""

import os

import pytest

import deepnic
from deepnic.nic import observation_images
from deepnic.pixels import filter_pixels
from deepnic.store import write_table
from tests.cluster.hosts import Hosts, lacking


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """Mark what needs hosts or Slurm, by its fixtures."""
    for item in items:
        fixtures = getattr(item, "fixturenames", ())
        for mark, fixture in {"hosts": "hosts", "slurm": "slurm", "slow": "slurm"}.items():
            if fixture in fixtures:
                item.add_marker(mark)


@pytest.fixture(scope="module")
def hosts(tmp_path_factory):
    """Two hosts; where they cannot be made the tests are skipped, except in CI."""
    skip_for(lacking())
    with Hosts(tmp_path_factory.mktemp("hosts")) as two:
        yield two


@pytest.fixture(scope="session")
def table(tmp_path_factory):
    """A pixel table of 60 observations of Wisconsin, 21 of them held out."""
    path = tmp_path_factory.mktemp("tables") / "table.zarr"
    cohort = deepnic.demo_cohort().isel(observation=slice(0, 60))
    hidden = deepnic.hide_labels(cohort, [k >= 39 for k in range(60)])
    forest = deepnic.grow_forest(
        hidden, n_trees=8, weight_ranges=[3], tree_sizes=[3], subsample=0.5
    )
    write_table(filter_pixels(observation_images(forest), k=64, fdr=None), path)
    return path


def skip_for(reason: str) -> None:
    """Skip a test for a reason, if there is one; in CI it fails."""
    if reason and os.environ.get("CI"):
        pytest.fail(f"in CI these tests must run: {reason}")
    if reason:
        pytest.skip(reason)

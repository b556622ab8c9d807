"""Growing and training as jobs of a real Slurm of two nodes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

from deepnic.cluster.slurm import read_profile
from deepnic.errors import InputError
from tests.cluster.hosts import BRIDGE, Hosts
from tests.cluster.slurm import Slurm, lacking

DEEPNIC = Path(sys.executable).with_name("deepnic")
ALON = Path(__file__).parents[2].parent / "shared" / "data" / "alon.npz"
FEW = ["--n-trees", "2", "--weight-ranges", "3", "--tree-sizes", "3,4"]  # 2 blocks, a second each
MANY = ["--n-trees", "10", "--weight-ranges", "3-5", "--tree-sizes", "3-6"]  # 12, of 10 s in all
needs_alon = pytest.mark.skipif(not ALON.exists(), reason="../shared/data/alon.npz is absent")


@pytest.fixture(scope="module")
def slurm(hosts: Hosts, tmp_path_factory):
    """Slurm on both hosts; where it cannot run the tests are skipped, except in CI."""
    reason = lacking()
    if reason and os.environ.get("CI"):
        pytest.fail(f"in CI these tests must run: {reason}")
    if reason:
        pytest.skip(reason)
    with Slurm(hosts, tmp_path_factory.mktemp("slurm")) as running:
        yield running


@pytest.fixture
def write_profile(tmp_path):
    def write(**given):
        keys = {
            "nodes": 2, "cores": 1, "memory": "1GiB", "interface": "eth0", "login_interface": BRIDGE,
            "logs": f"{tmp_path}/logs", "walltime": "00:10:00",
        } | given  # fmt: skip
        lines = [f"{key} = {value!r}" for key, value in keys.items()]
        (tmp_path / "profile.toml").write_text("\n".join(lines))
        return tmp_path / "profile.toml"

    return write


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Make what one machine makes of some options."""
    made = {}

    def make(options):
        key = " ".join(options)
        if key not in made:
            made[key] = tmp_path_factory.mktemp("store") / "store.zarr"
            subprocess.run([DEEPNIC, "grow", ALON, "-o", made[key], *options], check=True)
        return made[key]

    return make


def start(slurm, *words, **environment):
    return subprocess.Popen(
        [DEEPNIC, *map(str, words)],
        env=slurm.environment | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def end(process):
    """Exit code of a command and what it printed."""
    try:
        said = process.communicate(timeout=180)[0]
    finally:
        process.kill()
    return process.returncode, said


def same(one, other):
    with xr.open_zarr(one, consolidated=False) as a, xr.open_zarr(other, consolidated=False) as b:
        xr.testing.assert_identical(a.load(), b.load())


def blocks(path):
    return len(list(path.glob("vote/c/*/*/*/*/0")))


def test_read_profile__refuses_what_it_does_not_know(tmp_path):
    file = tmp_path / "profile.toml"
    file.write_text('cores = 1\nmemory = "1GiB"\nqueue = "all"\n')
    with pytest.raises(InputError, match="unknown key 'queue'; choose from partition, account"):
        read_profile(file)
    file.write_text('cores = 1\nmemory = "1GiB"\nwalltime = "1h"\n')
    with pytest.raises(InputError, match="walltime is '1h'"):
        read_profile(file)


@needs_alon
def test_grow__on_two_nodes_is_the_same_store(slurm, write_profile, store, tmp_path):
    output = tmp_path / "store.zarr"
    growing = start(slurm, "grow", ALON, "-o", output, *FEW, "--slurm", write_profile())
    slurm.wait(lambda: len(slurm.jobs()) == 2 or growing.poll() is not None)
    code, said = end(growing)
    assert code == 0, said
    assert "2 blocks of trees grown" in said
    same(output, store(FEW))
    slurm.wait(lambda: not slurm.jobs(), 10)
    assert not list((tmp_path / "logs").glob(".*"))  # no key is left


@needs_alon
def test_grow__goes_on_when_a_node_is_lost(slurm, write_profile, store, tmp_path):
    output = tmp_path / "store.zarr"
    growing = start(slurm, "grow", ALON, "-o", output, *MANY, "--slurm", write_profile())
    slurm.wait(lambda: blocks(output) >= 2 or growing.poll() is not None)
    slurm.hosts.power_off("ws2")
    try:
        assert blocks(output) < 12
        code, said = end(growing)
    finally:
        slurm.hosts.boot("ws2")
        slurm.serve("ws2")
    assert code == 0, said
    same(output, store(MANY))
    slurm.wait_idle()
    assert not slurm.jobs()


@needs_alon
def test_grow__asks_again_for_a_job_that_ended(slurm, write_profile, store, tmp_path):
    output = tmp_path / "store.zarr"
    growing = start(
        slurm, "grow", ALON, "-o", output, *MANY, "--slurm", write_profile(nodes=1),
        DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT="1s",
    )  # fmt: skip
    slurm.wait(lambda: blocks(output) >= 2 or growing.poll() is not None)
    (first,) = slurm.jobs()
    slurm.run("scancel", first)
    slurm.wait(lambda: slurm.jobs() not in ([], [first]) or growing.poll() is not None)
    code, said = end(growing)
    assert code == 0, said
    same(output, store(MANY))
    slurm.wait(lambda: not slurm.jobs(), 10)


@needs_alon
@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"partition": "none"}, "sbatch refused .*invalid partition.*; correct the profile"),
        ({"python": "/no/python"}, "ended before a worker came; see why in"),
    ],
)
def test_grow__says_why_no_worker_comes(slurm, write_profile, tmp_path, given, sentence):
    output = tmp_path / "store.zarr"
    profile = write_profile(**given)
    code, said = end(start(slurm, "grow", ALON, "-o", output, *FEW, "--slurm", profile))
    assert code == 2
    assert "Traceback" not in said

    assert re.search(sentence, said), said
    assert not slurm.jobs()


@needs_alon
def test_grow__leaves_no_job_after_an_error(slurm, write_profile, store, tmp_path):
    output = store(FEW)
    code, said = end(start(slurm, "grow", ALON, "-o", output, *MANY, "--slurm", write_profile()))
    assert code == 2
    assert "was made with" in said
    slurm.wait(lambda: not slurm.jobs(), 10)

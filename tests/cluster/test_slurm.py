"""Growing and training as jobs of a real Slurm of two nodes."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import xarray as xr

import deepnic
from deepnic.cluster.slurm import read_profile
from deepnic.errors import InputError
from deepnic.nic import observation_images
from deepnic.pixels import filter_pixels
from deepnic.store import write_table
from tests.cluster.hosts import BRIDGE, Hosts
from tests.cluster.slurm import Slurm, lacking

DEEPNIC = Path(sys.executable).with_name("deepnic")
ALON = Path(__file__).parents[2].parent / "shared" / "data" / "alon.npz"
GROW = Path(__file__).parents[2] / "cluster" / "slurm" / "grow.sbatch"
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
            "nodes": 2, "cores": 1, "memory": "1GiB", "walltime": "00:10:00",
            "interface": "eth0", "login_interface": BRIDGE, "logs": f"{tmp_path}/logs",
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


def test_read_profile__reads_the_example_and_refuses_what_it_does_not_know(tmp_path):
    file = tmp_path / "profile.toml"
    file.write_text('cores = 1\nmemory = "1GiB"\nqueue = "all"\n')
    with pytest.raises(InputError, match="unknown key 'queue'; choose from partition, account"):
        read_profile(file)
    file.write_text('cores = 1\nmemory = "1GiB"\nwalltime = "1h"\n')
    with pytest.raises(InputError, match="walltime is '1h'"):
        read_profile(file)
    assert read_profile(GROW.with_name("profile.toml")).memory == 64 * 2**30


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


@pytest.fixture(scope="module")
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


def test_train__on_two_nodes_ends_with_the_codes_of_the_run(
    slurm, write_profile, table, tmp_path, monkeypatch
):
    profile = write_profile(prologue=["touch began"])
    monkeypatch.chdir(tmp_path)  # the folder of the job
    words = ["train", table, "--workers", 2, "--epochs", 2, "-o", "runs", "--slurm", profile]
    training = start(slurm, *words)
    slurm.wait(lambda: list(tmp_path.glob(".deepnic-*/token")) or training.poll() is not None)
    (token,) = tmp_path.glob(".deepnic-*/token")
    assert token.stat().st_mode & 0o777 == 0o600
    code, said = end(training)
    assert code == 0, said
    assert "epoch 2 of 2" in said
    assert "n test: 21" in said
    (run,) = (tmp_path / "runs").iterdir()
    assert len(list(run.glob("checkpoint_*/*"))) == 2  # it ran on workers, not in the driver
    assert (run / "report.html").exists()
    assert (tmp_path / "began").exists()
    assert not list(tmp_path.glob(".deepnic-*"))

    code, said = end(start(slurm, *words))
    assert code == 2, said
    assert "error: the run" in said
    assert not slurm.jobs()


def test_train__is_cancelled_by_ctrl_c(slurm, write_profile, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    training = start(slurm, "train", table, "--workers", 2, "--slurm", write_profile())
    slurm.wait(lambda: list(tmp_path.glob(".deepnic-*")) or training.poll() is not None)
    training.send_signal(signal.SIGINT)
    assert end(training)[0] not in (0, None)
    slurm.wait(lambda: not slurm.jobs(), 30)


def test_train__is_refused_before_it_waits(slurm, write_profile, table):
    code, said = end(start(slurm, "train", table, "--slurm", write_profile()))
    assert code == 2
    assert "no Ray workers were asked for" in said
    code, said = end(start(slurm, "train", table, "--path", "round", "--slurm", write_profile()))
    assert code == 2
    assert "path is 'round'" in said
    assert not slurm.jobs()


def submit_grow(slurm, output, options, folder):
    """Submit grow.sbatch, and return the number of the job."""
    said = slurm.run(
        "sbatch", "-N2", "--parsable", GROW, ALON, "-o", output, *options, cwd=folder,
        DEEPNIC_INTERFACE="eth0", PATH=f"{DEEPNIC.parent}:{os.environ['PATH']}",
    )  # fmt: skip
    return said.strip()


@needs_alon
def test_grow_sbatch__goes_on_when_a_node_is_lost(slurm, store, tmp_path):
    output = tmp_path / "store.zarr"
    job = submit_grow(slurm, output, MANY, tmp_path)
    slurm.wait(lambda: blocks(output) >= 2 or not slurm.jobs())
    slurm.hosts.power_off("ws2")
    try:
        slurm.wait(lambda: not slurm.jobs())
    finally:
        slurm.hosts.boot("ws2")
        slurm.serve("ws2")
    assert "12 blocks of trees grown" in (tmp_path / f"deepnic-grow-{job}.log").read_text()
    same(output, store(MANY))
    assert not list(tmp_path.glob(".deepnic-*"))
    slurm.wait_idle()


@needs_alon
def test_grow_sbatch__fails_with_the_code_of_the_run(slurm, store, tmp_path):
    job = submit_grow(slurm, store(FEW), MANY, tmp_path)
    slurm.wait(lambda: not slurm.jobs())
    assert "ExitCode=2:0" in slurm.run("scontrol", "show", "job", job)
    assert "was made with" in (tmp_path / f"deepnic-grow-{job}.log").read_text()

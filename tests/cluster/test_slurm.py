"""Growing and training as jobs of a real Slurm of two nodes."""

import errno
import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import xarray as xr
import yaml
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell, new_notebook

from deepnic.cli import main
from deepnic.cluster import slurm as scripts
from deepnic.cluster.slurm.jobs import Profile, _options, _slurm_cluster, read_profile
from deepnic.config import checked
from deepnic.errors import InputError
from tests.cluster.hosts import BRIDGE, PATIENCE, Hosts
from tests.cluster.slurm import SLURM_PORTS, Slurm, lacking
from tests.cluster.strangers import met
from tests.probing import asked, listening, missing, rows, unexplained
from tests.test_docs import commands

DEEPNIC = Path(sys.executable).with_name("deepnic")
ALON = Path(__file__).parents[2].parent / "shared" / "data" / "alon.npz"
EXAMPLES = Path(__file__).parents[2] / "cluster" / "slurm"
GROW, TRAIN = (Path(scripts.__path__[0]) / f"{name}.sbatch" for name in ("grow", "train"))
DEMANDS = {
    "memory": None, "qos": "normal", "constraint": "twin",
    "directives": ["--exclusive", "--comment 'a course'"],
}  # fmt: skip
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
        lines = [f"{key} = {value!r}" for key, value in keys.items() if value is not None]
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


def typed(verb, names):
    """Words of the page's command, with files in the place of its names."""
    (words,) = [words for words in commands(EXAMPLES / "README.md") if words[0] == verb]
    return [names.get(word, word) for word in words]


def start(slurm, *words, **environment):
    return subprocess.Popen(
        # tests that run in the background of a shell hand on that Ctrl-C is ignored
        ["env", "--default-signal=INT", DEEPNIC, *map(str, words)],
        env=slurm.environment | environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )


def until(slurm, process, condition):
    """Wait while a command runs until a condition holds."""
    slurm.wait(lambda: process.poll() is not None or condition())
    assert process.poll() is None, process.communicate()[0]


def end(process):
    """Exit code of a command and what it printed."""
    try:
        said = process.communicate(timeout=PATIENCE)[0]
    finally:
        process.kill()
    return process.returncode, said


def check_demands(slurm):
    """The jobs that are there ask for what `DEMANDS` says."""
    for job in slurm.jobs():
        facts = show(slurm, job)
        assert " Features=twin " in facts
        assert " Comment=a course" in facts
        assert " OverSubscribe=NO " in facts  # what --exclusive asks for


def same(one, other):
    with xr.open_zarr(one, consolidated=False) as a, xr.open_zarr(other, consolidated=False) as b:
        xr.testing.assert_identical(a.load(), b.load())


def blocks(path):
    return len(list(path.glob("vote/c/*/*/*/*/0")))


def running(slurm, host):
    return slurm.hosts.run(host, ["ps", "-wweo", "args="])


def show(slurm, job):
    return slurm.run("scontrol", "show", "job", "--oneliner", job)


def steps(slurm):
    """Steps that run, but for the script."""
    return [
        step for step in slurm.run("squeue", "-s", "-h", "-o", "%i").split() if "batch" not in step
    ]


def left_behind(folder, job):
    """Folders of a job: its private one, and Ray's on the nodes."""
    return [*folder.glob(f".deepnic-{job}-*"), *Path("/tmp").glob(f"deepnic-ray-{job}-*")]


def epochs(folder):
    """Epochs that the run of a folder has behind it."""
    return sum(len(file.read_text().splitlines()) - 1 for file in folder.glob("runs/*/history.csv"))


def test_read_profile__reads_the_example_and_refuses_what_it_does_not_know(tmp_path):
    file = tmp_path / "profile.toml"
    file.write_text('cores = 1\nmemory = "1GiB"\nqueue = "all"\n')
    with pytest.raises(InputError, match="unknown key 'queue'; choose from partition, account"):
        read_profile(file)
    file.write_text('cores = 1\nmemory = "1GiB"\nwalltime = "1h"\n')
    with pytest.raises(InputError, match="walltime is '1h'"):
        read_profile(file)
    assert read_profile(EXAMPLES / "profile.toml").memory == 64 * 2**30


def test_profile__says_what_sites_demand():
    """The memory left out, a quality of service, and any other option of sbatch."""
    profile = checked(Profile, {
        "cores": 2, "qos": "normal", "constraint": "intel&gpu",
        "directives": ["--exclusive", "--comment 'a course'"],
    })  # fmt: skip
    assert _options(profile)[3:] == [
        "--qos=normal", "--constraint=intel&gpu", "--exclusive", "--comment", "a course"
    ]  # fmt: skip
    assert not any(option.startswith("--mem") for option in _options(profile))


@pytest.mark.parametrize("memory", [{}, {"memory": "64GiB"}])
def test_workers__are_asked_for_as_sites_demand(tmp_path, memory):
    """Dask makes the script; no Slurm is asked."""
    profile = checked(Profile, memory | {
        "cores": 2, "qos": "normal", "directives": ["--exclusive"], "logs": str(tmp_path)
    })  # fmt: skip
    with _slurm_cluster(profile) as cluster:
        lines = cluster.job_script().splitlines()
    asked = [line.removeprefix("#SBATCH ") for line in lines if line.startswith("#SBATCH ")]
    assert asked[-2:] == ["--qos=normal", "--exclusive"]
    assert [line for line in asked if "mem" in line] == (["--mem=64G"] if memory else [])
    limits = re.findall(r"--memory-limit (\S+)", lines[-1])
    assert limits[-1] == ("64.00GiB" if memory else "auto")


@pytest.mark.skipif(shutil.which("ip") is None, reason="ip is not installed")
@pytest.mark.parametrize("key", ["interface", "login_interface"])
def test_workers__are_not_asked_for_by_a_network_that_is_not_here(tmp_path, key):
    profile = checked(Profile, {"cores": 1, key: "ib7", "logs": str(tmp_path)})
    with pytest.raises(InputError, match=f"^{key} is 'ib7' in the profile, and") as error:
        _slurm_cluster(profile)
    lines = subprocess.check_output(["ip", "-4", "-o", "address"], text=True).splitlines()
    for _, name, _, address, *_ in map(str.split, lines):
        card = f"{name} ({address.partition('/')[0]})"
        assert (card in str(error.value)) == (not address.startswith("127."))


@pytest.mark.parametrize(
    "wrong",
    [{"directives": ["exclusive"]}, {"directives": ["--a\nrm -r"]},
     {"directives": ["--comment 'a"]},
     {"qos": "a b"}, {"partition": ""}, {"memory": "1kB"}],
)  # fmt: skip
def test_profile__refuses_what_is_no_option(wrong):
    with pytest.raises(InputError, match=next(iter(wrong))):
        checked(Profile, {"cores": 2} | wrong)


def test_options__leave_out_what_a_profile_does_not_say():
    profile = checked(Profile, {"cores": 18, "memory": "64GiB", "gpus": 2})
    assert _options(profile) == [
        "--nodes=1", "--cpus-per-task=18", "--mem=65536M", "--time=01:00:00", "--gpus-per-node=2"
    ]  # fmt: skip


def test_scripts__are_alike_where_they_do_the_same():
    """Each is whole, so that it can be copied and changed by itself."""
    start, end = 'eval "${DEEPNIC_PROLOGUE:-}"', "trap 'exit 143' TERM"
    alike = {script.read_text().partition(start)[2].partition(end)[0] for script in (GROW, TRAIN)}
    assert len(alike) == 1
    assert "mktemp" in alike.pop()


@needs_alon
def test_grow__on_two_nodes_is_the_same_store(slurm, write_profile, store, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    output = tmp_path / "forest.zarr"
    write_profile(**DEMANDS)
    growing = start(slurm, *typed("grow", {"COHORT": ALON}), *FEW)
    until(slurm, growing, lambda: len(slurm.jobs()) == 2)
    check_demands(slurm)
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
    until(slurm, growing, lambda: blocks(output) >= 2)
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
def test_grow__asks_for_lost_workers_again_until_three_jobs_in_a_row_bring_none(
    slurm, write_profile, tmp_path
):
    output, python = tmp_path / "store.zarr", tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    growing = start(
        slurm, "grow", ALON, "-o", output, *MANY,
        "--slurm", write_profile(nodes=1, python=str(python)),
        DASK_DISTRIBUTED__DEPLOY__LOST_WORKER_TIMEOUT="1s",
    )  # fmt: skip
    until(slurm, growing, lambda: blocks(output) >= 1)
    (first,) = slurm.jobs()
    slurm.run("scancel", first)
    done = blocks(output)
    until(slurm, growing, lambda: blocks(output) > done + 1)
    (second,) = slurm.jobs()
    assert second != first
    python.write_text("#!/bin/sh\nexit 1\n")
    slurm.run("scancel", second)
    code, said = end(growing)
    assert code == 1, said
    failed = [str(int(second) + k) for k in (1, 2, 3)]
    assert f"the jobs {', '.join(failed)} ended before a worker came; see why in" in said
    assert not slurm.jobs()


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
    assert code == 1
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


@needs_alon
def test_grow__leaves_no_job_after_ctrl_c(slurm, write_profile, tmp_path):
    """And what listens while it runs is what the page says, closed to all strangers."""
    store, page = tmp_path / "s", rows("`grow --slurm`")
    long = [word.replace("10", "1000") for word in MANY]
    growing = start(slurm, "grow", ALON, "-o", store, *long, "--slurm", write_profile())
    until(slurm, growing, lambda: blocks(store) and len(slurm.jobs()) == 2)
    found = met(slurm.hosts, but=SLURM_PORTS) | asked(listening(psutil.Process(growing.pid)))
    assert growing.poll() is None
    assert len(found) >= 6  # scheduler, two nannies and workers, and what serves no page
    assert unexplained(found, page) == {}
    assert missing(found, page) == []
    growing.send_signal(signal.SIGINT)
    assert end(growing)[0] not in (0, None)
    slurm.wait(lambda: not slurm.jobs(), 10)


@pytest.mark.ray
@pytest.mark.long
def test_train__elastic_goes_on_when_a_node_is_lost(
    slurm, write_profile, table, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)  # the folder of the job
    write_profile(partition="gpu", gpus=1, prologue=["env >environment"])
    training = start(
        slurm, *typed("train", {"table.zarr": table}), "--elastic", "--epochs", 20,
        "--device", "cpu", RAY_TRAIN_WORKER_GROUP_START_TIMEOUT_S="3",
        RAY_health_check_period_ms="1000", RAY_health_check_failure_threshold="2",
    )  # fmt: skip
    until(slurm, training, lambda: epochs(tmp_path) >= 2)
    (job,) = slurm.jobs()
    (private,) = tmp_path.glob(".deepnic-*")
    assert private.stat().st_mode & 0o777 == 0o700
    assert all((private / name).stat().st_mode & 0o077 == 0 for name in ("token", "key.pem"))
    ray = Path("/tmp").glob(f"deepnic-ray-{job}-*")
    assert {folder.stat().st_mode & 0o777 for folder in ray} == {0o700}
    assert re.search("Partition=gpu .* TresPerNode=gres:gpu:1 ", show(slurm, job))
    assert "\nCUDA_VISIBLE_DEVICES=0\n" in (tmp_path / "environment").read_text()
    for host in ("ws1", "ws2"):
        processes = running(slurm, host)
        assert ",GPU,1," in processes  # what Ray declares
        assert "ray::RayTrainWorker" in processes

    slurm.hosts.power_off("ws2")
    try:
        assert epochs(tmp_path) < 20
        code, said = end(training)
    finally:
        slurm.hosts.boot("ws2")
        slurm.serve("ws2")
    assert code == 0, said
    assert "epoch 20 of 20" in said
    assert "n test: 21" in said
    (run,) = (tmp_path / "runs").iterdir()
    assert (run / "report.html").exists()
    assert left_behind(tmp_path, job) == []
    slurm.wait_idle()


@pytest.mark.ray
def test_train__is_cancelled_by_ctrl_c(slurm, write_profile, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    profile = write_profile(**DEMANDS)
    training = start(slurm, "train", table, "--workers", 2, "--slurm", profile)
    until(slurm, training, lambda: len(steps(slurm)) == 3)
    check_demands(slurm)
    (job,) = slurm.jobs()
    assert len(left_behind(tmp_path, job)) == 3  # of the job, and of Ray on both nodes
    nodes = slurm.hosts.addresses
    until(slurm, training, lambda: all("raylet/raylet" in running(slurm, name) for name in nodes))
    found = met(slurm.hosts, but=SLURM_PORTS)
    assert len(found) > 8
    assert unexplained(found, rows("`train --slurm`")) == {}
    training.send_signal(signal.SIGINT)
    assert end(training)[0] not in (0, None)
    slurm.wait(lambda: not slurm.jobs(), 30)
    assert left_behind(tmp_path, job) == []


STAND_IN = """#!/bin/bash
case "$*" in
    *ray.scripts*) echo >>"nodes-$SLURM_RESTART_COUNT" && exec sleep 300 ;;
    *cluster.nodes*) cat "nodes-$SLURM_RESTART_COUNT" ;;
    *--resume) exit 7 ;;
    *"deepnic train"*) touch trains && exec sleep 300 ;;
esac
"""


def test_train__starts_again_where_it_was_and_passes_the_code_on(
    slurm, write_profile, table, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "python").write_text(STAND_IN)  # for Ray and the training, neither of which matters
    (tmp_path / "python").chmod(0o755)
    lost = ["mkdir -p .deepnic-$SLURM_JOB_ID-lost /tmp/deepnic-ray-$SLURM_JOB_ID-lost"]
    profile = write_profile(python=f"{tmp_path}/python", prologue=lost)
    training = start(slurm, "train", table, "--workers", 2, "--slurm", profile)
    until(slurm, training, lambda: (tmp_path / "trains").exists())
    (job,) = slurm.jobs()
    slurm.run("scontrol", "requeue", job)
    code, said = end(training)
    assert code == 7, said
    assert "ExitCode=7:0" in show(slurm, job)
    assert left_behind(tmp_path, job) == []


def test_train__starts_while_another_job_tidies_up(tmp_path):
    """Jobs of one user may meet on a node: none takes another's folder for a lost one."""
    script = TRAIN.read_text()
    (tidy,) = re.findall(r"<<'END'\n(.*?)^END$", script, re.DOTALL | re.MULTILINE)
    (start,) = re.findall(r"bash -c '(.*?)'", script, re.DOTALL)
    (tmp_path / "tidy").write_text(f"while true; do ({tidy}); done")
    folders = [f"/tmp/deepnic-ray-test-{tmp_path.name}-{k}" for k in range(100)]
    with subprocess.Popen(["bash", str(tmp_path / "tidy")]) as other:
        try:
            for folder in folders:
                words = ["bash", "-c", start, folder, "bash", "-c", f"[ -d {folder} ]"]
                assert subprocess.run(words).returncode == 0
        finally:
            other.kill()
    subprocess.run(["bash", "-c", tidy], check=True)
    assert not any(Path(folder).exists() for folder in folders)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [([], "no Ray workers were asked for"), (["--path", "round"], "path is 'round'")],
)
def test_train__is_refused_before_it_waits(
    slurm, write_profile, table, monkeypatch, capsys, options, sentence
):
    monkeypatch.setenv("SLURM_CONF", str(slurm.configuration))
    with pytest.raises(SystemExit, match="2"):
        main(["train", str(table), *options, "--slurm", str(write_profile())])
    assert sentence in capsys.readouterr().err
    assert not slurm.jobs()


WITH_YAML = """
import dask, socket
from dask_jobqueue import SLURMCluster
from distributed import Client
cluster = SLURMCluster(security=True)
cluster.scale(jobs=2)
client = Client(cluster)
client.wait_for_workers(2)
print(sorted(client.nthreads().values()), sorted(client.run(socket.gethostname).values()))
print(cluster.scheduler_address)
port = client.scheduler_info()["services"]["dashboard"]
print(socket.socket().connect_ex(("10.77.0.1", port)))
with socket.create_connection(("127.0.0.1", port)) as line:
    line.sendall(b"GET /status HTTP/1.0\\r\\n\\r\\n")
    print(line.recv(12))
client.close()
cluster.close()
"""
WITHOUT_TLS = """
SLURMCluster()
"""
WITH_PROFILE = """
from pathlib import Path
from deepnic.cluster import slurm as scripts
from deepnic.cluster.slurm.jobs import dask_workers, read_profile
with dask_workers(read_profile(Path("profile.toml"))):
    print(dask.delayed(socket.gethostname)().compute())
"""


def printed(cell):
    return "".join(part.text for part in cell.outputs if part.get("name") == "stdout")


def test_jobqueue_yaml__starts_workers_from_a_notebook(slurm, write_profile, tmp_path):
    settings = yaml.safe_load((EXAMPLES / "jobqueue.yaml").read_text())
    here = {
        "account": None, "cores": 1, "memory": "1GiB", "walltime": "00:10:00",
        "interface": "eth0", "shared-temp-directory": str(tmp_path),
    }  # fmt: skip
    assert here.keys() <= settings["jobqueue"]["slurm"].keys()
    settings["jobqueue"]["slurm"] |= here
    settings["jobqueue"]["slurm"]["scheduler-options"] |= {"interface": BRIDGE}
    (tmp_path / "jobqueue.yaml").write_text(yaml.safe_dump(settings))
    write_profile(nodes=1)
    cells = [new_code_cell(words) for words in (WITH_YAML, WITHOUT_TLS, WITH_PROFILE)]
    cells[1].metadata["tags"] = ["raises-exception"]
    NotebookClient(new_notebook(cells=cells), timeout=PATIENCE, kernel_name="python3").execute(
        cwd=str(tmp_path), env=slurm.environment | {"DASK_CONFIG": f"{tmp_path}/jobqueue.yaml"}
    )
    with_yaml, without_tls, with_profile = cells
    assert re.fullmatch(
        r"\[1, 1\] \['ws1', 'ws2'\]\n"
        rf"tls://10\.77\.0\.1:\d+\n{errno.ECONNREFUSED}\nb'HTTP/1\.\d 404'\n",
        printed(with_yaml),
    )
    assert "TLS expects a `ssl_context`" in "".join(without_tls.outputs[-1].traceback)
    assert printed(with_profile) == "ws1\n"
    slurm.wait(lambda: not slurm.jobs(), 10)


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


@needs_alon
def test_grow_sbatch__leaves_no_key_when_it_is_cancelled(slurm, tmp_path):
    job = submit_grow(slurm, tmp_path / "store.zarr", MANY, tmp_path)
    slurm.wait(lambda: len(steps(slurm)) == 2)
    assert left_behind(tmp_path, job)
    slurm.run("scancel", job)
    slurm.wait(lambda: not slurm.jobs(), 30)
    assert left_behind(tmp_path, job) == []

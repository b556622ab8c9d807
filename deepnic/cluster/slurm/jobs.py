"""Slurm: a profile says which nodes, and Dask's workers or a training run on them as jobs."""

import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated, Any

import dask
from distributed import Client, Future, Security
from pydantic import AfterValidator, ByteSize, Field, StringConstraints

from deepnic.compute import QUIET, dask_settings
from deepnic.config import Strict, checked, read_toml
from deepnic.errors import EngineError, InputError
from deepnic.host.cards import addresses_of_cards

INTERVAL = 2.0  # seconds between two looks at the queue
UNKNOWN = 2**40  # bytes, for Dask, which wants a number and is told to look for itself
ATTEMPTS = 3  # jobs in a row that end before their worker comes
QUIET_NODES = (  # as of `deepnic.compute`
    'export DASK_DISTRIBUTED__WORKER__HTTP__ROUTES="[]"',
    "export DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED=False",
)
SCRIPT = Path(__file__).with_name("train.sbatch")
UNFINISHED = (
    "PENDING", "CONFIGURING", "RUNNING", "SUSPENDED", "STOPPED", "COMPLETING", "REQUEUED",
    "REQUEUE_HOLD", "REQUEUE_FED", "RESIZING", "SIGNALING", "STAGE_OUT",
)  # fmt: skip

Word = Annotated[str, StringConstraints(pattern=r"^\S+$")]
Directive = Annotated[
    str,
    StringConstraints(pattern=r"^--?[a-zA-Z][^\n\r]*$"),
    AfterValidator(lambda line: shlex.split(line) and line),  # a quote must be closed
]


class Profile(Strict):
    """What to ask Slurm for; the folders are shared by the login machine and the nodes."""

    partition: Word | None = None
    account: Word | None = None
    qos: Word | None = None
    constraint: Word | None = None
    directives: tuple[Directive, ...] = ()  # other options of sbatch, such as --exclusive
    nodes: int = Field(default=1, ge=1)
    cores: int = Field(ge=1)  # of each node, as are memory and gpus
    memory: ByteSize | None = Field(default=None, ge=2**20)  # left out, what the site gives
    gpus: int = Field(default=0, ge=0)  # for training; growing uses none
    walltime: str = Field(default="01:00:00", pattern=r"^(\d+-)?\d+:\d\d:\d\d$")
    interface: str | None = None  # network of the nodes, such as ib0
    login_interface: str | None = None  # of the login machine, where it has another name
    python: str = sys.executable  # on the nodes
    prologue: tuple[str, ...] = ()  # lines of shell to run first, such as module load
    logs: Path = Path("logs")


def read_profile(path: Path) -> Profile:
    """Read a profile (TOML); an example is cluster/slurm/profile.toml.

    An InputError says that the file is missing or no TOML, a key is unknown, or a value not
    allowed.
    """
    return checked(Profile, read_toml(path))


@contextmanager
def dask_workers(profile: Profile) -> Iterator[Client]:
    """Use one Dask worker on each node of a profile within the block; its jobs end with it.

    The scheduler runs here, and the client is the current one. All talk TLS, with a certificate
    made for this run. Tasks wait for the first worker, however long the queue is; a worker that was
    lost, or came to the end of its time, is asked for again. Raises EngineError where Slurm refuses
    the jobs, or no worker is left and three jobs in a row ended before one came; and InputError
    where this machine has not the network that the profile names.
    """
    dask_settings()
    with dask.config.set(QUIET), _slurm_cluster(profile) as cluster, Client(cluster) as client:
        _slurm("sbatch", "--test-only", input=cluster.job_script())
        jobs = _Jobs(cluster, client, profile.nodes)
        jobs.start()
        try:
            yield client
        except CancelledError as error:
            if not jobs.given_up:
                raise
            raise EngineError(
                f"the jobs {', '.join(jobs.failed)} ended before a worker came; see why in "
                f"{profile.logs.absolute()}, and correct the profile"
            ) from error
        finally:
            jobs.stop()


class _Jobs(threading.Thread):
    """Asks for jobs, and again for those that ended, until too many in a row bring no worker."""

    def __init__(self, cluster: Any, client: Client, nodes: int):
        super().__init__(daemon=True)
        self.cluster, self.client, self.nodes = cluster, client, nodes
        self.came: set[str] = set()  # jobs whose worker came
        self.failed: list[str] = []  # jobs that ended without one, since the last that came
        self.given_up = False
        self.over = threading.Event()

    def run(self) -> None:
        while True:
            with suppress(EngineError):  # a controller that starts again does not answer
                self.look()
            if self.given_up:
                self.client.cancel([Future(key, self.client) for key in self.client.futures])
            if self.over.wait(INTERVAL):
                return

    def look(self) -> None:
        """Compare the jobs that were asked for with the queue and with the workers."""
        jobs = {name: str(job.job_id) for name, job in list(self.cluster.workers.items())}
        queued = _slurm("squeue", "--me", "-h", "-o", "%A").split()
        workers = {worker.name for worker in list(self.cluster.scheduler.workers.values())}
        came = {jobs[name] for name in jobs.keys() & workers}
        if came - self.came:
            self.failed.clear()
        self.came |= came
        for name, job in jobs.items():
            if job not in self.came and job not in queued:
                self.failed.append(job)
                self.cluster.workers.pop(name, None)
        if len(self.failed) < ATTEMPTS:
            self.cluster.scale(self.nodes)
        else:
            self.given_up = not self.cluster.workers

    def stop(self) -> None:
        self.over.set()
        self.join()


def _login_network(profile: Profile) -> str | None:
    """Network by which the nodes reach this machine, which has to have it."""
    key = "login_interface" if profile.login_interface else "interface"
    network = profile.login_interface or profile.interface
    cards = {
        name: address
        for name, addresses in addresses_of_cards().items()
        for address in addresses
        if not address.startswith("127.")
    }
    if network is not None and network not in cards:
        there = ", ".join(f"{name} ({address})" for name, address in cards.items()) or "none"
        raise InputError(
            f"{key} is {network!r} in the profile, and this machine has no such network with an "
            f"address; write login_interface = one of those by which the nodes reach it: {there}"
        )
    return network


def _slurm_cluster(profile: Profile) -> Any:
    network = _login_network(profile)
    ctrl_c = signal.getsignal(signal.SIGINT)
    from dask_jobqueue import SLURMCluster  # takes Ctrl-C for itself

    signal.signal(signal.SIGINT, ctrl_c)
    logs = profile.logs.absolute()
    logs.mkdir(parents=True, exist_ok=True)
    return SLURMCluster(
        queue=profile.partition,
        account=profile.account,
        cores=profile.cores,
        processes=1,  # the kernels release the GIL
        memory=int(profile.memory or UNKNOWN),
        job_directives_skip=[] if profile.memory else ["--mem="],
        job_extra_directives=_more(profile),
        walltime=profile.walltime,
        interface=profile.interface,
        python=profile.python,
        job_name="deepnic-grow",
        job_script_prologue=[*profile.prologue, *QUIET_NODES],
        log_directory=str(logs),
        worker_extra_args=[
            "--no-dashboard", "--dashboard-address", "127.0.0.1:0",
            *([] if profile.memory else ["--memory-limit", "auto"]),
        ],
        scheduler_options={
            "interface": network,
            "dashboard": False,
            "dashboard_address": "127.0.0.1:0",
        },
        security=Security.temporary(),
        shared_temp_directory=str(logs),  # keys, mode 600, for the run's time
    )  # fmt: skip


def train_job(profile: Profile, arguments: Sequence[str], *, elastic: bool = False) -> int:
    """Run `deepnic train` as a job, print its log as it grows, and return its exit code.

    Paths in the arguments are those of the current folder, which the nodes share. An elastic job
    goes on without a node that is lost, instead of starting again where the run was. Ctrl-C cancels
    the job; if this process is lost otherwise, the job goes on. The code is 1 where Slurm ended the
    job. Raises EngineError where Slurm refuses it.
    """
    logs = profile.logs.absolute()
    logs.mkdir(parents=True, exist_ok=True)
    environment = {
        "DEEPNIC_PYTHON": profile.python,
        "DEEPNIC_INTERFACE": profile.interface or "",
        "DEEPNIC_PROLOGUE": "\n".join(profile.prologue),
    }
    submitted = _slurm(
        "sbatch", "--parsable", "--export=ALL", f"--output={logs}/%x-%j.log", *_options(profile),
        *(["--no-kill"] if elastic else []), str(SCRIPT), *arguments,
        env=os.environ | environment,
    )  # fmt: skip
    job = submitted.strip().partition(";")[0]  # the name of the cluster may follow
    log = logs / f"deepnic-train-{job}.log"
    print(f"job {job}, log {log}", flush=True)
    try:
        return _follow(job, log)
    except KeyboardInterrupt:
        _slurm("scancel", job)
        raise


def _options(profile: Profile) -> list[str]:
    """Options of sbatch for one job on all nodes of a profile."""
    optional = {
        "partition": profile.partition,
        "account": profile.account,
        "gpus-per-node": profile.gpus,
    }
    return [
        f"--nodes={profile.nodes}",
        f"--cpus-per-task={profile.cores}",
        *([f"--mem={profile.memory // 2**20}M"] if profile.memory else []),
        f"--time={profile.walltime}",
        *(f"--{name}={value}" for name, value in optional.items() if value),
        *(word for line in _more(profile) for word in shlex.split(line)),
    ]


def _more(profile: Profile) -> list[str]:
    """Options of sbatch for any job of a profile, one a line."""
    named = {"qos": profile.qos, "constraint": profile.constraint}
    given = [f"--{name}={value}" for name, value in named.items() if value]
    return [*given, *profile.directives]


def _follow(job: str, log: Path) -> int:
    """Print what a job writes until it has ended, and return its exit code."""
    printed = 0
    while True:
        facts = _slurm("scontrol", "show", "job", "--oneliner", job)  # before the log's last lines
        state, code = re.findall(r" JobState=(\w+)| ExitCode=(\d+)", facts)
        if log.exists():
            with log.open("rb") as file:
                file.seek(printed)
                text = file.read()
            printed += len(text)
            print(text.decode(errors="replace"), end="", flush=True)
        if state[0] not in UNFINISHED:
            print(f"job {job}: {state[0].lower()}", flush=True)
            return 0 if state[0] == "COMPLETED" else int(code[1]) or 1
        time.sleep(INTERVAL)


def _slurm(*command: str, **options: Any) -> str:
    """Run a command of Slurm and return what it printed."""
    try:
        done = subprocess.run(command, text=True, capture_output=True, check=True, **options)
    except FileNotFoundError as error:
        raise EngineError(f"no {command[0]} here; use a login machine of the cluster") from error
    except subprocess.CalledProcessError as error:
        reason = error.stderr.strip()
        raise EngineError(f"{command[0]} refused ({reason}); correct the profile") from error
    return done.stdout

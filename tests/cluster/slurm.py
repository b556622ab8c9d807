"""A real Slurm on the test hosts, without systemd: the controller outside, a slurmd on each host.

Needs what the hosts need, and Debian's slurm-wlm and munge.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

from tests.cluster.hosts import NETWORK, PATIENCE, Hosts

SLURM_PORTS = (16817, 16818)
CONFIGURATION = """
ClusterName=deepnic
SlurmctldHost={login}({network}.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.sock,cred_expire=10
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd-%n.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd-%n.log
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=0,sched_interval=1
ReturnToService=2
SlurmdTimeout=10
KillWait=20
GresTypes=gpu
{nodes}
PartitionName=all Nodes={names} Default=YES MaxTime=60 State=UP OverSubscribe=NO
PartitionName=gpu Nodes={names} MaxTime=60 State=UP OverSubscribe=NO
"""


def lacking() -> str:
    """Why Slurm cannot run here; empty if it can."""
    tools = ("sbatch", "slurmctld", "slurmd", "munged")
    missing = [tool for tool in tools if _where(tool) is None]
    return f"{', '.join(missing)} are not installed (slurm-wlm, munge)" if missing else ""


class Slurm:
    """One node of one CPU for each host, in the partition `all`; the caller is the login machine.

    The same nodes are the partition `gpu`, of one GPU each that is there in name only.

    Parameters
    ----------
    hosts : Hosts
        Booted.
    folder : Path
        Empty.
    """

    def __init__(self, hosts: Hosts, folder: Path):
        self.hosts, self.folder = hosts, folder
        self.configuration = folder / "slurm.conf"
        self.environment = os.environ | {"SLURM_CONF": str(self.configuration)}
        self.daemons: list[subprocess.Popen] = []

    def __enter__(self) -> "Slurm":
        names = self.hosts.addresses
        self.configuration.write_text(
            CONFIGURATION.format(
                login=socket.gethostname(),
                network=NETWORK,
                ports=SLURM_PORTS,
                folder=self.folder,
                names=",".join(names),
                nodes="\n".join(
                    f"NodeName={name} NodeAddr={address} CPUs=1 RealMemory=2000 Gres=gpu:1"
                    " Feature=twin"
                    for name, address in names.items()
                ),
            )
        )
        (self.folder / "cgroup.conf").write_text("CgroupPlugin=cgroup/v1\n")
        (self.folder / "gres.conf").write_text("Name=gpu File=/dev/null\n")
        (self.folder / "state").mkdir()
        key = self.folder / "munge.key"
        key.touch(mode=0o600)
        key.write_bytes(os.urandom(1024))
        places = {"socket": "sock", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{name}={self.folder}/munge.{end}" for name, end in places.items()]
        try:
            self._start("munged", "--foreground", "--force", f"--key-file={key}", *options)
            self.wait((self.folder / "munge.sock").exists)
            self._start("slurmctld", "-D", "-f", self.configuration)
            for name in names:
                self.serve(name)
            self.wait_idle()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        for daemon in self.daemons:
            daemon.terminate()
            daemon.wait(timeout=60)

    def _start(self, tool: str, *options: object) -> None:
        """Start a daemon outside of the hosts, which ends with this process."""
        command = ["setpriv", "--pdeathsig=KILL", _where(tool), *options]
        self.daemons.append(subprocess.Popen(list(map(str, command)), stderr=subprocess.DEVNULL))

    def serve(self, name: str) -> None:
        """Start the slurmd of a host, which ends with the host."""
        self.hosts.run(name, [_where("slurmd"), "-f", self.configuration, "-N", name])

    def wait_idle(self) -> None:
        """Wait until all nodes are there and idle."""
        command = ["sinfo", "-h", "-t", "idle", "-o", "%D"]  # fails until the controller listens

        def idle() -> str:
            done = subprocess.run(command, env=self.environment, capture_output=True, text=True)
            return done.stdout.strip()

        self.wait(lambda: idle() == str(len(self.hosts.addresses)))

    def wait(self, condition: Callable[[], object], seconds: float = PATIENCE) -> None:
        """Wait until a condition holds."""
        until = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < until, subprocess.getoutput(f"tail -n 20 {self.folder}/*.log")
            time.sleep(0.2)

    def run(self, *command: object, cwd: Path | None = None, **variables: str) -> str:
        """Run a command on the login machine to its end, and return what it printed."""
        return subprocess.run(
            list(map(str, command)), cwd=cwd, env=self.environment | variables, check=True,
            text=True, stdout=subprocess.PIPE,
        ).stdout  # fmt: skip

    def jobs(self) -> list[str]:
        """Numbers of the jobs that wait or run."""
        return self.run("squeue", "-h", "-o", "%i").split()


def _where(tool: str) -> str | None:
    return shutil.which(tool, path=f"{os.environ['PATH']}:/usr/sbin:/sbin")

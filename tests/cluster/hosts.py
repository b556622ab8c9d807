"""Small workstations on one machine: network namespaces that behave like hosts.

Each host has its own address, host name, process ids, home, /dev/shm, /tmp/ray and /etc/hosts;
files elsewhere are shared, as on NFS. The tests stay outside, as the login machine. Needs root,
Linux, iproute2 and util-linux.
"""

import fcntl
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

LOCK = Path("/tmp/deepnic-test-hosts.lock")
NETWORK, BRIDGE = "10.77.0", "dnbridge"
PATIENCE = 600.0  # seconds: what takes that long hangs, however busy the machine is

# The first process of a host reaps the others, so that none of them stays behind as a zombie.
FIRST_PROCESS = """
hostname {name}
mount --bind {hosts} /etc/hosts
mount --bind {ray} /tmp/ray
mount -t tmpfs -o size=2g tmpfs /dev/shm
mount -t overlay overlay -o lowerdir=$HOME,upperdir={place}/home,workdir={place}/work $HOME
touch {up}
while :; do sleep 1d & wait; done
"""


def lacking() -> str:
    """Why hosts cannot be made here; empty if they can."""
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        return "hosts are network namespaces, which take root on Linux"
    missing = [tool for tool in ("ip", "nsenter", "unshare") if shutil.which(tool) is None]
    return f"{', '.join(missing)} are not installed" if missing else ""


class Hosts:
    """Hosts called ws1, ws2, ..., at 10.77.0.11 and on; the caller is `login`, 10.77.0.1.

    Parameters
    ----------
    folder : Path
        Empty; for what the hosts do not share.
    n : int
    """

    def __init__(self, folder: Path, n: int = 2):
        self.folder = folder
        self.addresses = {f"ws{k}": f"{NETWORK}.1{k}" for k in range(1, n + 1)}
        self.first: dict[str, int] = {}
        self.outside: dict[str, subprocess.Popen] = {}
        names = ["127.0.0.1 localhost", f"{NETWORK}.1 login"]
        names += [f"{address} {name}" for name, address in self.addresses.items()]
        (folder / "hosts").write_text("\n".join(names) + "\n")

    def __enter__(self) -> "Hosts":
        self.lock = LOCK.open("w")  # names and addresses are the machine's: one run at a time
        fcntl.flock(self.lock, fcntl.LOCK_EX)
        self._remove()  # what an interrupted run may have left
        _ip("link", "add", BRIDGE, "type", "bridge")
        _ip("addr", "add", f"{NETWORK}.1/24", "dev", BRIDGE)
        _ip("link", "set", BRIDGE, "up")
        for name, address in self.addresses.items():
            _ip("netns", "add", name)
            _ip("link", "add", f"v{name}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", f"v{name}", "master", BRIDGE, "up")
            _ip("-n", name, "addr", "add", f"{address}/24", "dev", "eth0")
            _ip("-n", name, "link", "set", "eth0", "up")
            _ip("-n", name, "link", "set", "lo", "up")
            self.boot(name)
        return self

    def __exit__(self, *_: object) -> None:
        self._remove()
        self.lock.close()

    def _remove(self) -> None:
        for name in list(self.first):
            self.power_off(name)
        for command in (
            *(["link", "del", f"v{name}"] for name in self.addresses),
            *(["netns", "del", name] for name in self.addresses),
            ["link", "del", BRIDGE],
        ):
            subprocess.run(["ip", *command], stderr=subprocess.DEVNULL)

    def boot(self, name: str) -> None:
        """Start a host that is off."""
        place = self.folder / name
        for own in ("ray", "home", "work"):
            (place / own).mkdir(parents=True, exist_ok=True)
        Path("/tmp/ray").mkdir(exist_ok=True)
        up = place / "up"
        up.unlink(missing_ok=True)
        script = FIRST_PROCESS.format(
            name=name, hosts=self.folder / "hosts", ray=place / "ray", up=up, place=place
        )
        # nsenter rather than ip netns exec, which hides the cgroups that slurmd looks for
        process = subprocess.Popen(
            ["nsenter", f"--net=/run/netns/{name}", "unshare", "--uts", "--ipc", "--mount", "--pid",
             "--fork", "--kill-child", "--mount-proc", "bash", "-c", script],
            stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        self.outside[name] = process
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        until = time.monotonic() + 10
        while not up.exists() or not children.read_text().strip():
            assert process.poll() is None, f"{name} did not boot"
            assert time.monotonic() < until, f"{name} did not boot"
            time.sleep(0.02)
        self.first[name] = int(children.read_text().split()[0])

    def command(self, name: str, command: Sequence[object]) -> list[str]:
        """Words that run a command on a host, in the current folder."""
        where = ["nsenter", "-t", str(self.first[name]), "--net", "--uts", "--ipc", "--mount"]
        return [*where, "--pid", f"--wd={Path.cwd()}", "--", *map(str, command)]

    def start(self, name: str, command: Sequence[object], **options: object) -> subprocess.Popen:
        """Start a command on a host; it ends with the host."""
        return subprocess.Popen(self.command(name, command), **options)  # type: ignore[call-overload]

    def run(self, name: str, command: Sequence[object], **options: object) -> str:
        """Run a command on a host to its end, and return what it printed."""
        done = subprocess.run(
            self.command(name, command), check=True, text=True, stdout=subprocess.PIPE, **options
        )  # type: ignore[call-overload]
        return done.stdout

    def processes(self, name: str) -> list[str]:
        """Processes of a host beside those that a host has anyway, by number and command."""
        lines = self.run(name, ["ps", "-eo", "pid=,args="]).splitlines()
        # [sshd] is a connection that has just ended
        anyway = r" (bash -c|sleep 1d|sshd:|\[sshd\]|ps -eo)"
        return [line for line in lines if not re.search(anyway, line)]

    def power_off(self, name: str) -> None:
        """Pull the plug: every process of the host dies with its first one."""
        os.kill(self.first.pop(name), signal.SIGKILL)
        self.outside.pop(name).wait(timeout=10)

    def unplug(self, name: str) -> None:
        """Pull the network cable."""
        _ip("link", "set", f"v{name}", "down")

    def plug(self, name: str) -> None:
        """Put the network cable back."""
        _ip("link", "set", f"v{name}", "up")


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)

"""The systemd of a user on a test host, as `loginctl enable-linger` leaves one running."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.cluster.hosts import Hosts

SYSTEMD = "/lib/systemd/systemd"
HIERARCHIES = [Path("/sys/fs/cgroup/systemd"), Path("/sys/fs/cgroup/unified")]

# It wants a system that systemd has booted, and control groups that it may divide.
SCRIPT = """
mkdir -p /run/systemd
mount -t tmpfs tmpfs /run/systemd
mkdir /run/systemd/system
for group in {groups}; do
    mkdir -p $group
    echo $$ >$group/cgroup.procs
done
exec unshare --cgroup --mount bash -c '
    mount -t tmpfs tmpfs /sys/fs/cgroup
    mkdir {hierarchies}
    mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
    mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
    exec env XDG_RUNTIME_DIR={runtime} {systemd} --user
'
"""


def lacking() -> str:
    """Why it cannot run here; empty if it can."""
    if not Path(SYSTEMD).exists():
        return "no systemd is installed"
    if not all(hierarchy.is_dir() for hierarchy in HIERARCHIES):
        return "the control groups are not mounted as these tests know them"
    return ""


def runtime(hosts: Hosts, name: str) -> Path:
    """Where commands on a host find the systemd of its user."""
    return hosts.folder / name / "runtime"


@contextmanager
def user_systemd(hosts: Hosts, name: str) -> Iterator[None]:
    """Run the systemd of a host's user within the block; what it started ends with it."""
    groups = [hierarchy / f"deepnic-{name}" for hierarchy in HIERARCHIES]
    runtime(hosts, name).mkdir(mode=0o700, exist_ok=True)
    script = SCRIPT.format(
        groups=" ".join(map(str, groups)), hierarchies=" ".join(map(str, HIERARCHIES)),
        runtime=runtime(hosts, name), systemd=SYSTEMD,
    )  # fmt: skip
    process = hosts.start(name, ["unshare", "--mount", "bash", "-c", script])
    try:
        until = time.monotonic() + 30
        while not (runtime(hosts, name) / "systemd" / "private").exists():
            assert process.poll() is None
            assert time.monotonic() < until
            time.sleep(0.1)
        yield
    finally:
        where = f"XDG_RUNTIME_DIR={runtime(hosts, name)}"
        hosts.run(name, ["env", where, "systemctl", "--user", "exit"])
        process.wait(timeout=60)
        for group in groups:
            remove = ["find", group, "-depth", "-type", "d", "-exec", "rmdir", "{}", ";"]
            subprocess.run(list(map(str, remove)), check=True)

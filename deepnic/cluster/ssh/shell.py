"""Commands on the hosts of an inventory, by the OpenSSH client."""

import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from deepnic.cluster.ssh.inventory import Host, Inventory
from deepnic.errors import EngineError

T = TypeVar("T")


def each_host(inventory: Inventory, do: Callable[[Host], T]) -> dict[Host, T]:
    """Do something on all hosts at once; results in their order."""
    with ThreadPoolExecutor() as pool:
        return dict(zip(inventory.hosts, pool.map(do, inventory.hosts), strict=True))


def sh(inventory: Inventory, host: Host, script: str) -> str:
    """Run a script on a host, whichever shell its user has, and return what it printed."""
    return ssh(inventory, host, "sh -s", script.encode())


def ssh(inventory: Inventory, host: Host, command: str, stdin: bytes) -> str:
    """Run a command on a host with some standard input, and return its standard output.

    Raises EngineError where the host is not reached, or the command failed.
    """
    login = inventory.ssh
    options = ["-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    options += ["-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=2"]
    if login.known_hosts:
        options += ["-o", f"UserKnownHostsFile={login.known_hosts}"]
        options += ["-o", "StrictHostKeyChecking=yes"]
    options += ["-i", str(login.identity)] if login.identity else []
    options += ["-p", str(login.port)] if login.port else []
    options += ["-l", login.user] if login.user else []
    words = ["ssh", *options, str(host.address), command]
    done = subprocess.run(words, input=stdin, capture_output=True)
    if done.returncode:
        lines = done.stderr.decode(errors="replace").strip().splitlines() or ["nothing was said"]
        raise EngineError(
            f"ssh to {host.name} failed ({lines[-1]}); try `ssh {host.address}`, and compare the "
            "inventory with what that takes"
        )
    return done.stdout.decode()

"""What keeps the services of a host running: loops of the shell, or the systemd of its user."""

from pathlib import Path
from typing import NamedTuple

from deepnic.cluster.ssh.inventory import Host, Inventory
from deepnic.cluster.ssh.services import ENVIRONMENT, services
from deepnic.cluster.ssh.shell import ssh

# Its parent is flock, the first process of the session. A Dask worker ends itself when the network
# is gone, and must come back with it.
LOOP = """\
# {name}, started again whenever it ends; written by `deepnic cluster up`
umask 077
cd {place} || exit 1
set -a; . ./{environment}; set +a
echo $PPID >{name}.lock
while :; do
    {command}
    sleep 1
done
"""

UNIT = """\
[Unit]
Description=deepnic: {name} of {host}

[Service]
EnvironmentFile={place}/{environment}
WorkingDirectory={place}
UMask=0077
ExecStart={command}
Restart=always
RestartSec=1
TimeoutStopSec=20

[Install]
WantedBy=default.target
"""


class Supervisor(NamedTuple):
    """Starts the services of a host, again whenever they end, and stops them.

    Each is a script that is sent to the host with what to do, and a file for every service there.
    """

    script: str  # beside this module
    file: str  # in the folder of a host, for the name of a service
    text: str  # of that file

    def files(self, inventory: Inventory, host: Host) -> dict[str, str]:
        """Text of the files of a host, by their names."""
        names = {"host": host.name, "place": inventory.place(host), "environment": ENVIRONMENT}
        return {
            self.file.format(service.name): self.text.format(**names, **service._asdict())
            for service in services(inventory, host)
        }

    def start(self, inventory: Inventory, host: Host) -> None:
        """Start what does not run."""
        self._run("start", inventory, host)

    def stop(self, inventory: Inventory, host: Host) -> None:
        """End what runs, with all that it started, and wait for that."""
        self._run("stop", inventory, host)

    def running(self, inventory: Inventory, host: Host) -> list[str]:
        """Names of the services that run."""
        return self._run("running", inventory, host).split()

    def _run(self, action: str, inventory: Inventory, host: Host) -> str:
        names = [service.name for service in services(inventory, host)]
        if action == "stop":
            names.reverse()
        command = f"sh -s {action} {inventory.place(host)} {' '.join(names)}"
        return ssh(inventory, host, command, Path(__file__).with_name(self.script).read_bytes())


SHELL_LOOP = Supervisor("shell_loop.sh", "{}.sh", LOOP)
SYSTEMD_USER = Supervisor("systemd_user.sh", "deepnic-{}.service", UNIT)


def supervisor(inventory: Inventory) -> Supervisor:
    """Choose the supervisor that an inventory asks for."""
    return {"ssh": SHELL_LOOP, "systemd": SYSTEMD_USER}[inventory.start]

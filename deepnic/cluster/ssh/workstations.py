"""The workstations of an inventory, started, looked at and stopped over ssh."""

import io
import tarfile
import time
from pathlib import Path, PurePath
from secrets import token_hex
from typing import NamedTuple

from deepnic.cluster.certificates import make_secrets, renew_certificate, replace_secrets
from deepnic.cluster.ssh import launcher
from deepnic.cluster.ssh.inventory import Host, Inventory
from deepnic.cluster.ssh.services import (
    ENVIRONMENT,
    LOGS,
    SCRATCH,
    SECRETS,
    client_environment,
    host_environment,
    security,
)
from deepnic.cluster.ssh.shell import each_host, sh, ssh
from deepnic.cluster.ssh.supervisors import supervisor
from deepnic.errors import EngineError
from deepnic.host.doctor import Check
from deepnic.host.environment import Secrets

START = 120.0  # seconds in which Dask and Ray answer from every host


class State(NamedTuple):
    """What a host does for the cluster."""

    host: str
    running: list[str]  # services; none where the host is not reached
    absent: list[str]  # of Dask and Ray, those that do not count on it
    silence: str = ""  # why it is not reached

    @property
    def check(self) -> Check:
        """The same in words, and what to do where something is missing."""
        words = [", ".join(self.running) or "nothing runs"]
        words += [f"not in {name}" for name in self.absent]
        again = "run `deepnic cluster up`, or look at the logs if that was just done"
        remedy = self.silence or (again if self.absent else "")
        return Check(self.host, "; ".join(words), remedy)


def up(inventory: Inventory, secrets: Path) -> dict[str, str]:
    """Start what is not running on the hosts, and wait until all of them answer.

    `secrets` is the folder of this machine for the authority and all keys, made where it is
    missing; a host gets its own key only. The variables that are returned let `Client()`, `deepnic
    grow` and Ray find the cluster from here. Raises EngineError where a host is not reached or does
    not see the shared folder, or a service does not answer.
    """
    prepare(inventory, secrets)
    each_host(inventory, lambda host: supervisor(inventory).start(inventory, host))
    _wait(inventory, secrets)
    return client_environment(inventory, secrets.absolute())


def prepare(inventory: Inventory, secrets: Path) -> None:
    """Make the secrets that are missing, and send each host its files, as `up`; start nothing."""
    make_secrets(secrets, _addresses(inventory))
    if inventory.shared:
        _check_shared(inventory)
    each_host(inventory, lambda host: _send(inventory, host, secrets))


def status(inventory: Inventory, secrets: Path) -> list[State]:
    """Look at each host: which services run, and whether Dask and Ray count on it."""
    services = each_host(inventory, lambda host: _running(inventory, host))
    dask, ray = _dask_workers(inventory, secrets.absolute()), _ray_nodes(inventory)
    states = []
    for host, (running, silence) in services.items():
        absent = [] if host.name in dask else ["Dask"]
        absent += [] if str(host.address) in ray else ["Ray"]
        states.append(State(host.name, running, absent, silence))
    return states


def down(inventory: Inventory) -> None:
    """Stop all services of the hosts, which must be reached; stores, logs and secrets stay."""
    each_host(inventory, lambda host: supervisor(inventory).stop(inventory, host))


def renew(inventory: Inventory, secrets: Path, name: str) -> None:
    """Make a new certificate for a host or the client, and send each host its own.

    Services take it when they are started again, and get on with the others meanwhile.
    """
    renew_certificate(secrets, _addresses(inventory), name)
    prepare(inventory, secrets)


def replace(inventory: Inventory, secrets: Path) -> Path:
    """Stop all services, and make all secrets anew; where the former ones are kept.

    A service that still ran would know the former authority, so all hosts of the inventory must be
    reached; one that was lost or stolen is taken out of it first.
    """
    down(inventory)
    former = replace_secrets(secrets, _addresses(inventory))
    prepare(inventory, secrets)
    return former


def _addresses(inventory: Inventory) -> dict[str, str]:
    return {host.name: str(host.address) for host in inventory.hosts}


def _check_shared(inventory: Inventory) -> None:
    """Let all hosts look for a file that the head makes."""
    mark = f"{inventory.folder}/.shared-{token_hex(4)}"
    sh(inventory, inventory.head, f"mkdir -p {inventory.folder} && : >{mark}")
    look = f"test -e {mark} && echo seen; true"
    seen = each_host(inventory, lambda host: sh(inventory, host, look))
    sh(inventory, inventory.head, f"rm {mark}")
    blind = [host.name for host, word in seen.items() if not word]
    if blind:
        raise EngineError(
            f"{blind[0]} does not see the files of {inventory.head.name} in {inventory.folder}; "
            "mount the same folder on both, or say shared = false"
        )


def _send(inventory: Inventory, host: Host, secrets: Path) -> None:
    """Leave in the folder of a host its variables, its scripts, and its own secrets."""
    files = {
        ENVIRONMENT: "".join(f"{k}={v}\n" for k, v in host_environment(inventory, host).items())
    }
    files |= supervisor(inventory).files(inventory, host) | launcher.scripts(inventory, host)
    for file in map(Path, Secrets.of(secrets, host.name)):
        files[f"{SECRETS}/{file.name}"] = file.read_text()
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o600
            archive.addfile(entry, io.BytesIO(text.encode()))
    place = inventory.place(host)
    folders = " ".join(f"{place}/{name}" for name in (SECRETS, LOGS, SCRATCH))
    unpack = f"umask 077 && mkdir -p {folders} && tar -xf - -C {place}"
    ssh(inventory, host, unpack, packed.getvalue())


def _running(inventory: Inventory, host: Host) -> tuple[list[str], str]:
    """Services that run on a host, and why it is not reached."""
    try:
        return supervisor(inventory).running(inventory, host), ""
    except EngineError as error:
        return [], str(error)


def _wait(inventory: Inventory, secrets: Path) -> None:
    until = time.monotonic() + START
    lacking = {(name, host.name) for host in inventory.hosts for name in ("Dask", "Ray")}
    while lacking:
        if time.monotonic() > until:
            name, host = min(lacking)
            raise EngineError(
                f"{name} does not answer from {host} after {START:.0f} s; look at "
                f"{inventory.folder}/{host}/{LOGS} there, and whether a firewall stands between "
                "the hosts"
            )
        states = status(inventory, secrets)
        lacking &= {(name, state.host) for state in states for name in state.absent}


def _dask_workers(inventory: Inventory, secrets: PurePath) -> list[str]:
    """Hosts whose worker the Dask scheduler has."""
    from distributed import Client, Security

    tls = Security(**security(secrets))
    try:
        with Client(inventory.dask, security=tls, timeout="5s", set_as_default=False) as client:
            workers = client.scheduler_info(n_workers=-1)["workers"]
    except OSError:
        return []
    return [worker["name"] for worker in workers.values()]


def _ray_nodes(inventory: Inventory) -> list[str]:
    """Addresses of the nodes that the Ray head has, as it says itself."""
    place = inventory.place(inventory.head)
    ask = f"timeout 20 {inventory.python} -m deepnic.cluster.nodes {inventory.ray} 2>/dev/null"
    script = f"cd {place} && set -a && . ./{ENVIRONMENT} && {ask}"
    try:
        return sh(inventory, inventory.head, script).split()
    except EngineError:
        return []

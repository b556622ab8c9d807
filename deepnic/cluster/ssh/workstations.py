"""The workstations of an inventory, started, looked at and stopped over ssh."""

import io
import tarfile
import time
from pathlib import Path
from secrets import token_hex
from typing import NamedTuple

from deepnic.cluster.certificates import AUTHORITY, CLIENT, make_secrets
from deepnic.cluster.ssh import launcher
from deepnic.cluster.ssh.inventory import Host, Inventory
from deepnic.cluster.ssh.services import (
    ENVIRONMENT,
    LOGS,
    SCRATCH,
    SECRETS,
    client_environment,
    host_environment,
    loop,
    running_script,
    services,
    start_script,
    stop_script,
    unit,
    variables,
)
from deepnic.cluster.ssh.shell import each_host, sh, ssh
from deepnic.errors import InputError

PATIENCE = 120.0  # seconds in which a cluster answers


class State(NamedTuple):
    """What a host does for the cluster."""

    host: str
    running: list[str]  # services; none where the host is not reached
    in_dask: bool
    in_ray: bool
    silence: str = ""  # why it is not reached

    @property
    def found(self) -> str:
        """What runs there, in words."""
        words = [", ".join(self.running) or "nothing runs"]
        words += [f"not in {name}" for name, here in self._counted_on if not here]
        return "; ".join(words)

    @property
    def remedy(self) -> str:
        """What to do where something is missing."""
        if self.silence or all(here for _, here in self._counted_on):
            return self.silence
        return "run `deepnic cluster up`, or look at the logs if that was just done"

    @property
    def _counted_on(self) -> list[tuple[str, bool]]:
        return [("Dask", self.in_dask), ("Ray", self.in_ray)]


def up(inventory: Inventory, secrets: Path) -> dict[str, str]:
    """Start what is not running on the hosts, and wait until all of them answer.

    Parameters
    ----------
    inventory : Inventory
    secrets : Path
        Folder of this machine for the authority and all keys; made where it is missing. A host gets
        its own key only.

    Returns
    -------
    dict of str to str
        Variables with which `Client()`, `deepnic grow` and Ray find the cluster from here.

    Raises
    ------
    InputError
        A host is not reached or does not see the shared folder, or a service does not answer.
    """
    prepare(inventory, secrets)
    each_host(inventory, lambda host: _start(inventory, host))
    _wait(inventory, secrets.absolute())
    return client_environment(inventory, secrets.absolute())


def prepare(inventory: Inventory, secrets: Path) -> None:
    """Make the secrets that are missing, and send each host its files; nothing is started.

    Parameters
    ----------
    inventory : Inventory
    secrets : Path
        As `up`.

    Raises
    ------
    InputError
        A host is not reached or does not see the shared folder.
    """
    make_secrets(secrets, {host.name: str(host.address) for host in inventory.hosts})
    if inventory.shared:
        _check_shared(inventory)
    each_host(inventory, lambda host: _send(inventory, host, secrets))


def status(inventory: Inventory, secrets: Path) -> list[State]:
    """Look at the hosts: which services run, and which hosts Dask and Ray count on.

    Parameters
    ----------
    inventory : Inventory
    secrets : Path
        As `up`.

    Returns
    -------
    list of State
        One of each host.
    """
    asked = each_host(inventory, lambda host: _running(inventory, host))
    dask, ray = _dask_workers(inventory, secrets.absolute()), _ray_nodes(inventory)
    return [
        State(host.name, running, host.name in dask, str(host.address) in ray, silence)
        for host, (running, silence) in zip(inventory.hosts, asked, strict=True)
    ]


def down(inventory: Inventory) -> None:
    """Stop all services of the hosts; stores, logs and secrets stay.

    Parameters
    ----------
    inventory : Inventory

    Raises
    ------
    InputError
        A host is not reached.
    """
    each_host(inventory, lambda host: _stop(inventory, host))


def _check_shared(inventory: Inventory) -> None:
    """Let all hosts look for a file that the head makes."""
    mark = f"{inventory.folder}/.shared-{token_hex(4)}"
    sh(inventory, inventory.head, f"mkdir -p {inventory.folder} && : >{mark}")
    look = f"test -e {mark} && echo seen; true"
    seen = each_host(inventory, lambda host: sh(inventory, host, look))
    sh(inventory, inventory.head, f"rm {mark}")
    blind = [host.name for host, said in zip(inventory.hosts, seen, strict=True) if not said]
    if blind:
        raise InputError(
            f"{blind[0]} does not see the files of {inventory.head.name} in {inventory.folder}; "
            "mount the same folder on both, or say shared = false"
        )


def _send(inventory: Inventory, host: Host, secrets: Path) -> None:
    place = inventory.place(host)
    folders = " ".join(f"{place}/{name}" for name in (SECRETS, LOGS, SCRATCH))
    unpack = f"umask 077 && mkdir -p {folders} && tar -xf - -C {place}"
    ssh(inventory, host, unpack, _archive(inventory, host, secrets))


def _start(inventory: Inventory, host: Host) -> None:
    place, found = inventory.place(host), services(inventory, host)
    if inventory.start == "systemd":
        units = " ".join(f"{place}/deepnic-{service.name}.service" for service in found)
        script = f"systemctl --user link --force {units}\nsystemctl --user daemon-reload\n"
        script += "".join(f"systemctl --user enable --now {Path(u).name}\n" for u in units.split())
        sh(inventory, host, "set -e\n" + script)
    else:
        sh(inventory, host, "".join(f"({start_script(each, place)})\n" for each in found))


def _archive(inventory: Inventory, host: Host, secrets: Path) -> bytes:
    """Files of a host: its environment, its services, and of the secrets what it needs."""
    place = inventory.place(host)
    files = {ENVIRONMENT: variables(host_environment(inventory, host))}
    files |= launcher.scripts(inventory, host)
    for name in (f"{AUTHORITY}.pem", f"{host.name}.pem", f"{host.name}-key.pem", "ray_token"):
        files[f"{SECRETS}/{name}"] = (secrets / name).read_text()
    for service in services(inventory, host):
        files[f"{service.name}.sh"] = loop(service, place)
        files[f"deepnic-{service.name}.service"] = unit(service, host, place)
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(text.encode()), 0o600
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def _stop(inventory: Inventory, host: Host) -> None:
    place, found = inventory.place(host), services(inventory, host)[::-1]
    if inventory.start == "systemd":
        units = " ".join(f"deepnic-{service.name}.service" for service in found)
        # not `disable --now`, which forgets a linked unit before it would stop it
        sh(inventory, host, f"systemctl --user stop {units} && systemctl --user disable {units}")
    else:
        sh(inventory, host, "".join(f"({stop_script(each, place)})\n" for each in found))


def _running(inventory: Inventory, host: Host) -> tuple[list[str], str]:
    """Services that run on a host, and what to do where it is not reached."""
    names = [service.name for service in services(inventory, host)]
    script = running_script(names, inventory.place(host))
    if inventory.start == "systemd":
        active = "systemctl --user --quiet is-active"
        script = "".join(f"{active} deepnic-{name} && echo {name}\n" for name in names) + "true"
    try:
        return sh(inventory, host, script).split(), ""
    except InputError as error:
        return [], str(error)


def _wait(inventory: Inventory, secrets: Path) -> None:
    until = time.monotonic() + PATIENCE
    lacking = {("Dask", host.name) for host in inventory.hosts}
    lacking |= {("Ray", host.name) for host in inventory.hosts}
    while lacking:
        if time.monotonic() > until:
            kind, name = min(lacking)
            logs = f"{inventory.folder}/{name}/{LOGS}"
            raise InputError(
                f"{kind} does not answer from {name} after {PATIENCE:.0f} s; look at {logs} there, "
                "and whether a firewall stands between the hosts"
            )
        for state in status(inventory, secrets):
            lacking -= {("Dask", state.host)} if state.in_dask else set()
            lacking -= {("Ray", state.host)} if state.in_ray else set()


def _dask_workers(inventory: Inventory, secrets: Path) -> list[str]:
    """Hosts whose worker the Dask scheduler has."""
    from distributed import Client, Security

    own = [str(secrets / f"{name}.pem") for name in (AUTHORITY, CLIENT, f"{CLIENT}-key")]
    security = Security(
        tls_ca_file=own[0], tls_client_cert=own[1], tls_client_key=own[2], require_encryption=True
    )
    try:
        with Client(
            inventory.dask, security=security, timeout="5s", set_as_default=False
        ) as client:
            workers = client.scheduler_info(n_workers=-1)["workers"]
    except OSError:
        return []
    return [worker["name"] for worker in workers.values()]


def _ray_nodes(inventory: Inventory) -> list[str]:
    """Addresses of the nodes that the Ray head has, as it says itself."""
    place = inventory.place(inventory.head)
    ask = f"timeout 20 {inventory.python} -m deepnic.cluster.ssh.nodes {inventory.ray} 2>/dev/null"
    script = f"cd {place} && set -a && . ./{ENVIRONMENT} && {ask}"
    try:
        return sh(inventory, inventory.head, script).split()
    except InputError:
        return []

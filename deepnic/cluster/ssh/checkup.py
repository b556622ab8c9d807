"""The hosts of an inventory, looked at over ssh: each by itself, and as parts of one cluster."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from secrets import token_hex

from pydantic import ValidationError

from deepnic.cluster.certificates import AUTHORITY, CLIENT
from deepnic.cluster.ssh.checks import (
    check_card,
    check_clock,
    check_doors,
    check_listeners,
    check_membership,
    check_resources,
    check_versions,
    doors,
    listeners,
)
from deepnic.cluster.ssh.facts import Answers, Facts, knock
from deepnic.cluster.ssh.inventory import Host, Inventory
from deepnic.cluster.ssh.services import ENVIRONMENT, environment
from deepnic.cluster.ssh.shell import each_host, sh, ssh
from deepnic.errors import InputError
from deepnic.host.doctor import Finding, check_certificate, check_private, versions

HERE = "the cluster, from this machine"
PATIENCE = 60  # seconds for a host: a folder whose server is gone lets one wait for ever
TRIES = 3  # to read a clock

ASK = """\
set -a
GLOO_SOCKET_IFNAME={card}
[ ! -e {place}/{environment} ] || . {place}/{environment}
set +a
{python} -m deepnic.cluster.ssh.facts {folder} {gpus} {addresses} 2>&1
"""


def check_hosts(inventory: Inventory, secrets: Path) -> dict[str, list[Finding]]:
    """Look at every host, and compare it with the others and with this machine.

    Nothing is started, and the files that are tried in the folder of the inventory are removed.

    Parameters
    ----------
    inventory : Inventory
    secrets : Path
        As for `deepnic.cluster.ssh.workstations.up`; it may be missing.

    Returns
    -------
    dict of str to list of Finding
        Of the cluster as this machine meets it, and of every host by its name. A host that is not
        reached has one finding; the others are looked at all the same.
    """
    clocks = dict(
        zip(inventory.hosts, each_host(inventory, partial(_clock, inventory)), strict=True)
    )
    near = tuple(host for host, finding in clocks.items() if finding.what == "clock")
    reached = inventory.model_copy(update={"hosts": near})
    folders = check_folder(reached)
    said = dict(zip(near, each_host(reached, partial(_ask, inventory)), strict=True))
    head = said.get(inventory.head)
    at_head = head.ports if isinstance(head, Facts) else {}
    found = {HERE: _check_here(inventory, secrets, at_head)}
    for host, clock in clocks.items():
        found[host.name] = [clock]
        if host in said:
            found[host.name] += [
                folders[host],
                *_judge(inventory, secrets, host, said[host], at_head),
            ]
    return found


def check_folder(inventory: Inventory) -> dict[Host, Finding]:
    """Let every host write a file into the folder, and read those of the others.

    Parameters
    ----------
    inventory : Inventory

    Returns
    -------
    dict of Host to Finding
    """
    folder = inventory.folder
    mark = f"{folder}/.doctor-{token_hex(4)}-"
    # as private as all that is kept there: another user of the same name cannot read it
    write = "umask 077; {{ echo {0} >{1}{0}; }} 2>&1 && echo written"
    try:
        said = _each(inventory, lambda host: write.format(host.name, mark))
        wrote = [host.name for host in inventory.hosts if said[host].endswith("written")]
        files = " ".join(mark + name for name in wrote)
        read = _each(inventory, lambda _: f"cat {files} </dev/null 2>/dev/null")
    finally:
        _each(inventory, lambda host: f"rm -f {mark}{host.name}")
    found = {}
    for host in inventory.hosts:
        unseen = [name for name in wrote if name not in read[host].splitlines()]
        others = ", and shows the files of the others" if inventory.shared else ""
        finding = Finding("folder", f"{folder} can be written to{others}")
        if host.name not in wrote:
            reason = said[host].rpartition(": ")[2]
            remedy = "make it or mount it, for the user that ssh logs in as"
            finding = Finding("folder", f"{folder} cannot be written to ({reason})", remedy)
        elif inventory.shared and unseen:
            remedy = "mount one folder on all hosts, for the same user id, or say shared = false"
            named = ", ".join(unseen)
            finding = Finding("folder", f"{folder} is not that of {named}", remedy)
        found[host] = finding
    return found


def _judge(
    inventory: Inventory, secrets: Path, host: Host, said: Facts | Finding, at_head: Answers
) -> list[Finding]:
    """What a host says of itself, and how that fits the others."""
    if isinstance(said, Finding):
        return [said]
    if host == inventory.head:
        ports = check_listeners(inventory, said.ports)
    else:
        ports = check_doors(inventory, said.ports, at_head)
    return [
        check_versions(said.versions, versions()),
        check_resources(host, said),
        check_card(host, said.cards),
        *said.findings,
        check_membership(said, secrets),
        *ports,
    ]


def _check_here(inventory: Inventory, secrets: Path, at_head: Answers) -> list[Finding]:
    """The secrets of this machine, and whether it reaches the Dask scheduler."""
    dask, _ = doors(inventory)
    met = {dask: knock(dask, environment(secrets, CLIENT))}
    way = check_doors(inventory, met, at_head)
    if not secrets.is_dir():
        return [Finding("secrets", "none yet: `deepnic cluster up` makes them"), *way]
    certificates = [check_certificate(secrets / f"{name}.pem") for name in (AUTHORITY, CLIENT)]
    keys = [check_private("key", secrets / f"{name}-key.pem") for name in (AUTHORITY, CLIENT)]
    return [*certificates, *keys, check_private("Ray token", secrets / "ray_token"), *way]


def _clock(inventory: Inventory, host: Host) -> Finding:
    """The clock of a host, or why it is not reached."""
    try:
        doubt, ahead = min(_read_clock(inventory, host) for _ in range(TRIES))
    except InputError as error:
        return Finding("ssh", f"{host.address} is not reached", str(error))
    return check_clock(ahead, doubt)


def _read_clock(inventory: Inventory, host: Host) -> tuple[float, float]:
    """By how much a reading may be wrong, and how far it is ahead of this machine."""
    before = time.time()
    there = float(sh(inventory, host, "date +%s.%N"))
    after = time.time()
    return (after - before) / 2, there - (before + after) / 2


def _ask(inventory: Inventory, host: Host) -> Facts | Finding:
    """What a host says of itself, or why it does not."""
    places = listeners(inventory) if host == inventory.head else doors(inventory)
    script = ASK.format(
        card=host.interface, place=inventory.place(host), environment=ENVIRONMENT,
        python=inventory.python, folder=inventory.folder, gpus=host.gpus,
        addresses=" ".join(places),
    )  # fmt: skip
    said = _says(inventory, host, script)
    last = said.splitlines()[-1]
    try:
        return Facts.model_validate_json(last)
    except ValidationError:
        reason = "another version" if last.startswith("{") else last
    remedy = "install this version there from the same constraints.txt, or correct the inventory"
    return Finding("python", f"{inventory.python} has no deepnic to ask ({reason})", remedy)


def _each(inventory: Inventory, script: Callable[[Host], str]) -> dict[Host, str]:
    said = each_host(inventory, lambda host: _says(inventory, host, script(host)))
    return dict(zip(inventory.hosts, said, strict=True))


def _says(inventory: Inventory, host: Host, script: str) -> str:
    """What a script says on a host within our patience, or why it says nothing."""
    command = f"timeout -s KILL {PATIENCE} sh -s; true"
    try:
        said = ssh(inventory, host, command, script.encode())
    except InputError as error:
        return str(error)
    return said.strip() or f"nothing was said within {PATIENCE} s"

"""The hosts of an inventory, looked at over ssh: each by itself, and as parts of one cluster."""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from secrets import token_hex

from pydantic import ValidationError

from deepnic.cluster.ssh.host_facts import Answers, HostFacts, knock
from deepnic.cluster.ssh.inventory import Host, Inventory
from deepnic.cluster.ssh.judge import (
    check_card,
    check_clock,
    check_doors,
    check_link,
    check_listeners,
    check_membership,
    check_resources,
    check_versions,
    doors,
    listeners,
)
from deepnic.cluster.ssh.services import ENVIRONMENT
from deepnic.cluster.ssh.shell import each_host, sh, ssh
from deepnic.errors import EngineError
from deepnic.host.doctor import Check, check_certificate, check_private, versions
from deepnic.host.environment import AUTHORITY, CARD, CLIENT, Secrets

HERE = "the cluster, from this machine"
ANSWER = 60  # seconds for a host: a folder whose server is gone lets one wait for ever
TRIES = 3  # to read a clock

ASK = """\
set -a
{variable}={card}
[ ! -e {place}/{environment} ] || . {place}/{environment}
set +a
{python} -m deepnic.cluster.ssh.host_facts {folder} {gpus} {addresses} 2>&1
"""


def check_hosts(inventory: Inventory, secrets: Path) -> dict[str, list[Check]]:
    """Look at every host, and compare it with the others and with this machine.

    The checks are those of the cluster as this machine meets it, and of every host by its name; a
    host that is not reached has one. Nothing is started, the files tried in the folder of the
    inventory are removed, and `secrets`, as for `deepnic.cluster.ssh.workstations.up`, may be
    missing.
    """
    clocks = each_host(inventory, partial(_check_clock, inventory))
    near = tuple(host for host, check in clocks.items() if check.subject == "clock")
    reached = inventory.model_copy(update={"hosts": near})
    folders = check_folder(reached)
    answers = each_host(reached, partial(_ask, inventory))
    head = answers.get(inventory.head)
    at_head = head.ports if isinstance(head, HostFacts) else {}
    checks = {HERE: _check_here(inventory, secrets, at_head)}
    for host, clock in clocks.items():
        checks[host.name] = [clock]
        if host in answers:
            judged = _judge(inventory, secrets, host, answers[host], at_head)
            checks[host.name] += [folders[host], *judged]
    return checks


def check_folder(inventory: Inventory) -> dict[Host, Check]:
    """Let every host write a file into the folder, and read those of the others."""
    folder = inventory.folder
    mark = f"{folder}/.doctor-{token_hex(4)}-"
    # as private as all that is kept there: another user of the same name cannot read it
    write = "umask 077; {{ echo {0} >{1}{0}; }} 2>&1 && echo written"
    try:
        wrote = _run(inventory, lambda host: write.format(host.name, mark))
        writers = [host.name for host in inventory.hosts if wrote[host].endswith("written")]
        files = " ".join(mark + name for name in writers)
        read = _run(inventory, lambda _: f"cat {files} </dev/null 2>/dev/null")
    finally:
        _run(inventory, lambda host: f"rm -f {mark}{host.name}")
    checks = {}
    for host in inventory.hosts:
        unseen = [name for name in writers if name not in read[host].splitlines()]
        others = ", and shows the files of the others" if inventory.shared else ""
        check = Check("folder", f"{folder} can be written to{others}")
        if host.name not in writers:
            reason = wrote[host].rpartition(": ")[2]
            remedy = "make it or mount it, for the user that ssh logs in as"
            check = Check("folder", f"{folder} cannot be written to ({reason})", remedy)
        elif inventory.shared and unseen:
            remedy = "mount one folder on all hosts, for the same user id, or say shared = false"
            check = Check("folder", f"{folder} is not that of {', '.join(unseen)}", remedy)
        checks[host] = check
    return checks


def _judge(
    inventory: Inventory, secrets: Path, host: Host, answer: HostFacts | Check, at_head: Answers
) -> list[Check]:
    """Judge what a host says of itself, and how that fits the others."""
    if isinstance(answer, Check):
        return [answer]
    if host == inventory.head:
        ports = check_listeners(inventory, answer.ports)
    else:
        ports = check_doors(inventory, answer.ports, at_head)
    return [
        check_versions(answer.versions, versions()),
        check_resources(host, answer),
        check_card(host, answer.cards),
        check_link(inventory, host, answer.encrypted),
        *answer.checks,
        check_membership(answer, secrets),
        *ports,
    ]


def _check_here(inventory: Inventory, secrets: Path, at_head: Answers) -> list[Check]:
    """Look at the secrets of this machine, and whether it reaches the Dask scheduler."""
    authority, client = Secrets.of(secrets, AUTHORITY), Secrets.of(secrets, CLIENT)
    dask, _ = doors(inventory)
    way = check_doors(inventory, {dask: knock(dask, client)}, at_head)
    if not secrets.is_dir():
        return [Check("secrets", "none yet: `deepnic cluster up` makes them"), *way]
    return [
        *(check_certificate(Path(owner.certificate)) for owner in (authority, client)),
        *(check_private("key", Path(owner.key)) for owner in (authority, client)),
        check_private("Ray token", Path(client.token)),
        *way,
    ]


def _check_clock(inventory: Inventory, host: Host) -> Check:
    """Compare the clock of a host with this machine's, or say why it is not reached."""
    try:
        doubt, ahead = min(_read_clock(inventory, host) for _ in range(TRIES))
    except EngineError as error:
        return Check("ssh", f"{host.address} is not reached", str(error))
    return check_clock(ahead, doubt)


def _read_clock(inventory: Inventory, host: Host) -> tuple[float, float]:
    """By how much a reading may be wrong, and how far it is ahead of this machine."""
    before = time.time()
    there = float(sh(inventory, host, "date +%s.%N"))
    after = time.time()
    return (after - before) / 2, there - (before + after) / 2


def _ask(inventory: Inventory, host: Host) -> HostFacts | Check:
    """What a host says of itself, or why it does not."""
    addresses = listeners(inventory) if host == inventory.head else doors(inventory)
    script = ASK.format(
        variable=CARD, card=host.interface, place=inventory.place(host), environment=ENVIRONMENT,
        python=inventory.python, folder=inventory.folder, gpus=host.gpus,
        addresses=" ".join(addresses),
    )  # fmt: skip
    last = _output(inventory, host, script).splitlines()[-1]
    try:
        return HostFacts.model_validate_json(last)
    except ValidationError:
        reason = "another version" if last.startswith("{") else last
    remedy = "install this version there from the same constraints.txt, or correct the inventory"
    return Check("python", f"{inventory.python} has no deepnic to ask ({reason})", remedy)


def _run(inventory: Inventory, script: Callable[[Host], str]) -> dict[Host, str]:
    return each_host(inventory, lambda host: _output(inventory, host, script(host)))


def _output(inventory: Inventory, host: Host, script: str) -> str:
    """What a script prints on a host in the time it is given, or why it prints nothing."""
    command = f"timeout -s KILL {ANSWER} sh -s; true"
    try:
        output = ssh(inventory, host, command, script.encode())
    except EngineError as error:
        return str(error)
    return output.strip() or f"nothing was said within {ANSWER} s"

"""What the hosts of an inventory say of themselves, judged as parts of one cluster."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.x509 import load_pem_x509_certificate

from deepnic.cluster.ssh.host_facts import Answer, Answers, HostFacts
from deepnic.cluster.ssh.inventory import Host, Inventory
from deepnic.host.doctor import Check
from deepnic.host.environment import AUTHORITY, Secrets

APART = 3.0  # seconds between two clocks
BACKDATED = 3600.0  # seconds, of the certificates
KEPT = 0.9  # of the memory it is sold with, a host has more; firmware and kernel keep the rest


def check_clock(ahead: float, doubt: float) -> Check:
    """How far the clock of a host is from this machine's, in seconds."""
    where = "ahead of" if ahead > 0 else "behind"
    apart = "as" if abs(ahead) <= doubt else f"{abs(ahead):.1f} s {where}"
    result = f"{apart} this machine, give or take {doubt:.1f} s"
    if abs(ahead) - doubt < APART:
        return Check("clock", result)
    harm = "logs and files tell the wrong order"
    if ahead < -BACKDATED:
        harm = "certificates made now are not valid there yet"
    return Check("clock", result, f"{harm}: let chrony or systemd-timesyncd set both clocks")


def check_versions(there: Mapping[str, str], here: Mapping[str, str]) -> Check:
    """Whether a host has the packages of this machine, and the same minor version of Python."""
    differ = [
        f"{name} {there.get(name, 'is missing')}, here {version}"
        for name, version in here.items()
        if _release(name, there.get(name, "")) != _release(name, version)
    ]
    remedy = "install both from the same constraints.txt, with the same Python"
    return Check("versions", "; ".join(differ) or "as here", remedy if differ else "")


def check_card(host: Host, cards: Mapping[str, list[str]]) -> Check:
    """Whether the address of a host is on the network card that the inventory names."""
    address = str(host.address)
    owners = [name for name, addresses in cards.items() if address in addresses]
    if host.interface in owners:
        return Check("network card", f"{host.interface} has {address}")
    has = "; ".join(f"{name} has {', '.join(each)}" for name, each in cards.items() if each)
    right = f'interface = "{owners[0]}"' if owners else "the address and interface of one of them"
    return Check("network card", has, f"write {right} for {host.name} in the inventory")


def check_link(inventory: Inventory, host: Host, encrypted: Sequence[str]) -> Check:
    """Whether what training sends between the hosts is kept from others, which it does not itself.

    gloo and NCCL encrypt nothing and ask for no secret.
    """
    if host.interface in encrypted:
        return Check("link", f"{host.interface} is of WireGuard: all on it is encrypted")
    if len(inventory.hosts) == 1:
        return Check("link", "none: one host trains by itself")
    result = f"what training sends on {host.interface} is not encrypted"
    if inventory.private_link:
        return Check("link", f"{result}; the inventory says that the link is private")
    remedy = (
        f"give a WireGuard card and its address for {host.name} in the inventory, or say "
        "private_link = true where nobody else is on that network"
    )
    return Check("link", result, remedy)


def check_resources(host: Host, facts: HostFacts) -> Check:
    """Whether a host has what it is to give."""
    memory = facts.memory >> 30
    result = f"{facts.cores} cores, {memory} GiB" + (f", {facts.gpus} GPUs" if host.gpus else "")
    less = [f"cores = {facts.cores}"] if host.cores > facts.cores else []
    less += [f'memory = "{memory}GiB"'] if KEPT * host.memory > facts.memory else []
    less += [f"gpus = {facts.gpus}"] if host.gpus > facts.gpus else []
    remedy = f"write {', '.join(less)} for {host.name} in the inventory"
    return Check("resources", result, remedy if less else "")


def check_membership(facts: HostFacts, secrets: Path) -> Check:
    """Whether the certificate and the token of a host are those of this cluster."""
    if not facts.certificate:
        return Check("membership", "no certificate yet: `deepnic cluster up` sends one")
    foreign = f"the certificate is not of the authority in {secrets}"
    with suppress(OSError, ValueError, TypeError, InvalidSignature):
        files = Secrets.of(secrets, AUTHORITY)
        authority = load_pem_x509_certificate(Path(files.certificate).read_bytes())
        certificate = load_pem_x509_certificate(facts.certificate.encode())
        certificate.verify_directly_issued_by(authority)
        token = Path(files.token).read_bytes().strip()
        if facts.token == sha256(token).hexdigest():
            return Check("membership", "certificate and token are of this cluster")
        foreign = f"the token is not the one in {secrets}"
    remedy = (
        f"`deepnic cluster down`, then `up`, sends those in {secrets}; or copy that folder from "
        "the machine that started the cluster"
    )
    return Check("membership", foreign, remedy)


def check_listeners(inventory: Inventory, ports: Answers) -> list[Check]:
    """Whether the ports of the head are free, or serve this cluster: what it meets at its own."""
    serving = dict(zip(("dask", "ray"), (ports[door] for door in doors(inventory)), strict=True))
    checks = []
    for name, number in inventory.ports:
        port = f"port {number}"
        met = {answer for address, answer in ports.items() if address.endswith(f":{number}")}
        if met == {Answer.REFUSED}:
            checks.append(Check(port, f"free for {name}"))
        elif serving[name.removesuffix("_dashboard")] is Answer.TRUSTED:
            checks.append(Check(port, f"{name} of this cluster"))
        else:
            remedy = f"end what `ss -ltnp` tells, or choose another port for {name} in [ports]"
            checks.append(Check(port, "taken by something else", remedy))
    return checks


def check_doors(inventory: Inventory, met: Answers, at_head: Answers) -> list[Check]:
    """Whether services of the head are reached, judged by what the head itself meets there."""
    checks = []
    for door, answer in met.items():
        from_head = at_head.get(door, Answer.REFUSED)
        remedy = ""
        if answer is Answer.SILENT or (
            answer is Answer.REFUSED and from_head is not Answer.REFUSED
        ):
            remedy = f"let TCP through to {inventory.head.name} in the firewalls between"
        elif answer is Answer.STRANGER and from_head is Answer.TRUSTED:
            remedy = "its certificate is of another authority: `deepnic cluster up` sends a new one"
        checks.append(Check(f"way to {door}", answer, remedy))
    return checks


def doors(inventory: Inventory) -> list[str]:
    """Addresses of the head that the others need: Dask's and Ray's."""
    return [inventory.dask.removeprefix("tls://"), inventory.ray]


def listeners(inventory: Inventory) -> list[str]:
    """Addresses at which the services of the head listen; Ray does at all that the head has."""
    ports = inventory.ports
    loopback = (ports.ray, ports.ray_dashboard)
    return [*doors(inventory), *(f"127.0.0.1:{port}" for port in loopback)]


def _release(name: str, version: str) -> str:
    """What must agree: not for which device torch was built, nor the patch of Python."""
    return version.rpartition(".")[0] if name == "Python" else version.partition("+")[0]

"""`python -m deepnic.cluster.ssh.host_facts FOLDER GPUS ADDRESS...`: what a host says of itself.

The variables of the environment hold its token and certificates; the answer has a digest of the
former, and of the latter what everybody may know.
"""

import os
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

import psutil

from deepnic.config import Strict
from deepnic.host.cards import addresses_of_cards
from deepnic.host.doctor import Check, check_disk, check_own_name, check_secrets, versions
from deepnic.host.environment import Secrets

CARDS = "/sys/class/net"  # what the kernel says of them
KNOCK = 5.0  # seconds for a port to answer


class Answer(StrEnum):
    """What is met at a port."""

    TRUSTED = "answers, with a certificate of this cluster"
    STRANGER = "answers, without a certificate of this cluster"
    REFUSED = "nothing listens yet"
    SILENT = "does not answer"


Answers = Mapping[str, Answer]
"""What is met at addresses such as ``10.0.0.11:8786``."""


class HostFacts(Strict):
    """What a host has, what it meets at ports, and what it finds to mend."""

    versions: dict[str, str]
    cores: int
    memory: int
    gpus: int
    cards: dict[str, list[str]]  # addresses of each
    encrypted: list[str]  # cards of WireGuard, which lets through what is encrypted only
    certificate: str  # PEM; empty where there is none
    token: str  # digest; empty where there is none
    ports: dict[str, Answer]
    checks: list[Check]


def look(folder: Path, gpus: int, addresses: Sequence[str]) -> HostFacts:
    """Look at this host, with the folder of the inventory, and try ports as ``10.0.0.11:8786``.

    Where no GPUs are to be given torch is not loaded, which takes seconds.
    """
    secrets = Secrets.named_in(os.environ)
    token = _read(secrets.token).strip()
    checks = [check_own_name(), *check_secrets()]
    checks += [check_disk(folder)] if folder.is_dir() else []
    cards, devices = addresses_of_cards(), 0
    if gpus:
        import torch

        from deepnic.host.devices import check_devices

        devices = torch.cuda.device_count()
        checks += check_devices()
    return HostFacts(
        versions=versions(),
        cores=os.cpu_count() or 1,
        memory=psutil.virtual_memory().total,
        gpus=devices,
        cards=cards,
        encrypted=[
            card for card in cards if "DEVTYPE=wireguard" in _read(f"{CARDS}/{card}/uevent").split()
        ],
        certificate=_read(secrets.certificate),
        token=sha256(token.encode()).hexdigest() if token else "",
        ports={address: knock(address, secrets) for address in addresses},
        checks=checks,
    )


def knock(address: str, secrets: Secrets) -> Answer:
    """Try whether a port, as ``10.0.0.11:8786``, answers as a service of this cluster.

    Secrets that are not there trust nobody.
    """
    host, port = address.split(":")
    try:
        line = socket.create_connection((host, int(port)), timeout=KNOCK)
    except ConnectionRefusedError:
        return Answer.REFUSED
    except OSError:
        return Answer.SILENT
    try:
        with line, _trust(secrets).wrap_socket(line, server_hostname=host):
            return Answer.TRUSTED
    except OSError:  # no TLS, another authority, or no certificates here
        return Answer.STRANGER


def _trust(secrets: Secrets) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=secrets.authority)
    context.load_cert_chain(secrets.certificate, secrets.key)
    context.set_alpn_protocols(["h2"])  # Ray's servers want it named
    return context


def _read(file: str) -> str:
    """Text of a file; empty where there is none."""
    try:
        return Path(file).read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    folder, gpus, *addresses = sys.argv[1:]
    print(look(Path(folder), int(gpus), addresses).model_dump_json())

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
from deepnic.host.doctor import Check, check_disk, check_own_name, check_secrets, versions
from deepnic.host.environment import Secrets

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
    certificate: str  # PEM; empty where there is none
    token: str  # digest; empty where there is none
    ports: dict[str, Answer]
    checks: list[Check]


def look(folder: Path, gpus: int, addresses: Sequence[str]) -> HostFacts:
    """Look at this host.

    Parameters
    ----------
    folder : Path
        Of the inventory.
    gpus : int
        As many as the host is to give; for none torch is not loaded, which takes seconds.
    addresses : sequence of str
        Ports to try, as ``10.0.0.11:8786``.

    Returns
    -------
    HostFacts

    Examples
    --------
    >>> from deepnic import __version__
    >>> look(Path(), 0, []).versions["deepnic"] == __version__
    True
    """
    secrets = Secrets.named_in(os.environ)
    token = _read(secrets.token).strip()
    checks = [check_own_name(), *check_secrets()]
    checks += [check_disk(folder)] if folder.is_dir() else []
    devices, device_checks = _devices() if gpus else (0, [])
    return HostFacts(
        versions=versions(),
        cores=os.cpu_count() or 1,
        memory=psutil.virtual_memory().total,
        gpus=devices,
        cards={
            name: [each.address for each in card if each.family == socket.AF_INET]
            for name, card in psutil.net_if_addrs().items()
        },
        certificate=_read(secrets.certificate),
        token=sha256(token.encode()).hexdigest() if token else "",
        ports={address: knock(address, secrets) for address in addresses},
        checks=checks + device_checks,
    )


def knock(address: str, secrets: Secrets) -> Answer:
    """Try whether a port answers, and whether it is a service of this cluster.

    Parameters
    ----------
    address : str
        As ``10.0.0.11:8786``.
    secrets : Secrets
        Of this machine; those that are not there trust nobody.

    Returns
    -------
    Answer

    Examples
    --------
    >>> with socket.create_server(("127.0.0.1", 0)) as server:
    ...     address = "127.0.0.1:{1}".format(*server.getsockname())
    >>> knock(address, Secrets.named_in({})).name  # the server is closed by now
    'REFUSED'
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


def _devices() -> tuple[int, list[Check]]:
    import torch

    from deepnic.host.devices import check_devices

    return torch.cuda.device_count(), check_devices()


def _read(file: str) -> str:
    """Text of a file; empty where there is none."""
    try:
        return Path(file).read_text()
    except OSError:
        return ""


if __name__ == "__main__":
    folder, gpus, *addresses = sys.argv[1:]
    print(look(Path(folder), int(gpus), addresses).model_dump_json())

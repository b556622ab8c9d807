"""`python -m deepnic.cluster.ssh.facts FOLDER GPUS ADDRESS...`: what a host says of itself.

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

from deepnic.cluster.ssh.services import TLS
from deepnic.config import Strict
from deepnic.host.doctor import (
    CERTIFICATE,
    KEY,
    TOKEN,
    Finding,
    check_disk,
    check_own_name,
    check_secrets,
    versions,
)

AUTHORITY = f"{TLS}CA_FILE"
PATIENCE = 5.0  # seconds for a port to answer


class Answer(StrEnum):
    """What is met at a port."""

    TRUSTED = "answers, with a certificate of this cluster"
    STRANGER = "answers, without a certificate of this cluster"
    REFUSED = "nothing listens yet"
    SILENT = "does not answer"


Answers = Mapping[str, Answer]
"""What is met at addresses such as ``10.0.0.11:8786``."""


class Facts(Strict):
    """What a host has, what it meets at ports, and what it finds to mend."""

    versions: dict[str, str]
    cores: int
    memory: int
    gpus: int
    cards: dict[str, list[str]]  # addresses of each
    certificate: str  # PEM; empty where there is none
    token: str  # digest; empty where there is none
    ports: dict[str, Answer]
    findings: list[Finding]


def facts(folder: Path, gpus: int, addresses: Sequence[str]) -> Facts:
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
    Facts

    Examples
    --------
    >>> facts(Path(), 0, []).versions["deepnic"]
    '0.1.0'
    """
    findings = [check_own_name(), *check_secrets()]
    findings += [check_disk(folder)] if folder.is_dir() else []
    count, devices = _devices() if gpus else (0, [])
    token = _read(TOKEN).strip()
    return Facts(
        versions=versions(),
        cores=os.cpu_count() or 1,
        memory=psutil.virtual_memory().total,
        gpus=count,
        cards={
            name: [each.address for each in found if each.family == socket.AF_INET]
            for name, found in psutil.net_if_addrs().items()
        },
        certificate=_read(CERTIFICATE),
        token=sha256(token.encode()).hexdigest() if token else "",
        ports={address: knock(address, os.environ) for address in addresses},
        findings=findings + devices,
    )


def knock(address: str, environment: Mapping[str, str]) -> Answer:
    """Try whether a port answers, and whether it is a service of this cluster.

    Parameters
    ----------
    address : str
        As ``10.0.0.11:8786``.
    environment : mapping of str to str
        Names the certificates, as `deepnic.cluster.ssh.services.environment`.

    Returns
    -------
    Answer

    Examples
    --------
    >>> with socket.create_server(("127.0.0.1", 0)) as server:
    ...     address = "127.0.0.1:{1}".format(*server.getsockname())
    >>> knock(address, {}).name  # the server is closed by now
    'REFUSED'
    """
    host, port = address.split(":")
    try:
        line = socket.create_connection((host, int(port)), timeout=PATIENCE)
    except ConnectionRefusedError:
        return Answer.REFUSED
    except OSError:
        return Answer.SILENT
    try:
        with line, _trust(environment).wrap_socket(line, server_hostname=host):
            return Answer.TRUSTED
    except (OSError, KeyError):  # no TLS, another authority, or no certificates here
        return Answer.STRANGER


def _trust(environment: Mapping[str, str]) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=environment[AUTHORITY])
    context.load_cert_chain(environment[CERTIFICATE], environment[KEY])
    context.set_alpn_protocols(["h2"])  # Ray's servers want it named
    return context


def _devices() -> tuple[int, list[Finding]]:
    import torch

    from deepnic.host.devices import check_devices

    return torch.cuda.device_count(), check_devices()


def _read(name: str) -> str:
    """Text of the file that a variable names; empty where there is none."""
    try:
        return Path(os.environ[name]).read_text()
    except (KeyError, OSError):
        return ""


if __name__ == "__main__":
    place, number, *rest = sys.argv[1:]
    print(facts(Path(place), int(number), rest).model_dump_json())

"""What this machine offers, and what to mend before a long run fails on it."""

import os
import platform
import shutil
import socket
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from cryptography import x509
from rich.filesize import decimal

PACKAGES = ("deepnic", "numpy", "numba", "dask", "distributed", "xarray", "zarr", "ray", "torch")
LEAST_DISK = 10e9  # bytes; the store of a chip takes 0.3, its checkpoints and scratch some more
SOON = timedelta(days=30)
CERTIFICATE = "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT"
KEY = "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY"
TOKEN = "RAY_AUTH_TOKEN_PATH"
CARD = "GLOO_SOCKET_IFNAME"


class Finding(NamedTuple):
    """One thing looked at, what was found, and the remedy where it is not as it should be."""

    what: str
    found: str
    remedy: str = ""


def check_machine(folder: Path) -> list[Finding]:
    """Look at versions, disk, name resolution, and the cluster that the environment names.

    Parameters
    ----------
    folder : Path
        Where stores and runs are to be written.

    Returns
    -------
    list of Finding

    Examples
    --------
    >>> [finding.what for finding in check_machine(Path())][:3]
    ['versions', 'processor', 'free disk']
    """
    found = ", ".join(f"{name} {number}" for name, number in versions().items())
    return [
        Finding("versions", found),
        Finding("processor", f"{os.cpu_count()} cores"),
        check_disk(folder),
        check_own_name(),
        *check_dask(),
        *check_secrets(),
    ]


def versions() -> dict[str, str]:
    """Tell the versions of Python and of the packages that a cluster must agree on.

    Examples
    --------
    >>> list(versions())[:3]
    ['Python', 'deepnic', 'numpy']
    """
    return {"Python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def check_disk(folder: Path) -> Finding:
    """Space left in a folder, and whether it can be written to."""
    free = shutil.disk_usage(folder).free
    found = f"{decimal(free)} in {folder.absolute()}"
    if not os.access(folder, os.W_OK):
        return Finding("free disk", found, "it cannot be written to: choose another folder")
    return Finding("free disk", found, "" if free > LEAST_DISK else "make room, 10 GB at least")


def check_own_name() -> Finding:
    """Address that this machine gives for its own name: what Gloo tells the other ranks."""
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        return Finding("own name", f"{name} has no address", "add it to /etc/hosts")
    if not address.startswith("127."):
        return Finding("own name", f"{name} is {address}")
    if CARD in os.environ:
        return Finding("own name", f"{name} is {address}, but Gloo takes {os.environ[CARD]}")
    remedy = (
        "for training on several machines, give it its real address in /etc/hosts, or set "
        f"{CARD} to the network interface"
    )
    return Finding("own name", f"{name} is {address}", remedy)


def check_dask() -> list[Finding]:
    """The Dask scheduler that the environment names."""
    findings = []
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if address:
        findings.append(_answering("Dask scheduler", address.split("://")[-1]))
        if not address.startswith("tls://"):
            findings.append(
                Finding("Dask traffic", "not encrypted", "use it inside a trusted network only")
            )
    return findings


def check_secrets() -> list[Finding]:
    """The certificate, its key and the token of Ray, where the environment names them."""
    certificate, key, token = (os.environ.get(name) for name in (CERTIFICATE, KEY, TOKEN))
    findings = [check_certificate(Path(certificate))] if certificate else []
    findings += [check_private("key", Path(key))] if key else []
    return findings + ([check_private("Ray token", Path(token))] if token else [])


def check_certificate(path: Path) -> Finding:
    """Until when a certificate serves."""
    try:
        ends = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        return Finding("certificate", f"{path} cannot be read ({error})", "make it again")
    left = ends - datetime.now(UTC)
    remedy = "" if left > SOON else "make new ones, for all hosts"
    return Finding("certificate", f"{path.name} ends on {ends:%Y-%m-%d}", remedy)


def check_private(what: str, path: Path) -> Finding:
    """Whether a secret is there, and others cannot read it."""
    if not path.is_file():
        return Finding(what, f"no file {path}", "copy it from where the cluster was made")
    mode = path.stat().st_mode & 0o777
    remedy = "" if mode & 0o077 == 0 else f"only you should read it: chmod 600 {path}"
    return Finding(what, f"{path}, mode {mode:o}", remedy)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is missing"


def _answering(what: str, address: str) -> Finding:
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
    except (OSError, ValueError) as error:
        return Finding(
            what, f"{address} does not answer ({error})", "start it, or the tunnel to it"
        )
    return Finding(what, f"{address} answers")

"""What this machine offers, and what to mend before a long run fails on it."""

import os
import platform
import shutil
import socket
from datetime import UTC, datetime, timedelta
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from rich.filesize import decimal

from deepnic.host.environment import CARD, Secrets

PACKAGES = ("deepnic", "numpy", "numba", "dask", "distributed", "xarray", "zarr", "ray", "torch")
LEAST_DISK = 10e9  # bytes; the store of a chip takes 0.3, its checkpoints and scratch some more
LEAST_MEMORY = 4e9  # bytes; growing and filtering a chip take 2, `deepnic demo` 3.2
SOON = timedelta(days=30)
RENEW = "`deepnic cluster certificates INVENTORY --replace` makes and sends new ones"


class Check(NamedTuple):
    """One thing looked at, the result, and the remedy where it is not as it should be."""

    subject: str
    result: str
    remedy: str = ""


def check_machine(folder: Path) -> list[Check]:
    """Look at versions, the disk of a folder, and the own name and cluster of this machine."""
    return [
        Check("versions", ", ".join(f"{name} {number}" for name, number in versions().items())),
        Check("processor", f"{os.cpu_count()} cores"),
        check_memory(),
        check_disk(folder),
        check_own_name(),
        *check_dask(),
        *check_secrets(),
    ]


def versions() -> dict[str, str]:
    """Tell the versions of Python and of the packages that a cluster must agree on."""
    return {"Python": platform.python_version()} | {name: _version(name) for name in PACKAGES}


def check_memory() -> Check:
    """Memory that this process may have, by the limits of a container too, and what is free."""
    import psutil
    from distributed.system import MEMORY_LIMIT

    free = min(psutil.virtual_memory().available, MEMORY_LIMIT)
    room = f"{decimal(free)} free of {decimal(MEMORY_LIMIT)}"
    return Check("memory", room, "" if free > LEAST_MEMORY else "end other programs, 4 GB are safe")


def check_disk(folder: Path) -> Check:
    """Space left in a folder, and whether it can be written to."""
    free = shutil.disk_usage(folder).free
    room = f"{decimal(free)} in {folder.absolute()}"
    if not os.access(folder, os.W_OK):
        return Check("free disk", room, "it cannot be written to: choose another folder")
    return Check("free disk", room, "" if free > LEAST_DISK else "make room, 10 GB at least")


def check_own_name() -> Check:
    """Address that this machine gives for its own name: what Gloo tells the other ranks."""
    name = socket.gethostname()
    try:
        address = socket.gethostbyname(name)
    except OSError:
        return Check("own name", f"{name} has no address", "add it to /etc/hosts")
    if not address.startswith("127."):
        return Check("own name", f"{name} is {address}")
    if CARD in os.environ:
        return Check("own name", f"{name} is {address}, but Gloo takes {os.environ[CARD]}")
    remedy = (
        "for training on several machines, give it its real address in /etc/hosts, or set "
        f"{CARD} to the network interface"
    )
    return Check("own name", f"{name} is {address}", remedy)


def check_dask() -> list[Check]:
    """The Dask scheduler that the environment names."""
    address = os.environ.get("DASK_SCHEDULER_ADDRESS")
    if not address:
        return []
    place = address.split("://")[-1]
    host, _, port = place.rpartition(":")
    try:
        socket.create_connection((host, int(port)), timeout=5).close()
        answers = Check("Dask scheduler", f"{place} answers")
    except (OSError, ValueError) as error:
        silence = f"{place} does not answer ({error})"
        answers = Check("Dask scheduler", silence, "start it, or the tunnel to it")
    if address.startswith("tls://"):
        return [answers]
    return [answers, Check("Dask traffic", "not encrypted", "use it inside a trusted network only")]


def check_secrets() -> list[Check]:
    """The certificate, its key and the token of Ray, where the environment names them."""
    _, certificate, key, token = Secrets.named_in(os.environ)
    checks = [check_certificate(Path(certificate))] if certificate else []
    checks += [check_private("key", Path(key))] if key else []
    return checks + ([check_private("Ray token", Path(token))] if token else [])


def check_certificate(path: Path) -> Check:
    """Until when a certificate serves; the remedy comes 30 days ahead."""
    from cryptography import x509  # of the extra that makes certificates

    try:
        end = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError) as error:
        return Check("certificate", f"{path} cannot be read ({error})", RENEW)
    left = end - datetime.now(UTC)
    verb = "ends" if left > timedelta(0) else "ended"
    return Check(
        "certificate", f"{path.name} {verb} on {end:%Y-%m-%d}", "" if left > SOON else RENEW
    )


def check_private(subject: str, path: Path) -> Check:
    """Whether a secret is there, and others cannot read it."""
    if not path.is_file():
        return Check(subject, f"no file {path}", "copy it from where the cluster was made")
    mode = path.stat().st_mode & 0o777
    remedy = "" if mode & 0o077 == 0 else f"only you should read it: chmod 600 {path}"
    return Check(subject, f"{path}, mode {mode:o}", remedy)


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "is missing"

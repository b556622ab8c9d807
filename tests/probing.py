"""What listens, and what a stranger gets there; the page that says so.

Run as a script with ADDRESS,PORT words it is the stranger: user 65534, with a certificate of
another authority, who prints what every port answered.
"""

import encodings.idna  # noqa: F401  nobody could not import it later, and addresses need it
import json
import os
import re
import socket
import ssl
import struct
import subprocess
import sys
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import psutil

NOBODY = 65534
PAGE = Path(__file__).parents[1] / "SECURITY.md"
PATIENCE = 3.0  # seconds for an answer

# Dask's processes speak first; Ray's want HTTP/2; the last asks torch's store for its keys
HTTP2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0"
PATHS = ("/", "/status", "/metrics", "/health", "/info/main/workers.html", "/api/jobs/")
WORDS = [f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode() for path in PATHS]
WORDS += [HTTP2, b"\0" + struct.pack("=I", 0x3C85F7CE) + b"\7"]


class Row(NamedTuple):
    """A row of the table of what listens."""

    command: str
    listener: str
    address: str
    who: str

    def explains(self, address: str, answers: Iterable[str]) -> bool:
        """Whether the row has a socket with these answers, or 400 to what is no HTTP."""
        return where(address) in self.addresses and {*answers} <= {"", "400", *self.refusals}

    @property
    def addresses(self) -> set[str]:
        """Some of loopback, all, one: an address of the network."""
        known = {"loopback": "loopback", "all addresses": "all", "address of": "one"}
        return {short for words, short in known.items() if words in self.address} or {"one"}

    @property
    def refusals(self) -> list[str]:
        """Status of HTTP that a stranger gets, with the path where it is none of a refusal."""
        return re.findall(r"\b4\d\d\b|\b200 /\S*", self.who.replace("`", " "))


def rows(command: str) -> list[Row]:
    """Return the rows of the page that belong to a command."""
    found: list[Row] = []
    for line in PAGE.read_text().partition("## What listens")[2].splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if len(cells) == 5 and cells[0] not in ("command", "---"):
            found.append(Row(cells[0] or found[-1].command, *cells[1:4]))
    return [row for row in found if command in row.command]


def where(address: str) -> str:
    """Who reaches an address: loopback, one network, or all."""
    address = address.removeprefix("::ffff:")
    if address == "::1" or address.startswith("127."):
        return "loopback"
    return "all" if address in ("::", "0.0.0.0") else "one"


def listening(process: psutil.Process) -> set[tuple[str, int]]:
    """Addresses and ports that a process and those it started listen on."""
    found = set()
    for one in [process, *process.children(recursive=True)]:
        try:
            sockets = one.net_connections("inet")
        except psutil.NoSuchProcess:
            continue
        found |= {each.laddr[:2] for each in sockets if each.status == psutil.CONN_LISTEN}
    return found


def listening_in(table: str) -> set[tuple[str, int]]:
    """The same from /proc/net/tcp and tcp6: all of a host."""
    found = set()
    for words in map(str.split, table.splitlines()):
        if words[3] == "0A":  # listening
            address, port = words[1].split(":")
            bytes_ = b"".join(
                bytes.fromhex(address[k : k + 8])[::-1] for k in range(0, len(address), 8)
            )
            family = socket.AF_INET if len(bytes_) == 4 else socket.AF_INET6
            found.add((socket.inet_ntop(family, bytes_), int(port, 16)))
    return found


def asked(
    targets: Collection[tuple[str, int]],
    command: Callable[[Sequence[str]], Sequence[str]] = list,
) -> dict[tuple[str, int], set[str]]:
    """What a stranger gets of each port, where `command` makes the words that run theirs."""
    if not targets:
        return {}
    words = [sys.executable, __file__, *(f"{address},{port}" for address, port in targets)]
    done = subprocess.run(
        command(words), stdout=subprocess.PIPE, text=True, check=True, timeout=300
    )
    return {one: set(got) for one, got in zip(targets, json.loads(done.stdout), strict=True)}


def readable(folder: Path) -> list[str]:
    """What a stranger can read below a folder, or write."""
    words = [sys.executable, __file__, str(folder)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def unexplained(
    found: dict[tuple[str, int], set[str]], rows: Iterable[Row]
) -> dict[tuple[str, int], set[str]]:
    """Sockets that no row of the page has, with what they answered."""
    return {
        one: answers for one, answers in found.items()
        if not any(row.explains(one[0], answers) for row in rows)
    }  # fmt: skip


def missing(found: dict[tuple[str, int], set[str]], rows: Iterable[Row]) -> list[Row]:
    """Rows of the page that no socket fits, refusal by refusal."""
    return [
        row for row in rows
        if not any(
            row.explains(address, answers) and bool(row.refusals) == bool(answers - {"", "400"})
            for (address, _), answers in found.items()
        )
    ]  # fmt: skip


# --- the stranger


def _ask(address: str, port: int, words: bytes, context: ssl.SSLContext | None) -> str:
    """What comes back: the status of HTTP, nothing where it is closed, or the bytes in hex.

    A status that is no refusal comes with the path that was asked for.
    """
    try:
        with socket.create_connection((address, port), timeout=PATIENCE) as line:
            line.settimeout(PATIENCE)
            stranger = context.wrap_socket(line) if context else line
            stranger.sendall(words)
            answer = stranger.recv(200)
    except OSError:  # closed, or silent; an alert of TLS is an OSError too
        return ""
    if status := re.match(rb"HTTP/1\.\d (\d+)", answer):
        code = status[1].decode()
        return code if code[0] == "4" else f"{code} {words.split()[1].decode()}"
    return "" if answer[:1] == b"\x15" else answer.hex()  # 21 is an alert of TLS


def _stranger(targets: list[tuple[str, int]]) -> list[list[str]]:
    """Ask every port in the clear, and over TLS without a certificate and with a wrong one."""
    from deepnic.cluster.certificates import make_secrets

    without, wrong = (ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) for _ in range(2))
    for context in (without, wrong):
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        context.set_alpn_protocols(["h2"])
    with TemporaryDirectory() as folder:
        make_secrets(Path(folder), {})
        wrong.load_cert_chain(f"{folder}/client.pem", f"{folder}/client-key.pem")
    ways = [(words, None) for words in WORDS]
    ways += [(words, context) for words in WORDS for context in (without, wrong)]
    _become_nobody()
    with ThreadPoolExecutor(32) as pool:
        got = [[pool.submit(_ask, *target, *way) for way in ways] for target in targets]
        return [sorted({one.result() for one in answers}) for answers in got]


def _readable(folder: str) -> list[str]:
    _become_nobody()
    found = []
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = os.path.join(place, name)
            if not os.path.islink(path) and (os.access(path, os.R_OK) or os.access(path, os.W_OK)):
                found.append(path)
    return found


def _become_nobody() -> None:
    if os.geteuid() == 0:  # now, as nobody may not read the interpreter
        os.setgroups([])
        os.setgid(NOBODY)
        os.setuid(NOBODY)


if __name__ == "__main__":
    if "," in "".join(sys.argv[1:]):
        told = [word.rsplit(",", 1) for word in sys.argv[1:]]
        print(json.dumps(_stranger([(address, int(port)) for address, port in told])))
    else:
        print(json.dumps(_readable(sys.argv[1])))

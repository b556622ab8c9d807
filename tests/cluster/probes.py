"""What a stranger gets from the ports of the test hosts."""

import re
import socket
import ssl
from collections.abc import Collection

import psutil

from tests.cluster.hosts import Hosts


def look_for_open_ports(hosts: Hosts, but: Collection[int]) -> tuple[int, list[tuple]]:
    """Try every port that others reach: how many there are, and those that answer a stranger."""
    found = []
    for name, address in hosts.addresses.items():
        for port in listeners(hosts, name):
            if port not in but:
                found.append((name, port, plain(address, port), encrypted(address, port)))
    return len(found), [each for each in found if each[2] not in ("", "401") or each[3]]


def listening(process: psutil.Process) -> list[tuple[str, int]]:
    """Addresses and ports that a process and those it started listen on."""
    family = [process, *process.children(recursive=True)]
    sockets = [each for one in family for each in one.net_connections("inet")]
    return sorted({each.laddr[:2] for each in sockets if each.status == psutil.CONN_LISTEN})


def listeners(hosts: Hosts, name: str) -> list[int]:
    """Ports of a host that others reach."""
    ports = set()
    for line in hosts.run(name, ["cat", "/proc/net/tcp", "/proc/net/tcp6"]).splitlines():
        words = line.split()
        if words[3] != "0A":  # listening
            continue
        address, port = words[1].split(":")
        if not address.endswith("0100007F") and address != "0" * 24 + "01000000":
            ports.add(int(port, 16))
    return sorted(ports)


def plain(address: str, port: int) -> str:
    """What a request without a token gets: its status, nothing, or the answer as it is."""
    try:
        with socket.create_connection((address, port), timeout=10) as stranger:
            stranger.settimeout(5)
            stranger.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            answer = stranger.recv(200)
    except OSError:  # closed, or closed by now
        return ""
    status = re.match(rb"HTTP/1\.\d (\d+)", answer)
    if status:
        return status[1].decode()
    return "" if answer[:1] == b"\x15" else answer.hex()  # 21 is an alert of TLS


def encrypted(address: str, port: int) -> str:
    """What a client without a certificate gets once the line is encrypted."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    try:
        with socket.create_connection((address, port), timeout=10) as line:
            line.settimeout(5)
            with context.wrap_socket(line) as stranger:
                stranger.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0")
                return stranger.recv(200).hex()
    except OSError:  # as ssl.SSLError is
        return ""

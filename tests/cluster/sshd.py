"""An SSH server in each test host, and the inventory that describes them."""

import socket
import subprocess
import sys
import time
from pathlib import Path

from tests.cluster.hosts import Hosts
from tests.cluster.systemd import runtime

SSHD = "/usr/sbin/sshd"
PORT = 2222
RAY_PORT = 22  # the only one that Ray's launcher knows

INVENTORY = """
folder = "{folder}/hosts"
python = "{python}"
private_link = true
[ssh]
port = {port}
identity = "{folder}/identity"
known_hosts = "{folder}/known_hosts"
"""

HOST = """
[[hosts]]
name = "{name}"
address = "{address}"
interface = "eth0"
cores = 1
memory = "2GiB"
"""


def make_inventory(hosts: Hosts, folder: Path) -> Path:
    """Make keys and an inventory of the hosts in an empty folder, and start their servers."""
    for name in ("host_key", "identity"):
        generate = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)]
        subprocess.run(generate, check=True)
    key = " ".join((folder / "host_key.pub").read_text().split()[:2])
    known = [f"[{address}]:{PORT} {key}\n" for address in hosts.addresses.values()]
    (folder / "known_hosts").write_text("".join(known))
    inventory = folder / "inventory.toml"
    text = INVENTORY.format(folder=folder, python=sys.executable, port=PORT)
    for name, address in hosts.addresses.items():
        text += HOST.format(name=name, address=address)
        start_sshd(hosts, name, folder)
    inventory.write_text(text)
    return inventory


def start_sshd(hosts: Hosts, name: str, folder: Path) -> None:
    """Start the server of a host that has booted; it ends with the host."""
    Path("/run/sshd").mkdir(exist_ok=True)
    address = hosts.addresses[name]
    options = {
        "ListenAddress": address,
        "AuthorizedKeysFile": folder / "identity.pub",
        "StrictModes": "no",
        "UsePAM": "no",
        "PasswordAuthentication": "no",
        "SetEnv": f"XDG_RUNTIME_DIR={runtime(hosts, name)}",  # as PAM would
    }
    words = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]
    ports = ["-p", PORT, "-p", RAY_PORT]
    hosts.run(name, [SSHD, "-f", "/dev/null", *ports, "-h", folder / "host_key", *words])
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection((address, PORT), timeout=1).close()
            return
        except OSError:
            assert time.monotonic() < until, f"sshd of {name} does not answer"
            time.sleep(0.05)

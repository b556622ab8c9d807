"""Commands on hosts: the words for ssh, and what is said where a host is not reached."""

import shutil
import socket
import subprocess
from ipaddress import IPv4Address

import pytest

from deepnic.cli import main
from deepnic.cluster.ssh import shell
from deepnic.cluster.ssh.inventory import Ssh, read_inventory
from deepnic.errors import EngineError
from tests.cluster.test_inventory import EXAMPLE


def record(monkeypatch, code=0, stderr=b""):
    """Let ssh end with a code, and return the commands that it was given."""
    commands = []

    def run(words, **_):
        commands.append(words)
        return subprocess.CompletedProcess(words, code, b"printed\n", stderr)

    monkeypatch.setattr(shell.subprocess, "run", run)
    return commands


def test_ssh__asks_no_question_and_takes_the_login_of_the_inventory(monkeypatch):
    commands = record(monkeypatch)
    inventory = read_inventory(EXAMPLE)
    login = Ssh(user="marie", port=2222, identity="id", known_hosts="known")
    for each in (inventory, inventory.model_copy(update={"ssh": login})):
        assert shell.sh(each, each.head, "true") == "printed\n"
    plain, full = commands
    options = ["ssh", "-o", "BatchMode=yes", "-o", "ConnectTimeout=10"]
    options += ["-o", "ServerAliveInterval=10", "-o", "ServerAliveCountMax=2"]
    assert plain == [*options, "10.77.0.11", "sh -s"]
    assert full == [
        *options, "-o", "UserKnownHostsFile=known", "-o", "StrictHostKeyChecking=yes",
        "-i", "id", "-p", "2222", "-l", "marie", "10.77.0.11", "sh -s",
    ]  # fmt: skip


def test_cluster__of_a_host_that_is_off_ends_with_one_sentence(monkeypatch, tmp_path, capsys):
    record(monkeypatch, 255, b"Warning: hot\nssh: connect to host: No route to host\n")
    inventory = shutil.copy(EXAMPLE, tmp_path)
    for command in ("up", "down"):
        with pytest.raises(SystemExit, match="1"):
            main(["cluster", command, inventory])
        assert capsys.readouterr().err == (
            "error: ssh to ws1 failed (ssh: connect to host: No route to host); try "
            "`ssh 10.77.0.11`, and compare the inventory with what that takes\n"
        )


def test_ssh__to_what_says_nothing_ends_with_a_sentence():
    inventory = read_inventory(EXAMPLE)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        login = Ssh(port=silent.getsockname()[1])
        host = inventory.head.model_copy(update={"address": IPv4Address("127.0.0.1")})
        with pytest.raises(EngineError, match=r"ssh to ws1 failed .*timed out"):
            shell.sh(inventory.model_copy(update={"ssh": login}), host, "true")

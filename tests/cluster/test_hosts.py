"""The hosts that the other tests run on behave like hosts."""

import subprocess

import pytest

from tests.cluster.hosts import Hosts


def test_hosts__are_machines_of_their_own(hosts: Hosts):
    assert hosts.run("ws1", ["hostname"]).strip() == "ws1"
    assert hosts.run("ws2", ["getent", "ahostsv4", "ws1"]).startswith("10.77.0.11")
    assert len(hosts.run("ws1", ["ps", "ax"]).splitlines()) < 8
    reach = ["bash", "-c", "exec 3<>/dev/tcp/10.77.0.12/9"]
    refused = subprocess.run(hosts.command("ws1", reach), capture_output=True, text=True)
    assert "refused" in refused.stderr  # someone is there


def test_hosts__lose_power_and_cable(hosts: Hosts):
    with hosts.start("ws2", ["sleep", "100"]) as sleeping:
        hosts.power_off("ws2")
        assert sleeping.wait(timeout=5) != 0
    hosts.boot("ws2")
    reach = ["timeout", "1", "bash", "-c", "exec 3<>/dev/tcp/10.77.0.12/9"]
    hosts.unplug("ws2")
    with pytest.raises(subprocess.CalledProcessError) as silent:
        hosts.run("ws1", reach)
    assert silent.value.returncode in (1, 124)
    hosts.plug("ws2")
    reach[1] = "60"  # an answer, however busy the machine is
    answer = subprocess.run(hosts.command("ws1", reach), capture_output=True, text=True)
    assert "refused" in answer.stderr

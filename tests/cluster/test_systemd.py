"""The services as units of a real systemd: started, kept, back after a reboot, and removed."""

import re
import time
from pathlib import Path

import pytest

from deepnic.cluster.ssh import workstations
from deepnic.cluster.ssh.inventory import read_inventory
from tests.cluster import systemd
from tests.cluster.conftest import skip_for
from tests.cluster.hosts import PATIENCE, Hosts
from tests.cluster.sshd import SSHD, make_inventory

pytestmark = [pytest.mark.ray, pytest.mark.slow]


def test_units__are_started_kept_and_removed(hosts: Hosts, tmp_path):
    skip_for(systemd.lacking() or ("" if Path(SSHD).exists() else "no sshd is installed"))
    inventory = read_inventory(make_inventory(hosts, tmp_path))
    inventory = inventory.model_copy(update={"start": "systemd", "hosts": inventory.hosts[:1]})
    secrets = tmp_path / "secrets"

    def whole() -> bool:
        (state,) = workstations.status(inventory, secrets)
        return len(state.running) == 3 and not state.absent

    def wait_whole() -> None:
        until = time.monotonic() + PATIENCE
        while not whole():
            assert time.monotonic() < until
            time.sleep(0.5)

    def workers() -> list[str]:
        return [line for line in hosts.processes("ws1") if "-m dask worker" in line]

    with systemd.user_systemd(hosts, "ws1"):
        workstations.up(inventory, secrets)
        assert whole()
        (first,) = workers()
        hosts.run("ws1", ["kill", "-9", first.split()[0]])
        wait_whole()
        assert first not in workers()
    assert not workers()
    with systemd.user_systemd(hosts, "ws1"):  # as after a reboot
        wait_whole()
        workstations.down(inventory)
        assert not re.search("dask|ray", "\n".join(hosts.processes("ws1")))
        (state,) = workstations.status(inventory, secrets)
        assert not state.running
    assert not list((hosts.folder / "ws1" / "home").rglob("deepnic-*.service"))

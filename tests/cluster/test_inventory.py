"""The inventory: what an example says, and what is refused."""

from pathlib import Path

import pytest

from deepnic.cluster.ssh.inventory import read_inventory
from deepnic.errors import InputError

EXAMPLE = Path(__file__).parents[2] / "cluster" / "workstations" / "inventory.toml"

HOST = '[[hosts]]\nname = "{}"\naddress = "{}"\ninterface = "eth0"\ncores = 2\nmemory = "8GiB"\n'
TOP = 'folder = "/data"\npython = "/opt/python"\n'
ONE = HOST.format("ws1", "10.0.0.1")


def test_read_inventory__of_the_example():
    inventory = read_inventory(EXAMPLE)
    assert [host.name for host in inventory.hosts] == ["ws1", "ws2"]
    assert inventory.head.memory == 192 * 2**30
    assert inventory.dask == f"tls://{inventory.head.address}:8786"
    assert inventory.ray == f"{inventory.head.address}:6379"


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (TOP, r"the key 'hosts' is missing"),
        (TOP + "hosts = []", r"hosts is \[\], but .* at least 1 item"),
        (TOP + ONE + "core = 1", r"unknown key 'core' in \[hosts.0\]; choose from name, address"),
        (TOP + ONE.replace("8GiB", "much"), r"memory is 'much' in \[hosts.0\], but "),
        (TOP + HOST.format("ws 1; reboot", "10.0.0.1"), r"name is 'ws 1; reboot' in \[hosts.0\]"),
        (TOP + HOST.format("ws1", "somewhere"), r"address is 'somewhere' in \[hosts.0\]"),
        (TOP + ONE + HOST.format("ws1", "10.0.0.2"), "two hosts have the name ws1; give each"),
        (TOP + ONE + HOST.format("ws2", "10.0.0.1"), "two hosts have the address 10.0.0.1; give"),
        (
            TOP.replace("/data", "data") + ONE,
            r"folder is 'data', but it should be an absolute path",
        ),
        (TOP.replace("/data", "/my data") + ONE, r"folder is '/my data', but it should be an abs"),
        (TOP + 'start = "upstart"\n' + ONE, r"start is 'upstart', but it should be 'ssh' or 'sys"),
        (TOP + "[ports]\ndask = 0\n" + ONE, r"dask is 0 in \[ports\], but it should be greater"),
    ],
)
def test_read_inventory__refuses_in_a_sentence(tmp_path, text, sentence):
    file = tmp_path / "inventory.toml"
    file.write_text(text)
    with pytest.raises(InputError, match=sentence) as refused:
        read_inventory(file)
    assert "\n" not in str(refused.value)

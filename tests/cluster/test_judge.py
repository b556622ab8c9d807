"""What hosts say of themselves, judged: the facts are made up."""

from hashlib import sha256

import pytest

from deepnic.cluster.certificates import make_secrets
from deepnic.cluster.ssh import judge
from deepnic.cluster.ssh.host_facts import Answer, HostFacts
from deepnic.cluster.ssh.inventory import Inventory
from deepnic.config import checked

GIB = 2**30
CARD = {"interface": "eth0", "cores": 18, "memory": "192GiB", "gpus": 2}
INVENTORY = checked(
    Inventory,
    {
        "folder": "/data",
        "python": "/opt/python",
        "hosts": [CARD | {"name": f"ws{k}", "address": f"10.0.0.{k}"} for k in (1, 2)],
    },
)
HEAD = INVENTORY.head


def make_facts(**changed):
    same = dict(
        versions={}, cores=18, memory=192 * GIB, gpus=2, cards={}, encrypted=[], certificate=""
    )
    return HostFacts(**same | dict(token="", ports={}, checks=[]) | changed)


@pytest.mark.parametrize(
    ("encrypted", "changed", "result", "remedy"),
    [
        (["eth0"], {}, "eth0 is of WireGuard", ""),
        (["wg0"], {}, "what training sends on eth0 is not encrypted", "private_link = true"),
        ([], {"private_link": True}, "the inventory says that the link is private", ""),
        ([], {"hosts": INVENTORY.hosts[:1]}, "one host trains by itself", ""),
    ],
)
def test_check_link__wants_it_encrypted_or_private(encrypted, changed, result, remedy):
    inventory = INVENTORY.model_copy(update=changed)
    check = judge.check_link(inventory, inventory.head, encrypted)
    assert result in check.result
    assert remedy in check.remedy
    assert bool(remedy) == bool(check.remedy)


@pytest.mark.parametrize(
    ("ahead", "doubt", "result", "remedy"),
    [
        (0.2, 0.2, "as this machine, give or take 0.2 s", ""),
        (-2.9, 0.1, "2.9 s behind", ""),
        (9.0, 8.0, "9.0 s ahead of", ""),  # the way there took so long that little is known
        (9.0, 1.0, "9.0 s ahead of", "wrong order"),
        (-9.0, 1.0, "9.0 s behind", "wrong order"),
        (9000.0, 1.0, "9000.0 s ahead of", "wrong order"),
        (-9000.0, 1.0, "9000.0 s behind", "not valid there yet"),
    ],
)
def test_check_clock__tells_harm_beyond_doubt(ahead, doubt, result, remedy):
    check = judge.check_clock(ahead, doubt)
    assert check.result.startswith(result)
    assert remedy in check.remedy
    assert bool(remedy) == bool(check.remedy)


HERE = {"Python": "3.11.7", "torch": "2.13.0+cpu", "dask": "2026.8.0"}


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({}, []),
        ({"Python": "3.11.2", "torch": "2.13.0"}, []),  # neither the patch nor the device
        ({"Python": "3.12.7"}, ["Python 3.12.7, here 3.11.7"]),
        ({"dask": "is missing"}, ["dask is missing, here 2026.8.0"]),
        ({"torch": "2.12.0", "dask": "2025.1.0"}, ["torch 2.12.0, here", "dask 2025.1.0, here"]),
    ],
)
def test_check_versions__names_what_differs(changed, named):
    check = judge.check_versions(HERE | changed, HERE)
    assert all(words in check.result for words in named)
    assert len(check.result.split(";")) == max(1, len(named))
    assert ("constraints.txt" in check.remedy) == bool(named)


def test_check_versions__of_a_deepnic_that_tells_less():
    assert judge.check_versions({}, {"zarr": "3.1"}).result == "zarr is missing, here 3.1"


@pytest.mark.parametrize(
    ("cards", "remedy"),
    [
        ({"lo": ["127.0.0.1"], "eth0": ["192.168.0.1", "10.0.0.1"]}, ""),
        ({"lo": ["127.0.0.1"], "eth0": [], "ib0": ["10.0.0.1"]}, 'interface = "ib0" for ws1'),
        ({"lo": ["127.0.0.1"], "eth0": ["10.9.9.9"]}, "the address and interface of one of them"),
    ],
)
def test_check_card__has_the_address(cards, remedy):
    check = judge.check_card(HEAD, cards)
    assert remedy in check.remedy
    assert bool(remedy) == bool(check.remedy)


@pytest.mark.parametrize(
    ("changed", "remedy"),
    [
        ({}, ""),
        ({"cores": 64, "memory": 188 * GIB}, ""),  # what a machine sold with 192 GiB has
        ({"cores": 16}, "write cores = 16 for ws1"),
        ({"memory": 128 * GIB}, 'write memory = "128GiB" for ws1'),
        ({"gpus": 1, "cores": 4}, "write cores = 4, gpus = 1 for ws1"),
    ],
)
def test_check_resources__are_there(changed, remedy):
    check = judge.check_resources(HEAD, make_facts(**changed))
    assert check.remedy.startswith(remedy)
    assert bool(remedy) == bool(check.remedy)


def test_check_membership__knows_another_cluster(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        make_secrets(folder, {"ws1": "10.0.0.1"})
    certificate = (own / "ws1.pem").read_text()
    token = (own / "ray_token").read_bytes()
    digest = sha256(token).hexdigest()

    def membership(secrets, **changed):
        facts = make_facts(certificate=certificate, token=digest).model_copy(update=changed)
        return judge.check_membership(facts, secrets)

    assert membership(own).remedy == ""
    assert membership(own, certificate="").remedy == ""
    for check in (
        membership(other),
        membership(tmp_path / "none"),
        membership(own, certificate="none"),
        membership(own, certificate=(other / "ws1.pem").read_text()),
    ):
        assert "the certificate is not of the authority in" in check.result
        assert "`deepnic cluster down`, then `up`" in check.remedy
    assert "the token is not the one in" in membership(own, token="0").result
    assert "the token is not the one in" in membership(own, token="").result
    assert not any(token.decode() in part for part in membership(own, token="0"))


FREE = dict.fromkeys(judge.listeners(INVENTORY), Answer.REFUSED)
DASK, RAY = judge.doors(INVENTORY)
DASK_RUNS = {DASK: Answer.TRUSTED}
RAY_RUNS = {
    RAY: Answer.TRUSTED,
    "127.0.0.1:6379": Answer.TRUSTED,
    "127.0.0.1:8265": Answer.STRANGER,
}


def test_listeners__are_where_the_services_listen():
    assert (DASK, RAY) == ("10.0.0.1:8786", "10.0.0.1:6379")
    assert list(FREE)[2:] == ["127.0.0.1:6379", "127.0.0.1:8265"]


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ({}, []),
        (DASK_RUNS | RAY_RUNS, []),
        (RAY_RUNS, []),
        ({DASK: Answer.STRANGER}, ["dask"]),
        ({DASK: Answer.SILENT}, ["dask"]),
        ({"127.0.0.1:6379": Answer.STRANGER}, ["ray"]),  # as a Redis of the distribution
        (DASK_RUNS | {"127.0.0.1:8265": Answer.STRANGER}, ["ray_dashboard"]),
    ],
)
def test_check_listeners__are_free_or_ours(changed, taken):
    checks = judge.check_listeners(INVENTORY, FREE | changed)
    assert [check.subject for check in checks] == [f"port {n}" for n in (8786, 6379, 8265)]
    remedies = [check.remedy for check in checks if check.remedy]
    assert len(remedies) == len(taken)
    for name, remedy in zip(taken, remedies, strict=True):
        assert f"another port for {name} in [ports]" in remedy


@pytest.mark.parametrize(
    ("there", "at_head", "remedy"),
    [
        ("REFUSED", "REFUSED", ""),
        ("TRUSTED", "TRUSTED", ""),
        ("STRANGER", "STRANGER", ""),  # told of the head already
        ("STRANGER", None, ""),
        ("REFUSED", None, ""),
        ("REFUSED", "TRUSTED", "firewalls"),
        ("SILENT", "TRUSTED", "firewalls"),
        ("SILENT", "REFUSED", "firewalls"),
        ("SILENT", None, "firewalls"),
        ("STRANGER", "TRUSTED", "another authority"),
    ],
)
def test_check_doors__tells_firewalls_from_what_is_not_started(there, at_head, remedy):
    head = {DASK: Answer[at_head]} if at_head else {}
    (check,) = judge.check_doors(INVENTORY, {DASK: Answer[there]}, head)
    assert check[:2] == ("way to 10.0.0.1:8786", Answer[there])
    assert remedy in check.remedy
    assert bool(remedy) == bool(check.remedy)

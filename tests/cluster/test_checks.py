"""What hosts say of themselves, judged: the facts are made up."""

from hashlib import sha256

import pytest

from deepnic.cluster.certificates import make_secrets
from deepnic.cluster.ssh import checks
from deepnic.cluster.ssh.facts import Answer, Facts
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
    same = dict(versions={}, cores=18, memory=192 * GIB, gpus=2, cards={}, certificate="")
    return Facts(**same | dict(token="", ports={}, findings=[]) | changed)


@pytest.mark.parametrize(
    ("ahead", "doubt", "found", "remedy"),
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
def test_check_clock__tells_harm_beyond_doubt(ahead, doubt, found, remedy):
    finding = checks.check_clock(ahead, doubt)
    assert finding.found.startswith(found)
    assert remedy in finding.remedy
    assert bool(remedy) == bool(finding.remedy)


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
    finding = checks.check_versions(HERE | changed, HERE)
    assert all(words in finding.found for words in named)
    assert len(finding.found.split(";")) == max(1, len(named))
    assert ("constraints.txt" in finding.remedy) == bool(named)


def test_check_versions__of_a_deepnic_that_tells_less():
    assert checks.check_versions({}, {"zarr": "3.1"}).found == "zarr is missing, here 3.1"


@pytest.mark.parametrize(
    ("cards", "remedy"),
    [
        ({"lo": ["127.0.0.1"], "eth0": ["192.168.0.1", "10.0.0.1"]}, ""),
        ({"lo": ["127.0.0.1"], "eth0": [], "ib0": ["10.0.0.1"]}, 'interface = "ib0" for ws1'),
        ({"lo": ["127.0.0.1"], "eth0": ["10.9.9.9"]}, "the address and interface of one of them"),
    ],
)
def test_check_card__has_the_address(cards, remedy):
    finding = checks.check_card(HEAD, cards)
    assert remedy in finding.remedy
    assert bool(remedy) == bool(finding.remedy)


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
    finding = checks.check_resources(HEAD, make_facts(**changed))
    assert finding.remedy.startswith(remedy)
    assert bool(remedy) == bool(finding.remedy)


def test_check_membership__knows_another_cluster(tmp_path):
    own, other = tmp_path / "own", tmp_path / "other"
    for folder in (own, other):
        make_secrets(folder, {"ws1": "10.0.0.1"})
    certificate = (own / "ws1.pem").read_text()
    token = (own / "ray_token").read_bytes()
    digest = sha256(token).hexdigest()

    def check(secrets, **changed):
        facts = make_facts(certificate=certificate, token=digest).model_copy(update=changed)
        return checks.check_membership(facts, secrets)

    assert check(own).remedy == ""
    assert check(own, certificate="").remedy == ""
    for finding in (
        check(other),
        check(tmp_path / "none"),
        check(own, certificate="none"),
        check(own, certificate=(other / "ws1.pem").read_text()),
    ):
        assert "the certificate is not of the authority in" in finding.found
        assert "`deepnic cluster down`, then `up`" in finding.remedy
    assert "the token is not the one in" in check(own, token="0").found
    assert "the token is not the one in" in check(own, token="").found
    assert not any(token.decode() in part for part in check(own, token="0"))


FREE = dict.fromkeys(checks.listeners(INVENTORY), Answer.REFUSED)
DASK, RAY = checks.doors(INVENTORY)
DASK_RUNS = {DASK: Answer.TRUSTED, "127.0.0.1:8787": Answer.STRANGER}
RAY_RUNS = {
    RAY: Answer.TRUSTED,
    "127.0.0.1:6379": Answer.TRUSTED,
    "127.0.0.1:8265": Answer.STRANGER,
}


def test_listeners__are_where_the_services_listen():
    assert (DASK, RAY) == ("10.0.0.1:8786", "10.0.0.1:6379")
    assert list(FREE)[2:] == ["127.0.0.1:6379", "127.0.0.1:8787", "127.0.0.1:8265"]


@pytest.mark.parametrize(
    ("changed", "taken"),
    [
        ({}, []),
        (DASK_RUNS | RAY_RUNS, []),
        (RAY_RUNS, []),
        ({DASK: Answer.STRANGER}, ["dask"]),
        ({DASK: Answer.SILENT}, ["dask"]),
        ({"127.0.0.1:6379": Answer.STRANGER}, ["ray"]),  # as a Redis of the distribution
        ({"127.0.0.1:8787": Answer.STRANGER}, ["dask_dashboard"]),
        (DASK_RUNS | {"127.0.0.1:8265": Answer.STRANGER}, ["ray_dashboard"]),
    ],
)
def test_check_listeners__are_free_or_ours(changed, taken):
    findings = checks.check_listeners(INVENTORY, FREE | changed)
    assert [finding.what for finding in findings] == [f"port {n}" for n in (8786, 8787, 6379, 8265)]
    remedies = [finding.remedy for finding in findings if finding.remedy]
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
    (finding,) = checks.check_doors(INVENTORY, {DASK: Answer[there]}, head)
    assert finding[:2] == ("way to 10.0.0.1:8786", Answer[there])
    assert remedy in finding.remedy
    assert bool(remedy) == bool(finding.remedy)

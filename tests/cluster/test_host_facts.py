"""What this machine says of itself, and what it meets at ports."""

import os
import socket
import ssl
import subprocess
import sys
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Thread

import pytest
import torch

from deepnic.cluster.certificates import make_secrets
from deepnic.cluster.ssh import host_facts
from deepnic.cluster.ssh.host_facts import Answer, HostFacts, knock, look
from deepnic.host import devices, doctor
from deepnic.host.environment import Secrets


@pytest.fixture(scope="module")
def secrets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("secrets")
    make_secrets(folder, {"ws1": "127.0.0.1"})
    return folder


@contextmanager
def serving(context=None):
    """A server of one connection, encrypted if a context is given: its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            try:
                line, _ = server.accept()
                with line:
                    if context:
                        context.wrap_socket(line, server_side=True).close()
                    else:
                        line.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
            except OSError:  # the other side has left
                pass

        thread = Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def server_of(secrets):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=secrets / "authority.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(secrets / "ws1.pem", secrets / "ws1-key.pem")
    return context


def test_knock__trusts_its_own_cluster_only(secrets, tmp_path):
    make_secrets(tmp_path, {"ws1": "127.0.0.1"})
    own = Secrets.of(secrets, "client")
    with serving(server_of(secrets)) as address:
        assert knock(address, own) is Answer.TRUSTED
    with serving(server_of(tmp_path)) as address:
        assert knock(address, own) is Answer.STRANGER
    with serving() as address:
        assert knock(address, own) is Answer.STRANGER


@pytest.mark.parametrize("none", [Secrets.named_in({}), Secrets.of(Path("no"), "client")])
def test_knock__trusts_nobody_without_certificates(secrets, none):
    with serving(server_of(secrets)) as address:
        assert knock(address, none) is Answer.STRANGER


def test_knock__does_not_wait_for_one_who_says_nothing(monkeypatch, secrets):
    monkeypatch.setattr(host_facts, "KNOCK", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert knock(address, Secrets.of(secrets, "client")) is Answer.STRANGER


@pytest.mark.parametrize("error", [TimeoutError, OSError("no route to host")])
def test_knock__at_a_door_that_is_shut(monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert knock("10.0.0.1:8786", Secrets.named_in({})) is Answer.SILENT


def test_facts__of_this_machine(monkeypatch, secrets, tmp_path):
    for name, value in Secrets.of(secrets, "client").variables().items():
        monkeypatch.setenv(name, value)
    facts = look(tmp_path, 0, ["127.0.0.1:1"])
    assert facts.versions == doctor.versions()
    assert facts.cores == os.cpu_count()
    assert facts.memory == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert "127.0.0.1" in facts.cards["lo"]
    assert facts.certificate == (secrets / "client.pem").read_text()
    assert facts.ports == {"127.0.0.1:1": Answer.REFUSED}
    subjects = [check.subject for check in facts.checks]
    assert subjects == ["own name", "certificate", "key", "Ray token", "free disk"]
    assert look(tmp_path / "none", 0, []).checks[-1].subject == "Ray token"


def test_facts__keep_the_token_to_themselves(secrets):
    answer = say(Secrets.of(secrets, "client").variables(), "0")
    token = (secrets / "ray_token").read_text()
    assert token not in answer
    assert (secrets / "client-key.pem").read_text().splitlines()[1] not in answer
    facts = HostFacts.model_validate_json(answer)
    assert facts.token == sha256(token.encode()).hexdigest()


def test_facts__without_secrets():
    facts = HostFacts.model_validate_json(say({}, "0"))
    assert (facts.certificate, facts.token) == ("", "")


def test_facts__of_gpus(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.setattr(devices, "check_devices", lambda: [doctor.Check("torch", "made up")])
    facts = look(tmp_path, 2, [])
    assert facts.gpus == 3
    assert facts.checks[-1] == ("torch", "made up", "")


def test_facts__ask_torch_only_for_gpus(tmp_path):
    script = (
        "import sys; from deepnic.cluster.ssh.host_facts import look; from pathlib import Path; "
    )
    script += (
        "look(Path(), 0, []); print([n for n in ('torch', 'ray', 'dask') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
    facts = look(tmp_path, 1, [])
    assert "torch" in [check.subject for check in facts.checks]


def say(variables, gpus):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    words = [sys.executable, "-m", "deepnic.cluster.ssh.host_facts", ".", gpus]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=kept | variables)
    return done.stdout

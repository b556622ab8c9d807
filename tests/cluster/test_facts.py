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

from deepnic.cluster.certificates import make_secrets
from deepnic.cluster.ssh import facts as module
from deepnic.cluster.ssh.facts import Answer, Facts, facts, knock
from deepnic.cluster.ssh.services import environment
from deepnic.host import doctor


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
    own = environment(secrets, "client")
    with serving(server_of(secrets)) as address:
        assert knock(address, own) is Answer.TRUSTED
    with serving(server_of(tmp_path)) as address:
        assert knock(address, own) is Answer.STRANGER
    with serving() as address:
        assert knock(address, own) is Answer.STRANGER


@pytest.mark.parametrize("variables", [{}, environment(Path("no"), "client")])
def test_knock__trusts_nobody_without_certificates(secrets, variables):
    with serving(server_of(secrets)) as address:
        assert knock(address, variables) is Answer.STRANGER


def test_knock__does_not_wait_for_one_who_says_nothing(monkeypatch, secrets):
    monkeypatch.setattr(module, "PATIENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        assert knock(address, environment(secrets, "client")) is Answer.STRANGER


@pytest.mark.parametrize("error", [TimeoutError, OSError("no route to host")])
def test_knock__at_a_door_that_is_shut(monkeypatch, error):
    def refuse(*_, **__):
        raise error

    monkeypatch.setattr(socket, "create_connection", refuse)
    assert knock("10.0.0.1:8786", {}) is Answer.SILENT


def test_facts__of_this_machine(monkeypatch, secrets, tmp_path):
    for name, value in environment(secrets, "client").items():
        monkeypatch.setenv(name, value)
    found = facts(tmp_path, 0, ["127.0.0.1:1"])
    assert found.versions == doctor.versions()
    assert found.cores == os.cpu_count()
    assert found.memory == os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert "127.0.0.1" in found.cards["lo"]
    assert found.certificate == (secrets / "client.pem").read_text()
    assert found.ports == {"127.0.0.1:1": Answer.REFUSED}
    whats = [finding.what for finding in found.findings]
    assert whats == ["own name", "certificate", "key", "Ray token", "free disk"]
    assert facts(tmp_path / "none", 0, []).findings[-1].what == "Ray token"


def test_facts__keep_the_token_to_themselves(secrets):
    told = say(environment(secrets, "client"), "0")
    token = (secrets / "ray_token").read_text()
    assert token not in told
    assert (secrets / "client-key.pem").read_text().splitlines()[1] not in told
    found = Facts.model_validate_json(told)
    assert found.token == sha256(token.encode()).hexdigest()


def test_facts__without_secrets():
    found = Facts.model_validate_json(say({}, "0"))
    assert (found.certificate, found.token) == ("", "")


def test_facts__ask_torch_only_for_gpus(tmp_path):
    script = "import sys; from deepnic.cluster.ssh.facts import facts; from pathlib import Path; "
    script += (
        "facts(Path(), 0, []); print([n for n in ('torch', 'ray', 'dask') if n in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], check=True, capture_output=True, text=True
    )
    assert done.stdout == "[]\n"
    found = facts(tmp_path, 1, [])
    assert "torch" in [finding.what for finding in found.findings]


def say(variables, gpus):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    words = [sys.executable, "-m", "deepnic.cluster.ssh.facts", ".", gpus]
    done = subprocess.run(words, check=True, capture_output=True, text=True, env=kept | variables)
    return done.stdout

"""Certificates and keys: who may read them, when they are made again, when they are told to end."""

import datetime
import re
import shutil
import ssl
import stat
import subprocess

import pytest
from cryptography import x509
from typer.testing import CliRunner

from deepnic.cli import app
from deepnic.cluster import certificates
from deepnic.cluster.certificates import (
    check_certificates,
    make_secrets,
    renew_certificate,
    replace_secrets,
)
from deepnic.cluster.ssh import workstations
from deepnic.errors import InputError
from deepnic.host.doctor import RENEW
from tests.cluster.test_inventory import EXAMPLE

HOSTS = {"ws1": "10.0.0.11", "ws2": "10.0.0.12"}


@pytest.fixture
def folder(tmp_path):
    make_secrets(tmp_path / "secrets", HOSTS)
    return tmp_path / "secrets"


def test_make_secrets__are_for_their_owner_only(folder):
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    files = list(folder.iterdir())
    assert len(files) == 10  # authority, client and two hosts, the token, .gitignore
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
    assert re.fullmatch("[0-9a-f]{64}", (folder / "ray_token").read_text())


def test_make_secrets__keeps_what_is_there(folder):
    before = {file: file.read_bytes() for file in folder.iterdir()}
    make_secrets(folder, HOSTS)
    assert {file: file.read_bytes() for file in folder.iterdir()} == before


def test_make_secrets__of_a_host_that_moved(folder):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    make_secrets(folder, HOSTS | {"ws2": "10.0.0.13"})
    changed = {file.name for file in folder.iterdir() if file.read_bytes() != before[file.name]}
    assert changed == {"ws2.pem", "ws2-key.pem"}


@pytest.mark.parametrize("name", ["ws1", "localhost", "10.0.0.11", "127.0.0.1"])
def test_make_secrets__certificates_stand_for_name_and_address(folder, name):
    assert handshake(folder, "ws1", name)


def test_make_secrets__certificates_of_one_host_do_not_stand_for_another(folder):
    with pytest.raises(ssl.SSLCertVerificationError, match=r"not valid for '10.0.0.12'"):
        handshake(folder, "ws1", "10.0.0.12")


def handshake(folder, host: str, name: str) -> bool:
    """Let a client that expects a name meet a host, both with their certificates."""
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "authority.pem")
    server.load_cert_chain(folder / f"{host}.pem", folder / f"{host}-key.pem")
    server.verify_mode = ssl.CERT_REQUIRED
    client = ssl.create_default_context(cafile=folder / "authority.pem")
    client.load_cert_chain(folder / "client.pem", folder / "client-key.pem")
    for context in (server, client):
        context.verify_flags |= ssl.VERIFY_X509_STRICT  # as Python 3.13
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [
        client.wrap_bio(to_client, to_server, server_hostname=name),
        server.wrap_bio(to_server, to_client, server_side=True),
    ]
    for _ in range(3):
        for end in list(ends):
            try:
                end.do_handshake()
                ends.remove(end)
            except ssl.SSLWantReadError:
                pass
    return not ends


def roles(folder, name):
    command = ["openssl", "x509", "-noout", "-ext", "extendedKeyUsage", "-in", folder / name]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    return said.splitlines()[-1].strip()


def test_make_secrets__certificates_say_their_role(folder):
    assert roles(folder, "ws1.pem") == (
        "TLS Web Server Authentication, TLS Web Client Authentication"
    )
    assert roles(folder, "client.pem") == "TLS Web Client Authentication"


def test_make_secrets__the_client_does_not_stand_for_a_service(folder):
    with pytest.raises(ssl.SSLCertVerificationError, match="unsuitable certificate purpose"):
        handshake(folder, "client", "localhost")


def test_make_secrets__renews_certificates_without_a_role(tmp_path, monkeypatch):
    with monkeypatch.context() as former:
        former.setattr(certificates, "_roles", lambda _: x509.PrecertPoison())
        make_secrets(tmp_path, HOSTS)
    token = (tmp_path / "ray_token").read_text()
    make_secrets(tmp_path, HOSTS)
    assert roles(tmp_path, "client.pem") == "TLS Web Client Authentication"
    assert (tmp_path / "ray_token").read_text() == token
    assert handshake(tmp_path, "ws1", "10.0.0.11")


def test_renew_certificate__of_one_host_leaves_all_others(folder):
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    renew_certificate(folder, HOSTS, "ws2")
    changed = {file.name for file in folder.iterdir() if file.read_bytes() != before[file.name]}
    assert changed == {"ws2.pem", "ws2-key.pem"}
    assert handshake(folder, "ws2", "10.0.0.12")
    with pytest.raises(InputError, match="'ws3'; choose from ws1, ws2, client"):
        renew_certificate(folder, HOSTS, "ws3")


def test_renew_certificate__takes_an_authority(tmp_path):
    with pytest.raises(InputError, match="no key of an authority"):
        renew_certificate(tmp_path, HOSTS, "ws2")


def test_replace_secrets__former_keys_open_nothing(folder):
    former = replace_secrets(folder, HOSTS)
    assert sorted(file.name for file in former.iterdir()) == sorted(
        file.name for file in folder.iterdir()
    )
    assert not {f.read_bytes() for f in former.glob("ray_token")} & {
        f.read_bytes() for f in folder.glob("ray_token")
    }
    assert stat.S_IMODE(former.stat().st_mode) == stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert handshake(folder, "ws1", "10.0.0.11")
    for name in ("client.pem", "client-key.pem"):
        shutil.copy(former / name, folder)
    with pytest.raises(ssl.SSLCertVerificationError, match="unable to get local issuer"):
        handshake(folder, "ws1", "10.0.0.11")


def test_certificates__are_listed_renewed_and_replaced(tmp_path, monkeypatch):
    inventory = shutil.copy(EXAMPLE, tmp_path)
    done = []
    monkeypatch.setattr(workstations, "down", lambda _: done.append("down"))
    monkeypatch.setattr(workstations, "_check_shared", lambda _: None)
    monkeypatch.setattr(workstations, "_send", lambda _, host, __: done.append(host.name))
    make_secrets(tmp_path / "secrets", {})

    def run(*options):
        return CliRunner().invoke(app, ["cluster", "certificates", inventory, *options])

    listed = run()
    assert listed.exit_code == 0, listed.output
    assert "client.pem ends on" in listed.stdout
    assert not done
    assert run("--renew", "ws1").exit_code == 0
    before = (tmp_path / "secrets" / "ws1.pem").read_bytes()
    assert done == ["ws1", "ws2"]
    assert run("--replace").exit_code == 0
    assert done == ["ws1", "ws2", "down", "ws1", "ws2"]
    assert (tmp_path / "secrets" / "ws1.pem").read_bytes() != before
    assert isinstance(run("--replace", "--renew", "ws1").exception, InputError)


def test_check_certificates__looks_at_each_and_at_no_key(folder):
    assert [check.result.split()[0] for check in check_certificates(folder)] == [
        "authority.pem", "client.pem", "ws1.pem", "ws2.pem"
    ]  # fmt: skip
    assert {check.remedy for check in check_certificates(folder)} == {""}


def test_status__warns_of_certificates_that_end(tmp_path, monkeypatch):
    inventory = shutil.copy(EXAMPLE, tmp_path)
    monkeypatch.setattr(workstations, "status", lambda *_: [])
    monkeypatch.setattr(certificates, "VALID", datetime.timedelta(days=20))
    make_secrets(tmp_path / "secrets", {"ws1": "10.0.0.11"})
    done = CliRunner().invoke(app, ["cluster", "status", inventory])
    assert done.exit_code == 0, done.output
    warnings = done.stderr.splitlines()
    assert len(warnings) == 3
    assert re.fullmatch(
        r"warning: certificate authority.pem ends on 20\d\d-\d\d-\d\d; .+", warnings[0]
    )
    assert warnings[0].endswith(RENEW)

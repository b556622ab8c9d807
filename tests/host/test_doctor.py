"""What doctor says of machines that are not as they should be."""

import os
import shutil
import socket
from collections import namedtuple
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from deepnic.host import doctor
from deepnic.host.environment import Secrets


def test_check_disk__wants_room_and_permission(tmp_path, monkeypatch):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 2e9))
    assert "make room" in doctor.check_disk(tmp_path).remedy
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 2e12))
    assert doctor.check_disk(tmp_path).remedy == ""
    assert "2.0 TB" in doctor.check_disk(tmp_path).result
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "cannot be written to" in doctor.check_disk(tmp_path).remedy


def test_check_memory__is_of_this_machine_and_its_limits(monkeypatch):
    of = namedtuple("memory", "available")
    # first, as distributed asks for the memory of the machine where it is loaded
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", 16e9)
    monkeypatch.setattr("psutil.virtual_memory", lambda: of(9e9))
    assert doctor.check_memory() == ("memory", "9.0 GB free of 16.0 GB", "")
    monkeypatch.setattr("distributed.system.MEMORY_LIMIT", 2e9)  # of a container
    assert doctor.check_memory().result == "2.0 GB free of 2.0 GB"
    assert "end other programs" in doctor.check_memory().remedy


@pytest.mark.parametrize(
    ("address", "words"), [("127.0.1.1", "GLOO_SOCKET_IFNAME"), ("10.0.0.7", "")]
)
def test_check_own_name__knows_gloos_trap(monkeypatch, address, words):
    monkeypatch.delenv("GLOO_SOCKET_IFNAME", raising=False)
    monkeypatch.setattr(socket, "gethostbyname", lambda _: address)
    check = doctor.check_own_name()
    assert check.result.endswith(f" is {address}")
    assert words in check.remedy
    assert bool(words) == bool(check.remedy)


def test_check_own_name__is_nothing_to_gloo_that_has_a_card(monkeypatch):
    monkeypatch.setattr(socket, "gethostbyname", lambda _: "127.0.1.1")
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "eth7")
    check = doctor.check_own_name()
    assert check.result.endswith(" is 127.0.1.1, but Gloo takes eth7")
    assert check.remedy == ""


def test_check_own_name__without_address(monkeypatch):
    def unknown(_):
        raise socket.gaierror

    monkeypatch.setattr(socket, "gethostbyname", unknown)
    assert "/etc/hosts" in doctor.check_own_name().remedy


def write_certificate(path, days):
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "client")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=99))
        .not_valid_after(now + timedelta(days=days))
        .sign(key, hashes.SHA256())
    )
    path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.mark.parametrize(
    ("days", "verb"), [(300, "ends"), (31, "ends"), (29, "ends"), (-1, "ended")]
)
def test_check_certificate__tells_its_end(tmp_path, days, verb):
    check = doctor.check_certificate(write_certificate(tmp_path / "client.pem", days))
    end = datetime.now(UTC) + timedelta(days=days)
    assert check.result == f"client.pem {verb} on {end:%Y-%m-%d}"
    assert check.remedy == ("" if days > 30 else doctor.RENEW)


def test_renew__deletes_nothing():
    assert "deepnic cluster certificates INVENTORY --replace" in doctor.RENEW
    assert not {"delete", "remove", "rm"} & set(doctor.RENEW.split())


def test_check_certificate__that_is_none(tmp_path):
    (tmp_path / "client.pem").write_text("none")
    check = doctor.check_certificate(tmp_path / "client.pem")
    assert "cannot be read" in check.result
    assert check.remedy == doctor.RENEW


def test_check_private__is_nobody_elses(tmp_path):
    token = tmp_path / "token"
    assert "copy it" in doctor.check_private("Ray token", token).remedy
    token.touch()
    for mode, remedy in ((0o644, "chmod 600"), (0o640, "chmod 600"), (0o600, "")):
        token.chmod(mode)
        check = doctor.check_private("Ray token", token)
        assert remedy in check.remedy
        assert bool(remedy) == bool(check.remedy)


def test_check_secrets__are_those_that_the_environment_names(tmp_path, monkeypatch):
    names = (
        "DASK_DISTRIBUTED__COMM__TLS__CLIENT__CERT",
        "DASK_DISTRIBUTED__COMM__TLS__CLIENT__KEY",
        "RAY_AUTH_TOKEN_PATH",
    )
    for name in names:
        monkeypatch.delenv(name, raising=False)
    assert doctor.check_secrets() == []
    for name in names:
        monkeypatch.setenv(name, str(tmp_path / name))
    checks = {check.subject: check for check in doctor.check_secrets()}
    assert list(checks) == ["certificate", "key", "Ray token"]
    assert names[1] in checks["key"].result
    assert names[2] in checks["Ray token"].result


def test_versions__tells_what_is_missing(monkeypatch):
    monkeypatch.setattr(doctor, "PACKAGES", ("numpy", "no-such-package"))
    found = doctor.versions()
    assert list(found) == ["Python", "numpy", "no-such-package"]
    assert found["numpy"] == np.__version__
    assert found["no-such-package"] == "is missing"


def test_check_machine__looks_at_all_of_it(monkeypatch, tmp_path):
    for name in ("DASK_SCHEDULER_ADDRESS", *Secrets(*"abcd").variables()):
        monkeypatch.delenv(name, raising=False)
    checks = doctor.check_machine(tmp_path)
    assert [check.subject for check in checks] == [
        "versions", "processor", "memory", "free disk", "own name"
    ]  # fmt: skip
    assert f"numpy {np.__version__}" in checks[0].result


def test_check_dask__asks_the_scheduler(monkeypatch):
    monkeypatch.delenv("DASK_SCHEDULER_ADDRESS", raising=False)
    assert doctor.check_dask() == []
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", f"tcp://127.0.0.1:{port}")
        answer, traffic = doctor.check_dask()
        assert (answer.result, answer.remedy) == (f"127.0.0.1:{port} answers", "")
        assert "trusted network" in traffic.remedy
    monkeypatch.setenv("DASK_SCHEDULER_ADDRESS", f"tls://127.0.0.1:{port}")
    (answer,) = doctor.check_dask()
    assert "does not answer" in answer.result
    assert "start it" in answer.remedy

"""A private authority, a certificate for every host and for the client, and the token of Ray."""

import datetime
import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from deepnic.errors import InputError, choose
from deepnic.files import whole
from deepnic.host.doctor import Check, check_certificate
from deepnic.host.environment import AUTHORITY, CLIENT, Secrets

VALID = datetime.timedelta(days=825)

# A host of Dask or Ray is asked by the others and asks them; the client only asks.
HOST_ROLES = [ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH]
CLIENT_ROLES = [ExtendedKeyUsageOID.CLIENT_AUTH]


def make_secrets(folder: Path, hosts: Mapping[str, str]) -> None:
    """Make what a folder lacks of the secrets of a cluster; what is there stays.

    They are ``authority.pem``, a certificate and a key of every host, by its name, and of the
    client (``ws1.pem``, ``ws1-key.pem``), and ``ray_token``; only their owner reads them. A host
    whose address is another one by now gets a new certificate, and so does who has one of before
    certificates said whether they are for a host or for the client.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    _write(folder / ".gitignore", b"*\n")
    authority = Secrets.of(folder, AUTHORITY)
    if not Path(authority.token).exists():
        _write(Path(authority.token), token_hex(32).encode())
    if not Path(authority.certificate).exists():
        _make_authority(folder)
    for name, address in _owners(hosts).items():
        file = Path(Secrets.of(folder, name).certificate)
        if not file.exists() or not _stands_for(_read(file), name, address):
            _make_certificate(folder, name, address)


def renew_certificate(folder: Path, hosts: Mapping[str, str], name: str) -> None:
    """Give a host, or the client, a new key and certificate of the same authority.

    Its former key stays good until that certificate ends: Dask and Ray read no list of those that
    are revoked. Where a key may be in other hands, see `replace_secrets`.
    """
    owners = _owners(hosts)
    choose("owner of a certificate", name, owners)
    if not Path(Secrets.of(folder, AUTHORITY).key).exists():
        raise InputError(f"{folder} has no key of an authority; `deepnic cluster up` makes one")
    _make_certificate(folder, name, owners[name])


def replace_secrets(folder: Path, hosts: Mapping[str, str]) -> Path:
    """Make another authority, all keys and the token anew, and return where the former ones are.

    Nothing that was made by the former authority, or knows the former token, opens a service that
    is started with the new ones.
    """
    now = datetime.datetime.now(datetime.UTC)
    former = folder.with_name(f"{folder.name}-until-{now:%Y%m%dT%H%M%S}")
    new = folder.with_name(f"{folder.name}-new-{token_hex(4)}")
    make_secrets(new, hosts)
    if folder.exists():
        os.rename(folder, former)
    os.rename(new, folder)
    return former


def check_certificates(folder: Path) -> list[Check]:
    """Until when each certificate in a folder of `make_secrets` serves."""
    files = sorted(folder.glob("*.pem"))
    return [check_certificate(file) for file in files if not file.stem.endswith("-key")]


def _owners(hosts: Mapping[str, str]) -> dict[str, str]:
    """Addresses of all that have a certificate, by name."""
    return {**hosts, CLIENT: "127.0.0.1"}


def _roles(name: str) -> x509.ExtendedKeyUsage:
    return x509.ExtendedKeyUsage(CLIENT_ROLES if name == CLIENT else HOST_ROLES)


def _stands_for(certificate: x509.Certificate, name: str, address: str) -> bool:
    """Whether a certificate has the address and the roles of its owner."""
    try:
        roles = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return roles == _roles(name) and ip_address(address) in _addresses(certificate)


def _make_authority(folder: Path) -> None:
    signs = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=True, crl_sign=True,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip
    authority = x509.BasicConstraints(ca=True, path_length=0)
    name, key = _name("deepnic private authority"), ec.generate_private_key(ec.SECP256R1())
    builder = _builder(name, name, key, key).add_extension(signs, critical=True)
    certificate = builder.add_extension(authority, critical=True).sign(key, SHA256())
    _write_pair(folder, AUTHORITY, certificate, key)


def _make_certificate(folder: Path, name: str, address: str) -> None:
    files = Secrets.of(folder, AUTHORITY)
    authority = _read(Path(files.certificate))
    signer = load_pem_private_key(Path(files.key).read_bytes(), None)
    assert isinstance(signer, ec.EllipticCurvePrivateKey)
    key = ec.generate_private_key(ec.SECP256R1())
    addresses = [x509.IPAddress(ip_address(each)) for each in {address, "127.0.0.1"}]
    names = x509.SubjectAlternativeName([x509.DNSName(name), x509.DNSName("localhost"), *addresses])
    builder = _builder(_name(name), authority.subject, key, signer)
    builder = builder.add_extension(_roles(name), critical=False)
    certificate = builder.add_extension(names, critical=False).sign(signer, SHA256())
    _write_pair(folder, name, certificate, key)


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: ec.EllipticCurvePrivateKey,
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    # Python 3.13 and later refuse certificates without these two
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    issuer_identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))  # clocks differ
        .not_valid_after(now + VALID)
        .add_extension(identifier, critical=False)
        .add_extension(issuer_identifier, critical=False)
    )


def _name(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _read(file: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(file.read_bytes())


def _addresses(certificate: x509.Certificate) -> list[object]:
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return list(names.get_values_for_type(x509.IPAddress))


def _write_pair(
    folder: Path, name: str, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey
) -> None:
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    files = Secrets.of(folder, name)
    _write(Path(files.key), private)
    _write(Path(files.certificate), certificate.public_bytes(Encoding.PEM))


def _write(file: Path, content: bytes) -> None:
    """Write a file that only its owner reads, from its first byte on."""
    with whole(file, mode=0o600) as partial:
        partial.write_bytes(content)

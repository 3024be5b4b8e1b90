"""The cloud's own certificate authority, and certificates for whatever name of ours a client asks for.

The authority may only speak for our names and for private addresses (name constraints), so that trusting it gives
nothing away beyond them. `cryptography` is imported when the first certificate is made: a start-up does not pay for it.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
import re
import socket
import ssl
import tempfile
import time
from collections import OrderedDict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from fogbank.gateway.hosts import AWS_BASES, LOCAL_BASES

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
    from cryptography.x509 import Certificate, GeneralName

_NAME = re.compile(r"(?=.{1,253}$)(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*")
_PRIVATE = (
    "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10", "::1/128",
    "fc00::/7", "fe80::/10",
)
_CACHED = 128
"""Certificates kept: about 60 KB each, 1 ms to make anew."""
_YEARS = 10
_DAYS = 397
"""The longest that clients take a server's certificate for."""


class _Issuer(NamedTuple):
    key: EllipticCurvePrivateKey
    certificate: Certificate
    leaf_key: EllipticCurvePrivateKey


class Authority:
    """Keys in `directory`, made at first need and readable by their owner alone. `more`: further domains of ours."""

    def __init__(self, directory: Path, more: tuple[str, ...] = ()) -> None:
        self._directory = directory
        self._machine = _machine_name()
        self._domains = (*LOCAL_BASES, *AWS_BASES, "on.aws", "docker.internal", *more)
        self._issuer: _Issuer | None = None
        self._contexts: OrderedDict[str, tuple[ssl.SSLContext, float]] = OrderedDict()

    def ca_bundle(self) -> Path:
        """The file with the authority's certificate, for whoever is to trust it."""
        self._load()
        return self._directory / "ca.pem"

    def context(self) -> ssl.SSLContext:
        """For a listener: answers with a certificate for the name that the client asks for (SNI)."""
        addresses = ["127.0.0.1", "::1"]
        names = ["localhost", "localhost.localstack.cloud", "*.localhost.localstack.cloud"]
        if self._machine:
            names.append(self._machine)
        context = self._make(names, addresses)
        context.sni_callback = self._choose
        return context

    def covers(self, name: str) -> bool:
        """Whether the name is ours to have a certificate for."""
        return _NAME.fullmatch(name) is not None and (
            name == self._machine or any(name == domain or name.endswith("." + domain) for domain in self._domains)
        )

    # Certificates on demand.

    def _choose(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        """The TLS library's question in the middle of a handshake. A name that is not ours ends it."""
        if name is None:
            return None
        name = name.lower().removesuffix(".")
        if not self.covers(name):
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        if name != "localhost" and name != self._machine:
            connection.context = self._for(name)
        return None

    def _for(self, name: str) -> ssl.SSLContext:
        """One certificate serves a domain and all names directly below it (wildcards need two labels to stand on)."""
        parent = name.partition(".")[2]
        subject = parent if "." in parent and self.covers(parent) else name
        found = self._contexts.get(subject)
        now = time.time()
        if found is None or found[1] < now:
            names = [subject, f"*.{subject}"] if subject == parent else [name]
            found = self._make(names, []), now + (_DAYS - 2) * 86400
            self._contexts[subject] = found
            while len(self._contexts) > _CACHED:
                self._contexts.popitem(last=False)
        self._contexts.move_to_end(subject)
        return found[0]

    def _make(self, names: list[str], addresses: list[str]) -> ssl.SSLContext:
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        issuer = self._load()
        certificate = _leaf(issuer, names, addresses)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols(["http/1.1"])
        key = issuer.leaf_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = certificate.public_bytes(Encoding.PEM) + issuer.certificate.public_bytes(Encoding.PEM)
        # The library takes certificates from files only. This one is the owner's alone and gone at once.
        with tempfile.NamedTemporaryFile(dir=self._directory, suffix=".pem") as file:
            file.write(key + chain)
            file.flush()
            context.load_cert_chain(file.name)
        return context

    # The authority itself.

    def _load(self) -> _Issuer:
        if self._issuer is None:
            from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
            from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
            from cryptography.x509 import load_pem_x509_certificate

            self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
            path = self._directory / "authority.pem"
            if not path.exists():
                self._found(path)
            pem = path.read_bytes()
            key: Any = load_pem_private_key(pem, None)
            certificate = load_pem_x509_certificate(pem)
            public = certificate.public_bytes(Encoding.PEM)
            bundle = self._directory / "ca.pem"
            if not bundle.exists() or bundle.read_bytes() != public:
                _write_whole(bundle, public, 0o644)
            self._issuer = _Issuer(key, certificate, generate_private_key(SECP256R1()))
        return self._issuer

    def _found(self, path: Path) -> None:
        """Makes the authority. Two processes may try at once: the first to link its file has made it."""
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

        key = generate_private_key(SECP256R1())
        certificate = _root(key, [*self._domains, *([self._machine] if self._machine else [])])
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with tempfile.NamedTemporaryFile(dir=self._directory) as file:  # made with mode 0600
            file.write(pem + certificate.public_bytes(Encoding.PEM))
            file.flush()
            os.fsync(file.fileno())
            with contextlib.suppress(FileExistsError):
                os.link(file.name, path)


def _machine_name() -> str:
    name = socket.gethostname().lower()
    return name if _NAME.fullmatch(name) else ""


def _write_whole(path: Path, data: bytes, mode: int) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), mode)
        os.replace(file.name, path)


def _root(key: EllipticCurvePrivateKey, domains: list[str]) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    now = datetime.now(UTC)
    name = x509.Name([
        x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Fogbank"),
        x509.NameAttribute(x509.NameOID.COMMON_NAME, f"Fogbank on {_machine_name() or 'this machine'}"[:64]),
    ])
    permitted: list[GeneralName] = [x509.DNSName(domain) for domain in domains]
    permitted += [x509.IPAddress(ipaddress.ip_network(network)) for network in _PRIVATE]
    usage = x509.KeyUsage(
        digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
    )
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=365 * _YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.NameConstraints(permitted, None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )


def _leaf(issuer: _Issuer, names: list[str], addresses: list[str]) -> Certificate:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256
    from cryptography.x509.oid import ExtendedKeyUsageOID

    now = datetime.now(UTC)
    alternatives: list[GeneralName] = [x509.DNSName(name) for name in names]
    alternatives += [x509.IPAddress(ipaddress.ip_address(address)) for address in addresses]
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, "Fogbank")]))
        .issuer_name(issuer.certificate.subject)
        .public_key(issuer.leaf_key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=_DAYS - 1))
        .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(authority, critical=False)
        .sign(issuer.key, SHA256())
    )

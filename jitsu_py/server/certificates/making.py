"""Keys and certificates that are made here: requests for one, a local authority's, the default one."""

from __future__ import annotations

import datetime
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.settings import write_private
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from pathlib import Path

FOLDER: Final = "certificates"
"""Below the state folder: authorities' keys and certificates."""

AUTHORITY: Final = "local-ca.pem"
"""The local authority's certificate, for browsers to trust; no secret."""

_KEY = "local-ca.key"
_AUTHORITY_DAYS = 3650
_LEAF_DAYS = 90


@dataclass(frozen=True)
class Issued:
    """A new certificate."""

    chain: str
    """PEM, the leaf first."""
    key: str = field(repr=False)
    """PEM."""


class LocalAuthority:
    """Signs certificates for names below `localhost`, and for no others: what trusts it risks no other name.

    Args:
        home: the state folder; key and certificate are made there when first needed.
    """

    source = "local"

    def __init__(self, home: Path) -> None:
        self._folder = home / FOLDER

    async def issue(self, host: str) -> Issued:
        """A certificate for a host.

        Raises:
            PlatformError: the authority's files cannot be read or written.
        """
        try:
            certificate, key = self.ready()
        except (OSError, ValueError) as error:
            said = f"The local authority in {self._folder} cannot be used: {error}. Remove it for a new one."
            raise PlatformError(Code.INTERNAL, said, blame=Blame.SYSTEM) from error
        own = new_key()
        leaf = _builder(_name(host), certificate.subject, own, _LEAF_DAYS)
        leaf = leaf.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
        leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        leaf = leaf.add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False
        )
        return Issued(_pem(leaf.sign(key, hashes.SHA256())), key_pem(own))

    def ready(self) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
        """The authority; made where there is none."""
        certificate, key = self._folder / AUTHORITY, self._folder / _KEY
        if not (certificate.exists() and key.exists()):
            self._folder.mkdir(mode=0o700, exist_ok=True)
            made, private = _authority()
            write_private(key, key_pem(private).encode())
            write_private(certificate, _pem(made).encode())
        loaded = load_pem_private_key(key.read_bytes(), password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise ValueError(f"{key.name} is no elliptic curve key")
        return x509.load_pem_x509_certificate(certificate.read_bytes()), loaded


def default_pem() -> str:
    """Certificate and key for visitors of unknown names: good for nothing but to answer them."""
    key = new_key()
    name = _name("jitsu: no certificate for this name")
    made = _builder(name, name, key, _AUTHORITY_DAYS).sign(key, hashes.SHA256())
    return _pem(made) + key_pem(key)


def request(host: str) -> tuple[str, bytes]:
    """A new key, and a request (CSR) that an authority may sign for it; both PEM."""
    key = new_key()
    names = x509.SubjectAlternativeName([x509.DNSName(host)])
    made = x509.CertificateSigningRequestBuilder().subject_name(x509.Name([]))
    signed = made.add_extension(names, critical=False).sign(key, hashes.SHA256())
    return key_pem(key), signed.public_bytes(Encoding.PEM)


def new_key() -> ec.EllipticCurvePrivateKey:
    """A key that every browser knows."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    """A key as PEM, not encrypted."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _authority() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key, name = new_key(), _name("jitsu on this machine")
    made = _builder(name, name, key, _AUTHORITY_DAYS)
    made = made.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    only = x509.NameConstraints([x509.DNSName("localhost")], None)
    made = made.add_extension(only, critical=True)
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    made = made.add_extension(usage, critical=True)
    return made.sign(key, hashes.SHA256()), key


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer)
    made = made.public_key(key.public_key()).serial_number(x509.random_serial_number())
    # Clocks of a browser's machine may be slow.
    made = made.not_valid_before(now - datetime.timedelta(hours=1))
    made = made.not_valid_after(now + datetime.timedelta(days=days))
    return made.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text[:64])])


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(Encoding.PEM).decode()

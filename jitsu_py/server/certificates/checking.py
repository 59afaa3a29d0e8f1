"""A certificate that somebody brings: whether browsers would take it for a domain, and if not, why."""

from __future__ import annotations

import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes, PublicKeyTypes

LONGEST: Final = 24 * 1024
"""Characters of chain and key together: what HAProxy takes over its socket."""

LEAST_RSA: Final = 2048
"""Bits."""

Key = RSAPrivateKey | EllipticCurvePrivateKey


@dataclass(frozen=True)
class Checked:
    """A certificate that can be shown to visitors."""

    chain: str
    """PEM, the leaf first, each next one the issuer of the one before."""
    key: str = field(repr=False)
    """PEM, PKCS #8, not encrypted."""
    names: tuple[str, ...]
    """What it is good for, lower-case; perhaps `*.example.com`."""
    begins: float
    """Seconds since the epoch; so `ends`."""
    ends: float
    issuer: str
    """Who signed it, in words."""
    doubt: str
    """What is not wrong, yet may be seen as such by browsers; empty: nothing."""


def check(certificate: str, key: str, domain: str) -> Checked:
    """Check chain, key, names and dates of a certificate for a domain.

    Args:
        certificate: PEM with the leaf and its intermediate authorities, in any order.
        key: PEM of the leaf's private key.

    Raises:
        PlatformError: BAD_REQUEST saying what is wrong and what to bring instead.
    """
    if len(certificate) + len(key) > LONGEST:
        raise _wrong("certificate", f"chain and key are longer than {LONGEST // 1024} KiB together")
    private = _key(key)
    chain = _chain(_certificates(certificate), private)
    leaf = chain[0]
    names = names_of(leaf)
    if not covers(names, domain):
        named = ", ".join(names[:5]) or "no host at all"
        raise _wrong("certificate", f"it is for {named}, not for {domain}")
    begins, ends = leaf.not_valid_before_utc, leaf.not_valid_after_utc
    if ends.timestamp() <= time.time():
        raise _wrong("certificate", f"it ended on {ends:%Y-%m-%d}; get a new one")
    if begins.timestamp() > time.time() + 300:
        raise _wrong(
            "certificate", f"it begins on {begins:%Y-%m-%d %H:%M} UTC only; is this machine's clock right?"
        )
    return Checked(
        chain="".join(each.public_bytes(Encoding.PEM).decode() for each in chain),
        key=private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode(),
        names=names,
        begins=begins.timestamp(),
        ends=ends.timestamp(),
        issuer=in_words(leaf.issuer),
        doubt=_doubt(chain[-1]),
    )


def covers(names: tuple[str, ...], host: str) -> bool:
    """Whether a certificate of these names is good for a host; `*` stands for one label (RFC 6125)."""
    _, dot, rest = host.partition(".")
    return host in names or (bool(dot) and f"*.{rest}" in names)


def names_of(certificate: x509.Certificate) -> tuple[str, ...]:
    """The hosts of a certificate, lower-case. Its common name is none: browsers do not look at it."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    return tuple(name.lower() for name in found.value.get_values_for_type(x509.DNSName))


def in_words(name: x509.Name) -> str:
    """A distinguished name, as people know it."""
    for kind in (NameOID.COMMON_NAME, NameOID.ORGANIZATION_NAME):
        if found := name.get_attributes_for_oid(kind):
            return str(found[0].value)
    return name.rfc4514_string() or "an unnamed authority"


def _certificates(text: str) -> list[x509.Certificate]:
    if "PRIVATE KEY" in text:
        raise _wrong("certificate", "it has a private key in it; the chain is one file, the key another")
    try:
        found = x509.load_pem_x509_certificates(text.encode())
    except ValueError as error:
        what = "a line -----BEGIN CERTIFICATE----- and what follows it is wanted"
        raise _wrong("certificate", f"it is no PEM: {what}") from error
    if len(found) > 10:
        raise _wrong("certificate", f"{len(found)} certificates are no chain; leave out those of other hosts")
    return found


def _key(text: str) -> Key:
    try:
        found: PrivateKeyTypes = load_pem_private_key(text.encode(), password=None)
    except TypeError as error:
        how = "openssl pkey -in KEY -out PLAIN"
        raise _wrong("key", f"it is encrypted with a pass phrase; `{how}` takes that off") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise _wrong("key", "it is no PEM: a line -----BEGIN PRIVATE KEY----- is wanted") from error
    if isinstance(found, RSAPrivateKey) and found.key_size < LEAST_RSA:
        raise _wrong("key", f"RSA with {found.key_size} bits; browsers want {LEAST_RSA} at least")
    if not isinstance(found, RSAPrivateKey | EllipticCurvePrivateKey):
        raise _wrong("key", "browsers know RSA and elliptic curve keys only")
    return found


def _chain(found: list[x509.Certificate], key: Key) -> list[x509.Certificate]:
    """The leaf, its issuer, its issuer's issuer …; a root at the end is left out, since visitors have it."""
    mine = _public(key.public_key())
    leaf = next((each for each in found if _public(each.public_key()) == mine), None)
    if leaf is None:
        raise _wrong("key", "it is not the certificate's: they do not belong together")
    chain, rest = [leaf], [each for each in found if each is not leaf]
    while (issuer := next((each for each in rest if _signed(chain[-1], each)), None)) is not None:
        chain.append(issuer)
        rest.remove(issuer)
    if rest:
        stranger = in_words(rest[0].subject)
        raise _wrong("certificate", f"{stranger} has no part in the chain of {in_words(leaf.subject)}")
    for each in chain:
        algorithm = each.signature_hash_algorithm
        if algorithm is not None and algorithm.name in {"md5", "sha1"} and each.issuer != each.subject:
            raise _wrong(
                "certificate", f"{in_words(each.subject)} is signed by {algorithm.name}, which is void"
            )
    is_root = len(chain) > 1 and chain[-1].issuer == chain[-1].subject
    return chain[:-1] if is_root else chain


def _signed(one: x509.Certificate, by: x509.Certificate) -> bool:
    if one.issuer != by.subject or one is by:
        return False
    try:
        one.verify_directly_issued_by(by)
    except (InvalidSignature, ValueError, TypeError, UnsupportedAlgorithm):
        return False
    return True


def _public(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _doubt(last: x509.Certificate) -> str:
    """Whether the system knows who signed the end of the chain; if not, browsers may not either."""
    if last.issuer == last.subject:
        return "it is signed by itself: browsers warn of it unless they were told to trust it"
    known = ssl.create_default_context().get_ca_certs(binary_form=True)
    # Looked for as it stands there, not parsed: a system has roots that break the rules of today.
    issuer = last.issuer.public_bytes()
    if not known or any(issuer in each for each in known):
        return ""
    who = in_words(last.issuer)
    return f"the chain ends at {who}, whom this machine does not know: if that is an intermediate, add it"


def _wrong(field_name: str, why: str) -> PlatformError:
    return PlatformError(
        Code.BAD_REQUEST, f"This {field_name} cannot be used: {why}.", details={"field": field_name}
    )

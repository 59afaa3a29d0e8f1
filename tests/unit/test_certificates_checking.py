"""Certificates that people bring: what is taken, and in which words the rest is refused."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import NameOID

from jitsu_py.server.certificates.checking import check
from jitsu_py.server.errors import PlatformError

if TYPE_CHECKING:
    from pathlib import Path

    from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes

HOST = "shop.example.com"
NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Made:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes

    @property
    def pem(self) -> str:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def key_pem(self, password: bytes = b"") -> str:
        """The key, encrypted if there is a password."""
        how = BestAvailableEncryption(password) if password else NoEncryption()
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, how).decode()


def made(
    subject: str,
    by: Made | None = None,
    *,
    names: tuple[str, ...] = (),
    begins: datetime.datetime = NOW - DAY,
    ends: datetime.datetime = NOW + 30 * DAY,
    key: CertificateIssuerPrivateKeyTypes | None = None,
) -> Made:
    """A certificate of this subject, signed by another one or by itself."""
    own = key or ec.generate_private_key(ec.SECP256R1())
    named = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    builder = x509.CertificateBuilder().subject_name(named)
    builder = builder.issuer_name(by.certificate.subject if by else named)
    builder = builder.public_key(own.public_key()).serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(begins).not_valid_after(ends)
    builder = builder.add_extension(x509.BasicConstraints(ca=not names, path_length=None), critical=True)
    if names:
        alternatives = x509.SubjectAlternativeName([x509.DNSName(name) for name in names])
        builder = builder.add_extension(alternatives, critical=False)
    signer = by.key if by else own
    algorithm = None if isinstance(signer, ed25519.Ed25519PrivateKey) else hashes.SHA256()
    return Made(builder.sign(signer, algorithm), own)


ROOT = made("A Root")
MIDDLE = made("A Middle", ROOT)
LEAF = made(HOST, MIDDLE, names=(HOST,))


def refused(certificate: str, key: str, domain: str = HOST) -> str:
    """Why it is not taken."""
    with pytest.raises(PlatformError) as error:
        check(certificate, key, domain)
    return error.value.message


@pytest.mark.parametrize(
    "brought",
    [[LEAF, MIDDLE], [MIDDLE, LEAF], [ROOT, MIDDLE, LEAF]],
    ids=["right", "turned", "with its root"],
)
def test_a_chain_is_brought_in_any_order(brought: list[Made]) -> None:
    """It is shown to visitors leaf first, without the root that they have."""
    checked = check("".join(one.pem for one in brought), LEAF.key_pem(), HOST)
    assert checked.chain == LEAF.pem + MIDDLE.pem
    assert (checked.names, checked.issuer) == ((HOST,), "A Middle")
    assert checked.key == LEAF.key_pem()
    # Nobody's machine knows this root; a certificate of a private authority is all the same one's own affair.
    assert "A Root" in checked.doubt


def test_a_chain_without_its_middle() -> None:
    """It is taken with a warning that says what to add; one of another chain beside it is refused."""
    assert "the chain ends at A Middle" in check(LEAF.pem, LEAF.key_pem(), HOST).doubt
    impostor = made("A Middle", made("A Root"))
    assert "A Middle has no part in the chain" in refused(LEAF.pem + impostor.pem, LEAF.key_pem())
    stranger = made("other.example.com", ROOT, names=("other.example.com",))
    assert "other.example.com has no part" in refused(LEAF.pem + MIDDLE.pem + stranger.pem, LEAF.key_pem())


def test_a_certificate_signed_by_itself() -> None:
    """Taken, and said what browsers will think of it."""
    own = made(HOST, names=(HOST,))
    assert "signed by itself" in check(own.pem, own.key_pem(), HOST).doubt


def test_a_key_that_is_another_ones() -> None:
    """The pair has to belong together."""
    assert "do not belong together" in refused(LEAF.pem + MIDDLE.pem, made("x").key_pem())


@pytest.mark.parametrize(
    ("key", "why"),
    [
        (LEAF.key_pem(b"secret"), "pass phrase"),
        ("nonsense", "no PEM"),
        (LEAF.pem, "no PEM"),
        (made(HOST, names=(HOST,), key=rsa.generate_private_key(65537, 1024)).key_pem(), "1024 bits"),
        (made(HOST, names=(HOST,), key=ed25519.Ed25519PrivateKey.generate()).key_pem(), "elliptic curve"),
    ],
    ids=["encrypted", "no key", "a certificate", "weak", "of a kind that browsers do not know"],
)
def test_a_key_that_cannot_be_used(key: str, why: str) -> None:
    """Each in words that say what to bring."""
    assert why in refused(LEAF.pem, key)


def test_names() -> None:
    """A star stands for one label; the subject is no name, as browsers see it."""
    star = made("star", MIDDLE, names=("*.example.com",))
    assert check(star.pem, star.key_pem(), HOST).names == ("*.example.com",)
    for domain in ("example.com", "a.shop.example.com", "shop.example.org"):
        assert f"it is for *.example.com, not for {domain}" in refused(star.pem, star.key_pem(), domain)
    nameless = made(HOST, MIDDLE)
    assert "no host at all" in refused(nameless.pem, nameless.key_pem())


def test_dates() -> None:
    """Over, or not begun."""
    over = made(HOST, MIDDLE, names=(HOST,), begins=NOW - 9 * DAY, ends=NOW - DAY)
    assert f"it ended on {NOW - DAY:%Y-%m-%d}" in refused(over.pem, over.key_pem())
    soon = made(HOST, MIDDLE, names=(HOST,), begins=NOW + DAY)
    assert f"it begins on {NOW + DAY:%Y-%m-%d}" in refused(soon.pem, soon.key_pem())


def test_files_in_the_wrong_place() -> None:
    """A key among the certificates, no certificate, and more than HAProxy takes."""
    assert "has a private key in it" in refused(LEAF.pem + LEAF.key_pem(), LEAF.key_pem())
    assert "no PEM" in refused("hello", LEAF.key_pem())
    assert "longer than 24 KiB" in refused(LEAF.pem * 60, LEAF.key_pem())


def test_an_authority_that_the_system_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends at one of its roots is beyond doubt, whatever else lies among them."""
    (tmp_path / "roots.pem").write_text(ROOT.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
    assert check(LEAF.pem + MIDDLE.pem, LEAF.key_pem(), HOST).doubt == ""
    assert "A Middle" in check(LEAF.pem, LEAF.key_pem(), HOST).doubt

"""Mails through a real SMTP server: with TLS and a login, with one that is down, with one that refuses."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import ssl
import time
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.contract.signups import code_in, mails, platform_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = [
    pytest.mark.slow,
    # What aiosmtpd says of a login on a connection that is TLS from its first byte.
    pytest.mark.filterwarnings("ignore:Requiring AUTH:UserWarning"),
]

USER, PASSWORD = "postman", "rings twice"


class Box:
    """Takes mails; `refuses` as many as it says first."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.senders: list[str] = []
        self.refuses = 0

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Keep a mail."""
        if self.refuses:
            self.refuses -= 1
            return "451 come back later"
        message = message_from_bytes(envelope.content, policy=policy.default)
        self.texts.append(message.get_content().replace("\r\n", "\n"))
        self.senders.append(f"{envelope.mail_from} {message['To']}")
        return "250 taken"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Key and certificate of a mail server at 127.0.0.1, in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    secret = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    path = tmp_path_factory.mktemp("mail") / "server.pem"
    path.write_bytes(secret + made.public_bytes(pem))
    return path


@contextmanager
def mail_server(box: Box, port: int, certificate: Path | None, *, wrapped: bool) -> Iterator[None]:
    """A mail server that asks for a login over TLS; without a certificate, for nothing."""
    more: dict[str, Any] = {"server_hostname": "mail.example"}
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        more |= {"ssl_context": context} if wrapped else {"tls_context": context, "require_starttls": True}
        more |= {"authenticator": _login, "auth_required": True, "auth_require_tls": not wrapped}
    controller = Controller(box, hostname="127.0.0.1", port=port, ready_timeout=20, **more)
    controller.start()
    try:
        yield
    finally:
        # A connection that is closed just before the loop ends would stay open, and warn in another test.
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(_quiet(), controller.loop).result(10)
        controller.stop()


async def _quiet() -> None:
    """Return when no visitor is served any more, and the sockets of those who were are closed."""
    while len(asyncio.all_tasks()) > 1:
        await asyncio.sleep(0.01)
    await asyncio.sleep(0.05)


def _login(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> AuthResult:
    fits = (data.login, data.password) == (USER.encode(), PASSWORD.encode())
    return AuthResult(success=fits)


def settings(port: int, security: str, certificate: Path, password: str = PASSWORD) -> str:
    """A server.toml that delivers there."""
    return (
        f'[accounts]\nsign_up = "open"\n[mail]\nhost = "127.0.0.1"\nport = {port}\nsecurity = "{security}"\n'
        f'username = "{USER}"\npassword = "{password}"\nsender = "jitsu@apps.example"\nca = "{certificate}"\n'
    )


def sign_up(platform: LocalPlatform, name: str) -> None:
    """Have a mail sent to NAME@example.com."""
    body = {"email": f"{name}@example.com"}
    assert platform.call("POST", f"/users/{name}", body, auth=None).status_code == 201


def wait_for(what: Any, seconds: float = 20) -> None:
    """Wait until it is true."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_is_delivered_over_tls_with_a_login(security: str, certificate: Path, free_port: int) -> None:
    """Its code confirms the account, and nothing of it stays in outbox or log."""
    box = Box()
    with (
        mail_server(box, free_port, certificate, wrapped=security == "tls"),
        platform_with(settings(free_port, security, certificate)) as platform,
    ):
        sign_up(platform, "ada")
        wait_for(lambda: box.texts)
        assert box.senders == ["jitsu@apps.example ada@example.com"]
        code = code_in(box.texts[0])
        assert platform.call("POST", "/users/ada", {"inviteCode": code}, auth=None).status_code == 200
        wait_for(lambda: not mails(platform, "ada@example.com"))
        assert code not in (platform.home / "logs/_server/server.log").read_text()


def test_a_mail_server_that_is_down_loses_nothing(certificate: Path, free_port: int) -> None:
    """The mail waits in the outbox, also over a restart, and goes out when the server is back."""
    box = Box()
    with platform_with(settings(free_port, "starttls", certificate)) as platform:
        sign_up(platform, "bob")
        assert len(mails(platform, "bob@example.com")) == 1
        platform.__exit__()
        platform.start()
        with mail_server(box, free_port, certificate, wrapped=False):
            wait_for(lambda: box.texts)
        assert code_in(box.texts[0])


def test_a_refusal_for_now_is_tried_again(certificate: Path, free_port: int) -> None:
    """Each mail arrives once."""
    box = Box()
    box.refuses = 1
    with (
        mail_server(box, free_port, certificate, wrapped=False),
        platform_with(settings(free_port, "starttls", certificate)) as platform,
    ):
        sign_up(platform, "carol")
        wait_for(lambda: box.texts)
        sign_up(platform, "dan")
        wait_for(lambda: len(box.texts) == 2)
        assert sorted(box.senders) == [f"jitsu@apps.example {name}@example.com" for name in ("carol", "dan")]


def test_no_password_goes_to_a_stranger(certificate: Path, free_port: int, tmp_path: Path) -> None:
    """A mail server whose certificate nobody signed gets neither login nor mail."""
    box = Box()
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", free_port)) != 0
    text = settings(free_port, "starttls", certificate).partition("ca = ")[0]
    with mail_server(box, free_port, certificate, wrapped=False), platform_with(text) as platform:
        sign_up(platform, "eve")
        log = platform.home / "logs/_server/server.log"
        wait_for(lambda: "certificate" in log.read_text().lower())
        assert not box.texts
        assert PASSWORD not in log.read_text()
        assert len(mails(platform, "eve@example.com")) == 1

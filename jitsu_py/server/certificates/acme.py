"""Certificates from an authority that speaks ACME (RFC 8555), such as Let's Encrypt; proof by HTTP-01."""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from acme import challenges, client, errors, messages
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from josepy.errors import Error as JoseError
from josepy.jwk import JWKRSA

from jitsu_py import __version__
from jitsu_py.server.certificates.making import FOLDER, Issued, request
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.settings import write_private
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from pathlib import Path

    from jitsu_py.server.settings import AcmeSettings

PATIENCE: Final = 90.0
"""Seconds for an authority to look at the proof, and for it to sign."""

_REQUEST: Final = 15
"""Seconds for one request to it."""

_LOOK: Final = 1.0
"""Seconds between two questions whether it has done its part."""

_FAULTS = (errors.Error, messages.Error, JoseError, OSError, ValueError, KeyError)
"""What goes wrong there: its refusals, answers that mean nothing, the network (`requests`' are OSErrors)."""


@dataclass(frozen=True)
class _Order:
    key: str
    order: Any
    pending: list[Any]
    """Challenges that are to be answered."""
    answers: dict[str, str]


class AcmeAuthority:
    """An account at an ACME authority; made when first needed.

    Args:
        home: the state folder: the account's key lies there, for its owner alone.
        answer: has the router answer challenges: `host/path` -> text; of an empty mapping, none.
    """

    source = "acme"

    def __init__(
        self, home: Path, settings: AcmeSettings, answer: Callable[[Mapping[str, str]], Awaitable[None]]
    ) -> None:
        self._folder = home / FOLDER
        self._settings = settings
        self._answer = answer
        self._client: client.ClientV2 | None = None

    async def issue(self, host: str) -> Issued:
        """A certificate for a host.

        Raises:
            PlatformError: the authority refuses, cannot be reached or did not find the proof; its own words.
        """
        try:
            order = await asyncio.to_thread(self._begin, host)
            try:
                await self._answer(order.answers)
                return await self._proved(order)
            finally:
                await self._answer({})
        except _FAULTS as error:
            self._client = None
            who = self._settings.directory
            said = f"{who} gives no certificate for {host}: {_reason(error)}"
            raise PlatformError(Code.UNAVAILABLE, said, blame=Blame.SYSTEM) from error

    def _begin(self, host: str) -> _Order:
        if self._client is None:
            self._client = self._connected()
        key, csr = request(host)
        order = self._client.new_order(csr)
        offered = [
            next((each for each in authorization.body.challenges if _is_http(each)), None)
            for authorization in order.authorizations
            if authorization.body.status != messages.STATUS_VALID
        ]
        if None in offered:
            raise errors.Error("it does not offer the challenge http-01")
        account = self._account_key()
        pending = [each for each in offered if each is not None]
        answers = {host + each.chall.path: each.chall.validation(account) for each in pending}
        return _Order(key, order, pending, answers)

    async def _proved(self, order: _Order) -> Issued:
        deadline = time.monotonic() + PATIENCE
        await asyncio.to_thread(self._ask_to_look, order)
        while not await asyncio.to_thread(self._has_looked, order):
            await _pause(deadline)
        begun = False
        while True:
            # In small steps, so that a server that stops does not wait for an authority.
            chain = await asyncio.to_thread(self._signed, order, begun)
            if chain:
                return Issued(chain, order.key)
            begun = True
            await _pause(deadline)

    def _ask_to_look(self, order: _Order) -> None:
        assert self._client is not None
        for each in order.pending:
            self._client.answer_challenge(each, each.response(self._account_key()))

    def _has_looked(self, order: _Order) -> bool:
        assert self._client is not None
        for authorization in order.order.authorizations:
            now, _ = self._client.poll(authorization)
            if now.body.status == messages.STATUS_INVALID:
                raise errors.ValidationError([now])
            if now.body.status != messages.STATUS_VALID:
                return False
        return True

    def _signed(self, order: _Order, begun: bool) -> str:
        """The chain; empty: not yet."""
        assert self._client is not None
        if not begun:
            try:
                self._client.begin_finalization(order.order)
            except messages.Error as error:
                if error.code != "orderNotReady":  # asked a moment later, it is
                    raise
        # Its clock is the local one, without a zone.
        soon = datetime.datetime.now() + datetime.timedelta(seconds=3 * _LOOK)  # noqa: DTZ005
        try:
            found = self._client.poll_finalization(order.order, soon)
        except errors.TimeoutError:
            return ""
        return str(found.fullchain_pem)

    def _connected(self) -> client.ClientV2:
        agent = f"jitsu/{__version__}"
        network = client.ClientNetwork(self._account_key(), user_agent=agent, timeout=_REQUEST)
        if self._settings.ca:
            # `requests` takes a file of authorities where the type says a bool.
            network.verify_ssl = self._settings.ca  # type: ignore[assignment]
        directory = client.ClientV2.get_directory(self._settings.directory, network)
        found = client.ClientV2(directory, network)
        asked = messages.NewRegistration.from_data(email=self._settings.email, terms_of_service_agreed=True)
        try:
            found.new_account(asked)
        except errors.ConflictError as known:
            network.account = messages.RegistrationResource(uri=known.location, body=messages.Registration())
        return found

    def _account_key(self) -> JWKRSA:
        """Of the account at this authority: another authority, another account."""
        mark = hashlib.sha256(self._settings.directory.encode()).hexdigest()[:12]
        path = self._folder / f"acme-{mark}.key"
        if not path.exists():
            self._folder.mkdir(mode=0o700, exist_ok=True)
            made = rsa.generate_private_key(65537, 2048)
            pem = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            write_private(path, pem)
        loaded = load_pem_private_key(path.read_bytes(), password=None)
        if not isinstance(loaded, rsa.RSAPrivateKey):
            raise ValueError(f"{path} is no RSA key")
        return JWKRSA(key=loaded)


def _is_http(each: Any) -> bool:
    return isinstance(each.chall, challenges.HTTP01)


async def _pause(deadline: float) -> None:
    if time.monotonic() > deadline:
        raise errors.Error(f"it was not done within {PATIENCE:g} s")
    await asyncio.sleep(_LOOK)


def _reason(error: Exception) -> str:
    """Why, in the authority's own words where it has some."""
    if isinstance(error, errors.ValidationError):
        found = [
            each.error for failed in error.failed_authzrs for each in failed.body.challenges if each.error
        ]
        return "; ".join(str(each.detail or each.typ) for each in found) or "it does not accept the proof"
    if isinstance(error, messages.Error):
        return str(error.detail or error.typ or error)
    return str(error) or type(error).__name__

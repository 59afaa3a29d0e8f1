"""Who asks: Basic authentication with a password or a token, and what a token may not touch."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.guessing import Guesses
from jitsu_py.server.store import tokens, users
from jitsu_py.server.times import iso
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.tokens import Token
    from jitsu_py.server.store.users import User

NOBODY: Final = 0
"""Row id that no account has."""

CACHED_FOR: Final = 60.0
"""Seconds for which a password that fitted is not hashed again; argon2id is slow on purpose."""

REMEMBERED: Final = 10_000
"""Entries of the caches; the oldest go first."""

HASHING: Final = 2
"""Passwords hashed at a time: each takes a core and 64 MiB for some 50 ms."""


@dataclass(frozen=True)
class Caller:
    """Who sent a request, and by what proof."""

    user: User
    via: Literal["password", "token", "local"]
    """`local`: by the state folder's own token, which stands for the password."""
    token: Token | None = None

    @property
    def is_full(self) -> bool:
        """Whether nothing is kept from them: no token, or one of full scope for everything."""
        return self.token is None or (self.token.scope == "full" and self.token.app is None)


class Authenticator:
    """Checks Basic credentials against the store.

    Args:
        local_user: name of the account that `local_token` stands for.
        local_token: content of the state folder's token file; good on loopback only.
    """

    def __init__(self, store: Store, *, local_user: str, local_token: str) -> None:
        self._store = store
        self._local_user = local_user
        self._local_digest = tokens.digest(local_token)
        self._salt = secrets.token_bytes(16)
        self._fitted: OrderedDict[bytes, float] = OrderedDict()
        self._known: OrderedDict[tuple[str, str], Caller] = OrderedDict()
        self._version = -1
        self._used: dict[tuple[int, float], float] = {}  # by id, which may be used again, and time of birth
        self._hashing = asyncio.Semaphore(HASHING)
        self._dummy = ""
        self.local_user = local_user
        """Name of the account to which the platform belongs."""
        self.guesses = Guesses()

    async def check(self, header: str | None, *, peer: str, forwarded: bool) -> Caller:
        """Find out who asks.

        Args:
            header: the Authorization header.
            peer: address of the other end of the connection.
            forwarded: whether a proxy says that it speaks for somebody else.

        Raises:
            PlatformError: UNAUTHORIZED, after a delay that grows with the failures; FORBIDDEN for an
                account that is locked or not confirmed, to whoever knows its password.
        """
        name, secret = _basic(header)
        caller = await self._found(name, secret, is_near=not forwarded and _is_loopback(peer))
        if caller is None or caller.user.doomed:
            await self.guesses.failed(name, peer)
            raise PlatformError(Code.UNAUTHORIZED, await asyncio.to_thread(self._refusal, name, secret))
        self.guesses.succeeded(name, peer)
        if caller.user.locked:
            raise PlatformError(
                Code.FORBIDDEN, "This account is locked. Ask the server's administrator about it."
            )
        if not caller.user.confirmed:
            raise PlatformError(
                Code.FORBIDDEN, "This account is not confirmed. Use the code from the e-mail first."
            )
        return caller

    def _refusal(self, name: str, secret: str) -> str:
        """What is said of a login that is refused; that a token ended, only to whoever has it."""
        with self._store.read() as connection:
            user = users.find(connection, name)
            # Looked for in any case: how long it takes must not tell who has an account.
            token = tokens.find(connection, user.id if user else NOBODY, secret)
        if token is None or token.expires is None or not token.expired(time.time()):
            return "The user name, password or token is wrong."
        return f"The token {token.name} expired at {iso(token.expires)}. Make another: jitsu tokens create."

    async def _found(self, name: str, secret: str, *, is_near: bool) -> Caller | None:
        key = (name, tokens.digest(secret))
        if self._store.version() != self._version:
            self._version = self._store.version()
            self._known.clear()
        known = self._known.get(key)
        if known is not None and not (known.token and known.token.expired(time.time())):
            if known.token is not None and self._is_due(known.token):
                await asyncio.to_thread(self._note_use, known.token)
            return known
        caller = (self._local(name, key[1]) if is_near else None) or self._by_token(name, secret)
        if caller is not None and caller.via == "token":
            if caller.token is not None and self._is_due(caller.token):
                await asyncio.to_thread(self._note_use, caller.token)
            self._known[key] = caller
            _trim(self._known)
        return caller or await self._by_password(name, secret)

    def _local(self, name: str, digest: str) -> Caller | None:
        if name != self._local_user or not hmac.compare_digest(digest, self._local_digest):
            return None
        with self._store.read() as connection:
            user = users.find(connection, name)
        return Caller(user, "local") if user else None

    def _by_token(self, name: str, secret: str) -> Caller | None:
        with self._store.read() as connection:
            user = users.find(connection, name)
            token = tokens.find(connection, user.id, secret) if user else None
        if user is None or token is None or token.expired(time.time()):
            return None
        return Caller(user, "token", token)

    def _is_due(self, token: Token) -> bool:
        """Whether it is time to write down that the token is in use."""
        now, key = time.time(), (token.id, token.ctime)
        if now - self._used.get(key, token.last_used or 0.0) < tokens.USED_EVERY:
            return False
        self._used[key] = now
        return True

    def _note_use(self, token: Token) -> None:
        with self._store.write() as connection:
            tokens.used(connection, token)

    async def _by_password(self, name: str, password: str) -> Caller | None:
        with self._store.read() as connection:
            user = users.find(connection, name)
        stored = user.password if user else None
        key = hashlib.blake2b(
            f"{stored}\0{password}".encode("utf-8", "surrogatepass"), key=self._salt
        ).digest()
        if user is not None and self._fitted.get(key, 0.0) > time.monotonic():
            return Caller(user, "password")
        async with self._hashing:
            fits = await asyncio.to_thread(self._fits, stored, password)
        if user is None or not fits:
            return None
        self._fitted[key] = time.monotonic() + CACHED_FOR
        _trim(self._fitted)
        return Caller(user, "password")

    def _fits(self, stored: str | None, password: str) -> bool:
        """Whether it is the password; as much work without one, so that time does not tell of a name."""
        from argon2 import PasswordHasher
        from argon2.exceptions import InvalidHashError, VerificationError

        hasher = PasswordHasher()
        self._dummy = self._dummy or hasher.hash(secrets.token_hex(8))
        try:
            hasher.verify(stored or self._dummy, password.encode("utf-8", "surrogatepass"))
        except (VerificationError, InvalidHashError):
            return False
        return stored is not None


def hash_password(password: str) -> str:
    """The argon2id hash that is stored for a password."""
    from argon2 import PasswordHasher

    return PasswordHasher().hash(password.encode("utf-8", "surrogatepass"))


def may(caller: Caller, method: str, user: str, app: str | None) -> None:
    """Check that a caller may do this to what belongs to `user`.

    Args:
        app: the app in question; None: the request is about more than one app.

    Raises:
        PlatformError: FORBIDDEN, saying why.
    """
    if caller.user.name != user.lower():
        raise PlatformError(
            Code.FORBIDDEN, f"You are {caller.user.name}; what belongs to {user} is not yours."
        )
    token = caller.token
    if token is None:
        return
    if token.scope == "read" and method not in {"GET", "HEAD"}:
        raise PlatformError(Code.FORBIDDEN, f"The token {token.name} may only read.")
    if token.scope == "deploy" and method == "DELETE":
        raise PlatformError(Code.FORBIDDEN, f"The token {token.name} may deploy, not delete.")
    if token.app is not None and token.app != app:
        raise PlatformError(Code.FORBIDDEN, f"The token {token.name} is good for the app {token.app} only.")


def may_manage_account(caller: Caller, user: str) -> None:
    """Check that a caller may see or change profile, password and tokens of `user`.

    Raises:
        PlatformError: FORBIDDEN for other users, and for any token (the seed's section on authentication).
    """
    may(caller, "GET", user, None)
    if caller.via == "token":
        raise PlatformError(
            Code.FORBIDDEN,
            "A token cannot read or change profile, password and tokens. Log in with the password.",
        )


def _basic(header: str | None) -> tuple[str, str]:
    scheme, _, encoded = (header or "").partition(" ")
    if scheme.lower() == "basic":
        try:
            decoded = base64.b64decode(encoded.strip(), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeDecodeError):
            decoded = ""
        name, colon, secret = decoded.partition(":")
        if colon and name and secret:
            return name.lower(), secret
    raise PlatformError(Code.UNAUTHORIZED, "Log in: user name and password or token by Basic authentication.")


def _is_loopback(peer: str) -> bool:
    try:
        return ipaddress.ip_address(peer).is_loopback
    except ValueError:
        return False


def _trim(cache: OrderedDict[tuple[str, str], Caller] | OrderedDict[bytes, float]) -> None:
    while len(cache) > REMEMBERED:
        cache.popitem(last=False)

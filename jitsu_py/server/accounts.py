"""Accounts: signing up, confirming, forgotten passwords, changes of e-mail and password.

Whether an account exists is told to nobody who has not proved to be its owner, except where signing up
needs it: a taken name or address.
"""

from __future__ import annotations

import asyncio
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jitsu_py import wire
from jitsu_py.server import letters
from jitsu_py.server.auth import hash_password
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store import codes, remembered, tokens, users
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from jitsu_py.server.mail import Mailer
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.users import User

SHORTEST_PASSWORD: Final = 8
LONGEST_PASSWORD: Final = 1024

RESERVED: Final = frozenset({"email"})
"""Names with a meaning of their own below `/users`."""

MAILED_EVERY: Final = 60.0
"""Seconds between two mails that somebody without a proof can have sent to an account."""

WRONG_CODE: Final = "The code is wrong, was used already, or is too old. Ask for a new one."

_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63})*")


@dataclass(frozen=True)
class Confirmed:
    """What came of a code."""

    has_password: bool
    shake: str | None
    """With it a password can be set, once; None: there is one."""


class Accounts:
    """What people do with their accounts.

    Args:
        sign_up: `open`, `invited` or `closed`.
        host: base URL of the API, for the mails.
    """

    def __init__(self, store: Store, mailer: Mailer, *, sign_up: str, host: str) -> None:
        self._store = store
        self._mailer = mailer
        self._sign_up = sign_up
        self._host = host
        self._tasks: set[asyncio.Task[None]] = set()
        # When a code went out that was not used to set a password since; monotonic.
        self._mailed: dict[tuple[int, codes.Purpose], float] = {}

    def sign_up(self, name: str, body: Mapping[str, Any]) -> User:
        """Make an unconfirmed account and mail its code.

        Raises:
            PlatformError: FORBIDDEN by the server's policy; BAD_REQUEST; NAME_TAKEN.
        """
        self._check_policy()
        name, email = user_name(name, body), email_address(body.get("email"))
        password = body.get("password")
        hashed = hash_password(good_password(password)) if password is not None else None
        with self._store.write() as connection:
            if self._sign_up == "invited" and not users.invited(connection, email):
                raise PlatformError(
                    Code.FORBIDDEN, f"{email} is not invited to this server. Ask its administrator."
                )
            _clear_stale(connection, name, email)
            user = users.create(connection, name, email=email, password=hashed, confirmed=False)
            users.accept(connection, email)
            code = codes.issue(connection, user.id, "confirm")
            self._mailed[user.id, "confirm"] = time.monotonic()
        self._mailer.post(email, letters.confirm(user.name, code, self._host))
        return user

    def confirm(self, name: str, code: object) -> Confirmed:
        """Use a code from a mail: it confirms an account, or its new address.

        Raises:
            PlatformError: BAD_REQUEST, whatever is wrong.
        """
        with self._store.write() as connection:
            user = _present(connection, name)
            sent = None
            if user is not None and isinstance(code, str):
                sent = codes.redeem(connection, user.id, code.strip(), ("confirm", "email"))
            if user is None or sent is None:
                raise PlatformError(Code.BAD_REQUEST, WRONG_CODE)
            if sent.purpose == "email":
                users.change(connection, user.id, email=sent.email)
            else:
                users.change(connection, user.id, confirmed=True)
            needs_one = user.password is None and sent.purpose == "confirm"
            shake = codes.issue(connection, user.id, "password") if needs_one else None
        return Confirmed(shake is None, shake)

    def forget(self, name: str) -> None:
        """Mail a one-time code to the account's owner, later and elsewhere: the caller learns nothing.

        To be called in the event loop.
        """
        task = asyncio.create_task(asyncio.to_thread(self._mail_code, name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _mail_code(self, name: str) -> None:
        with self._store.write() as connection:
            user = _present(connection, name)
            if user is None or user.email is None or user.locked:
                return
            purpose: codes.Purpose = "password" if user.confirmed else "confirm"
            # Not the codes themselves: those that were given without a mail do not count.
            if time.monotonic() - self._mailed.get((user.id, purpose), float("-inf")) < MAILED_EVERY:
                return
            code = codes.issue(connection, user.id, purpose)
            self._mailed[user.id, purpose] = time.monotonic()
        write = letters.forgot if user.confirmed else letters.confirm
        self._mailer.post(user.email, write(user.name, code, self._host))

    def reset(self, name: str, body: Mapping[str, Any]) -> None:
        """Set a new password with a one-time code.

        Raises:
            PlatformError: BAD_REQUEST, whatever is wrong.
        """
        password, shake = good_password(body.get("new-password")), body.get("shake")
        hashed = hash_password(password)
        with self._store.write() as connection:
            user = _present(connection, name)
            fits = (
                user is not None
                and isinstance(shake, str)
                and codes.redeem(connection, user.id, shake.strip(), ("password",)) is not None
            )
            if user is None or not fits or not user.confirmed:
                raise PlatformError(Code.BAD_REQUEST, WRONG_CODE)
            self._set_password(connection, user, hashed, body)

    def update(self, user: User, body: Mapping[str, Any]) -> None:
        """Change password and e-mail; a new address counts from when its code comes back.

        Raises:
            PlatformError: BAD_REQUEST, NAME_TAKEN.
        """
        user_name(user.name, body)
        password, email = body.get("password"), body.get("email")
        if password is None and email is None:
            raise PlatformError(Code.BAD_REQUEST, "Give a password or an email to change.")
        address = email_address(email) if email is not None else user.email
        hashed = hash_password(good_password(password)) if password is not None else None
        code = None
        with self._store.write() as connection:
            if hashed is not None:
                self._set_password(connection, user, hashed, body)
            if address is not None and address != user.email:
                if users.email_taken(connection, address):
                    raise PlatformError(Code.NAME_TAKEN, "An account with that e-mail exists.")
                code = codes.issue(connection, user.id, "email", email=address)
        if code is not None and address is not None:
            self._mailer.post(address, letters.new_address(user.name, code, self._host))
            if user.email is not None:
                self._mailer.post(user.email, letters.address_changes(user.name, address))

    def available(self, name: str) -> bool:
        """Whether somebody could sign up with that name."""
        lowered = name.lower()
        with self._store.read() as connection:
            return is_user_name(lowered) and users.find(connection, lowered) is None

    def email_taken(self, body: Mapping[str, Any]) -> bool:
        """Whether an account has this address.

        Raises:
            PlatformError: BAD_REQUEST.
        """
        email = email_address(body.get("email"))
        with self._store.read() as connection:
            return users.email_taken(connection, email)

    def doom(self, user: User) -> None:
        """Begin to remove an account: from now on nobody logs in as it.

        Raises:
            PlatformError: FORBIDDEN for the account that is this machine's own.
        """
        with self._store.write() as connection:
            doom(connection, user)

    def _check_policy(self) -> None:
        if self._sign_up == "closed":
            raise PlatformError(
                Code.FORBIDDEN,
                "This server takes no sign-ups. Ask its administrator for an account "
                "(who may open it: server.toml, [accounts] sign_up).",
            )

    def _set_password(self, connection: Connection, user: User, hashed: str, body: Mapping[str, Any]) -> None:
        users.change(connection, user.id, password=hashed)
        codes.revoke(connection, user.id, "password")
        self._mailed.pop((user.id, "password"), None)
        if body.get("revokeTokens") is True:
            tokens.revoke_all(connection, user.id)


def doom(connection: Connection, user: User) -> None:
    """Mark an account for removal with all its apps.

    Raises:
        PlatformError: FORBIDDEN for the account that is this machine's own.
    """
    if remembered.recall(connection, "local.user") == user.name:
        raise PlatformError(
            Code.FORBIDDEN, f"{user.name} is this machine's own account; it goes with the state folder."
        )
    users.change(connection, user.id, doomed=True)
    tokens.revoke_all(connection, user.id)


def is_user_name(name: str) -> bool:
    """Whether an account could be called so; lower-case."""
    return re.fullmatch(wire.USER_NAME, name) is not None and name not in RESERVED


def user_name(name: str, body: Mapping[str, Any]) -> str:
    """The name of the path, which the body may repeat but not contradict.

    Raises:
        PlatformError: BAD_REQUEST.
    """
    lowered, said = name.lower(), body.get("username")
    if said is not None and (not isinstance(said, str) or said.lower() != lowered):
        raise _wrong("username", f"{said!r} is not {name!r}; accounts cannot be renamed")
    if not is_user_name(lowered):
        raise _wrong("username", f"{name[:80]!r} is none: 1 to 64 letters, digits and inner '.', '_', '-'")
    return lowered


def email_address(value: object) -> str:
    """An address, lower-case.

    Raises:
        PlatformError: BAD_REQUEST.
    """
    if value is None:
        raise _wrong("email", "it is missing")
    if not isinstance(value, str) or len(value) > 254 or not _ADDRESS.fullmatch(value):
        raise _wrong("email", f"{str(value)[:80]!r} is no e-mail address")
    return value.lower()


def good_password(value: object) -> str:
    """A password that may be set.

    Raises:
        PlatformError: BAD_REQUEST.
    """
    if not isinstance(value, str) or not SHORTEST_PASSWORD <= len(value) <= LONGEST_PASSWORD:
        raise _wrong("password", f"it is a string of at least {SHORTEST_PASSWORD} characters")
    return value


def _present(connection: Connection, name: str) -> User | None:
    user = users.find(connection, name)
    return None if user is None or user.doomed else user


def _clear_stale(connection: Connection, name: str, email: str) -> None:
    """Free a name or address that somebody took long ago and never confirmed."""
    before = time.time() - codes.LASTS["confirm"]
    for user in users.listed(connection):
        if not user.confirmed and user.ctime < before and (user.name == name or user.email == email):
            users.remove(connection, user.id)


def _wrong(field: str, why: str) -> PlatformError:
    return PlatformError(Code.BAD_REQUEST, f"{field} cannot be used: {why}.", details={"field": field})

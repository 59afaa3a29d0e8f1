"""The user that the credentials belong to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jitsu_py.api import fields
from jitsu_py.api.addresses import route
from jitsu_py.api.failures import HINTS
from jitsu_py.errors import NotLoggedInError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jitsu_py.api.transport import Transport


REMOVAL = 300.0
"""Seconds that an account's removal may take: its apps are stopped one by one."""


@dataclass(frozen=True, slots=True)
class Authorized:
    """The server knows these credentials."""

    user: str
    """The name as the server writes it."""
    via: str
    """By what the server knows it: a password or a token; empty: not said."""


@dataclass(frozen=True, slots=True)
class Profile:
    """What the server says of an account to its owner."""

    username: str
    email: str
    """Empty: none is known."""
    confirmed: bool
    has_password: bool
    ctime: datetime | None
    """When it was made."""

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Profile:
        """Read a profile; its name must be there."""
        return cls(
            username=fields.text(data, "username"),
            email=fields.maybe_text(data, "email"),
            confirmed=data.get("confirmed") is True,
            has_password=data.get("hasPassword") is True,
            ctime=fields.maybe_time(data, "ctime"),
        )


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What came of a code from a mail."""

    has_password: bool
    shake: str = field(default="", repr=False)
    """One-time code that sets the first password, where there is none yet."""


class Users:
    """The routes below `/users`, and `/auth`."""

    def __init__(self, transport: Transport, user: str) -> None:
        self._transport = transport
        self._user = user

    def auth(self) -> Authorized:
        """Check the credentials; works with a password and with a token.

        Raises:
            NotLoggedInError: the server does not take them.
        """
        reply = fields.mapping(self._transport.call("GET", "/auth"), "the reply")
        if reply.get("authorized") is not True:
            raise NotLoggedInError(
                "the server does not take these credentials", hint=HINTS[Code.UNAUTHORIZED]
            )
        user = reply.get("user")
        name = fields.maybe_text(user, "username") if isinstance(user, dict) else user
        known = name if isinstance(name, str) and name else self._user
        return Authorized(known, fields.maybe_text(reply, "via"))

    def get(self) -> Profile:
        """Give the profile of the user; not to a token."""
        reply = self._transport.call("GET", route("users", self._user))
        return Profile.parse(fields.inner(reply, "user"))

    def create(self, name: str, email: str, password: str = "") -> None:
        """Sign up; a mail with a code goes to the address. No login is sent.

        Args:
            name: of the new account.
            email: where the code goes.
            password: empty: it is set when the code comes back.

        Raises:
            ConflictError: the name or the address is taken.
            NotLoggedInError: the server takes no sign-ups.
        """
        body = {"username": name, "email": email} | ({"password": password} if password else {})
        self._transport.call("POST", route("users", name), body, login=False)

    def confirm(self, name: str, code: str) -> Confirmation:
        """Give a code from a mail back: it confirms an account, or its new address. No login is sent."""
        path = route("users", name, "confirm")
        reply = fields.mapping(self._transport.call("POST", path, {"inviteCode": code}, login=False), "it")
        return Confirmation(reply.get("hasPassword") is not False, fields.maybe_text(reply, "shake"))

    def available(self, name: str) -> bool:
        """Tell whether somebody could sign up with that name. No login is sent."""
        reply = self._transport.call("GET", route("users", name, "available"), login=False)
        return fields.mapping(reply, "the reply").get("available") is True

    def email_taken(self, email: str) -> bool:
        """Tell whether an account has that address. No login is sent."""
        reply = self._transport.call("POST", "/users/email/taken", {"email": email}, login=False)
        return fields.mapping(reply, "the reply").get("taken") is True

    def forgot(self, name: str) -> None:
        """Have a one-time code mailed, if there is such an account. No login is sent."""
        self._transport.call("POST", route("users", name, "forgot"), {}, login=False)

    def reset(self, name: str, shake: str, password: str) -> None:
        """Set a new password with a one-time code. No login is sent."""
        body = {"shake": shake, "new-password": password}
        self._transport.call("POST", route("users", name, "forgot"), body, login=False)

    def update(self, *, password: str = "", email: str = "", revoke_tokens: bool = False) -> Profile:
        """Change the password or the address of the user; not by a token. Empty ones stay.

        Args:
            password: the new one.
            email: the new one; counts when its code comes back.
            revoke_tokens: make all tokens void, where the password changes.
        """
        wishes = {"password": password, "email": email, "revokeTokens": revoke_tokens}
        body = {key: value for key, value in wishes.items() if value}
        return Profile.parse(
            fields.inner(self._transport.call("PUT", route("users", self._user), body), "user")
        )

    def destroy(self) -> None:
        """Remove the account of the user with all its apps; not by a token."""
        self._transport.call("DELETE", route("users", self._user), timeout=REMOVAL)

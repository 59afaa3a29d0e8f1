"""The API tokens of the user: list, create, destroy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.api import fields
from jitsu_py.api.addresses import route

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jitsu_py.api.transport import Transport


@dataclass(frozen=True, slots=True)
class Token:
    """What can be seen of a token after it was made."""

    name: str
    prefix: str
    """Its first characters, to tell it from others."""
    ctime: datetime | None
    """When it was made."""
    last_used: datetime | None
    """None: never."""
    expires: datetime | None
    """None: never."""
    scope: str
    """`full`, `deploy` or `read`."""
    app: str = ""
    """The one app it is good for; empty: all."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Token:
        """Read one token of the list; its name must be there."""
        return cls(
            name=fields.text(data, "name"),
            prefix=fields.maybe_text(data, "prefix"),
            ctime=fields.maybe_time(data, "ctime"),
            last_used=fields.maybe_time(data, "lastUsed"),
            expires=fields.maybe_time(data, "expires"),
            scope=fields.maybe_text(data, "scope"),
            app=fields.maybe_text(data, "app"),
        )


@dataclass(frozen=True, slots=True)
class Created:
    """A new token, shown this once."""

    name: str
    token: str = field(repr=False)
    replaced: bool
    """Whether one of that name existed, which is void now."""


class Tokens:
    """The routes below `/users/:user/tokens`; a token may not use them, only a password."""

    def __init__(self, transport: Transport, user: str) -> None:
        self._transport = transport
        self._user = user

    def list(self) -> list[Token]:
        """Give the tokens of the user."""
        reply = fields.mapping(self._transport.call("GET", self._path()), "the reply")
        if "tokens" in reply:
            return [Token.parse(row) for row in fields.rows(reply, "tokens")]
        shown = fields.table(reply, "apiTokens")
        return [Token.parse({"name": name, "prefix": prefix}) for name, prefix in shown.items()]

    def create(self, name: str = "", *, expires: str = "", scope: str = "", app: str = "") -> Created:
        """Make a token; one of the same name becomes void.

        Args:
            name: empty: the server makes one up.
            expires: ISO 8601; empty: never.
            scope: `full`, `deploy` or `read`; empty: the server's default.
            app: the one app it is good for; empty: all.
        """
        wishes = {"expires": expires, "scope": scope, "app": app}
        body = {key: value for key, value in wishes.items() if value}
        path = self._path(name) if name else self._path()
        reply = fields.mapping(self._transport.call("PUT", path, body), "the reply")
        made = name or next((key for key in reply if key not in ("operation", "ok")), "")
        return Created(made, fields.text(reply, made), replaced=reply.get("operation") == "update")

    def destroy(self, name: str) -> None:
        """Make a token void."""
        self._transport.call("DELETE", self._path(name))

    def _path(self, *parts: str) -> str:
        return route("users", self._user, "tokens", *parts)

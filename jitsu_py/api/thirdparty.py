"""Tokens for other services, entrusted to the server; it never gives them back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jitsu_py.api import fields
from jitsu_py.api.addresses import route

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jitsu_py.api.transport import Transport


@dataclass(frozen=True, slots=True)
class Entrusted:
    """What can be seen of a third-party token."""

    id: str
    provider: str
    """The service: `github`, `npm`, `git`."""
    url: str
    """Where it is for; empty: the server does not say."""
    ctime: datetime | None
    """When it was added."""

    @classmethod
    def parse(cls, data: Mapping[str, object]) -> Entrusted:
        """Read one entry; its id must be there."""
        return cls(
            fields.text(data, "id"),
            fields.maybe_text(data, "provider"),
            fields.maybe_text(data, "url"),
            fields.maybe_time(data, "ctime"),
        )


class ThirdParty:
    """The routes below `/users/:user/thirdparty`; a token may not use them, only a password."""

    def __init__(self, transport: Transport, user: str) -> None:
        self._transport = transport
        self._user = user

    def list(self) -> list[Entrusted]:
        """Give the third-party tokens of the user, by id."""
        found = fields.inner(self._transport.call("GET", self._path()), "thirdPartyTokens")
        return [Entrusted.parse(fields.mapping(found[key], f"`{key}`")) for key in sorted(found)]

    def add(self, provider: str, token: str, ref: str = "", url: str = "") -> Entrusted:
        """Entrust a token.

        Args:
            provider: the service: `github`, `npm`, `git`.
            token: the secret.
            ref: its id; empty: the server makes one up.
            url: where it is for; empty: the provider's own home.
        """
        body = {"provider": provider, "token": token}
        body |= {key: value for key, value in (("id", ref), ("url", url)) if value}
        reply = self._transport.call("POST", self._path(), body)
        return Entrusted.parse(fields.inner(reply, "thirdPartyToken"))

    def remove(self, ref: str) -> None:
        """Forget one."""
        self._transport.call("DELETE", self._path(ref))

    def _path(self, *parts: str) -> str:
        return route("users", self._user, "thirdparty", *parts)

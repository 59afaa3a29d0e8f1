"""Drains: where the platform ships what apps print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitsu_py.api import fields
from jitsu_py.api.addresses import route

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from jitsu_py.api.transport import Transport


@dataclass(frozen=True, slots=True)
class Drain:
    """An address that gets lines, and how it fares."""

    id: str
    url: str
    """Passwords and a query's values in it are starred."""
    app: str
    """The app whose lines go there; empty: those of all apps."""
    redact: bool
    """Whether the values of the apps' variables are hidden in the lines."""
    state: str
    """`starting`, `waiting` (for lines), `shipping`, `failing`, or `off`."""
    error: str
    """Why lines are not taken at the moment; empty: they are."""
    shipped: int
    """Lines taken since the server started."""
    skipped: int
    """Lines that retention removed before they could be taken, since the server started."""
    waiting: int
    """Lines that the receiver has not taken yet."""
    ctime: datetime | None
    """When it was added."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Drain:
        """Read one entry; its id must be there."""
        counts = {name: data.get(name) for name in ("shipped", "skipped", "waiting")}
        return cls(
            id=fields.text(data, "id"),
            url=fields.maybe_text(data, "url"),
            app=fields.maybe_text(data, "app"),
            redact=data.get("redact") is True,
            state=fields.maybe_text(data, "state"),
            error=fields.maybe_text(data, "error"),
            ctime=fields.maybe_time(data, "ctime"),
            **{name: count if isinstance(count, int) else 0 for name, count in counts.items()},
        )


class Drains:
    """The routes below `/drains/:user`."""

    def __init__(self, transport: Transport, user: str) -> None:
        self._transport = transport
        self._user = user

    def list(self) -> list[Drain]:
        """Give the user's drains, oldest first."""
        return [Drain.parse(row) for row in fields.rows(self._transport.call("GET", self._path()), "drains")]

    def add(self, url: str, app: str | None = None, *, redact: bool = False) -> tuple[Drain, str]:
        """Ship what is printed from now on.

        Args:
            url: `syslog+tls://host:port`, `syslog+tcp://host:port`, or `https://…` for JSON objects.
            app: the app's name; None: all of the user's apps.
            redact: hide the values of the apps' variables.

        Returns:
            The drain, and what should be known of its address; empty: nothing.
        """
        reply = self._transport.call("POST", self._path(), {"url": url, "app": app, "redact": redact})
        return Drain.parse(fields.inner(reply, "drain")), fields.maybe_text(reply, "warning")

    def remove(self, ref: str) -> None:
        """Ship nothing more there."""
        self._transport.call("DELETE", self._path(ref))

    def _path(self, *parts: str) -> str:
        return route("drains", self._user, *parts)

"""What the drones of an app printed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from jitsu_py.api import fields
from jitsu_py.api.addresses import route, split_app
from jitsu_py.wire import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from jitsu_py.api.transport import Transport

SILENCE = 35.0
"""Seconds without a word before a stream counts as lost; a living server pings every 10."""

EVER = "1970-01-01"
"""Where a query begins that is to leave nothing out."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a drone printed."""

    time: datetime | None
    """When it arrived."""
    text: str
    """Without its end."""
    stream: str
    """`stdout`, `stderr`, or `system` for what the platform says of the drone."""
    id: str
    """Of the line on the server; a later line has a later one; empty: not said."""
    app: str
    drone: str
    """Which of the app's processes; empty: not said."""
    snapshot: str
    """Id of the snapshot that ran; empty: not said."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> LogLine:
        """Read one entry of the old client's shape; only its text must be there."""
        meta = data.get("meta")
        about: Mapping[str, Any] = meta if isinstance(meta, dict) else {}
        app = about.get("app")
        return cls(
            time=fields.maybe_time(data, "time"),
            text=fields.text(data, "description").rstrip("\n"),
            stream=fields.maybe_text(data, "service").rpartition("/")[2],
            id=_word(data.get("id")),
            app=fields.maybe_text(app, "name") if isinstance(app, dict) else "",
            drone=_word(about.get("drone")),
            snapshot=_word(about.get("snapshot")),
        )

    @classmethod
    def parse_entry(cls, data: Mapping[str, Any]) -> LogLine:
        """Read one entry of the shape that the seed's queries have."""
        said = fields.inner(data, "json")
        return cls(
            time=fields.maybe_time(data, "timestamp"),
            text=fields.text(said, "message").rstrip("\n"),
            stream=fields.maybe_text(said, "event").rpartition(":")[2],
            id=_word(data.get("id")),
            app=fields.maybe_text(said, "app"),
            drone=_word(said.get("drone")),
            snapshot=_word(said.get("snapshot")),
        )


def _word(value: Any) -> str:
    return "" if value is None else str(value)


class Logs:
    """The routes below `/logs`."""

    def __init__(self, transport: Transport, user: str) -> None:
        self._transport = transport
        self._user = user

    def query(self, app: str, rows: int = 100, **filters: str) -> list[LogLine]:
        """Give the newest lines of an app, the oldest of them first.

        Args:
            app: `name` or `user/name`.
            rows: how many at most.
            **filters: `since`, `until`, `grep`, `stream`, `drone`, `snapshot`; empty ones are left out.
        """
        path = route("logs", *split_app(app, self._user), str(rows))
        wanted = {key: value for key, value in filters.items() if value}
        reply = self._transport.call("GET", path, params=wanted)
        return [LogLine.parse(row) for row in reversed(fields.objects(reply, "the log"))]

    def query_all(self, user: str | None = None, rows: int = 100, **filters: str) -> list[LogLine]:
        """Give the newest lines of all apps of a user together, the oldest of them first.

        Args:
            user: whose; None: the client's own.
            rows: how many at most.
            **filters: as `query`; `since` and `until` may be moments or date maths (`NOW-1DAY`).
        """
        wanted: dict[str, Any] = {key: value for key, value in filters.items() if value}
        wanted["from"] = wanted.pop("since", EVER)
        reply = self._transport.call("POST", route("logs", user or self._user), wanted | {"rows": rows})
        return [LogLine.parse_entry(row) for row in reversed(fields.rows(reply, "data"))]

    def tail(self, app: str, rows: int = 10, after: str = "", **filters: str) -> Iterator[LogLine | None]:
        """Give the newest lines of an app, then those to come as they come; ends when the server ends it.

        Args:
            app: `name` or `user/name`.
            rows: how many of the past to begin with.
            after: id of the line behind which to go on instead; nothing in between is left out.
            **filters: as `query`.

        Yields:
            A line; None when the server says that it is still there.

        Raises:
            UnreachableError: the connection was lost.
        """
        path = route("logs", *split_app(app, self._user), "tail")
        wanted = {key: value for key, value in filters.items() if value}
        wanted |= {"after": after} if after else {"rows": str(rows)}
        for event in self._transport.events(path, params=wanted, timeout=SILENCE):
            yield LogLine.parse(event) if event.get("event") == Event.LINE else None

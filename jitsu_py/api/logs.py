"""What the drones of an app printed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.api import fields
from jitsu_py.api.addresses import route, split_app
from jitsu_py.wire import Event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from jitsu_py.api.transport import Transport

SILENCE = 25.0
"""Seconds without a word before a stream counts as lost; a living server pings every 10.

What sends nothing at all, a machine that slept or a network that swallows, is noticed by this alone.
"""

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


@dataclass
class Place:
    """Where a follower is in the logs of apps, so that another connection can go on from there."""

    after: dict[str, int] = field(default_factory=dict)
    """Ids of the last lines, by the name of the app."""

    @property
    def is_known(self) -> bool:
        """Whether anything was heard yet."""
        return bool(self.after)

    def reached(self, app: str, line: LogLine | None, told: object) -> None:
        """Take note of a line of an app, or of what the server told of the places that it has reached."""
        if line is not None and line.id.isdecimal():
            self.after[app] = int(line.id)
        elif isinstance(told, dict):
            self.after = {str(app): each for app, each in told.items() if isinstance(each, int)}


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
            **filters: `since`, `until`, `grep`, `stream`, `drone`, `snapshot`; `redact="1"` hides the values
                of the app's environment; `newest="1"` gives, where nothing else is asked, the lines of the
                snapshot that was put live last, also if it crashed. Empty ones are left out.
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

    def tail(
        self,
        app: str,
        rows: int = 10,
        place: Place | None = None,
        *,
        silence: float = SILENCE,
        **filters: str,
    ) -> Iterator[LogLine | None]:
        """Give the newest lines of an app, then those to come as they come; ends when the server ends it.

        Args:
            app: `name` or `user/name`.
            rows: how many of the past to begin with.
            place: kept up to date; one that was kept before is where to go on, nothing in between left out.
            silence: seconds without a word after which the connection counts as lost.
            **filters: as `query`, without `newest`.

        Yields:
            A line; None when the server says that it is still there.

        Raises:
            UnreachableError: the connection was lost.
            TimedOutError: the server fell silent.
        """
        owner, name = split_app(app, self._user)
        here = place or Place()
        after = str(here.after.get(name, "")) if here.is_known else ""
        path, wanted = route("logs", owner, name, "tail"), _wanted(filters, rows, after)
        for line, told in self._events(path, wanted, silence):
            here.reached(name, line, told)
            yield line

    def tail_all(
        self, rows: int = 10, place: Place | None = None, *, silence: float = SILENCE, **filters: str
    ) -> Iterator[LogLine | None]:
        """Give the newest lines of all apps of the user together, then those to come; as `tail`."""
        here = place or Place()
        after = json.dumps(here.after, separators=(",", ":")) if here.is_known else ""
        path, wanted = route("logs", self._user), _wanted(filters, rows, after)
        for line, told in self._events(path, wanted, silence):
            here.reached(line.app if line else "", line, told)
            yield line

    def _events(
        self, path: str, wanted: Mapping[str, str], silence: float
    ) -> Iterator[tuple[LogLine | None, object]]:
        for event in self._transport.events(path, params=wanted, timeout=silence):
            is_line = event.get("event") == Event.LINE
            yield LogLine.parse(event) if is_line else None, event.get("after")


def _wanted(filters: Mapping[str, str], rows: int, after: str) -> dict[str, str]:
    wanted = {key: value for key, value in filters.items() if value}
    return wanted | ({"after": after} if after else {"rows": str(rows)})

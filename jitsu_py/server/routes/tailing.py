"""Logs as a stream: history first, then live, of one app or of all that a user has."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import json
import platform as machine
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

from jitsu_py.server import redaction
from jitsu_py.server.logbook import Line, Wanted
from jitsu_py.server.platform import Platform
from jitsu_py.server.routes.views import line_view
from jitsu_py.server.store import apps
from jitsu_py.server.store.apps import App
from jitsu_py.server.times import now
from jitsu_py.wire import Event

EVERY = 0.25
"""Seconds between two looks for new lines."""

PING_EVERY = 10.0
"""Seconds of silence after which a ping says that the server is still there."""

PAGE = 1000
"""Lines of an app read at a time."""


@dataclass(frozen=True)
class Watched:
    """What a stream is asked for."""

    wanted: Wanted
    rows: int
    """How many of the past to begin with."""
    after: dict[str, int] | None
    """Ids of the lines behind which to go on instead, by app; of an app that is missing here, all lines."""
    redact: bool


@dataclass
class _Place:
    """Where a stream is in an app's log."""

    app: App
    after: int
    hide: Callable[[str], str] = redaction.unchanged


Found = tuple[_Place, Line]


class Tail:
    """A stream of lines; each once, an app's in order, none left out.

    Args:
        listed: the apps that are to be followed, asked again whenever the store changes.
    """

    def __init__(self, platform: Platform, listed: Callable[[], list[App]], watched: Watched) -> None:
        self._platform = platform
        self._book = platform.logbook
        self._listed = listed
        self._watched = watched
        self._places: dict[int, _Place] = {}  # by app id
        self._version = -1
        self._host = machine.node()

    async def run(self) -> AsyncIterator[bytes]:
        """Lines and pings as NDJSON, until no app is left or the server stops."""
        for found in await asyncio.to_thread(self._begin):
            yield self._shown(found)
        yield self._ping()
        quiet_since = time.monotonic()
        while self._places and not self._platform.stopping.is_set():
            found_now, is_more = await asyncio.to_thread(self._next)
            for found in found_now:
                yield self._shown(found)
            if found_now:
                quiet_since = time.monotonic()
            elif time.monotonic() - quiet_since >= PING_EVERY:
                quiet_since = time.monotonic()
                yield self._ping()
            if not is_more:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._platform.stopping.wait(), EVERY)

    def _begin(self) -> list[Found]:
        """Take the places up; the lines of the past to begin with, oldest first."""
        after = self._watched.after
        self._look_for_apps(after or {})
        if after is not None:
            return []
        past = [self._past(place) for place in self._places.values()]
        merged = list(heapq.merge(*past, key=lambda found: (found[1].time, found[1].id)))
        return merged[-self._watched.rows :] if self._watched.rows else []

    def _past(self, place: _Place) -> list[Found]:
        # The newest line of all is looked up first: what arrives meanwhile is history or comes after it.
        newest = self._book.newest(place.app.key, 1)
        history = self._book.newest(place.app.key, self._watched.rows, self._watched.wanted)
        place.after = max([0, *(line.id for line in [*newest, *history])])
        return [(place, line) for line in history]

    def _look_for_apps(self, after: dict[str, int]) -> None:
        version = self._platform.store.version()
        if version == self._version:
            return
        self._version = version
        listed = {app.id: app for app in self._listed()}
        self._places = {
            app_id: self._places.get(app_id) or _Place(app, self._known(app, after.get(app.name, 0)))
            for app_id, app in listed.items()
        }
        for place in self._places.values() if self._watched.redact else ():
            place.hide = redaction.hiding(self._platform.store, listed[place.app.id])

    def _known(self, app: App, after: int) -> int:
        """The id, unless the log has never been so far: then an app of before had the name."""
        newest = self._book.newest(app.key, 1) if after else []
        return after if newest and after <= newest[-1].id else 0

    def _next(self) -> tuple[list[Found], bool]:
        """The lines since the last look, by time; and whether there may be more at once."""
        self._look_for_apps({})
        pages = [self._page(place) for place in self._places.values()]
        merged = heapq.merge(*pages, key=lambda found: (found[1].time, found[1].id))
        return list(merged), any(len(page) == PAGE for page in pages)

    def _page(self, place: _Place) -> list[Found]:
        newest = self._book.newest(place.app.key, 1) if self._watched.wanted != Wanted() else []
        lines = self._book.next(place.app.key, place.after, PAGE, self._watched.wanted)
        if lines:
            place.after = lines[-1].id
        if len(lines) < PAGE and newest:
            # What is not wanted up to there was looked at once, and need not be again.
            place.after = max(place.after, newest[-1].id)
        return [(place, line) for line in lines]

    def _shown(self, found: Found) -> bytes:
        place, line = found
        shown = line_view(line, place.app, self._host, place.hide)
        return json.dumps({"event": Event.LINE, **shown}).encode() + b"\n"

    def _ping(self) -> bytes:
        """A sign of life, with where the stream is in each log: it may be ahead of the last line given."""
        after: dict[str, Any] = {place.app.name: place.after for place in self._places.values()}
        return json.dumps({"event": Event.PING, "time": now(), "after": after}).encode() + b"\n"


def of_app(platform: Platform, app: App) -> Callable[[], list[App]]:
    """One app, as long as it is there."""

    def listed() -> list[App]:
        with platform.store.read() as connection:
            found = apps.find(connection, app.user, app.name)
        return [found] if found is not None and found.id == app.id else []

    return listed


def of_user(platform: Platform, user: str) -> Callable[[], list[App]]:
    """All apps of a user, those to come included."""

    def listed() -> list[App]:
        with platform.store.read() as connection:
            return apps.listed(connection, user.lower())

    return listed

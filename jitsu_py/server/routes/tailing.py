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

EVERY = 1.0
"""Seconds between two looks for apps that came or went; new lines wake it by themselves."""

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
    is_one: bool
    """Whether it is about one app, and ends with it."""


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
        self._loop: asyncio.AbstractEventLoop | None = None
        self._told = asyncio.Event()
        self._due: set[int] = set()  # ids of apps that have lines which were not given yet
        self._listening = contextlib.ExitStack()

    async def run(self) -> AsyncIterator[bytes]:
        """Lines and pings as NDJSON, until its one app is gone or the server stops."""
        self._loop = asyncio.get_running_loop()
        with self._listening:
            for found in await asyncio.to_thread(self._begin):
                yield self._shown(found)
            yield self._ping()
            quiet_since = time.monotonic()
            while self._goes_on():
                self._told.clear()
                found_now = await asyncio.to_thread(self._next)
                for found in found_now:
                    yield self._shown(found)
                if found_now:
                    quiet_since = time.monotonic()
                elif time.monotonic() - quiet_since >= PING_EVERY:
                    quiet_since = time.monotonic()
                    yield self._ping()
                if not self._due:
                    await self._news()

    def _goes_on(self) -> bool:
        is_there = bool(self._places) or not self._watched.is_one
        return is_there and not self._platform.stopping.is_set()

    async def _news(self) -> None:
        """Wait until a log has more lines, the server stops, or it is time to look for apps."""
        events = (self._told, self._platform.stopping)
        waiting = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(waiting, timeout=EVERY, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in waiting:
                task.cancel()

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
        # The end is looked up first: what arrives meanwhile is history or comes after it.
        end = self._book.end(place.app.key)
        history = self._book.newest(place.app.key, self._watched.rows, self._watched.wanted)
        place.after = max([end, *(line.id for line in history)])
        return [(place, line) for line in history]

    def _look_for_apps(self, after: dict[str, int]) -> None:
        version = self._platform.store.version()
        if version == self._version:
            return
        self._version = version
        listed, before = {app.id: app for app in self._listed()}, set(self._places)
        self._places = {
            app_id: self._places.get(app_id) or _Place(app, self._known(app, after.get(app.name, 0)))
            for app_id, app in listed.items()
        }
        for app in listed.values():
            if app.id not in before:
                self._listen(app)
        for place in self._places.values() if self._watched.redact else ():
            place.hide = redaction.hiding(self._platform.store, listed[place.app.id])

    def _known(self, app: App, after: int) -> int:
        """The id, unless the log has never been so far: then an app of before had the name."""
        return after if after <= self._book.end(app.key) else 0

    def _listen(self, app: App) -> None:
        def tell() -> None:
            self._due.add(app.id)
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._told.set)

        self._listening.enter_context(self._book.listening(app.key, tell))
        self._due.add(app.id)

    def _next(self) -> list[Found]:
        """The lines since the last look, by time; `_due` has the apps that may have more."""
        self._look_for_apps({})
        due = [self._due.pop() for _ in range(len(self._due))]
        pages = [self._page(self._places[app_id]) for app_id in due if app_id in self._places]
        return list(heapq.merge(*pages, key=lambda found: (found[1].time, found[1].id)))

    def _page(self, place: _Place) -> list[Found]:
        end = self._book.end(place.app.key)
        lines = self._book.next(place.app.key, place.after, PAGE, self._watched.wanted)
        # Where nothing is wanted up to the end, it was looked at, and need not be again.
        place.after = lines[-1].id if lines else max(place.after, end)
        if place.after < end:
            self._due.add(place.app.id)
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

"""A start as a stream: what the release command prints as it comes, signs of life, and how it ended."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.logbook import Line
from jitsu_py.server.platform import Platform
from jitsu_py.server.reconciler.fleet import RELEASE
from jitsu_py.server.store.apps import App
from jitsu_py.server.times import now
from jitsu_py.wire import Event

PING_EVERY = 10.0
"""Seconds of silence after which a ping says that the server is still there."""

PAGE = 1000
"""Lines read at a time."""


async def start_told(
    platform: Platform, app: App, key: str, shown: Callable[[], Mapping[str, Any]]
) -> AsyncIterator[bytes]:
    """Start an app; its events as NDJSON: `line`, `ping`, in the end `done` or `failed`.

    The start goes on when nobody listens any more.

    Args:
        key: of the start, as `Platform.begin_start` takes it.
        shown: called at its end; what the event `done` has of the app.
    """
    after = await asyncio.to_thread(platform.logbook.end, app.key)
    start = platform.begin_start(app, key)
    told = time.monotonic()
    while not start.done():
        await _news(platform, app, after, start)
        lines = await asyncio.to_thread(_lines, platform, app, after)
        after = lines[-1].id if lines else after
        events = [
            _event(Event.LINE, text=line.text, stream=line.stream) for line in filter(_is_release, lines)
        ]
        if not events and time.monotonic() - told >= PING_EVERY:
            events = [_event(Event.PING)]
        for event in events:
            told = time.monotonic()
            yield event
    try:
        start.result()
        yield _event(Event.DONE, **await asyncio.to_thread(shown))
    except PlatformError as error:
        yield _event(Event.FAILED, **error.body())


async def _news(platform: Platform, app: App, after: int, start: asyncio.Task[None]) -> None:
    """Wait until there are lines, the start is over, or there was silence for long."""
    changed = asyncio.create_task(platform.logbook.changed(app.key, after, PING_EVERY))
    try:
        await asyncio.wait([changed, start], return_when=asyncio.FIRST_COMPLETED)
    finally:
        changed.cancel()


def _lines(platform: Platform, app: App, after: int) -> list[Line]:
    """All lines since then, of whatever drone: the next look begins behind them."""
    found = platform.logbook.next(app.key, after, PAGE)
    while found and (more := platform.logbook.next(app.key, found[-1].id, PAGE)):
        found += more
    return found


def _is_release(line: Line) -> bool:
    return line.stream != "system" and line.drone is not None and RELEASE in line.drone


def _event(event: Event, **facts: Any) -> bytes:
    return json.dumps({"event": event, "time": now(), **facts}, separators=(",", ":")).encode() + b"\n"

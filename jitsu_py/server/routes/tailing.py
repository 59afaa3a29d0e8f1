"""An app's log as a stream: history first, then live."""

from __future__ import annotations

import asyncio
import contextlib
import json
import platform as machine
import time
from collections.abc import AsyncIterator

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.logbook import Line, Wanted
from jitsu_py.server.platform import Platform
from jitsu_py.server.routes.views import line_view
from jitsu_py.server.store.apps import App
from jitsu_py.server.times import now
from jitsu_py.wire import Event

EVERY = 0.25
"""Seconds between two looks for new lines."""

PING_EVERY = 10.0
"""Seconds of silence after which a ping says that the server is still there."""

PAGE = 1000
"""Lines read at a time."""


async def tail(
    platform: Platform, app: App, wanted: Wanted, *, rows: int, after: int | None
) -> AsyncIterator[bytes]:
    """Lines as NDJSON until the app is gone or the server stops; each once, in order, without a gap.

    Args:
        rows: how many of the past to begin with.
        after: id of the line behind which to go on instead; nothing in between is left out.
    """
    book, host = platform.logbook, machine.node()
    if after is None:
        # The newest line of all is looked up first: what arrives meanwhile is history or comes after it.
        newest = await asyncio.to_thread(book.newest, app.key, 1)
        history = await asyncio.to_thread(book.newest, app.key, rows, wanted)
        after = max([0, *(line.id for line in [*newest, *history])])
        for line in history:
            yield _shown(line, app, host)
    quiet_since = time.monotonic()
    while not platform.stopping.is_set():
        lines = await asyncio.to_thread(book.next, app.key, after, PAGE, wanted)
        for line in lines:
            yield _shown(line, app, host)
            after, quiet_since = line.id, time.monotonic()
        if len(lines) == PAGE:
            continue
        if time.monotonic() - quiet_since >= PING_EVERY:
            quiet_since = time.monotonic()
            yield json.dumps({"event": Event.PING, "time": now()}).encode() + b"\n"
            if not await asyncio.to_thread(_exists, platform, app):
                return
        await _wait(platform)


def _shown(line: Line, app: App, host: str) -> bytes:
    return json.dumps({"event": Event.LINE, **line_view(line, app, host)}).encode() + b"\n"


def _exists(platform: Platform, app: App) -> bool:
    try:
        return platform.app(app.user, app.name).id == app.id
    except PlatformError:
        return False


async def _wait(platform: Platform) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(platform.stopping.wait(), EVERY)

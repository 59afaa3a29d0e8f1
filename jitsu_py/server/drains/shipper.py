"""One drain at work: reads lines behind the place that the receiver has reached, sends them, notes the place.

The app's log is the buffer: it is on the disk and bounded already. What was removed from it before the
receiver took it is told to the receiver in a line of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections import deque
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from jitsu_py.server import redaction
from jitsu_py.server.drains.formats import Shipped
from jitsu_py.server.drains.http import TooLargeError
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.logbook import Line
from jitsu_py.server.store import apps, drains

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from jitsu_py.server.drains.receivers import Receiver
    from jitsu_py.server.logbook import Logbook
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.drains import Drain

LINES: Final = 500
"""Of a batch, at most."""

BYTES: Final = 1024 * 1024
"""Characters of a batch, unless its first line alone has more."""

LOOK: Final = 1.0
"""Seconds between two looks for apps that came or went, and for batches that have settled."""

BREATH: Final = 0.005
"""Seconds between two batches, so that whoever has much to ship leaves room for the others."""

SAVE: Final = 1.0
"""Seconds between two writes of the place: so much comes twice when the server is killed."""


@dataclass(frozen=True)
class Pace:
    """Patience, seconds."""

    first: float = 1.0
    """Before the first try after a failure; each further one waits twice as long, give or take a half."""
    longest: float = 60.0
    settles: float = 5.0
    """See `Receiver.settles`."""


@dataclass
class State:
    """How a drain fares."""

    error: str = ""
    """Why lines are not taken at the moment; empty: they are, or there were none yet."""
    shipped: int = 0
    """Lines taken since the server began."""
    skipped: int = 0
    """Lines that were gone before they could be taken, since the server began."""
    places: dict[int, int] = field(default_factory=dict)
    """Ids of the last lines that the receiver took, by app."""


@dataclass(frozen=True)
class _Batch:
    app_id: int
    lines: list[Shipped]
    end: int
    """Id of the last line."""
    skipped: int


class Shipper:
    """Ships until cancelled.

    Args:
        report: told of failures, for the server's log.
    """

    def __init__(
        self,
        drain: Drain,
        receiver: Receiver,
        store: Store,
        logbook: Logbook,
        *,
        pace: Pace,
        report: Callable[[str], None],
    ) -> None:
        self.state = State()
        self._drain = drain
        self._receiver = receiver
        self._store = store
        self._book = logbook
        self._pace = pace
        self._report = report
        self._apps: dict[int, App] = {}
        self._hide: dict[int, redaction.Hide] = {}
        self._version = -1
        self._sent: dict[int, int] = {}  # beyond `state.places` by what has not settled
        self._unsure: deque[tuple[float, _Batch]] = deque()
        self._is_careful = False  # whether each batch has to settle before the next
        self._due: set[int] = set()
        self._told = asyncio.Event()
        self._saved: dict[int, int] = {}
        self._saved_at = 0.0
        self._most = LINES
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listening = contextlib.ExitStack()

    async def run(self) -> None:
        """Ship until cancelled; the place is kept then."""
        self._loop = asyncio.get_running_loop()
        self.state.places = await asyncio.to_thread(self._kept_places)
        self._saved, self._sent = dict(self.state.places), dict(self.state.places)
        wait = self._pace.first
        with self._listening:
            try:
                while True:
                    try:
                        if await self._round():
                            wait, self.state.error = self._pace.first, ""
                    except (OSError, PlatformError) as error:
                        await self._failed(error)
                        await asyncio.sleep(wait * random.uniform(0.5, 1.5))  # noqa: S311 - no secret
                        wait = min(wait * 2, self._pace.longest)
            finally:
                await self._receiver.close()
                await asyncio.to_thread(self._save)

    async def _round(self) -> bool:
        """Send one batch, or wait for news; True when a batch was taken."""
        self._told.clear()
        await asyncio.to_thread(self._look_for_apps)
        if self._unsure:
            self._receiver.check()
        self._settle()
        if self._is_careful and self._unsure:
            await asyncio.sleep(self._receiver.settles / 4)
            return False
        batch = await asyncio.to_thread(self._next)
        if batch is None:
            await self._keep_place()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK):
                    await self._told.wait()
            return False
        try:
            await self._receiver.send(batch.lines)
        except TooLargeError:
            self._due.add(batch.app_id)
            if self._most == 1:
                raise
            self._most = max(len(batch.lines) // 2, 1)
            return False
        self._most = min(self._most * 2, LINES)
        self._sent[batch.app_id] = batch.end
        self._unsure.append((time.monotonic(), batch))
        self._settle()
        if time.monotonic() - self._saved_at >= SAVE:
            await self._keep_place()
        await asyncio.sleep(BREATH)
        return True

    def _settle(self) -> None:
        """Take for taken what was sent long enough ago."""
        until = time.monotonic() - self._receiver.settles
        while self._unsure and self._unsure[0][0] <= until:
            _, batch = self._unsure.popleft()
            self._is_careful = False
            self.state.places[batch.app_id] = batch.end
            self.state.shipped += len(batch.lines) - bool(batch.skipped)
            self.state.skipped += batch.skipped

    async def _failed(self, error: Exception) -> None:
        """Go back to what is known to have been taken."""
        words = str(error) or type(error).__name__
        if words != self.state.error:
            self._report(words)
        self.state.error = words
        # A receiver that breaks off sooner than batches settle would else hear the same ones for ever.
        self._is_careful = bool(self._unsure)
        self._unsure.clear()
        self._sent = dict(self.state.places)
        self._due.update(self._apps)
        await self._receiver.close()

    def _look_for_apps(self) -> None:
        version = self._store.version()
        if version == self._version:
            return
        self._version = version
        with self._store.read() as connection:
            listed = {app.id: app for app in covered(connection, self._drain)}
        for app in listed.values():
            if app.id not in self._apps:
                self._listen(app)
        self._apps = listed
        if self._drain.redact:
            self._hide = {app.id: redaction.hiding(self._store, app) for app in listed.values()}

    def _listen(self, app: App) -> None:
        def tell() -> None:
            self._due.add(app.id)
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._told.set)

        self._listening.enter_context(self._book.listening(app.key, tell))
        self._due.add(app.id)

    def _next(self) -> _Batch | None:
        """The next lines of an app that has some; None: no app has."""
        while self._due:
            app = self._apps.get(self._due.pop())
            if app is None:
                continue
            if (batch := self._read(app)) is not None:
                self._due.add(app.id)
                return batch
        return None

    def _read(self, app: App) -> _Batch | None:
        after = self._sent.get(app.id, 0)
        lines = _bounded(self._book.next(app.key, after, self._most))
        if not lines:
            return None
        hide = self._hide[app.id] if self._drain.redact else redaction.unchanged
        shipped = [Shipped(app.user, app.name, replace(line, text=hide(line.text))) for line in lines]
        skipped = lines[0].id - after - 1
        if skipped:
            shipped.insert(0, Shipped(app.user, app.name, _gap(lines[0], skipped)))
        return _Batch(app.id, shipped, lines[-1].id, skipped)

    def _kept_places(self) -> dict[int, int]:
        with self._store.read() as connection:
            return drains.places(connection, self._drain.id)

    async def _keep_place(self) -> None:
        if self.state.places != self._saved:
            await asyncio.to_thread(self._save)

    def _save(self) -> None:
        changed = {app: line for app, line in self.state.places.items() if self._saved.get(app) != line}
        if changed:
            with self._store.write() as connection:
                drains.reached(connection, self._drain.id, changed)
        self._saved, self._saved_at = dict(self.state.places), time.monotonic()


def covered(connection: Connection, drain: Drain) -> list[App]:
    """The apps whose lines a drain ships."""
    return [app for app in apps.listed(connection, drain.user) if drain.app_id in (None, app.id)]


def _bounded(lines: list[Line]) -> list[Line]:
    """The first lines, up to the size of a batch."""
    size = 0
    for at, line in enumerate(lines):
        size += len(line.text)
        if size > BYTES and at:
            return lines[:at]
    return lines


def _gap(before: Line, missing: int) -> Line:
    """What stands for lines that are gone."""
    text = f"{missing} lines were removed from the log before they could be shipped here"
    return Line(before.id - 1, before.time, "system", None, None, text)

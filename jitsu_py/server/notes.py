"""The platform's own lines in the apps' logs: written in the order in which things happened.

Every line passes through what hides an app's secrets, whoever worded it: npm's output during a build and the
message of an error may quote what is in the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import defaultdict, deque
from contextvars import ContextVar
from typing import TYPE_CHECKING

from jitsu_py.server.logbook import Note

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jitsu_py.server.logbook import Logbook

log = logging.getLogger(__name__)

actor: ContextVar[str | None] = ContextVar("actor", default=None)
"""Who asked for what is being done: set where a request's caller is known, None where the platform acts."""


def by() -> str:
    """The end of a sentence: " by alice", or nothing."""
    name = actor.get()
    return f" by {name}" if name else ""


class Notes:
    """A queue before the logbook, so that nobody who notes something waits for the disk.

    Args:
        logbook: where the lines end up.
        hiding: gives for an app ("user/name") what hides its secrets in a text; None: there is no such app,
            and what was noted about it is dropped.
    """

    def __init__(self, logbook: Logbook, hiding: Callable[[str], Callable[[str], str] | None]) -> None:
        self._logbook = logbook
        self._hiding = hiding
        self._waiting: deque[tuple[str, Note]] = deque()
        self._writing = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._added = asyncio.Event()

    def add(self, app: str, text: str, *, drone: str | None = None, snapshot: str | None = None) -> None:
        """Note something about an app ("user/name"), from whatever thread."""
        self._waiting.append((app, Note(text, drone, snapshot)))
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nothing is noted any more
                self._loop.call_soon_threadsafe(self._added.set)

    async def written(self) -> None:
        """Return when everything added so far is in the logbook."""
        await asyncio.to_thread(self._write)

    async def run(self) -> None:
        """Write until cancelled."""
        self._loop = asyncio.get_running_loop()
        while True:
            self._added.clear()
            await self.written()
            await self._added.wait()

    @contextlib.contextmanager
    def removing(self) -> Iterator[None]:
        """A block that takes away an app and its log: a line on its way makes no log of an app that is gone,
        nor gets into that of the next one of its name. May wait for the disk; any thread.
        """
        with self._writing:
            self._write_waiting()
            yield

    def _write(self) -> None:
        with self._writing:
            self._write_waiting()

    def _write_waiting(self) -> None:
        of_apps: defaultdict[str, list[Note]] = defaultdict(list)
        while self._waiting:
            app, note = self._waiting.popleft()
            of_apps[app].append(note)
        for app, notes in of_apps.items():
            try:
                if (hide := self._hiding(app)) is not None:
                    hidden = [Note(hide(note.text), note.drone, note.snapshot) for note in notes]
                    self._logbook.notes(app, hidden)
            except Exception:  # a full disk must not end the notes of all apps
                log.exception("%d lines about %s could not be written", len(notes), app)

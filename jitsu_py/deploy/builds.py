"""Upload an archive and follow its build, over lost connections too."""

from __future__ import annotations

import time
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING

from jitsu_py.api.failures import CONNECTION_LOST, OUTPUT_LINES, failure
from jitsu_py.deploy import absence
from jitsu_py.errors import BuildFailedError, ConflictError, JitsuError, UnreachableError
from jitsu_py.wire import Code, Event

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitsu_py.api import Client
    from jitsu_py.api.events import BuildEvent
    from jitsu_py.api.snapshots import Snapshot
    from jitsu_py.project.archive import Archive
    from jitsu_py.reporter import Reporter

ADMISSION = 5.0
"""Seconds that a server may take from the last byte of an archive until it lists the snapshot."""

RECENT = 200
"""Lines that were shown are remembered for so long, so that the error does not show them again."""

UPLOADS = 3
"""How often an archive is sent before we give up."""


@dataclass
class Upload:
    """One archive on its way to becoming a snapshot.

    Args:
        client: of the server.
        app: `user/name`.
        snapshot: id of the new snapshot.
        archive: what to send.
        reporter: told of bytes, steps and lines.
        fresh: install its dependencies anew.
        revive: called when the server cannot be reached: starts it, where that is ours to do.
        pause: waits some seconds; tests wait less.
    """

    client: Client
    app: str
    snapshot: str
    archive: Archive
    reporter: Reporter
    fresh: bool = False
    revive: Callable[[], None] = lambda: None
    pause: Callable[[float], None] = time.sleep
    sent: int = field(default=0, init=False)
    """Bytes of the current try that went out."""
    told: int = field(default=0, init=False)
    """How many steps and lines of the build were shown; in its log each is a line."""
    last: str = field(default="", init=False)
    """The last of them."""
    _recent: deque[str] = field(default_factory=lambda: deque(maxlen=RECENT), init=False)

    @property
    def arrived(self) -> bool:
        """Whether the whole archive went out, so that the server builds it whatever becomes of us."""
        return self.sent >= self.archive.size

    def run(self) -> Snapshot:
        """Send the archive and stay until it is built.

        Raises:
            BuildFailedError: with the last lines of the build.
            ConflictError: the id is taken.
            UnreachableError: the server is gone for longer than `absence.PATIENCE`.
        """
        try:
            return self._sent_and_built()
        except BuildFailedError as error:
            error.told = set(self._recent).issuperset(error.output)
            raise

    def _sent_and_built(self) -> Snapshot:
        for attempt in range(UPLOADS):
            try:
                return self._send()
            except UnreachableError as error:
                if error.code != CONNECTION_LOST:
                    raise
                lost = error
            except ConflictError as error:
                # Our own try before this one did arrive.
                if attempt == 0 or error.code != Code.SNAPSHOT_EXISTS:
                    raise
                lost = UnreachableError(error.message, code=CONNECTION_LOST)
                self.sent = self.archive.size
            self.reporter.warn("the connection was lost; asking the server how far it is")
            if (built := self._ask(lost)) is not None:
                return built
            self.reporter.step(f"Uploading {self.snapshot} again")
        raise lost

    def _send(self) -> Snapshot:
        self.sent = self.told = 0
        with ExitStack() as bar:
            advance = bar.enter_context(
                self.reporter.progress(f"Uploading {self.snapshot}", self.archive.size)
            )

            def sent(count: int) -> None:
                self.sent += count
                advance(count)
                if self.arrived:
                    # The build's lines follow: the bar must be gone by then.
                    bar.close()

            return self.client.snapshots.upload(
                self.app,
                self.snapshot,
                self.archive.path,
                sha256=self.archive.sha256,
                fresh=self.fresh,
                advance=sent,
                on_event=self._show,
            )

    def _show(self, event: BuildEvent) -> None:
        if event.kind not in (Event.STEP, Event.LINE):
            return
        self.told, self.last = self.told + 1, event.text
        self._recent.append(event.text)
        if event.kind == Event.STEP:
            self.reporter.step(event.text or event.name)
        else:
            self.reporter.line(event.text)

    def _ask(self, lost: JitsuError) -> Snapshot | None:
        """Follow the build by asking for its state; None: the archive never arrived."""
        went_on = f"the build of {self.snapshot} may have gone on: `jitsu snapshots list` shows it"
        hint = went_on if self.arrived else "not all of it arrived, so nothing is built: deploy again"
        began, away = monotonic(), absence.Absence(lost, hint, lost.details, self.revive)
        while True:
            try:
                found = self.client.snapshots.find(self.app, self.snapshot)
                away.over()
            except absence.AWAY as error:
                away.bear(error)
            else:
                if found is None and (not self.arrived or away.seen - began > ADMISSION):
                    return None
                if found is not None and found.state != "building":
                    return self._verdict(found)
                if found is not None:
                    self._catch_up()
            self.pause(absence.POLL)

    def _verdict(self, found: Snapshot) -> Snapshot:
        log = self._catch_up()
        if found.state == "ready":
            return found
        error = failure(found.raw.get("error"), kind=BuildFailedError)
        error.output = error.output or tuple(log[-OUTPUT_LINES:])
        raise error

    def _catch_up(self) -> list[str]:
        """Show the lines of the build that did not reach us; give all of them."""
        try:
            log = self.client.snapshots.log(self.app, self.snapshot).removesuffix("\n").split("\n")
        except JitsuError:
            # The state counts, and was told; the lines are for the eye, and stay on the server.
            return []
        for line in log[self._place(log) :]:
            self.told, self.last = self.told + 1, line
            self._recent.append(line)
            self.reporter.line(line)
        return log

    def _place(self, log: list[str]) -> int:
        """Find where in the log we are: it may have lines that are told to nobody, so never before `told`."""
        begin = max(self.told - 1, 0)
        after = (number for number in range(begin, len(log)) if log[number] == self.last)
        return next(after, begin) + 1 if self.told else 0

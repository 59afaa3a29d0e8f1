"""Start a new snapshot, and say what serves when it does not come up."""

from __future__ import annotations

import os
from dataclasses import dataclass
from time import sleep
from typing import TYPE_CHECKING

from jitsu_py.api.failures import CONNECTION_LOST, OUTPUT_LINES
from jitsu_py.deploy import absence
from jitsu_py.errors import JitsuError, StartFailedError, TimedOutError, UnreachableError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitsu_py.api import Client
    from jitsu_py.api.apps import App
    from jitsu_py.reporter import Reporter

LEAVE = 0.5
"""Seconds that a start gets to fail at once before `detach` leaves it alone."""

ASKED = 3
"""How often a start is asked for before we give up."""


@dataclass(frozen=True)
class Start:
    """The start of an app whose new snapshot is active.

    Args:
        client: of the server.
        app: `user/name`.
        snapshot: id of the new snapshot.
        reporter: told that it starts.
        before: id of the snapshot that was active before; empty: none.
        timeout: seconds that it may take.
        detach: leave it to the server when it does not fail at once.
        releases: show what the snapshot's release command prints, and wait as long as the server lets it run.
        with_env: roll back to the snapshot with its environment of then; it need not be active.
        revive: called when the server cannot be reached: starts it, where that is ours to do.
    """

    client: Client
    app: str
    snapshot: str
    reporter: Reporter
    before: str
    timeout: float
    detach: bool
    with_env: bool = False
    releases: bool = False
    revive: Callable[[], None] = lambda: None

    def run(self) -> App:
        """Start it. After a lost connection the same start is asked for again: the server knows it by its key
        and tells how it ends, unless it is another server by then, which starts it.

        Raises:
            StartFailedError: with the app's last lines, and whether the version before serves.
            TimedOutError: it may still come up.
            UnreachableError: the server is gone for longer than `absence.PATIENCE`.
        """
        try:
            return self._carried(os.urandom(16).hex())
        except StartFailedError as error:
            raise self._failed(error) from error
        except TimedOutError as error:
            silent = f"the server said nothing more of the start of {self.snapshot}"
            raise TimedOutError(
                silent if self._follows else f"{self.snapshot} was not ready within {self.timeout:g} seconds",
                hint="its start goes on on the server: `jitsu view` shows how it ended",
                details={"snapshot": self.snapshot},
            ) from error

    @property
    def _follows(self) -> bool:
        return self.releases and not self.detach

    def _carried(self, key: str) -> App:
        for _ in range(ASKED - 1):
            try:
                return self._start(key)
            except UnreachableError as error:
                if error.code != CONNECTION_LOST:
                    raise
                self.reporter.warn("the connection was lost; asking the server again")
                self._wait(error)
        return self._start(key)

    def _wait(self, lost: JitsuError) -> None:
        """Stay until the server answers again."""
        name = self.app.partition("/")[2]
        hint = f"the start of {self.snapshot} may have gone on: `jitsu view {name}` tells how it ended"
        away = absence.Absence(lost, hint, {"snapshot": self.snapshot}, self.revive)
        while True:
            try:
                self.client.apps.get(self.app)
                return
            except absence.AWAY as error:
                away.bear(error)
            sleep(absence.POLL)

    def _start(self, key: str) -> App:
        with self.reporter.progress(f"Starting {self.snapshot}", None):
            if self.with_env:
                return self.client.apps.roll_back(
                    self.app, self.snapshot, with_env=True, timeout=self.timeout
                )
            if self._follows:
                return self.client.apps.start_told(self.app, self.reporter.line, key=key)
            try:
                patience = LEAVE if self.detach else self.timeout
                return self.client.apps.start(self.app, timeout=patience, key=key)
            except TimedOutError:
                if not self.detach:
                    raise
                # The server carries it through without us.
                return self.client.apps.get(self.app)

    def _failed(self, error: StartFailedError) -> StartFailedError:
        serving = self._restore()
        rest = {None: "", "": " Nothing serves now."}.get(serving, f" {serving} still serves.")
        failed = StartFailedError(
            f"{self.snapshot} did not start: {error.message}{rest}",
            hint=error.hint or f"`jitsu logs app {self.app.partition('/')[2]}` shows what it printed",
            code=error.code,
            request_id=error.request_id,
            output=error.output or self._last_lines(),
            details={**error.details, "snapshot": self.snapshot, "serving": serving},
        )
        failed.told = self._follows and error.code == Code.RELEASE_FAILED
        return failed

    def _restore(self) -> str | None:
        """Make what was active before active again, for the next start.

        Returns:
            Id of the snapshot that serves now; empty: none does; None: the server did not say.
        """
        try:
            app = self.client.apps.get(self.app)
            # Whoever deployed meanwhile has made another one active, and that is to stay.
            if self.before and app.active == self.snapshot:
                self.client.snapshots.activate(self.app, self.before)
            return app.running
        except JitsuError as error:
            # The failed start is what the person must hear of; this is only the sweeping up.
            self.reporter.warn(f"{self.before or self.app} was not looked after: {error.message}")
            return None

    def _last_lines(self) -> list[str]:
        """Give what the new drones printed, from the log."""
        try:
            lines = self.client.logs.query(self.app)
        except JitsuError:
            return []
        ours = [line for line in lines if line.snapshot == self.snapshot and line.stream != "system"]
        return [line.text for line in ours][-OUTPUT_LINES:]

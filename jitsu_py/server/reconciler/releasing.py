"""Runs release commands (`jitsu.release`: migrations, mostly) before the switch to a new snapshot.

One runs as a drone of its snapshot would: in its folder, with its environment, its output in the app's log.
"""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Final

from jitsu_py.server.drones.failures import given_up, not_launched
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from jitsu_py.server.drones import DroneSpec, Engine
    from jitsu_py.server.drones.engine import Process
    from jitsu_py.server.logbook import Logbook

OUTPUT: Final = 20
"""Last lines that an error carries."""


class Releases:
    """The release commands under way.

    Args:
        limit: seconds that one may take.
    """

    def __init__(self, engine: Engine, logbook: Logbook, limit: float) -> None:
        self._engine = engine
        self._logbook = logbook
        self._limit = limit
        self._running: dict[str, Process | None] = {}  # None: it is being launched
        self._stopped: set[str] = set()
        self._closed = False

    async def run(self, spec: DroneSpec) -> None:
        """Run a release command to its end; nothing that it started is left then.

        Args:
            spec: as of a drone, with the release command in place of the start script.

        Raises:
            PlatformError: RELEASE_FAILED, with the last lines; UNAVAILABLE: it was given up.
        """
        if self._closed:
            raise given_up(spec)
        self._running[spec.app] = None
        try:
            await self._watched(spec)
        finally:
            del self._running[spec.app]
            self._stopped.discard(spec.app)

    async def _watched(self, spec: DroneSpec) -> None:
        try:
            process = await self._engine.launch(spec)
        except OSError as error:
            raise not_launched(spec, error) from error
        self._running[spec.app] = process
        if spec.app in self._stopped:
            process.signal(signal.SIGKILL)
        why, output = "", []
        try:
            async with asyncio.timeout(self._limit):
                ending = await process.wait()
            why = "" if ending.code == 0 else f"ended {ending.words()}"
        except TimeoutError:
            why = f"took longer than {self._limit:g} seconds"
        finally:
            output = await self._end(spec, process)
        if spec.app in self._stopped:
            raise given_up(spec)
        if why:
            raise _failed(spec, why, output)

    def stop(self, app: str) -> None:
        """Kill the release command of an app ("user/name"), if one runs."""
        if app in self._running:
            self._stopped.add(app)
        if process := self._running.get(app):
            process.signal(signal.SIGKILL)

    def give_up(self) -> None:
        """Kill all, and begin none."""
        self._closed = True
        for app in list(self._running):
            self.stop(app)

    async def _end(self, spec: DroneSpec, process: Process) -> list[str]:
        process.signal(signal.SIGKILL)
        await process.gone()
        output = process.output(OUTPUT)
        await asyncio.to_thread(self._logbook.ended, spec.app, spec.id)
        await self._engine.forget(spec)
        return output


def _failed(spec: DroneSpec, why: str, output: list[str]) -> PlatformError:
    return PlatformError(
        Code.RELEASE_FAILED,
        f"The release command of {spec.app} {spec.snapshot} {why}: {spec.command}.",
        blame=Blame.APPLICATION,
        details={"output": output, "hint": "Mend it (jitsu.release in package.json) and deploy again."},
    )

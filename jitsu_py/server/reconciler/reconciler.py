"""The orders (start, stop, restart, scale) and the rounds that bring what is to what is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server import endings
from jitsu_py.server.drones import Drone, DroneEvent, DroneState
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.notes import by
from jitsu_py.server.reconciler import words
from jitsu_py.server.reconciler.desired import Desired
from jitsu_py.server.reconciler.fleet import Fleet, is_short
from jitsu_py.server.reconciler.moves import Moves
from jitsu_py.server.reconciler.retries import Retries
from jitsu_py.server.reconciler.routing import condition

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from jitsu_py.server.drones import Engine
    from jitsu_py.server.logbook import Logbook
    from jitsu_py.server.notes import Notes
    from jitsu_py.server.router import Router
    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App
    from jitsu_py.wire import Condition

log = logging.getLogger(__name__)

EVERY: Final = 5.0
"""Seconds between two rounds when nothing happens."""

AT_ONCE: Final = max(4, 2 * (os.cpu_count() or 1))
"""Apps that are brought back at a time, after a reboot say: more would take each other's time to boot."""


class Reconciler:
    """Owns the drones and the routes of all apps.

    Args:
        engine: runs the drones.
        router: serves them.
        notes: what happens is said there; `close` sees to it that all is written.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        router: Router,
        logbook: Logbook,
        notes: Notes,
        settings: Settings,
    ) -> None:
        self._desired = Desired(store)
        self._router = router
        self._fleet = Fleet(self._desired, engine, router, logbook, settings, self._heard)
        self._retries = Retries()
        self._moves = Moves(
            self._desired, self._fleet, router, notes, self._retries, settings.router.domain, self._spawn
        )
        self.notes = notes
        self._adopting = False
        self._locks: defaultdict[int, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        self._places = asyncio.Semaphore(AT_ONCE)
        self._reviving: set[int] = set()  # ids of apps that have or wait for one of these places
        self._closing = False

    async def open(self) -> None:
        """Take over the drones that still run, start the router, and bring up what is missing."""
        self._keeper = asyncio.create_task(self._fleet.run())
        self._spawn(self.notes.run())
        self._adopting = True
        try:
            await self._fleet.adopt()
        finally:
            self._adopting = False
        await self._router.start()
        await self.routes_changed()
        self._spawn(self._router.watch())
        self._spawn(self._rounds())

    def give_up(self) -> None:
        """Begin to stop: no start goes on, and those who wait for one hear so at once. `close` follows."""
        self._closing = True
        self._fleet.give_up()

    async def close(self, *, leave_running: bool) -> None:
        """Stop; with `leave_running` the drones and the router go on for the next server to take over."""
        self.give_up()
        if not leave_running:
            self._say_goodbye()
        # From here on nothing brings the router back, whatever task still wants to.
        await self._router.close(leave_running=leave_running)
        await self._fleet.close(leave_running=leave_running)
        await self.notes.written()
        await endings.end([*self._tasks, self._keeper])

    def _say_goodbye(self) -> None:
        for drone in self._fleet.all():
            text = "ends with the server, and is launched again with the next one"
            self.notes.add(drone.app, text, drone=drone.id, snapshot=drone.snapshot)

    def drones(self, app: App) -> list[Drone]:
        """The drones of an app's release that are not being retired, in the order of their launch."""
        return self._fleet.of(app)

    def condition(self, app: App) -> Condition:
        """How an app fares."""
        return condition(app, self.drones(app), is_failing=app.id in self._retries)

    async def start(self, app: App) -> None:
        """Bring up the active snapshot; what ran before serves until the new drones are proved ready.

        Does nothing when that snapshot runs already in the environment that the app has now. A start of
        another snapshot that is still under way is given up.

        Raises:
            PlatformError: NO_SNAPSHOTS; CRASHED or NEVER_LISTENED: what ran before goes on; UNAVAILABLE: it
                was given up.
        """
        app = await asyncio.to_thread(self._desired.fresh, app)
        if self._fleet.launching(app) not in {None, app.active_id}:
            await self._fleet.interrupt(app)
        async with self._locks[app.id]:
            app = await asyncio.to_thread(self._desired.fresh, app)
            is_ready = any(drone.state is DroneState.READY for drone in self.drones(app))
            if is_ready and await asyncio.to_thread(self._desired.is_current, app):
                await self._moves.fill(app)
            else:
                await self._moves.switch(app)

    async def restart(self, app: App) -> None:
        """Replace the drones by new ones of the active snapshot, without a gap.

        Raises:
            PlatformError: as `start`.
        """
        async with self._locks[app.id]:
            await self._moves.switch(await asyncio.to_thread(self._desired.fresh, app))

    async def roll_back(self, app: App, snapshot_id: int, env: bytes | None) -> None:
        """Bring up a snapshot; proved ready, it and its environment are the app's own.

        Args:
            snapshot_id: row id of the snapshot.
            env: the environment to run it in, sealed; None: the app's own as it is now.

        Raises:
            PlatformError: as `start`; nothing of the app changed then.
        """
        app = await asyncio.to_thread(self._desired.fresh, app)
        if self._fleet.launching(app) not in {None, snapshot_id}:
            await self._fleet.interrupt(app)
        async with self._locks[app.id]:
            app = await asyncio.to_thread(self._desired.fresh, app)
            asked: dict[str, Any] = {"active_id": snapshot_id}
            if env is not None:
                asked["env"] = env
            await self._moves.switch(replace(app, **asked), **asked)

    async def stop(self, app: App) -> None:
        """Take an app off the router and end its drones; a start under way is given up."""
        async with self.stopped(app):
            pass

    @contextlib.asynccontextmanager
    async def stopped(self, app: App) -> AsyncIterator[None]:
        """Stop an app; inside the block nobody can start it, and all that it printed is in its log.

        Raises:
            PlatformError: NOT_FOUND: it was destroyed meanwhile.
        """
        self._fleet.refuse(app)
        try:
            await self._fleet.interrupt(app)
            await self._locks[app.id].acquire()
        finally:
            self._fleet.permit(app)
        try:
            # Drones, log and builds go by the app's name, which may be another app's by now.
            await asyncio.to_thread(self._desired.fresh, app)
            await self._moves.take_down(app)
            yield
        finally:
            self._locks[app.id].release()

    async def scale(self, app: App, drones: int, ram: int | None) -> None:
        """Set how many drones are wanted, and bring them up or down if the app is started."""
        async with self._locks[app.id]:
            app = await asyncio.to_thread(self._desired.fresh, app)
            await asyncio.to_thread(self._desired.set, app, drones=drones, ram=ram)
            if app.drones != drones:
                self.notes.add(app.key, f"scaled from {app.drones} to {drones} drones{by()}")
            before, app = app, await asyncio.to_thread(self._desired.fresh, app)
            if app.ram != before.ram:
                await self._bound(before, app)
            if app.state == "started":
                await self._moves.fill(app)

    async def routes_changed(self) -> None:
        """Make the router's routes those that are wanted now."""
        await self._moves.reroute()

    async def _bound(self, before: App, app: App) -> None:
        """Have the drones that run keep to the memory that their app may use now."""
        self.notes.add(app.key, words.bounded(before.ram, app.ram) + by())
        for drone in await self._fleet.bound(app):
            self.notes.add(app.key, words.uses_more(drone), drone=drone.id, snapshot=drone.snapshot)

    async def _rounds(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self._round()
            except Exception:
                log.exception("a round of the reconciler failed; the next one tries again")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EVERY):  # `wait_for` may forget a cancellation before Python 3.12
                    await self._changed.wait()

    async def _round(self) -> None:
        for app, _release in await asyncio.to_thread(self._desired.serving):
            if (
                is_short(self.drones(app), app.drones)
                and self._retries.is_due(app.id)
                and app.id not in self._reviving
                and not self._locks[app.id].locked()
            ):
                self._reviving.add(app.id)
                self._spawn(self._revive(app))
        await self.routes_changed()
        for app in await asyncio.to_thread(self._desired.listed):
            if self._fleet.others(app) and not self._locks[app.id].locked():
                self._spawn(self._tidy(app))

    async def _tidy(self, app: App) -> None:
        """Let go of drones of before that a switch could not retire, for want of a router."""
        async with self._locks[app.id]:
            # What was read before the lock was held may be of before a switch.
            with contextlib.suppress(PlatformError):  # it was destroyed meanwhile, drones and all
                self._moves.retire_others(await asyncio.to_thread(self._desired.fresh, app))

    async def _revive(self, app: App) -> None:
        """Bring an app back when it is its turn; those before it in the list have theirs first."""
        try:
            # Not under the app's lock: a person who starts it meanwhile does not wait for the others.
            async with self._places:
                await self._bring_back(app)
        finally:
            self._reviving.discard(app.id)

    async def _bring_back(self, app: App) -> None:
        """Start what should run and does not; failures are tried again, ever later."""
        async with self._locks[app.id]:
            app = await asyncio.to_thread(self._desired.fresh, app)
            if app.state != "started" or self._closing:
                return
            try:
                await self._moves.fill(app)
            except PlatformError as error:
                delay = self._retries.failed(app.id)
                self.notes.add(app.key, f"did not start, tried again in {delay:.0f} s: {error.message}")
            else:
                self._retries.forget(app.id)
        self._changed.set()

    def _heard(self, event: DroneEvent) -> None:
        """What the supervisor tells of a drone: into the app's log, and a round soon."""
        if self._closing:
            return
        text = words.of_drone(event, adopted=self._adopting)
        log.info("%s %s: %s", event.drone.app, event.drone.id, text)
        drone = event.drone
        self.notes.add(drone.app, text, drone=drone.id, snapshot=drone.snapshot)
        self._changed.set()

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work in the background failed", exc_info=error)

"""How an app's drones and routes are changed: each move is one that its order, or a round, has decided on.

But for `reroute`, whoever makes a move holds the app's lock.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jitsu_py.server.drones import DroneState
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.notes import by
from jitsu_py.server.reconciler import words
from jitsu_py.server.reconciler.fleet import best_first
from jitsu_py.server.reconciler.routing import hosts_of, wanted_route
from jitsu_py.wire import NO_SNAPSHOT, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from jitsu_py.server.drones import Drone, DroneSpec
    from jitsu_py.server.notes import Notes
    from jitsu_py.server.reconciler.desired import Desired
    from jitsu_py.server.reconciler.fleet import Fleet
    from jitsu_py.server.reconciler.retries import Retries
    from jitsu_py.server.router import Router
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.snapshots import Release

    Spawn = Callable[[Coroutine[object, object, None]], None]


class Moves:
    """What changes an app from what is to what is wanted.

    Args:
        desired: what is wanted; a move that succeeded is recorded there.
        fleet: the drones.
        router: serves them.
        notes: what happens is said there.
        retries: apps that are to be tried again; a move that succeeds ends that.
        domain: below which every app has a host name.
        spawn: has something done in the background.
    """

    def __init__(
        self,
        desired: Desired,
        fleet: Fleet,
        router: Router,
        notes: Notes,
        retries: Retries,
        domain: str,
        spawn: Spawn,
    ) -> None:
        self._desired = desired
        self._fleet = fleet
        self._router = router
        self._notes = notes
        self._retries = retries
        self._domain = domain
        self._spawn = spawn
        self._rerouting = asyncio.Lock()

    async def reroute(self) -> None:
        """Make the router's routes those that are wanted now."""
        # One at a time: what was read before a switch must not be applied after it.
        async with self._rerouting:
            listed = await asyncio.to_thread(self._desired.listed)
            await self._router.apply(
                [
                    wanted_route(
                        app,
                        self._fleet.proved(app),
                        is_failing=app.id in self._retries,
                        domain=self._domain,
                    )
                    for app in listed
                ]
            )

    async def switch(self, app: App, **recorded: Any) -> None:
        """Launch a new release, prove it ready, record it, route to it, retire the old one.

        Args:
            recorded: columns of the app that are set with the switch.

        Raises:
            PlatformError: NO_SNAPSHOTS; or why the new release is not ready, and then the old one goes on.
        """
        if app.active_id is None:
            raise PlatformError(Code.NO_SNAPSHOTS, NO_SNAPSHOT)
        release = await asyncio.to_thread(self._desired.new_release, app, app.active_id)
        launched = await self._launched(app, release)
        try:
            await asyncio.to_thread(
                self._desired.set, app, served=release, state="started", release_id=release.id, **recorded
            )
        except BaseException:
            await self._fleet.end(launched)
            raise
        self._retries.forget(app.id)
        await self.reroute()
        ref, hosts = launched[0].snapshot, hosts_of(app, self._domain)
        self._notes.add(app.key, words.routed(ref, len(launched), hosts), snapshot=ref)
        self.retire_others(replace(app, release_id=release.id))

    async def _launched(self, app: App, release: Release) -> list[DroneSpec]:
        """Launch a release's drones, and say in the log that it is done and what came of it."""
        ref = (await asyncio.to_thread(self._desired.snapshot, release)).ref
        self._notes.add(app.key, f"starting snapshot {ref}{by()}", snapshot=ref)
        try:
            await self._fleet.prepare(app, release)
            return await self._fleet.launch(app, release, app.drones)
        except PlatformError as error:
            self._notes.add(app.key, f"snapshot {ref} did not start: {error.message}", snapshot=ref)
            raise

    async def fill(self, app: App) -> None:
        """Bring a started app to its number of drones; a sick one goes when there is another for it."""
        have = self._fleet.of(app)
        sick = [drone for drone in have if drone.state is DroneState.SICK]
        sound = [drone for drone in have if drone.state is not DroneState.SICK]
        if len(sound) < app.drones:
            release = await asyncio.to_thread(self._desired.release, app)
            if release is None:
                return
            await self._fleet.launch(app, release, app.drones - len(sound))
            await self.reroute()
        surplus = [*sick, *best_first(sound)[app.drones :]]
        if surplus:
            self._fleet.retiring(surplus)
            await self.reroute()
            self._let_go(surplus)

    async def take_down(self, app: App) -> None:
        """Take an app off the router and end its drones; all that they printed is in the log then."""
        await asyncio.to_thread(self._desired.set, app, state="stopped")
        self._retries.forget(app.id)
        await self.reroute()
        running = self._fleet.all_of(app)
        await self._fleet.retire(running, max((drone.grace for drone in running), default=0.0))
        if running:
            self._notes.add(app.key, f"stopped{by()}")
        await self._notes.written()

    def retire_others(self, app: App) -> None:
        """Let go of the drones that run for an app without being of its release."""
        if old := self._fleet.others(app):
            self._let_go(old)

    def _let_go(self, drones: list[Drone]) -> None:
        self._fleet.retiring(drones)
        self._spawn(self._fleet.retire(drones))

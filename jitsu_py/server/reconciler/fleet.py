"""The drones of all apps: launched for a release, adopted, retired."""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.care import Care
from jitsu_py.server.drones import Drone, DroneSpec, DroneState, PortPool, Supervisor
from jitsu_py.server.drones.engine import MIB
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.reconciler.releasing import Releases
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from jitsu_py.server.drones import DroneEvent, Engine
    from jitsu_py.server.logbook import Logbook
    from jitsu_py.server.reconciler.desired import Desired
    from jitsu_py.server.router import Router
    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.snapshots import Release

log = logging.getLogger(__name__)

RELEASE: Final = "release-"
"""In the id of what runs a release command."""


class Fleet:
    """Who runs, for which release. A drone's id names its release: `r12-1f3a9c02` is of release 12.

    Args:
        listener: told what happens to drones.
    """

    def __init__(
        self,
        desired: Desired,
        engine: Engine,
        router: Router,
        logbook: Logbook,
        settings: Settings,
        listener: Callable[[DroneEvent], None],
    ) -> None:
        self._desired = desired
        self._engine = engine
        self._router = router
        self._logbook = logbook
        self._settings = settings
        self._ports = PortPool()
        self._supervisor = Supervisor(engine, listener=listener)
        self._releases = Releases(engine, logbook, settings.drones.release)
        self._launching: dict[int, tuple[int, set[str]]] = {}  # app id -> (snapshot id, unproved drones)
        self._refused: Counter[int] = Counter()  # app id -> orders that want no drone of it launched
        self._retiring: set[str] = set()
        self._closing = False

    async def run(self) -> None:
        """Keep the drones until cancelled; must outlive `close`."""
        await self._supervisor.run()

    def give_up(self) -> None:
        """No launch goes on, and those who wait for one hear so at once."""
        self._closing = True
        self._releases.give_up()
        self._supervisor.give_up()

    async def close(self, *, leave_running: bool) -> None:
        """End the drones, or let go of them."""
        await self._supervisor.close(leave_running=leave_running)

    def of(self, app: App) -> list[Drone]:
        """The drones of an app's release that are not being retired, in the order of their launch."""
        return [
            drone
            for drone in self._supervisor.drones(app.key)
            if _release_of(drone.id) == app.release_id and drone.id not in self._retiring
        ]

    def proved(self, app: App) -> list[Drone]:
        """Those of them that were ready once."""
        _, unproved = self._launching.get(app.id, (None, set[str]()))
        return [drone for drone in self.of(app) if drone.id not in unproved]

    def all(self) -> tuple[Drone, ...]:
        """Every drone of every app."""
        return self._supervisor.drones()

    def all_of(self, app: App) -> tuple[Drone, ...]:
        """Every drone of an app, of whatever release."""
        return self._supervisor.drones(app.key)

    def others(self, app: App) -> list[Drone]:
        """Drones that run for an app without being of its release, nor being retired."""
        return [
            drone
            for drone in self._supervisor.drones(app.key)
            if _release_of(drone.id) != app.release_id and drone.id not in self._retiring
        ]

    def launching(self, app: App) -> int | None:
        """The snapshot (its row id) whose drones are just being launched for the app."""
        snapshot_id, _ = self._launching.get(app.id, (None, set[str]()))
        return snapshot_id

    def refuse(self, app: App) -> None:
        """Launch nothing for the app until `permit`."""
        self._refused[app.id] += 1

    def permit(self, app: App) -> None:
        """Take one `refuse` back."""
        self._refused[app.id] -= 1

    async def interrupt(self, app: App) -> None:
        """Give up a launch of this app that is under way, so that it lets go of the app."""
        self._releases.stop(app.key)
        _, unproved = self._launching.get(app.id, (None, set[str]()))
        await asyncio.gather(*(self._supervisor.stop(drone) for drone in tuple(unproved)))

    async def prepare(self, app: App, release: Release) -> None:
        """Run the release command of the snapshot, if it has one that never ended well.

        Raises:
            PlatformError: RELEASE_FAILED; UNAVAILABLE: it was given up; SNAPSHOT_NOT_READY.
        """
        snapshot = await asyncio.to_thread(self._desired.snapshot, release)
        if not snapshot.release or snapshot.released is not None:
            return
        self._check_wanted(app)
        (spec,) = await self._specs(app, release, 1, RELEASE)
        self._launching[app.id] = release.snapshot_id, set()
        try:
            await self._releases.run(replace(spec, command=snapshot.release))
        finally:
            del self._launching[app.id]
            self._ports.give_back(spec.port)
        await asyncio.to_thread(self._desired.released, snapshot)

    async def launch(self, app: App, release: Release, count: int) -> list[DroneSpec]:
        """Launch drones of a release; all are proved ready then, or none is left.

        Raises:
            BootFailed: one did not come up.
            PlatformError: UNAVAILABLE: it was given up; SNAPSHOT_NOT_READY.
        """
        specs = await self._specs(app, release, count)
        self._launching[app.id] = release.snapshot_id, {spec.id for spec in specs}
        try:
            proofs = (self._prove(spec, app) for spec in specs)
            results = await asyncio.gather(*proofs, return_exceptions=True)
        finally:
            del self._launching[app.id]
        failures = [result for result in results if isinstance(result, BaseException)]
        if failures:
            if not self._closing:
                await self.end(specs)
            raise failures[0]
        return specs

    async def bound(self, app: App) -> list[Drone]:
        """Have an app's drones keep to the memory that it may use; those of its release that use more."""
        if app.ram is None:
            return []
        await self._supervisor.bound(app.key, app.ram * MIB)
        return [drone for drone in self.of(app) if drone.pid is not None and drone.memory != app.ram * MIB]

    async def end(self, drones: Iterable[Drone | DroneSpec]) -> None:
        """Stop drones, and read the last that they printed."""
        await asyncio.gather(*(self._end(drone.app, drone.id, drone.port) for drone in drones))

    def retiring(self, drones: Sequence[Drone]) -> None:
        """Count drones as retired from now on; `retire` follows."""
        self._retiring.update(drone.id for drone in drones)

    async def retire(self, drones: Sequence[Drone], drain: float | None = None) -> None:
        """Let former targets finish what they are doing, and end them.

        Args:
            drain: seconds that they have at most; else what their app asks for.
        """
        self.retiring(drones)
        if drain is None:
            drain = max((drone.drain for drone in drones), default=0.0)
        try:
            await self._router.drained([drone.id for drone in drones], drain)
        except Exception:
            # Whatever ails the router, what nobody wants any more must end.
            log.exception("the router did not say what former drones carry")
        await self.end(drones)

    async def adopt(self) -> None:
        """Take over running drones of the releases that serve; all others of this state folder are ended."""
        found = await self._engine.find()
        specs = {}
        for app, release in await asyncio.to_thread(self._desired.serving):
            for running in found:
                if running.app == app.key and _release_of(running.id) == release.id:
                    self._ports.hold(running.port)
                    specs[running.id] = await asyncio.to_thread(
                        self._spec, app, release, running.id, running.port
                    )
        adopted = {drone.id for drone in await self._supervisor.adopt(specs)}
        await asyncio.to_thread(self._read_rest, adopted)

    def _read_rest(self, adopted: set[str]) -> None:
        """Read what drones printed that ended while no server ran."""
        for app in self._desired.listed():
            for drone in self._logbook.forsaken(app.key):
                if drone not in adopted:
                    self._logbook.ended(app.key, drone)

    async def _prove(self, spec: DroneSpec, app: App) -> None:
        self._check_wanted(app)
        await self._supervisor.start(spec)

    def _check_wanted(self, app: App) -> None:
        if self._refused[app.id]:
            message = f"The start of {app.key} was given up: it is being stopped."
            raise PlatformError(Code.UNAVAILABLE, message)

    async def _specs(self, app: App, release: Release, count: int, kind: str = "") -> list[DroneSpec]:
        # In the event loop: the pool belongs to one thread.
        ports = [self._ports.take() for _ in range(count)]
        try:
            return [
                await asyncio.to_thread(self._spec, app, release, _new_id(release, kind), port)
                for port in ports
            ]
        except BaseException:
            for port in ports:
                self._ports.give_back(port)
            raise

    def _spec(self, app: App, release: Release, drone: str, port: int) -> DroneSpec:
        """What it takes to run a drone of a release under this id and on this port."""
        snapshot = self._desired.snapshot(release)
        if snapshot.command is None or snapshot.node is None:
            raise PlatformError(
                Code.SNAPSHOT_NOT_READY, f"Snapshot {snapshot.ref} of {app.key} is not built."
            )
        care = Care.restored(snapshot.care)
        times = care.within(self._settings.drones)
        return DroneSpec(
            id=drone,
            app=app.key,
            snapshot=snapshot.ref,
            folder=self._settings.builds_of(app.user, app.name) / snapshot.ref,
            command=snapshot.command,
            node=Path(snapshot.node),
            env=self._desired.env(app, release),
            port=port,
            capture=self._logbook.capture(app.key, drone, snapshot.ref),
            boot=times.boot,
            grace=times.grace,
            drain=times.drain,
            health=care.health,
            # The app's number in the store: no two have the same, and it keeps it as long as it is there.
            place=app.id,
            memory=None if app.ram is None else app.ram * MIB,
        )

    async def _end(self, app: str, drone: str, port: int) -> None:
        self._retiring.add(drone)
        try:
            await self._supervisor.stop(drone)
            await asyncio.to_thread(self._logbook.ended, app, drone)
        finally:
            # A stop may wait for a drone that a switch is retiring: its port is given back once.
            if drone in self._retiring:
                self._retiring.discard(drone)
                self._ports.give_back(port)


def best_first(drones: Sequence[Drone]) -> list[Drone]:
    """Those that serve before those that crash or are sick."""
    return sorted(drones, key=lambda drone: drone.state is not DroneState.READY)


def is_short(drones: Sequence[Drone], wanted: int) -> bool:
    """Whether so many drones are not what is wanted: too few, too many, or one is to be replaced."""
    return len(drones) != wanted or any(drone.state is DroneState.SICK for drone in drones)


def _new_id(release: Release, kind: str) -> str:
    return f"r{release.id}-{kind}{os.urandom(4).hex()}"


def _release_of(drone: str) -> int | None:
    head = drone.partition("-")[0].removeprefix("r")
    return int(head) if head.isdigit() else None

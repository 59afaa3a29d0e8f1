"""Keeps drones running: one queue of messages, one reader."""

from __future__ import annotations

import asyncio
import logging
import time
from typing import TYPE_CHECKING, Any

from jitsu_py.server.drones import messages as m
from jitsu_py.server.drones.life import Life
from jitsu_py.server.drones.surroundings import Surroundings
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

    from jitsu_py.server.drones.engine import DroneSpec, Engine
    from jitsu_py.server.drones.state import Drone, DroneEvent

SETTLE = 1.0
"""Seconds that `adopt` waits for drones to be proved ready; those that run are at once."""

ORPHAN_GRACE = 5.0
"""Seconds between TERM and KILL for drones that nobody wants any more."""

log = logging.getLogger(__name__)


def _call_later(delay: float, call: Callable[[], None]) -> Callable[[], None]:
    return asyncio.get_running_loop().call_later(delay, call).cancel


class Supervisor:
    """Starts, watches, restarts and stops drones.

    Everything that happens is a message; `run` reads them one after the other, so no two things happen to a
    drone at once. Use it from one event loop.

    Args:
        engine: runs the processes.
        listener: called with every event, in order, in the event loop; it must not block.
        clock: seconds, monotonic.
        now: epoch seconds.
        timer: calls something in so many seconds and returns what cancels it.
    """

    def __init__(
        self,
        engine: Engine,
        *,
        listener: Callable[[DroneEvent], None],
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
        timer: Callable[[float, Callable[[], None]], Callable[[], None]] = _call_later,
    ) -> None:
        self._engine = engine
        self._queue: asyncio.Queue[m.Message] = asyncio.Queue()
        self._lives: dict[str, Life] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._world = Surroundings(engine, clock, now, timer, self._queue.put_nowait, self._spawn, listener)

    async def run(self) -> None:
        """Read messages until cancelled."""
        while True:
            message = await self._queue.get()
            try:
                self._act(message)
            except Exception:  # the keeper of all drones must outlive a fault about one
                log.exception("The supervisor failed on %s", type(message).__name__)

    def _act(self, message: m.Message) -> None:  # noqa: C901 - a table, one line each
        match message:
            case m.Begin(life):
                life.begin()
            case m.Launched(life, process):
                life.launched(process)
            case m.NotLaunched(life, error):
                life.not_launched(error)
            case m.BecameReady(life, process):
                life.became_ready(process)
            case m.Checked(life, process, ailment):
                life.checked(process, ailment)
            case m.Ended(life, process, ending):
                life.ended(process, ending)
            case m.Gone(life, process):
                life.gone(process)
            case m.BootOver(life, process):
                life.boot_over(process)
            case m.GraceOver(life, process):
                life.grace_over(process)
            case m.End(life):
                life.end()
            case m.Forgotten(life):
                self._lives.pop(life.spec.id, None)
                life.forgotten()
            case m.Leave(done):
                self._leave(done)

    async def start(self, spec: DroneSpec) -> Drone:
        """Launch a drone and return once it is proved ready.

        Cancelled, it stops the drone again.

        Raises:
            BootFailed: it ended before it listened, or never listened; nothing of it is left.
            PlatformError: it could not be launched, was stopped meanwhile, or its id is in use.
        """
        life = self._add(spec)
        self._queue.put_nowait(m.Begin(life))
        try:
            return await asyncio.shield(life.settled)
        except asyncio.CancelledError:
            self._queue.put_nowait(m.End(life))
            raise

    async def stop(self, drone_id: str) -> None:
        """End a drone in whatever state it is: TERM, grace, KILL. One that is unknown is stopped already."""
        life = self._lives.get(drone_id)
        if life is not None:
            self._queue.put_nowait(m.End(life))
            await asyncio.shield(life.over)

    async def bound(self, app: str, memory: int) -> None:
        """Set how many bytes each drone of an app ("user/name") may use; `Drone.memory` tells what holds."""
        lives = [life for life in self._lives.values() if life.spec.app == app]
        await asyncio.gather(*(life.bound(memory) for life in lives))

    async def adopt(self, specs: Mapping[str, DroneSpec]) -> list[Drone]:
        """Take over the drones that run and are wanted; stop all others of this platform.

        Args:
            specs: wanted drones by id.

        Returns:
            Those taken over: ready ones, and booting ones that are watched until they are.
        """
        lives: list[Life] = []
        for found in await self._engine.find():
            spec = specs.get(found.id)
            if spec is None or spec.port != found.port or found.id in self._lives:
                continue
            process = await self._engine.adopt(found, spec)
            if process is not None:
                life = self._add(spec)
                life.adopted = True
                lives.append(life)
                self._queue.put_nowait(m.Launched(life, process))
        if lives:
            await asyncio.wait([life.settled for life in lives], timeout=SETTLE)
        # The live view: a drone that is started meanwhile is not swept away.
        await self._engine.sweep(self._lives.keys(), ORPHAN_GRACE)
        return [life.drone for life in lives if not life.over.done()]

    def drones(self, app: str | None = None) -> tuple[Drone, ...]:
        """All drones, or those of one app ("user/name"), also those that boot, wait or stop."""
        # A copy first: threads ask too, and a drone may come or go meanwhile.
        return tuple(life.drone for life in list(self._lives.values()) if app in (None, life.spec.app))

    def give_up(self) -> None:
        """Start nothing any more, and tell those who wait for a start so; `close` follows."""
        self._closed = True
        for life in self._lives.values():
            life.give_up()

    async def close(self, *, leave_running: bool) -> None:
        """Watch drones no longer, `run` still running.

        Args:
            leave_running: whether they run on, for the next server to adopt; else all are stopped.
        """
        self._closed = True
        if leave_running:
            done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._queue.put_nowait(m.Leave(done))
            await done
        else:
            await asyncio.gather(*(self.stop(drone_id) for drone_id in tuple(self._lives)))

    def _leave(self, done: asyncio.Future[None]) -> None:
        for life in self._lives.values():
            life.leave()
        self._lives.clear()
        done.set_result(None)

    def _add(self, spec: DroneSpec) -> Life:
        if self._closed:
            raise PlatformError(
                Code.UNAVAILABLE, "The server is stopping and starts no drones.", blame=Blame.SYSTEM
            )
        if spec.id in self._lives:
            raise PlatformError(Code.INTERNAL, f"The drone {spec.id} is there already.", blame=Blame.SYSTEM)
        life = self._lives[spec.id] = Life(spec, self._world)
        return life

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("Watching a drone failed", exc_info=error)

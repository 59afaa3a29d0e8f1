"""The life of one drone: what follows from each message about it. No waiting, no threads: a state machine."""

from __future__ import annotations

import asyncio
import logging
import signal
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from jitsu_py.server.drones.backoff import Backoff
from jitsu_py.server.drones.failures import BootFailed, explained, given_up, not_launched
from jitsu_py.server.drones.messages import (
    BecameReady,
    Begin,
    BootOver,
    Checked,
    Ended,
    Forgotten,
    Gone,
    GraceOver,
    Launched,
    Message,
    NotLaunched,
)
from jitsu_py.server.drones.state import Drone, DroneEvent, DroneState, EventKind

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from jitsu_py.server.drones.engine import DroneSpec, Exit, Process
    from jitsu_py.server.drones.surroundings import Surroundings
    from jitsu_py.server.errors import PlatformError

LINES = 20
"""How many of the app's last lines a failed boot shows."""

CHECK_AGAIN = 0.1
"""Seconds between two health checks of a drone that boots."""

FAILURES = 3
"""Failed health checks in a row that make a drone sick."""

TRUSTED = 10.0
"""Seconds that a drone which crashed again and again must run until it counts as started."""

log = logging.getLogger(__name__)


class Life:
    """One drone, from its first launch, over restarts, to its end.

    Attributes:
        settled: the drone when it is ready for the first time, or why it never was.
        over: set when nothing of it is left.
    """

    def __init__(self, spec: DroneSpec, world: Surroundings) -> None:
        self.spec = spec
        self.settled: asyncio.Future[Drone] = asyncio.get_running_loop().create_future()
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # Nobody may be waiting for it any more; that is no error.
        self.settled.add_done_callback(lambda settled: settled.cancelled() or settled.exception())
        self._world = world
        self._state = DroneState.BOOTING
        self._since = world.now()
        self._process: Process | None = None
        self._last_exit: Exit | None = None
        self._restarts = -1
        self._backoff = Backoff()
        self._ready_at: float | None = None
        self._unwanted = False
        self._failure: PlatformError | None = None
        self._ends = False
        self.adopted = False
        """It ran before: visitors have it already, whatever its health check says."""
        self._ailment: str | None = None
        self._failed_checks = 0
        self._watching: list[asyncio.Task[None]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._cancel_timer: Callable[[], None] = lambda: None

    @property
    def drone(self) -> Drone:
        """The drone as it is now."""
        process = self._process
        return Drone(
            id=self.spec.id,
            app=self.spec.app,
            snapshot=self.spec.snapshot,
            port=self.spec.port,
            pid=process.pid if process else None,
            started=process.started if process else None,
            state=self._state,
            restarts=max(self._restarts, 0),
            since=self._since,
            drain=self.spec.drain,
            grace=self.spec.grace,
            memory=process.memory if process else self.spec.memory,
            crashing=self._is_crashing(),
            last_exit=self._last_exit,
        )

    def _is_crashing(self) -> bool:
        if not self._backoff.waited or self._unwanted:
            return False
        return self._ready_at is None or self._world.clock() - self._ready_at < TRUSTED

    def begin(self) -> None:
        """Launch it, for the first time or again."""
        if self._unwanted:
            return
        self._enter(DroneState.BOOTING)
        self.adopted = False
        self._restarts += 1
        self._spawn(self._launch())

    async def _launch(self) -> None:
        try:
            process = await self._world.engine.launch(self.spec)
        except Exception as error:  # whatever it is, the drone does not run
            self._world.post(NotLaunched(self, error))
        else:
            self._world.post(Launched(self, process))

    def launched(self, process: Process) -> None:
        """Its process runs: wait for it to listen, and watch its end."""
        if self.over.done():
            # The supervisor left meanwhile; the next one finds it.
            process.release()
            return
        self._process = process
        self._ends = False
        self._ready_at = None
        self._restarts = max(self._restarts, 0)
        self._tell(EventKind.LAUNCHED)
        self._spawn(self._await_end(process))
        if self._unwanted:
            self._terminate(process)
            return
        self._watching.append(self._spawn(self._await_ready(process)))
        self._set_timer(self.spec.boot, BootOver(self, process))

    def not_launched(self, error: Exception) -> None:
        """The engine could not: an error at first, one more crash later."""
        log.warning("Drone %s of %s could not be launched: %s", self.spec.id, self.spec.app, error)
        if not self.settled.done() and self._failure is None:
            self._failure = not_launched(self.spec, error)
        self._enter(DroneState.EXITED)
        self._proceed()

    async def _await_end(self, process: Process) -> None:
        self._world.post(Ended(self, process, await process.wait()))

    async def _await_ready(self, process: Process) -> None:
        await process.ready()
        while not self.adopted and (ailment := await process.ailment()) is not None:
            self._ailment = ailment
            await asyncio.sleep(CHECK_AGAIN)
        self._world.post(BecameReady(self, process))

    async def _keep_checking(self, process: Process, interval: float) -> None:
        while True:
            await asyncio.sleep(interval)
            self._world.post(Checked(self, process, await process.ailment()))

    async def _await_gone(self, process: Process) -> None:
        try:
            await process.gone()
        except Exception:  # a drone whose end cannot be watched must still be launched again or given up
            log.exception("The end of drone %s could not be watched", self.spec.id)
        self._world.post(Gone(self, process))

    def became_ready(self, process: Process) -> None:
        """It listens: whoever waits for the start goes on."""
        if process is not self._process or self._state is not DroneState.BOOTING:
            return
        self._cancel_timer()
        self._ready_at = self._world.clock()
        self.adopted, self._failed_checks = False, 0
        self._enter(DroneState.READY)
        self._tell(EventKind.READY)
        if self.spec.health is not None:
            self._watching.append(self._spawn(self._keep_checking(process, self.spec.health.interval)))
        if not self.settled.done():
            self.settled.set_result(self.drone)

    def checked(self, process: Process, ailment: str | None) -> None:
        """Count what its health check said; whoever listens has a sick one replaced."""
        if process is not self._process or self._state not in {DroneState.READY, DroneState.SICK}:
            return
        self._failed_checks = self._failed_checks + 1 if ailment else 0
        if ailment and self._failed_checks == FAILURES:
            self._enter(DroneState.SICK)
            self._tell(EventKind.SICK, why=ailment)
        elif not ailment and self._state is DroneState.SICK:
            self._enter(DroneState.READY)
            self._tell(EventKind.WELL)

    def ended(self, process: Process, ending: Exit) -> None:
        """Its leading process is no more. Unless that was asked for, the rest of its group has no use."""
        if process is not self._process:
            return
        self._last_exit = explained(ending, process)
        self._watch_no_longer()
        if self._state is not DroneState.STOPPING:
            self._cancel_timer()
            self._enter(DroneState.EXITED)
            process.signal(signal.SIGKILL)
            self._expect_gone(process)
        self._tell(EventKind.EXITED)

    def boot_over(self, process: Process) -> None:
        """It did not listen in time: end it; at its first boot that is a failure, later one more crash."""
        if process is not self._process or self._state is not DroneState.BOOTING:
            return
        if not self.settled.done():
            output = process.output(LINES)
            if self._ailment is not None:
                self._failure = BootFailed.never_well(self.spec, self._ailment, output)
            else:
                self._failure = BootFailed.never_listened(self.spec, output)
        self._terminate(process)

    async def bound(self, memory: int) -> None:
        """Set how many bytes it may use: at once unless it uses more now, else from its next launch on."""
        self.spec = replace(self.spec, memory=memory)
        if self._process is not None:
            await self._process.bound(memory)

    def end(self) -> None:
        """It is wanted no longer, whatever it does now."""
        if self._unwanted:
            return
        self._unwanted = True
        if self._state is DroneState.BACKING_OFF:
            self._cancel_timer()
            self._finish()
        elif self._process is None or self._ends:
            # Being launched or cleared away: the message that is on its way goes on from here.
            self._enter(DroneState.STOPPING)
        else:
            self._terminate(self._process)

    def _watch_no_longer(self) -> None:
        for task in self._watching:
            task.cancel()
        self._watching.clear()

    def _terminate(self, process: Process) -> None:
        self._watch_no_longer()
        self._enter(DroneState.STOPPING)
        process.signal(signal.SIGTERM)
        self._set_timer(self.spec.grace, GraceOver(self, process))
        self._expect_gone(process)

    def grace_over(self, process: Process) -> None:
        """It was asked to end and did not."""
        if process is self._process:
            process.signal(signal.SIGKILL)

    def _expect_gone(self, process: Process) -> None:
        if not self._ends:
            self._ends = True
            self._spawn(self._await_gone(process))

    def gone(self, process: Process) -> None:
        """Nothing of the launch is left: end for good, or launch again."""
        if process is not self._process:
            return
        self._cancel_timer()
        process.release()
        if not self.settled.done() and self._failure is None and not self._unwanted and self._last_exit:
            self._failure = BootFailed.crashed(self.spec, self._last_exit, process.output(LINES))
        self._process = None
        self._proceed()

    def _proceed(self) -> None:
        if self._unwanted or self._failure is not None:
            self._finish()
            return
        clock = self._world.clock()
        ran = clock - self._ready_at if self._ready_at is not None else 0.0
        self._ready_at = None
        delay = self._backoff.delay(clock, ran)
        if not delay:
            self.begin()
            return
        self._enter(DroneState.BACKING_OFF)
        self._set_timer(delay, Begin(self))
        self._tell(EventKind.BACKING_OFF, delay)

    def _finish(self) -> None:
        self._enter(DroneState.EXITED)
        self._tell(EventKind.STOPPED)
        self._spawn(self._forget())

    async def _forget(self) -> None:
        try:
            await self._world.engine.forget(self.spec)
        except OSError:
            log.warning("What was kept for drone %s could not be removed", self.spec.id, exc_info=True)
        self._world.post(Forgotten(self))

    def forgotten(self) -> None:
        """The end: tell those who wait."""
        if not self.settled.done():
            self.settled.set_exception(self._failure or given_up(self.spec))
        if not self.over.done():
            self.over.set_result(None)

    def give_up(self) -> None:
        """Whoever waits for its start waits no longer; what becomes of it is said by `end` or `leave`."""
        if not self.settled.done():
            self.settled.set_exception(given_up(self.spec))

    def leave(self) -> None:
        """Watch it no longer; it runs on."""
        self._cancel_timer()
        for task in tuple(self._tasks):
            task.cancel()
        if self._process is not None:
            self._process.release()
        self.forgotten()

    def _enter(self, state: DroneState) -> None:
        if state is not self._state:
            self._state = state
            self._since = self._world.now()

    def _tell(self, kind: EventKind, delay: float = 0.0, why: str = "") -> None:
        try:
            self._world.listener(DroneEvent(kind, self.drone, delay, why))
        except Exception:  # a listener's fault must not leave drones without a keeper
            log.exception("The listener failed on %s of drone %s", kind, self.spec.id)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._world.spawn(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _set_timer(self, delay: float, message: Message) -> None:
        self._cancel_timer()
        self._cancel_timer = self._world.timer(delay, lambda: self._world.post(message))

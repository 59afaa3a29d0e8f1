"""The supervisor, with an engine, a clock and timers that the test moves by hand."""

from __future__ import annotations

import asyncio
import signal
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.drones import (
    BootFailed,
    Drone,
    DroneEvent,
    DroneSpec,
    DroneState,
    Exit,
    Found,
    Process,
    Supervisor,
)
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence


class FakeProcess:
    """A process that listens, ends and vanishes when the test says so."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.started = float(pid)
        self.signals: list[signal.Signals] = []
        self.listens = asyncio.Event()
        self.empty = asyncio.Event()
        self.ending: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()
        self.released = False

    def alive(self) -> bool:
        return not self.ending.done()

    async def ready(self) -> None:
        await self.listens.wait()

    async def ailment(self) -> str | None:
        return None

    async def wait(self) -> Exit:
        return await asyncio.shield(self.ending)

    memory: int | None = None

    async def bound(self, memory: int) -> None:
        self.memory = memory

    def signal(self, number: signal.Signals) -> None:
        self.signals.append(number)

    async def gone(self) -> None:
        await self.empty.wait()

    def output(self, lines: int) -> list[str]:
        return ["line one", "line two"][-lines:]

    def release(self) -> None:
        self.released = True

    def die(self, ending: Exit | None = None) -> None:
        """End with all its group."""
        self.ending.set_result(ending or Exit(code=1))
        self.empty.set()


@dataclass
class FakeEngine:
    """Launches fake processes and keeps what it was asked for."""

    launched: list[FakeProcess] = field(default_factory=list)
    running: list[Found] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    kept: set[str] | None = None
    error: Exception | None = None

    async def launch(self, spec: DroneSpec) -> Process:
        if self.error is not None:
            raise self.error
        self.launched.append(FakeProcess(100 + len(self.launched)))
        return self.launched[-1]

    async def find(self) -> Sequence[Found]:
        return self.running

    async def adopt(self, found: Found, spec: DroneSpec) -> Process | None:
        self.launched.append(FakeProcess(found.pid))
        self.launched[-1].listens.set()
        return self.launched[-1]

    async def sweep(self, keep: Collection[str], grace: float) -> None:
        self.kept = set(keep)

    async def forget(self, spec: DroneSpec) -> None:
        self.forgotten.append(spec.id)


class Bench:
    """A supervisor whose time stands still until the test moves it."""

    def __init__(self) -> None:
        self.time = 1000.0
        self.timers: list[tuple[float, Callable[[], None]]] = []
        self.events: list[DroneEvent] = []
        self.engine = FakeEngine()
        self.supervisor = Supervisor(
            self.engine,
            listener=self.events.append,
            clock=lambda: self.time,
            now=lambda: self.time,
            timer=self._timer,
        )

    def _timer(self, delay: float, call: Callable[[], None]) -> Callable[[], None]:
        entry = (self.time + delay, call)
        self.timers.append(entry)
        return lambda: self.timers.remove(entry) if entry in self.timers else None

    async def settle(self) -> None:
        """Let everything happen that needs no time."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def advance(self, seconds: float) -> None:
        """Move the clock and ring what is due."""
        self.time += seconds
        for entry in sorted(self.timers, key=lambda entry: entry[0]):
            if entry[0] <= self.time and entry in self.timers:
                self.timers.remove(entry)
                entry[1]()
        await self.settle()

    async def started(self, spec: DroneSpec | None = None) -> FakeProcess:
        """A drone that is ready."""
        task = asyncio.create_task(self.supervisor.start(spec or make_spec()))
        await self.settle()
        self.engine.launched[-1].listens.set()
        await task
        return self.engine.launched[-1]

    async def crash(self) -> None:
        """The newest process dies."""
        self.engine.launched[-1].die()
        await self.settle()

    def drone(self) -> Drone:
        """The only drone."""
        (drone,) = self.supervisor.drones()
        return drone

    def kinds(self) -> list[str]:
        """What was told so far."""
        return [event.kind.value for event in self.events]


def make_spec(drone: str = "d-1") -> DroneSpec:
    """Some drone."""
    return DroneSpec(
        id=drone,
        app="ann/hello",
        snapshot="0.1.0",
        folder=Path("/nowhere"),
        command="node app.js",
        node=Path("/nowhere/node"),
        env={},
        port=20001,
        capture=Path("/nowhere"),
    )


def replay(story: Callable[[Bench], Awaitable[None]]) -> None:
    """Run a history against a supervisor that reads."""

    async def run() -> None:
        bench = Bench()
        reader = asyncio.create_task(bench.supervisor.run())
        try:
            async with asyncio.timeout(5):
                await story(bench)
        finally:
            reader.cancel()
            await asyncio.gather(reader, return_exceptions=True)

    asyncio.run(run())


def test_start_returns_only_when_the_drone_is_proved_ready() -> None:
    """Until the engine says that it listens, a start does not return."""

    async def story(bench: Bench) -> None:
        task = asyncio.create_task(bench.supervisor.start(make_spec()))
        await bench.settle()
        assert not task.done()
        assert bench.drone().state is DroneState.BOOTING
        bench.engine.launched[0].listens.set()
        drone = await task
        assert (drone.state, drone.pid, drone.restarts) == (DroneState.READY, 100, 0)
        assert bench.kinds() == ["launched", "ready"]
        assert bench.timers == []

    replay(story)


def test_a_crash_before_listening_fails_the_start_at_once() -> None:
    """The error says how it ended and shows its last lines; nothing of it is kept."""

    async def story(bench: Bench) -> None:
        task = asyncio.create_task(bench.supervisor.start(make_spec()))
        await bench.settle()
        bench.engine.launched[0].die(Exit(code=3))
        with pytest.raises(BootFailed) as failed:
            await task
        assert failed.value.code is Code.CRASHED
        assert failed.value.blame is Blame.APPLICATION
        assert failed.value.details == {"output": ["line one", "line two"], "exit_code": 3, "signal": None}
        assert "exit code 3" in failed.value.message
        assert bench.supervisor.drones() == ()
        assert bench.engine.forgotten == ["d-1"]
        assert bench.kinds() == ["launched", "exited", "stopped"]

    replay(story)


def test_a_drone_that_never_listens_is_ended_and_reported() -> None:
    """After the boot time: TERM, after the grace KILL, then the error."""

    async def story(bench: Bench) -> None:
        task = asyncio.create_task(bench.supervisor.start(make_spec()))
        await bench.settle()
        await bench.advance(29.9)
        assert bench.engine.launched[0].signals == []
        await bench.advance(0.2)
        assert bench.engine.launched[0].signals == [signal.SIGTERM]
        await bench.advance(10.0)
        assert bench.engine.launched[0].signals == [signal.SIGTERM, signal.SIGKILL]
        bench.engine.launched[0].die(Exit(signal="SIGKILL"))
        with pytest.raises(BootFailed) as failed:
            await task
        assert failed.value.code is Code.NEVER_LISTENED
        assert failed.value.details["output"] == ["line one", "line two"]

    replay(story)


def test_a_ready_drone_that_dies_is_launched_again_on_its_port_at_once() -> None:
    """The first restart waits for nothing but the end of its group."""

    async def story(bench: Bench) -> None:
        first = await bench.started()
        first.ending.set_result(Exit(signal="SIGKILL"))
        await bench.settle()
        assert first.signals == [signal.SIGKILL]
        assert len(bench.engine.launched) == 1, "what is left of the group may still hold the port"
        first.empty.set()
        await bench.settle()
        bench.engine.launched[1].listens.set()
        await bench.settle()
        drone = bench.drone()
        assert (drone.state, drone.restarts, drone.port) == (DroneState.READY, 1, 20001)
        assert drone.last_exit == Exit(signal="SIGKILL")
        assert bench.kinds() == ["launched", "ready", "exited", "launched", "ready"]

    replay(story)


def test_a_crash_loop_backs_off_and_doubles_up_to_a_minute() -> None:
    """Five exits in a minute: 1, 2, 4 … 60 seconds."""

    async def story(bench: Bench) -> None:
        await bench.started()
        for _ in range(4):
            await bench.crash()
            assert bench.drone().state is DroneState.BOOTING
        waits = []
        for _ in range(8):
            await bench.crash()
            assert bench.drone().state is DroneState.BACKING_OFF
            assert bench.drone().pid is None
            waits.append(bench.events[-1].delay)
            await bench.advance(bench.events[-1].delay - 0.01)
            assert bench.drone().state is DroneState.BACKING_OFF
            await bench.advance(0.02)
            assert bench.drone().state is DroneState.BOOTING
        assert waits == [1, 2, 4, 8, 16, 32, 60, 60]

    replay(story)


def test_a_stable_minute_ends_the_back_off() -> None:
    """A drone that ran for a minute is restarted at once again."""

    async def story(bench: Bench) -> None:
        await bench.started()
        for _ in range(5):
            await bench.crash()
        await bench.advance(1.0)
        bench.engine.launched[-1].listens.set()
        await bench.settle()
        await bench.advance(61.0)
        await bench.crash()
        assert bench.drone().state is DroneState.BOOTING

    replay(story)


def test_slow_exits_never_back_off() -> None:
    """Exits that are twenty seconds apart are restarted at once, for ever."""

    async def story(bench: Bench) -> None:
        await bench.started()
        for _ in range(10):
            await bench.advance(20.0)
            await bench.crash()
            assert bench.drone().state is DroneState.BOOTING
            bench.engine.launched[-1].listens.set()
            await bench.settle()

    replay(story)


def test_a_restarted_drone_that_never_listens_counts_as_a_crash() -> None:
    """It is ended and launched again; nobody's start fails any more."""

    async def story(bench: Bench) -> None:
        await bench.started()
        await bench.crash()
        await bench.advance(31.0)
        assert bench.engine.launched[1].signals == [signal.SIGTERM]
        await bench.crash()
        assert len(bench.engine.launched) == 3
        assert bench.drone().state is DroneState.BOOTING

    replay(story)


def test_stop_asks_first_kills_later_and_waits_for_the_whole_group() -> None:
    """TERM, then KILL after the grace; it returns when the group is empty, however often it is called."""

    async def story(bench: Bench) -> None:
        process = await bench.started()
        stops = [asyncio.create_task(bench.supervisor.stop("d-1")) for _ in range(2)]
        await bench.settle()
        assert process.signals == [signal.SIGTERM]
        process.ending.set_result(Exit(signal="SIGTERM"))
        await bench.advance(10.1)
        assert process.signals == [signal.SIGTERM, signal.SIGKILL]
        assert not any(stop.done() for stop in stops)
        process.empty.set()
        await asyncio.gather(*stops)
        await bench.supervisor.stop("d-1")
        assert bench.supervisor.drones() == ()
        assert bench.kinds() == ["launched", "ready", "exited", "stopped"]
        assert len(bench.engine.launched) == 1

    replay(story)


def test_stop_ends_a_drone_that_backs_off() -> None:
    """Nothing runs, so it is over at once, and no timer rings later."""

    async def story(bench: Bench) -> None:
        await bench.started()
        for _ in range(5):
            await bench.crash()
        await bench.supervisor.stop("d-1")
        await bench.advance(100.0)
        assert len(bench.engine.launched) == 5
        assert bench.supervisor.drones() == ()

    replay(story)


def test_stop_during_boot_ends_the_start_with_an_error() -> None:
    """Whoever waits for the start learns that it was given up."""

    async def story(bench: Bench) -> None:
        task = asyncio.create_task(bench.supervisor.start(make_spec()))
        await bench.settle()
        stop = asyncio.create_task(bench.supervisor.stop("d-1"))
        await bench.settle()
        bench.engine.launched[0].die(Exit(signal="SIGTERM"))
        await stop
        with pytest.raises(PlatformError) as failed:
            await task
        assert failed.value.code is Code.UNAVAILABLE

    replay(story)


def test_stop_right_after_start_leaves_nothing() -> None:
    """A stop that comes before the engine launched anything wins."""

    async def story(bench: Bench) -> None:
        task = asyncio.create_task(bench.supervisor.start(make_spec()))
        await asyncio.sleep(0)
        stop = asyncio.create_task(bench.supervisor.stop("d-1"))
        await bench.settle()
        for process in bench.engine.launched:
            assert process.signals == [signal.SIGTERM]
            process.die()
        await stop
        with pytest.raises(PlatformError):
            await task
        assert bench.supervisor.drones() == ()

    replay(story)


def test_a_cancelled_start_stops_the_drone() -> None:
    """Nobody waits for it, so nobody would stop it later."""

    async def story(bench: Bench) -> None:
        task = asyncio.create_task(bench.supervisor.start(make_spec()))
        await bench.settle()
        task.cancel()
        await bench.settle()
        assert bench.engine.launched[0].signals == [signal.SIGTERM]
        bench.engine.launched[0].die()
        await bench.settle()
        assert bench.supervisor.drones() == ()

    replay(story)


def test_a_launch_that_fails_is_the_systems_fault() -> None:
    """The start raises an error that does not blame the app."""

    async def story(bench: Bench) -> None:
        bench.engine.error = OSError(28, "No space left on device")
        with pytest.raises(PlatformError) as failed:
            await bench.supervisor.start(make_spec())
        assert (failed.value.code, failed.value.blame) == (Code.DISK_FULL, Blame.SYSTEM)
        assert bench.supervisor.drones() == ()

    replay(story)


def test_a_relaunch_that_fails_is_tried_again() -> None:
    """A machine out of processes for a moment does not end a drone for good."""

    async def story(bench: Bench) -> None:
        await bench.started()
        bench.engine.error = OSError(11, "Resource temporarily unavailable")
        await bench.crash()
        assert bench.drone().state is DroneState.BACKING_OFF
        bench.engine.error = None
        await bench.advance(1.1)
        assert bench.drone().state is DroneState.BOOTING

    replay(story)


def test_adopt_takes_over_what_is_wanted_and_sweeps_the_rest() -> None:
    """A drone of another port or id than wanted is no drone of ours."""

    async def story(bench: Bench) -> None:
        bench.engine.running = [
            Found("d-1", "ann/hello", "0.1.0", 20001, 7, 1.0),
            Found("d-2", "ann/hello", "0.1.0", 20002, 8, 1.0),
            Found("d-3", "ann/hello", "0.1.0", 20003, 9, 1.0),
        ]
        adopted = await bench.supervisor.adopt({"d-1": make_spec("d-1"), "d-3": make_spec("d-3")})
        assert [(drone.id, drone.pid, drone.state) for drone in adopted] == [("d-1", 7, DroneState.READY)]
        assert bench.engine.kept == {"d-1"}

    replay(story)


def test_an_adopted_drone_that_dies_is_launched_again() -> None:
    """Its exit code is unknown, and that is no reason not to keep it running."""

    async def story(bench: Bench) -> None:
        bench.engine.running = [Found("d-1", "ann/hello", "0.1.0", 20001, 7, 1.0)]
        await bench.supervisor.adopt({"d-1": make_spec()})
        bench.engine.launched[0].die(Exit())
        await bench.settle()
        assert len(bench.engine.launched) == 2
        assert bench.drone().restarts == 1

    replay(story)


def test_close_can_leave_the_drones_running() -> None:
    """They get no signal and are watched no longer; a start that waits is told."""

    async def story(bench: Bench) -> None:
        process = await bench.started()
        task = asyncio.create_task(bench.supervisor.start(make_spec("d-2")))
        await bench.settle()
        await bench.supervisor.close(leave_running=True)
        assert process.signals == []
        assert process.released
        with pytest.raises(PlatformError):
            await task
        with pytest.raises(PlatformError):
            await bench.supervisor.start(make_spec("d-3"))

    replay(story)


def test_close_can_stop_them_all() -> None:
    """It returns when the last one is gone."""

    async def story(bench: Bench) -> None:
        await bench.started(make_spec("d-1"))
        await bench.started(make_spec("d-2"))
        closing = asyncio.create_task(bench.supervisor.close(leave_running=False))
        await bench.settle()
        assert not closing.done()
        for process in bench.engine.launched:
            process.die(Exit(signal="SIGTERM"))
        await closing
        assert bench.supervisor.drones() == ()

    replay(story)


def test_a_failing_listener_does_not_stop_the_supervisor() -> None:
    """Drones must not lose their keeper to a fault of who listens."""

    async def story(bench: Bench) -> None:
        def fail(event: DroneEvent) -> None:
            raise RuntimeError(event.kind)

        broken = Supervisor(bench.engine, listener=fail)
        reader = asyncio.create_task(broken.run())
        task = asyncio.create_task(broken.start(make_spec()))
        await bench.settle()
        bench.engine.launched[0].listens.set()
        assert (await task).state is DroneState.READY
        await broken.close(leave_running=True)
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)

    replay(story)


def test_an_id_is_used_once() -> None:
    """A second drone of the same id is refused and the first one is not touched."""

    async def story(bench: Bench) -> None:
        await bench.started()
        with pytest.raises(PlatformError):
            await bench.supervisor.start(make_spec())
        assert bench.drone().state is DroneState.READY

    replay(story)


@pytest.mark.parametrize(
    ("returncode", "expected", "words"),
    [
        (0, Exit(code=0), "with exit code 0"),
        (3, Exit(code=3), "with exit code 3"),
        (-9, Exit(signal="SIGKILL"), "by SIGKILL"),
        (137, Exit(code=137, signal="SIGKILL"), "by SIGKILL"),
        (255, Exit(code=255), "with exit code 255"),
    ],
)
def test_return_codes_are_told_in_words(returncode: int, expected: Exit, words: str) -> None:
    """A negative return code is a signal, and so is a shell's 128 + n."""
    assert Exit.of(returncode) == expected
    assert Exit.of(returncode).words() == words


def test_nobody_goes_on_looking_whether_a_process_is_ready_that_has_ended() -> None:
    """A drone that crashes before it listens leaves no task behind, at its first boot and at a later one."""

    async def story(bench: Bench) -> None:
        starting = asyncio.create_task(bench.supervisor.start(make_spec()))
        await bench.settle()
        await bench.crash()
        with pytest.raises(BootFailed):
            await starting
        await bench.settle()
        assert bench.supervisor._tasks == set()
        await bench.started(make_spec("d-2"))
        await bench.crash()
        stopping = asyncio.create_task(bench.supervisor.stop("d-2"))
        await bench.settle()
        await bench.crash()
        await stopping
        await bench.settle()
        assert bench.supervisor._tasks == set()

    replay(story)


def test_a_drone_that_crashes_again_and_again_counts_as_crashing_until_it_has_run_for_a_while() -> None:
    """Through its waits and boots alike; a few exits are none, and ten quiet seconds end it."""

    async def story(bench: Bench) -> None:
        await bench.started()
        for _ in range(4):
            assert not bench.drone().crashing
            await bench.crash()
            bench.engine.launched[-1].listens.set()
            await bench.settle()
        await bench.crash()
        assert (bench.drone().state, bench.drone().crashing) == (DroneState.BACKING_OFF, True)
        await bench.advance(1)
        assert (bench.drone().state, bench.drone().crashing) == (DroneState.BOOTING, True)
        bench.engine.launched[-1].listens.set()
        await bench.settle()
        assert (bench.drone().state, bench.drone().crashing) == (DroneState.READY, True)
        await bench.advance(10)
        assert not bench.drone().crashing

    replay(story)

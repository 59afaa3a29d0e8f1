"""A drone that runs on this machine."""

from __future__ import annotations

import asyncio
import json
import os
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

from jitsu_py.server.drones import census, health, priority, sandboxed
from jitsu_py.server.drones.memory import Memory
from jitsu_py.server.drones.ports import LOOPBACK
from jitsu_py.server.drones.tail import last_lines
from jitsu_py.server.drones.watch import Watch

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.server.confinement import Confinement
    from jitsu_py.server.drones.engine import DroneSpec, Exit
    from jitsu_py.server.drones.install import DroneFolder

LOOK = 0.01
"""Seconds between looks for the carapace's report: one `stat`."""

LONGEST_PAUSE = 0.1
"""Longest time between looks for what is left of a group, seconds: each goes through all processes."""

LONGEST_REPORT = 4096
"""Bytes."""

FAREWELL = 0.25
"""Seconds that an app has to end a connection without a question; a server of HTTP does at once."""

LOOKS_A_KNOCK = 10
"""A drone without a report is tried by connecting only at every so many looks."""


def capture_files(spec: DroneSpec) -> tuple[Path, Path]:
    """Where stdout and stderr of a drone go."""
    return spec.capture / f"{spec.id}.stdout", spec.capture / f"{spec.id}.stderr"


class LocalProcess:
    """The process group of a drone. See `engine.Process` for what each call promises.

    Args:
        pid: the leading process, also the id of group and session.
        started: when it started, epoch seconds.
        spec: what it runs.
        folder: the drone's own folder.
        state: the platform's state folder, resolved.
        printed: bytes that stdout and stderr held before the launch.
        hold: what holds it; None: nothing does.
    """

    def __init__(
        self,
        pid: int,
        started: float,
        spec: DroneSpec,
        folder: DroneFolder,
        state: Path,
        printed: tuple[int, int] = (0, 0),
        hold: Confinement | None = None,
    ) -> None:
        self.pid = pid
        self.started = started
        self._spec = spec
        self._folder = folder
        self._state = state
        self._printed = printed
        self._watch = Watch(pid, started)
        self._memory = Memory(hold, pid, lambda: self.signal(signal.SIGKILL)) if hold else None
        self._hold = hold

    def alive(self) -> bool:
        """Whether the leading process still runs."""
        return not self._watch.ended.done()

    async def wait(self) -> Exit:
        """Return when the leading process ended."""
        ending = await asyncio.shield(self._watch.ended)
        return self._memory.explained(ending) if self._memory else ending

    async def ready(self) -> None:
        """Return once the report is there and the port answers, or the port is seen to be this drone's."""
        looks = 0
        longest = asyncio.get_running_loop().call_later(priority.PATIENCE, self._step_forward)
        try:
            while not await self._is_ready(knock=looks % LOOKS_A_KNOCK == 0):
                looks += 1
                await asyncio.sleep(LOOK)
        finally:
            longest.cancel()
        self._step_forward()

    def _step_forward(self) -> None:
        """Give way no longer."""
        priority.restore(self.pid)
        if self._hold is not None:
            self._hold.step_back(0)

    async def ailment(self) -> str | None:
        """What is wrong with its health; None: nothing."""
        return None if self._spec.health is None else await health.ailment(self._spec.port, self._spec.health)

    @property
    def memory(self) -> int | None:
        """The bound that is kept now."""
        return self._memory.allowed if self._memory else None

    async def bound(self, memory: int) -> None:
        """Bound it anew, unless it uses more."""
        if self._memory is not None:
            await self._memory.bound(memory)

    async def _is_ready(self, *, knock: bool) -> bool:
        reported = self._is_reported()
        if not (reported or knock) or not await _answers(self._spec.port):
            return False
        # Whoever sits on the port would answer too; only the drone writes a report, after it has the port.
        return reported or await asyncio.to_thread(self._owns_port)

    def _is_reported(self) -> bool:
        try:
            report = json.loads(_read(self._folder.report))
            return bool(report["port"] == self._spec.port)
        except (OSError, ValueError, LookupError, TypeError, RecursionError):
            return False

    def _owns_port(self) -> bool:
        members = {process.pid for process in census.group(self.pid)}
        members.update(one.pid for one in self._marked())
        return census.listens(sorted(members), self._spec.port)

    def _marked(self) -> list[census.Marked]:
        return [one for one in census.marked(self._state) if one.drone == self._spec.id]

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the group; the sandbox's own get no other than KILL."""
        try:
            if self.alive():
                if number is signal.SIGKILL or not sandboxed.signal_inside(self.pid, number):
                    os.killpg(self.pid, number)
                return
            os.killpg(self.pid, 0)
        except OSError:
            return
        # Its leader gone, the group's number may be another's one day: only what bears our mark is touched.
        for one in self._marked():
            with suppress(OSError):
                if os.getpgid(one.pid) == self.pid:
                    os.kill(one.pid, number)

    async def gone(self) -> None:
        """Return when the group is empty, then KILL what had left it."""
        await self.wait()
        pause = LOOK
        while await asyncio.to_thread(census.group, self.pid):
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        while strays := await asyncio.to_thread(self._marked):
            for one in strays:
                with suppress(OSError):
                    os.kill(one.pid, signal.SIGKILL)
            await asyncio.sleep(pause)
        if self._hold is not None and self._hold.is_grouped:
            await asyncio.to_thread(self._hold.end)

    def output(self, lines: int) -> list[str]:
        """The last lines of stderr, and before them, if there is room, those of stdout."""
        stdout, stderr = capture_files(self._spec)
        errors = last_lines(stderr, lines, since=self._printed[1])
        room = lines - len(errors)
        return (last_lines(stdout, room, since=self._printed[0]) if room else []) + errors

    def release(self) -> None:
        """Watch it no longer."""
        self._watch.release()
        if self._memory is not None:
            self._memory.release()


def _read(report: Path) -> bytes:
    """A report that the app, too, could write: no link is followed, nothing waited for, no more taken."""
    handle = os.open(report, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(handle, LONGEST_REPORT)
    finally:
        os.close(handle)


async def _answers(port: int) -> bool:
    try:
        async with asyncio.timeout(1.0):
            reader, writer = await asyncio.open_connection(LOOPBACK, port)
    except OSError:
        return False
    try:
        # Closed with something unread, it would be reset, and an app that speaks first may die of that.
        with suppress(OSError):
            writer.write_eof()
            async with asyncio.timeout(FAREWELL):
                while await reader.read(65536):
                    pass
    finally:
        writer.close()
    with suppress(OSError):
        await writer.wait_closed()
    return True

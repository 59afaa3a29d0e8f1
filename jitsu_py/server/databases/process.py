"""The process of a database: launched in a session of its own, found again by a later server, ended."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import psutil

from jitsu_py.server.databases.kinds import MIB
from jitsu_py.server.drones import census
from jitsu_py.server.drones.environment import MARK, SYSTEM_PATH
from jitsu_py.server.drones.memory import Memory
from jitsu_py.server.drones.watch import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from jitsu_py.server.confinement import Confinement
    from jitsu_py.server.databases.kinds import Site
    from jitsu_py.server.drones.engine import Exit

DATABASE: Final = "JITSU_DATABASE"
"""Environment variable of a database's processes: its mark."""

GRACE: Final = 20.0
"""Seconds between TERM and KILL: a server writes what it has in memory."""

LOOK: Final = 0.02

LOG_LIMIT: Final = 2**20
"""Bytes from which on a log is put aside at a launch."""


@dataclass(frozen=True)
class Found:
    """A running process of a database."""

    ref: str
    pid: int
    started: float
    """Epoch seconds."""
    leads: bool
    """Whether it leads its session."""


def find(state: Path) -> list[Found]:
    """Every process of the databases of a state folder."""
    found = []
    for process, environment in census.bearing(str(state), DATABASE):
        with suppress(psutil.Error, OSError):
            leads = os.getsid(process.pid) == process.pid
            found.append(Found(environment[DATABASE], process.pid, process.create_time(), leads))
    return found


class Process:
    """A running database server. Made inside the event loop.

    Args:
        pid: the leading process, also the id of group and session.
        started: when it started, epoch seconds.
        hold: what holds it; None: nothing does.
    """

    def __init__(self, pid: int, started: float, hold: Confinement | None) -> None:
        self.pid = pid
        self.started = started
        self._watch = Watch(pid, started)
        self._hold = hold
        self._memory = Memory(hold, pid, lambda: self.signal(signal.SIGKILL)) if hold else None

    @property
    def ended(self) -> asyncio.Future[Exit]:
        """Done when the leading process has ended."""
        return self._watch.ended

    def alive(self) -> bool:
        """Whether the leading process still runs."""
        return not self._watch.ended.done()

    @property
    def ending(self) -> Exit:
        """How the leading process ended."""
        ending = self._watch.ended.result()
        return self._memory.explained(ending) if self._memory else ending

    async def end(self, grace: float = GRACE) -> None:
        """Ask it to end, make it end, and return when nothing of its group is left."""
        self.signal(signal.SIGTERM)
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await asyncio.shield(self.ended)
        self.signal(signal.SIGKILL)
        while await asyncio.to_thread(census.group, self.pid):
            self.signal(signal.SIGKILL)
            await asyncio.sleep(LOOK)
        self.release()
        if self._hold is not None and self._hold.is_grouped:
            await asyncio.to_thread(self._hold.end)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the group."""
        with suppress(OSError):
            os.killpg(self.pid, number)

    def bound(self, memory: int) -> None:
        """Set another bound of memory, MiB; more than that in use already stays within the former one."""
        if self._hold is not None:
            self._hold.bound(memory * MIB)

    def release(self) -> None:
        """Watch it no longer; it goes on."""
        self._watch.release()
        if self._memory is not None:
            self._memory.release()


def launch(
    command: Sequence[str], site: Site, more: Mapping[str, str], hold: Confinement | None = None
) -> Process:
    """Start a database server; it gets nothing of this server's environment.

    Args:
        site: where it works, and its mark.
        more: variables of its own.
        hold: what holds it; None: nothing does.

    Raises:
        OSError: the program or a folder is missing, the disk is full, there are no processes left.
    """
    with suppress(FileNotFoundError):
        if site.log.stat().st_size > LOG_LIMIT:
            site.log.replace(site.log.with_suffix(".log.1"))
    folder = str(site.folder)
    environment = {"PATH": SYSTEM_PATH, "HOME": folder, "TMPDIR": folder, "LANG": "C.UTF-8", **more}
    output = os.open(site.log, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        child = subprocess.Popen(
            hold.command(command) if hold else command,
            cwd=folder,
            env={**environment, MARK: str(site.home), DATABASE: site.ref},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
    finally:
        os.close(output)
    # `Watch` reaps it. Told so, the object does not complain that the database outlives it.
    child.returncode = 0
    return Process(child.pid, psutil.Process(child.pid).create_time(), hold)


def adopt(found: Found, hold: Confinement) -> Process | None:
    """Take over a process that an earlier server launched; None: it ended meanwhile."""
    return Process(found.pid, found.started, hold) if census.is_same(found.pid, found.started) else None


async def sweep(doomed: Sequence[Found]) -> None:
    """End processes of databases that nobody wants, and those that have left their database's group."""
    deadline = asyncio.get_running_loop().time() + GRACE
    asked: set[int] = set()
    while left := [one for one in doomed if census.is_same(one.pid, one.started)]:
        is_late = asyncio.get_running_loop().time() > deadline
        for one in left:
            if is_late or one.pid not in asked:
                with suppress(OSError):
                    os.kill(one.pid, signal.SIGKILL if is_late else signal.SIGTERM)
            asked.add(one.pid)
        await asyncio.sleep(LOOK)

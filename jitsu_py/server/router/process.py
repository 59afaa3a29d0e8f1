"""The HAProxy process: a master with its worker, in a session of its own, found again by a later server.

The listening socket is made here and inherited by HAProxy. So a taken port is seen at once (HAProxy's own
binding shares a port silently between processes of one user), and visitors who come while a killed HAProxy
is being replaced wait in the socket's queue instead of being refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import signal
import time
from typing import TYPE_CHECKING, Final

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

from . import listener, runtime
from .config import CONFIG, LISTENER, SOCKET
from .processes import children, ended, gone, listens, orphans, runs

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

MASTER: Final = "master.sock"
PID_FILE: Final = "haproxy.pid"
LOG: Final = "haproxy.log"

_HANDOVER: Final = 1.0
"""Seconds that a replaced HAProxy gets to leave the port."""

_START: Final = 10.0
"""Seconds that HAProxy gets from its start until it answers on its sockets."""


class Process:
    """One HAProxy for one run folder.

    Args:
        haproxy: the binary.
        run: the folder of its files and sockets.
        address: where it listens: an IP address.
        port: and on which port.
    """

    def __init__(self, haproxy: Path, run: Path, *, address: str, port: int) -> None:
        self._haproxy = haproxy
        self._run = run.absolute()
        self._address = address
        self._port = port
        self._listener: socket.socket | None = None
        self.pid = 0
        """The master's; 0: none known."""

    @property
    def worker(self) -> Path:
        """The worker's runtime socket."""
        return self._run / SOCKET

    @property
    def master(self) -> Path:
        """The master's runtime socket; it also leads to workers that a reload replaced."""
        return self._run / MASTER

    @property
    def lost(self) -> bool:
        """HAProxy may run, but nobody can talk to it any more: its sockets were deleted."""
        return not (self.worker.exists() and self.master.exists())

    def alive(self) -> bool:
        """The master we know of runs."""
        return self.pid > 0 and runs(self.pid)

    async def bind(self) -> None:
        """Take the port, unless it is ours already.

        Raises:
            PlatformError: UNAVAILABLE: it is taken, or not ours to take.
        """
        if self._listener is None:
            await self._clear_the_way()
            self._listener = await listener.take(self._address, self._port)

    async def start(self, files: Mapping[str, str]) -> None:
        """Start HAProxy on these files; it serves when this returns.

        Raises:
            PlatformError: UNAVAILABLE: the port is taken; DISK_FULL; INTERNAL: HAProxy does not start.
        """
        await self.bind()
        self._write(files)
        try:
            code = await self._spawn()
        except OSError as error:
            raise _unusable(error) from error
        if code:
            raise self._failed()
        # The command returns when the sockets are open; who serves them is a moment younger.
        deadline = time.monotonic() + _START
        while not await self.find():
            if time.monotonic() > deadline:
                raise self._failed()
            await asyncio.sleep(0.005)

    async def renew(self, files: Mapping[str, str]) -> None:
        """Have these files in force: reload without a gap if HAProxy can be talked to, else a new HAProxy.

        Raises:
            PlatformError: as `start`.
        """
        if self.alive() and not self.lost:
            self._write(files)
            with contextlib.suppress(OSError, TimeoutError, runtime.CommandError):
                await runtime.reload(self.master)
                await _until(self._old_workers_stop)
                return
        old, self.pid = self.pid, 0
        if self._listener is None:
            await self._leave(old)
        try:
            await self.start(files)
        except PlatformError:
            self.pid = old
            raise
        if old and old != self.pid:
            workers = children(old)
            await self._leave(old)
            await _until(lambda: asyncio.to_thread(_none_listens, workers, self._port))

    async def find(self) -> bool:
        """Look for the HAProxy that serves the sockets of this folder, and know its pid from now on."""
        with contextlib.suppress(OSError, TimeoutError):
            async with runtime.session(self.master) as master, runtime.session(self.worker):
                (said,) = await master.ask(["show proc"])
            found = re.search(r"^(\d+)\s+master", said, re.MULTILINE)
            self.pid = int(found[1]) if found else 0
        return self.alive()

    def share(self) -> None:
        """Hold the port of an HAProxy that was found: when it dies, visitors wait and are not refused."""
        if self._listener is None and self.pid:
            self._listener = listener.held_by(self.pid, self._address, self._port)

    async def dead(self) -> None:
        """Return when the master has ended."""
        await ended(self.pid)

    async def stop(self) -> None:
        """End HAProxy at once, with all its connections."""
        pid, self.pid = self.pid, 0
        if pid:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
                if await gone(pid, 5.0):
                    break
        for name in (SOCKET, MASTER, PID_FILE):
            (self._run / name).unlink(missing_ok=True)

    def release(self) -> None:
        """Let go of the port; an HAProxy that runs keeps it."""
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def retire(self) -> None:
        """Take HAProxy off its port; what is under way ends in its own time."""
        old, self.pid = self.pid, 0
        self.release()
        await self._leave(old)

    async def _leave(self, pid: int) -> None:
        if pid:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGUSR1)

    async def _old_workers_stop(self) -> bool:
        async with runtime.session(self.master) as session:
            (said,) = await session.ask(["show proc"])
            infos = await session.ask(f"@!{pid} show info" for pid in runtime.old_workers(said))
        return not any("\nStopping: 0" in info for info in infos)

    async def _spawn(self) -> int:
        assert self._listener is not None
        inherited = self._listener.fileno()
        with (self._run / LOG).open("wb") as log:
            child = await asyncio.create_subprocess_exec(
                *self._command(),
                cwd=self._run,
                env={**os.environ, LISTENER: str(inherited)},
                pass_fds=(inherited,),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
            return await child.wait()

    async def _clear_the_way(self) -> None:
        for pid in () if self.alive() else orphans(self._run / CONFIG):
            await self._leave(pid)

    def _command(self) -> list[str]:
        config = str(self._run / CONFIG)
        return [str(self._haproxy), "-W", "-D", "-S", f"unix@{MASTER},mode,600", "-p", PID_FILE, "-f", config]

    def _write(self, files: Mapping[str, str]) -> None:
        try:
            self._run.mkdir(mode=0o700, parents=True, exist_ok=True)
            for name, text in files.items():
                (self._run / name).write_text(text)
        except OSError as error:
            raise _unusable(error) from error

    def _failed(self) -> PlatformError:
        said = (self._run / LOG).read_text(errors="replace")
        return PlatformError(Code.INTERNAL, f"HAProxy does not start: {said[-2000:]}", blame=Blame.SYSTEM)


def _unusable(error: OSError) -> PlatformError:
    kind = Code.DISK_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else Code.INTERNAL
    return PlatformError(kind, f"HAProxy does not start: {error}", blame=Blame.SYSTEM)


async def _until(settled: Callable[[], Awaitable[bool]]) -> None:
    """Wait, not for ever, until who was replaced takes no visitor any more: he has the routes of before."""
    deadline = time.monotonic() + _HANDOVER
    while not await settled() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)


def _none_listens(pids: Sequence[int], port: int) -> bool:
    return not any(listens(pid, port) for pid in pids)

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
from jitsu_py.server.settings import write_private
from jitsu_py.wire import Blame, Code

from . import access, listener, runtime
from .config import CONFIG, LISTENER, SOCKET
from .front import TLS_LISTENER
from .processes import children, ended, gone, listens, orphans, runs

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from pathlib import Path

MASTER: Final = "master.sock"
PID_FILE: Final = "haproxy.pid"
LOG: Final = "haproxy.log"
KEYS: Final = ".pem"
"""How names of files with private keys end."""

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
        tls_port: and on which for HTTPS; None: on none.
    """

    def __init__(
        self, haproxy: Path, run: Path, *, address: str, port: int, tls_port: int | None = None
    ) -> None:
        self._haproxy = haproxy
        self._run = run.absolute()
        self._address = address
        self._ports = {LISTENER: port} | ({} if tls_port is None else {TLS_LISTENER: tls_port})
        self._listeners: dict[str, socket.socket] = {}
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
        """Take the ports, unless they are ours already.

        Raises:
            PlatformError: UNAVAILABLE: one is taken, or not ours to take.
        """
        if not self._holds_all():
            await self._clear_the_way()
            for name in self._ports.keys() - self._listeners.keys():
                self._listeners[name] = await listener.take(self._address, self._ports[name])

    async def start(self, files: Mapping[str, str]) -> None:
        """Start HAProxy on these files; it serves when this returns.

        Raises:
            PlatformError: UNAVAILABLE: the port is taken; DISK_FULL; INTERNAL: HAProxy does not start.
        """
        await self.bind()
        with self._written(files):
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
            with (
                self._written(files),
                contextlib.suppress(OSError, TimeoutError, runtime.CommandError),
            ):
                await runtime.reload(self.master)
                await _until(self._old_workers_stop)
                return
        old, self.pid = self.pid, 0
        if not self._holds_all():
            await self._leave(old)
        try:
            await self.start(files)
        except PlatformError:
            self.pid = old
            raise
        if old and old != self.pid:
            workers = children(old)
            await self._leave(old)
            await _until(lambda: asyncio.to_thread(_none_listens, workers, self._ports[LISTENER]))

    async def find(self) -> bool:
        """Look for the HAProxy that serves the sockets of this folder, and know its pid from now on."""
        with contextlib.suppress(OSError, TimeoutError):
            async with runtime.session(self.master) as master, runtime.session(self.worker):
                (said,) = await master.ask(["show proc"])
            found = re.search(r"^(\d+)\s+master", said, re.MULTILINE)
            self.pid = int(found[1]) if found else 0
        return self.alive()

    def share(self) -> None:
        """Hold the ports of an HAProxy that was found: when it dies, visitors wait and are not refused."""
        for name in self._ports.keys() - self._listeners.keys() if self.pid else ():
            if (held := listener.held_by(self.pid, self._address, self._ports[name])) is not None:
                self._listeners[name] = held

    async def dead(self) -> None:
        """Return when the master has ended."""
        await ended(self.pid)

    async def stop(self) -> None:
        """End HAProxy at once, with all its connections; also one whose start was given up half-way."""
        known, self.pid = self.pid, 0
        masters = {known, *await asyncio.to_thread(orphans, self._run / CONFIG)} - {0}
        await asyncio.gather(*(_end(master) for master in masters))
        for name in (SOCKET, MASTER, PID_FILE):
            (self._run / name).unlink(missing_ok=True)

    def release(self) -> None:
        """Let go of the ports; an HAProxy that runs keeps them."""
        while self._listeners:
            self._listeners.popitem()[1].close()

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
        inherited = {name: held.fileno() for name, held in self._listeners.items()}
        inherited[access.PIPE] = pipe = access.writing(self._run)
        with (self._run / LOG).open("wb") as log, contextlib.ExitStack() as stack:
            stack.callback(os.close, pipe)
            child = await asyncio.create_subprocess_exec(
                *self._command(),
                cwd=self._run,
                env={**os.environ, **{name: str(number) for name, number in inherited.items()}},
                pass_fds=tuple(inherited.values()),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.DEVNULL,
                stderr=log,
                start_new_session=True,
            )
            try:
                return await child.wait()
            except asyncio.CancelledError:
                # It goes into the background within a moment; left alone it would never be reaped.
                await child.wait()
                raise

    async def _clear_the_way(self) -> None:
        for pid in () if self.alive() else orphans(self._run / CONFIG):
            await self._leave(pid)

    def _command(self) -> list[str]:
        config = str(self._run / CONFIG)
        return [str(self._haproxy), "-W", "-D", "-S", f"unix@{MASTER},mode,600", "-p", PID_FILE, "-f", config]

    def _holds_all(self) -> bool:
        return self._ports.keys() == self._listeners.keys()

    @contextlib.contextmanager
    def _written(self, files: Mapping[str, str]) -> Iterator[None]:
        """These files are in the folder; keys are there only until HAProxy has read them."""
        try:
            try:
                self._run.mkdir(mode=0o700, parents=True, exist_ok=True)
                for name, text in files.items():
                    if name.endswith(KEYS):
                        write_private(self._run / name, text.encode())
                    else:
                        (self._run / name).write_text(text)
            except OSError as error:
                raise _unusable(error) from error
            yield
        finally:
            for name in files:
                if name.endswith(KEYS):
                    (self._run / name).unlink(missing_ok=True)

    def _failed(self) -> PlatformError:
        said = (self._run / LOG).read_text(errors="replace")
        return PlatformError(Code.INTERNAL, f"HAProxy does not start: {said[-2000:]}", blame=Blame.SYSTEM)


def _unusable(error: OSError) -> PlatformError:
    kind = Code.DISK_FULL if error.errno in (errno.ENOSPC, errno.EDQUOT) else Code.INTERNAL
    return PlatformError(kind, f"HAProxy does not start: {error}", blame=Blame.SYSTEM)


async def _end(pid: int) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, number)
        if await gone(pid, 5.0):
            break


async def _until(settled: Callable[[], Awaitable[bool]]) -> None:
    """Wait, not for ever, until who was replaced takes no visitor any more: he has the routes of before."""
    deadline = time.monotonic() + _HANDOVER
    while not await settled() and time.monotonic() < deadline:
        await asyncio.sleep(0.01)


def _none_listens(pids: Sequence[int], port: int) -> bool:
    return not any(listens(pid, port) for pid in pids)

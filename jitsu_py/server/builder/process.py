"""Run a tool (npm, a build script): lines as they come, limited time, and an end for all it started."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, Protocol

import psutil

from jitsu_py.server.builder.lines import LineSplitter
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

MARK: Final = "JITSU_BUILD"
"""Environment variable of every process of a build: the build's work folder. By it the strays are found that
have left their process group."""

CHUNK: Final = 64 * 1024
"""Bytes read from a pipe at a time."""

POLL_SECONDS: Final = 0.2
"""How often a process is looked at whose end nobody tells."""

ROUNDS: Final = 100
"""How often strays are looked for: a process may start others while it is looked at."""

ROUND_SECONDS: Final = 0.02
"""How long a killed process is given to be gone."""

DRAIN_SECONDS: Final = 2.0
"""How long output is still read once everything that could write it was killed."""


class Hold(Protocol):
    """What holds a tool while it runs."""

    def command(self, command: Sequence[str], cwd: Path) -> tuple[str, ...]:
        """The command line that runs the tool held."""

    async def excess(self, leader: int) -> PlatformError:
        """Return once it uses too much of something; the error that ends it."""

    def verdict(self) -> PlatformError | None:
        """Why it was ended by others than us, as far as that is known."""


async def run(
    command: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    line: Callable[[str, str], None],
    deadline: float,
    hold: Hold | None = None,
) -> int:
    """Run a command in a process group of its own, without input.

    However it ends (also when the task is cancelled), no process of its group is left.

    Args:
        command: program and arguments.
        cwd: folder it runs in.
        env: its whole environment.
        line: called with each line and "stdout" or "stderr".
        deadline: the event loop's time at which it is killed.
        hold: what it runs in; None: nothing holds it.

    Returns:
        Its exit code; of a signal, the negative number.

    Raises:
        PlatformError: BUILD_TIMED_OUT; INTERNAL when it cannot be started; what `hold` says.
    """
    process = await _start(hold.command(command, cwd) if hold else command, cwd, env)
    assert process.stdout is not None
    assert process.stderr is not None
    readers = asyncio.gather(_read(process.stdout, "stdout", line), _read(process.stderr, "stderr", line))
    watch = asyncio.ensure_future(hold.excess(process.pid)) if hold else None
    try:
        async with asyncio.timeout_at(deadline):
            await _ended(process, readers, watch)
        kill_group(process.pid)
        await _drain(readers, env)
    except TimeoutError:
        message = f"The build took too long: {_name(command)} was stopped."
        raise PlatformError(Code.BUILD_TIMED_OUT, message, blame=Blame.APPLICATION) from None
    finally:
        if watch is not None:
            watch.cancel()
        if process.returncode is None:
            kill_group(process.pid)
        await asyncio.shield(_close(process, readers))
    assert process.returncode is not None
    if process.returncode != 0 and hold is not None and (why := hold.verdict()) is not None:
        raise why
    return process.returncode


async def _start(command: Sequence[str], cwd: Path, env: Mapping[str, str]) -> asyncio.subprocess.Process:
    try:
        return await asyncio.create_subprocess_exec(
            *command,
            cwd=cwd,
            env=env,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        message = f"The server cannot start {_name(command)}: {error.strerror}."
        raise PlatformError(Code.INTERNAL, message, blame=Blame.SYSTEM) from error


async def _read(stream: asyncio.StreamReader, name: str, line: Callable[[str, str], None]) -> None:
    splitter = LineSplitter()
    while data := await stream.read(CHUNK):
        if name == "stderr":
            # With something in both pipes nobody knows what came first; a cause of failure is best told last.
            await asyncio.sleep(0)
        for text in splitter.feed(data):
            line(text, name)
    for text in splitter.close():
        line(text, name)


async def _ended(
    process: asyncio.subprocess.Process,
    readers: asyncio.Future[Any],
    watch: asyncio.Future[PlatformError] | None,
) -> None:
    """Wait for the process itself; some `wait()` also wait for pipes that its children hold."""
    waiting = asyncio.ensure_future(process.wait())
    try:
        while process.returncode is None:
            await asyncio.wait([waiting], timeout=POLL_SECONDS)
            if readers.done():
                readers.result()
            if watch is not None and watch.done():
                raise watch.result()
    finally:
        waiting.cancel()


async def _drain(readers: asyncio.Future[Any], env: Mapping[str, str]) -> None:
    """Read what is left in the pipes; whoever has left the group and holds them is killed."""
    done, _ = await asyncio.wait([readers], timeout=POLL_SECONDS)
    if not done and MARK in env:
        await asyncio.to_thread(kill_marked, env[MARK])
        done, _ = await asyncio.wait([readers], timeout=DRAIN_SECONDS)
    if done:
        readers.result()


async def _close(process: asyncio.subprocess.Process, readers: asyncio.Future[Any]) -> None:
    readers.cancel()
    with suppress(asyncio.CancelledError, Exception):
        await readers
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            await process.wait()
    # asyncio has no public way to let go of pipes that a stray process still holds.
    transport = getattr(process, "_transport", None)
    if transport is not None:
        transport.close()


def _name(command: Sequence[str]) -> str:
    return " ".join(part.rpartition("/")[2].removesuffix("-cli.js") for part in command[:2])


def kill_group(leader: int) -> None:
    """Kill a process group at once."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)


def kill_marked(mark: str) -> int:
    """Kill every process of a build, or of all builds below a folder, in whatever group it is.

    Args:
        mark: a build's work folder, or a folder of such folders.

    Returns:
        How many were killed.
    """
    killed = set()
    for _ in range(ROUNDS):
        found = [process for process in psutil.process_iter() if _is_marked(process, mark)]
        if not found:
            break
        for process in found:
            with suppress(psutil.Error):
                process.kill()
                killed.add(process)
        # Not psutil's wait: it would take the end of the server's own children from who waits for it.
        time.sleep(ROUND_SECONDS)
    return len(killed)


def _is_marked(process: psutil.Process, mark: str) -> bool:
    try:
        value = process.environ().get(MARK, "")
        return (value == mark or value.startswith(f"{mark}/")) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False

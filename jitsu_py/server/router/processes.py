"""Processes as the system shows them: who runs, who has ended, who holds a port."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def holder(port: int) -> str:
    """The program that listens on a TCP port, as `node (pid 4711)`; empty where the system does not say."""
    import psutil

    with contextlib.suppress(psutil.Error, OSError):
        for found in psutil.net_connections("tcp"):
            if found.status == psutil.CONN_LISTEN and port in found.laddr[1:2] and found.pid:
                return f"{psutil.Process(found.pid).name()} (pid {found.pid})"
    return ""


def orphans(config: Path) -> list[int]:
    """Masters that were started on this configuration file, found by their command line."""
    import psutil

    found = []
    for process in psutil.process_iter(["cmdline", "ppid"]):
        words = process.info["cmdline"] or []
        if "-W" in words and words[-2:] == ["-f", str(config)] and "haproxy" in words[0]:
            found.append((process.pid, process.info["ppid"]))
    pids = {pid for pid, _ in found}
    return [pid for pid, parent in found if parent not in pids]


def listens(pid: int, port: int) -> bool:
    """The process itself listens on the port."""
    import psutil

    with contextlib.suppress(psutil.Error):
        sockets = psutil.Process(pid).net_connections("tcp")
        return any(each.status == psutil.CONN_LISTEN and port in each.laddr[1:2] for each in sockets)
    return False


def children(pid: int) -> list[int]:
    """The processes that a process started: a master's workers."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return [child.pid for child in psutil.Process(pid).children()]
    return []


def runs(pid: int) -> bool:
    """The process is there, and more than an exit status that nobody has read."""
    import psutil

    with contextlib.suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


async def gone(pid: int, seconds: float) -> bool:
    """Wait for a process to end, at most so many seconds; True: it has."""
    deadline = time.monotonic() + seconds
    while runs(pid) and time.monotonic() < deadline:
        await asyncio.sleep(0.02)
    return not runs(pid)


async def ended(pid: int) -> None:
    """Return when a process, a child of ours or not, has ended."""
    try:
        descriptor = os.pidfd_open(pid)
    except (OSError, AttributeError):
        # Not only where the system has none: a process that is just being reaped is "invalid" for a moment.
        while runs(pid):
            await asyncio.sleep(0.1)
    else:
        await _readable(descriptor)


async def _readable(descriptor: int) -> None:
    loop, event = asyncio.get_running_loop(), asyncio.Event()
    try:
        loop.add_reader(descriptor, event.set)
        await event.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)

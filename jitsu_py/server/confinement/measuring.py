"""What a program uses, where no control group counts it: its process tree, its folder, its disk."""

from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from jitsu_py.server.confinement.limits import Usage

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def tree(pid: int) -> list[psutil.Process]:
    """A process and all that descend from it, or are in its session."""
    try:
        first = psutil.Process(pid)
        found = {first, *first.children(recursive=True)}
    except psutil.Error:
        found = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == pid:
                found.add(process)
    return sorted(found, key=lambda process: process.pid)


def usage_of(processes: list[psutil.Process]) -> Usage:
    """What processes use together. Memory that they share counts for each: the sum errs upwards."""
    memory, cpu = 0, 0.0
    for process in processes:
        with suppress(psutil.Error, OSError):
            memory += process.memory_info().rss
            times = process.cpu_times()
            cpu += times.user + times.system
    return Usage(memory, len(processes), cpu, 0)


def size_of(folder: Path, check: Callable[[], None] = lambda: None) -> int:
    """Bytes that a folder takes on its disk; what comes and goes meanwhile may count or not.

    Args:
        check: called for every folder in it; raises to stop.
    """
    total, waiting = 0, [str(folder)]
    while waiting:
        check()
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                with suppress(OSError):
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total


def free_of(folder: Path) -> int:
    """Bytes that are free on a folder's disk for who runs the server."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize

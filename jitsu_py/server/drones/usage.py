"""What drones use of the machine: memory and processor time of all their processes, in one look at all."""

from __future__ import annotations

import os
from collections import defaultdict
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Collection


@dataclass(frozen=True)
class Usage:
    """Of a drone's leading process and all that it started."""

    memory: int
    """Resident bytes; what processes share counts for each of them."""
    cpu: float
    """Seconds of processor time so far."""
    processes: int


def usage(leaders: Collection[int]) -> dict[int, Usage]:
    """Measure drones by the pid of their leading process; one that has ended is not in the answer."""
    children: defaultdict[int, set[int]] = defaultdict(set)
    for process in psutil.process_iter(["ppid"]):
        children[process.info["ppid"]].add(process.pid)
        with suppress(OSError):
            # A drone leads a session: who lost its parent is still in it.
            children[os.getsid(process.pid)].add(process.pid)
    found = {leader: _sum(_descendants(leader, children)) for leader in leaders}
    return {leader: sum_ for leader, sum_ in found.items() if sum_.processes}


def _descendants(leader: int, children: dict[int, set[int]]) -> set[int]:
    found, waiting = {leader}, [leader]
    while waiting:
        new = children.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def _sum(pids: Collection[int]) -> Usage:
    memory, cpu, processes = 0, 0.0, 0
    for pid in pids:
        with suppress(psutil.Error, OSError):
            process = psutil.Process(pid)
            with process.oneshot():
                times = process.cpu_times()
                memory += process.memory_info().rss
                cpu += times.user + times.system
                processes += 1
    return Usage(memory, cpu, processes)

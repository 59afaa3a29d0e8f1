"""Finds the processes of drones: by group, and by the mark in their environment."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from jitsu_py.server.drones.environment import APP, DRONE, MARK, PORT, SNAPSHOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(frozen=True)
class Marked:
    """A running process that was started for a drone."""

    pid: int
    started: float
    """Epoch seconds."""
    leads: bool
    """Whether it leads its session."""
    drone: str
    app: str
    snapshot: str
    port: int
    """0 if its environment does not tell."""


def marked(state: Path) -> list[Marked]:
    """Every process of this user, zombies aside, whose environment names this state folder."""
    return list(_marked(str(state)))


def _marked(state: str) -> Iterator[Marked]:
    for process, environment in bearing(state, DRONE):
        with suppress(psutil.Error, OSError):
            port = environment.get(PORT, "")
            yield Marked(
                pid=process.pid,
                started=process.create_time(),
                leads=os.getsid(process.pid) == process.pid,
                drone=environment[DRONE],
                app=environment.get(APP, ""),
                snapshot=environment.get(SNAPSHOT, ""),
                port=int(port) if port.isdecimal() else 0,
            )


def bearing(state: str, name: str) -> Iterator[tuple[psutil.Process, dict[str, str]]]:
    """Yield every process of this user whose environment names a state folder and has a variable.

    This process and zombies aside. Each may end at any moment.

    Args:
        state: the state folder, resolved.
        name: of the variable.
    """
    for pid in psutil.pids():
        with suppress(psutil.Error, OSError):
            if pid == os.getpid():
                continue
            process = psutil.Process(pid)
            environment = process.environ()
            if environment.get(MARK) != state or name not in environment:
                continue
            if process.status() != psutil.STATUS_ZOMBIE:
                yield process, environment


def group(leader: int) -> list[psutil.Process]:
    """The processes of a group, zombies aside: those only wait to be reaped by whoever started them."""
    with suppress(PermissionError):
        try:
            os.killpg(leader, 0)
        except ProcessLookupError:
            return []
    members = (_member(pid, leader) for pid in psutil.pids())
    return [process for process in members if process]


def _member(pid: int, leader: int) -> psutil.Process | None:
    with suppress(psutil.Error, OSError):
        if os.getpgid(pid) == leader:
            process = psutil.Process(pid)
            if process.status() != psutil.STATUS_ZOMBIE:
                return process
    return None


def listens(pids: list[int], port: int) -> bool:
    """Whether one of these processes listens on the TCP port."""
    for pid in pids:
        with suppress(psutil.Error, OSError):
            for connection in psutil.Process(pid).net_connections("tcp"):
                if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port:
                    return True
    return False


def is_same(pid: int, started: float) -> bool:
    """Whether this process still runs and is the one that started then, and no other that got its id."""
    with suppress(psutil.Error):
        process = _started(pid, started)
        return process is not None and process.status() != psutil.STATUS_ZOMBIE
    return False


def has_started(pid: int, started: float) -> bool:
    """Whether a process of this id is the one that started then; it may have ended, unless it was reaped."""
    with suppress(psutil.Error):
        return _started(pid, started) is not None
    return False


def _started(pid: int, started: float) -> psutil.Process | None:
    process = psutil.Process(pid)
    # The kernel counts in hundredths of a second from the boot, whose own time may be off a little.
    return process if abs(process.create_time() - started) < 0.5 else None

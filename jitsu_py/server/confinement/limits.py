"""What a confined program may use, what it uses, and what it used too much of."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


@dataclass(frozen=True)
class Limits:
    """Bounds of a program and all it starts; None: no bound of ours."""

    memory: int | None = None
    """Bytes of memory, swap included, all processes together."""
    processes: int | None = None
    """Processes and threads at a time."""
    disk: int | None = None
    """Bytes that the writable folder may grow to; also the largest file."""
    reserve: int | None = None
    """Free bytes of that folder's disk below which the program is ended: they are the platform's own."""
    open_files: int | None = 65536
    """Open files of one process; never more than the system allows."""
    cpu: int | None = None
    """Share of the processors when they are scarce: 1 to 10000, 100 being the usual."""
    nice: int = 0
    """0 to 19: how far it steps back for others; the disk's scheduler heeds it too."""
    expendable: bool = False
    """When the whole machine runs out of memory, the system ends this one before anything else."""


@dataclass(frozen=True)
class Usage:
    """What a program and all it started use now."""

    memory: int
    """Bytes."""
    processes: int
    """Processes; threads too where `Confinement.is_grouped`."""
    cpu: float | None
    """Seconds of processor time so far; None: not known."""
    killed: int
    """Processes that the system has ended because the memory limit was reached."""


class Excess(Enum):
    """What a program used too much of."""

    MEMORY = "memory"
    DISK = "disk"
    """Its own bound."""
    RESERVE = "reserve"
    """The disk is nearly full, whoever filled it."""

"""Drones as the rest of the platform sees them, and the news about them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jitsu_py.server.drones.engine import Exit


class DroneState(StrEnum):
    """Where a drone is in its life."""

    BOOTING = "booting"
    """Launched, not yet proved ready."""
    READY = "ready"
    SICK = "sick"
    """It runs and fails its health check again and again; it is to be replaced."""
    BACKING_OFF = "backing-off"
    """It crashed too often; it waits before the next launch."""
    STOPPING = "stopping"
    EXITED = "exited"
    """Its process ended; the next launch follows, unless it was stopped or failed its first boot."""


@dataclass(frozen=True)
class Drone:
    """A drone at one moment."""

    id: str
    app: str
    """"user/name"."""
    snapshot: str
    port: int
    pid: int | None
    """Of the leading process; None while none runs."""
    started: float | None
    """When that process started, epoch seconds."""
    state: DroneState
    restarts: int
    """How often it was launched again after it ended by itself."""
    since: float
    """When it came into this state, epoch seconds."""
    drain: float
    """Seconds that its last requests have once it is to go."""
    grace: float
    """Seconds that it has between TERM and KILL."""
    memory: int | None = None
    """Bytes that its processes may use together; None: no bound."""
    crashing: bool = False
    """It ended by itself too often of late, and has not yet run long enough to be trusted again."""
    last_exit: Exit | None = None
    """How its process ended the last time it did."""


class EventKind(StrEnum):
    """What happened to a drone."""

    LAUNCHED = "launched"
    READY = "ready"
    SICK = "sick"
    """It fails its health check; `why` says how."""
    WELL = "well"
    """It passes its health check again."""
    EXITED = "exited"
    """Its process ended, asked or not; `drone.last_exit` tells how."""
    BACKING_OFF = "backing_off"
    STOPPED = "stopped"
    """It is gone for good, with all its processes."""


@dataclass(frozen=True)
class DroneEvent:
    """News about one drone."""

    kind: EventKind
    drone: Drone
    """The drone right after the event."""
    delay: float = 0.0
    """Seconds until the next launch; of `BACKING_OFF` only."""
    why: str = ""
    """What is wrong, a sentence without its full stop; of `SICK` only."""

"""What the life of a drone needs of the world."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable, Coroutine

    from jitsu_py.server.drones.engine import Engine
    from jitsu_py.server.drones.messages import Message
    from jitsu_py.server.drones.state import DroneEvent


@dataclass(frozen=True)
class Surroundings:
    """The supervisor's queue and tasks, and what was given to it: engine, clocks, timers, listener."""

    engine: Engine
    clock: Callable[[], float]
    """Seconds, monotonic."""
    now: Callable[[], float]
    """Epoch seconds."""
    timer: Callable[[float, Callable[[], None]], Callable[[], None]]
    """Call something in so many seconds; returns what cancels it."""
    post: Callable[[Message], None]
    spawn: Callable[[Coroutine[Any, Any, None]], asyncio.Task[None]]
    listener: Callable[[DroneEvent], None]

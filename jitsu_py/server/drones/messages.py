"""What the supervisor's one reader takes from its queue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import asyncio

    from jitsu_py.server.drones.engine import Exit, Process
    from jitsu_py.server.drones.life import Life


@dataclass(frozen=True)
class Begin:
    """A new drone is wanted, or its wait for the next launch is over."""

    life: Life


@dataclass(frozen=True)
class End:
    """A drone is wanted no longer."""

    life: Life


@dataclass(frozen=True)
class Launched:
    """The engine gave a process: a new one, or one that ran already."""

    life: Life
    process: Process


@dataclass(frozen=True)
class NotLaunched:
    """The engine could not."""

    life: Life
    error: Exception


@dataclass(frozen=True)
class BecameReady:
    """The process is proved to listen."""

    life: Life
    process: Process


@dataclass(frozen=True)
class Checked:
    """The process was asked for its health while it runs."""

    life: Life
    process: Process
    ailment: str | None
    """What is wrong; None: nothing."""


@dataclass(frozen=True)
class Ended:
    """The leading process ended."""

    life: Life
    process: Process
    ending: Exit


@dataclass(frozen=True)
class Gone:
    """No process of the drone is left."""

    life: Life
    process: Process


@dataclass(frozen=True)
class BootOver:
    """The boot time passed."""

    life: Life
    process: Process


@dataclass(frozen=True)
class GraceOver:
    """The time between TERM and KILL passed."""

    life: Life
    process: Process


@dataclass(frozen=True)
class Forgotten:
    """The engine removed what it kept for the drone."""

    life: Life


@dataclass(frozen=True)
class Leave:
    """The supervisor ends and leaves the drones running."""

    done: asyncio.Future[None]


Message = (
    Begin
    | End
    | Launched
    | NotLaunched
    | BecameReady
    | Checked
    | Ended
    | Gone
    | BootOver
    | GraceOver
    | Forgotten
    | Leave
)

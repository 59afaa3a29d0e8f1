"""How a database is, in a word and a sentence."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from jitsu_py.server.databases.kinds import Health

State = Literal["starting", "running", "slow", "stopped", "failed", "full"]

SERVES: Final = frozenset({"running", "slow", "full"})

SLOW: Final = 1.0
"""Seconds after which an answer is late."""

REMEMBERED: Final = 600.0
"""Seconds for which it is told of one that works again why it did not."""


@dataclass(frozen=True)
class Condition:
    """How a database is."""

    state: State
    why: str | None = None
    """A sentence's worth, without a full stop, when there is more to say."""


@dataclass(frozen=True)
class Fall:
    """The last time that a server which worked ended by itself."""

    why: str
    moment: float
    """Epoch seconds."""

    def words(self, now: float) -> str | None:
        """What to say of it when it works again; None: it is too long ago."""
        if now - self.moment > REMEMBERED:
            return None
        return f"it was launched again at {utc(self.moment)}, for {self.why}"


def found(health: Health, fall: Fall | None) -> Condition:
    """The condition of a server that answered.

    Args:
        fall: its last one.
    """
    if health.refuses:
        return Condition("full", health.refuses)
    if health.seconds > SLOW:
        return Condition("slow", f"it took {health.seconds:.1f} s to answer")
    return Condition("running", health.remark or (fall.words(time.time()) if fall else None))


def no_room(reserve: int, what: str = "it takes no writes") -> str:
    """The sentence on a disk that is nearly full.

    Args:
        reserve: MiB.
        what: follows from it.
    """
    return f"less than {reserve} MiB of the disk are free, so {what}"


def utc(moment: float) -> str:
    """A moment (epoch seconds) as people read it."""
    return f"{time.strftime('%H:%M:%S', time.gmtime(moment))} UTC"

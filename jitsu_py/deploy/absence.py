"""A server that is away for a while in the middle of a deploy."""

from __future__ import annotations

from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.api.failures import CONNECTION_LOST
from jitsu_py.errors import JitsuError, ServerRefusedError, TimedOutError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

PATIENCE = 60.0
"""Seconds that a server may be away before a deploy is given up."""

POLL = 0.5
"""Seconds between two questions to it."""

AWAY: Final = (UnreachableError, TimedOutError, ServerRefusedError)
"""What asking it raises meanwhile."""


@dataclass
class Absence:
    """How long it is waited for, and what is said when it does not come back.

    Args:
        lost: how the connection ended.
        hint: what may have become of the deploy.
        details: of the error.
        revive: called when the server cannot be reached: starts it, where that is ours to do.
    """

    lost: JitsuError
    hint: str
    details: Mapping[str, Any]
    revive: Callable[[], None]
    seen: float = field(default_factory=monotonic)
    """When it was there last, by the monotonic clock."""

    def over(self) -> None:
        """It answered."""
        self.seen = monotonic()

    def bear(self, error: JitsuError) -> None:
        """It did not answer, for one of the reasons in `AWAY`.

        Raises:
            UnreachableError: it is away for longer than `PATIENCE`.
        """
        if monotonic() - self.seen > PATIENCE:
            raise UnreachableError(
                f"{self.lost.message}, and the server did not come back within {PATIENCE:.0f} seconds",
                hint=self.hint,
                code=CONNECTION_LOST,
                details=self.details,
            ) from error
        if isinstance(error, UnreachableError):
            self.revive()

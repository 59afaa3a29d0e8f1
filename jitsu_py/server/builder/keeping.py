"""What a build leaves to be done later: its dependencies go into the cache once its app had time to start."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from jitsu_py.server.builder.patience import Patience
from jitsu_py.server.errors import PlatformError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jitsu_py.server.builder.dependencies import Check

DELAY: Final = 2.0
"""Seconds that an app has to start before anything is copied beside it."""

PATIENCE: Final = 300.0
"""Seconds that copying may take."""

log = logging.getLogger(__name__)


class Keeping:
    """Copies under way, or about to be.

    Args:
        delay: seconds before one begins, unless somebody waits for it.
    """

    def __init__(self, delay: float = DELAY) -> None:
        self._delay = delay
        self._waiting: dict[asyncio.Task[None], tuple[str, asyncio.Event]] = {}

    def later(self, user: str, copy: Callable[[Check], str], told: Path) -> None:
        """Copy after a while.

        Args:
            user: whose dependencies they are.
            copy: does it; gives back why it could not, "" when it could.
            told: log of the build, which gets the reason why they were not kept after all.
        """
        hurry = asyncio.Event()
        task = asyncio.create_task(self._copy(copy, told, hurry))
        self._waiting[task] = user, hurry
        task.add_done_callback(self._waiting.pop)

    async def done(self, user: str | None = None) -> None:
        """Copy at once what waits, and return when it is done.

        Args:
            user: whose; None: everybody's.
        """
        wanted = [(task, hurry) for task, (whose, hurry) in self._waiting.items() if user in (None, whose)]
        for _, hurry in wanted:
            hurry.set()
        if wanted:
            await asyncio.wait([task for task, _ in wanted])

    async def give_up(self) -> None:
        """Copy nothing more; of what is half-copied nothing stays."""
        tasks = list(self._waiting)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _copy(self, copy: Callable[[Check], str], told: Path, hurry: asyncio.Event) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(hurry.wait(), self._delay)
        try:
            why = await Patience(PATIENCE).in_thread(copy)
        except PlatformError:
            why = f"copying them took more than {PATIENCE:.0f} s"
        except Exception:
            log.exception("dependencies could not be kept")
            why = "a fault of the platform"
        if why:
            await asyncio.to_thread(_add, told, f"The dependencies were not kept after all: {why}.")


def _add(path: Path, line: str) -> None:
    """Write to the end of a log, if it is still there."""
    with suppress(OSError), path.open("r+", encoding="utf-8") as file:
        file.seek(0, 2)
        file.write(f"{line}\n")

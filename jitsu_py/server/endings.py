"""Ending tasks, and knowing that they ended."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

AGAIN: Final = 5.0
"""Seconds until a task that was cancelled and goes on is cancelled once more."""


async def end(tasks: Iterable[asyncio.Task[Any]], again: float = AGAIN) -> None:
    """Cancel tasks, and return when all of them have ended; how they ended does not matter.

    A cancellation can be lost: before Python 3.12 `asyncio.wait_for` forgets one that comes together with
    the result it waits for, and a library may swallow it. Who waited for such a task would wait for ever.

    Args:
        again: seconds that a task has to tidy up after each cancellation.
    """
    waiting = {task for task in tasks if not task.done()}
    while waiting:
        for task in waiting:
            task.cancel()
        _, waiting = await asyncio.wait(waiting, timeout=again)

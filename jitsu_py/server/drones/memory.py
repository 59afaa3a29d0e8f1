"""Sees to it that a drone keeps to its memory, and knows it when that was its end."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from jitsu_py.server.confinement import Excess

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitsu_py.server.confinement import Confinement
    from jitsu_py.server.drones.engine import Exit

LOOK: Final = 0.25
"""Seconds between two looks at how much it uses, where the kernel keeps no bound."""

EFFORT: Final = 20
"""How many times as long as a look took it is until the next one: a twentieth of a core at most."""

COUNTED: Final = 1.0
"""Seconds between two looks whether the kernel ended one of its processes: of several, the others go too."""


class Memory:
    """Watches one drone. Made inside the running event loop.

    Args:
        hold: what holds the drone.
        leader: its leading process.
        end: called when it used too much.
    """

    def __init__(self, hold: Confinement, leader: int, end: Callable[[], None]) -> None:
        self._hold = hold
        self._end = end
        self._exceeded = False
        self._task: asyncio.Future[None] | None = None
        if not hold.is_grouped:
            hold.attach(leader)
        self._begin()

    def _begin(self) -> None:
        if self._task is None and self._hold.limits.memory is not None:
            self._task = asyncio.ensure_future(self._watch())

    @property
    def allowed(self) -> int | None:
        """Bytes that it may use; None: as much as there is."""
        return self._hold.limits.memory

    async def bound(self, memory: int) -> None:
        """Set how many bytes it may use; one that uses more already keeps its bound of before."""
        await asyncio.to_thread(self._hold.bound, memory)
        self._begin()

    async def _watch(self) -> None:
        pause = COUNTED if self._hold.is_grouped else LOOK
        while True:
            await asyncio.sleep(pause)
            began = time.monotonic()
            if await asyncio.to_thread(self._hold.over) is Excess.MEMORY:
                self._exceeded = True
                self._end()
                return
            if not self._hold.is_grouped:
                pause = max(LOOK, EFFORT * (time.monotonic() - began))

    def explained(self, ending: Exit) -> Exit:
        """The ending with its cause, if that was its use of memory."""
        if ending.code == 0 or self._hold.limits.memory is None:
            return ending
        if self._exceeded or (self._hold.is_grouped and self._hold.over() is Excess.MEMORY):
            return replace(ending, out_of_memory=True, allowed=self._hold.limits.memory)
        return ending

    def release(self) -> None:
        """Watch it no longer."""
        if self._task is not None:
            self._task.cancel()

"""A line of builds: so many at a time, the others wait in the order they came and know their place."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


class Queue:
    """Lets so many in at a time.

    Args:
        room: how many.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: list[tuple[asyncio.Future[None], Callable[[int], None]]] = []

    @asynccontextmanager
    async def place(self, moved: Callable[[int], None]) -> AsyncIterator[None]:
        """Wait until it is one's turn, and be in while the body runs.

        Args:
            moved: called with the place in the line, 1 being next, when one has to wait and when it changes.
        """
        await self._enter(moved)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, moved: Callable[[int], None]) -> None:
        if self._room > 0:
            self._room -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        waiter = (turn, moved)
        self._waiting.append(waiter)
        moved(len(self._waiting))
        try:
            await turn
        except asyncio.CancelledError:
            if waiter in self._waiting:
                gone = self._waiting.index(waiter)
                self._waiting.remove(waiter)
                self._tell(gone)
            else:
                self._leave()
            raise

    def _leave(self) -> None:
        if not self._waiting:
            self._room += 1
            return
        turn, _ = self._waiting.pop(0)
        turn.set_result(None)
        self._tell(0)

    def _tell(self, first: int) -> None:
        for place, (_, moved) in enumerate(self._waiting[first:], start=first + 1):
            moved(place)

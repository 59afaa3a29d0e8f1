"""A line of builds: so many at a time, the others wait and know their place; users take turns."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable


@dataclass(eq=False)
class _Waiter:
    user: str
    turn: asyncio.Future[None]
    moved: Callable[[int], None]
    place: int = 0
    """As it was told last; 0: not yet."""


class Queue:
    """Lets so many in at a time.

    Next is the user who was let in least lately, and of a user's builds the one that came first: whoever asks
    for twenty builds does not keep the others waiting for twenty.

    Args:
        room: how many.
    """

    def __init__(self, room: int) -> None:
        self._room = room
        self._waiting: list[_Waiter] = []
        self._served: dict[str, int] = {}
        self._count = 0

    @asynccontextmanager
    async def place(self, moved: Callable[[int], None], user: str = "") -> AsyncIterator[None]:
        """Wait until it is one's turn, and be in while the body runs.

        Args:
            moved: called with the place in the line, 1 being next, when one has to wait and when it changes;
                it grows when somebody comes who was let in less lately.
            user: whose turn it is.
        """
        await self._enter(moved, user)
        try:
            yield
        finally:
            self._leave()

    async def _enter(self, moved: Callable[[int], None], user: str) -> None:
        if self._room > 0:
            self._room -= 1
            self._serve(user)
            return
        waiter = _Waiter(user, asyncio.get_running_loop().create_future(), moved)
        self._waiting.append(waiter)
        self._tell()
        try:
            await waiter.turn
        except asyncio.CancelledError:
            if waiter in self._waiting:
                self._waiting.remove(waiter)
                self._tell()
            else:
                self._leave()
            raise

    def _leave(self) -> None:
        if not self._waiting:
            self._room += 1
            return
        following = self._order()[0]
        self._waiting.remove(following)
        self._serve(following.user)
        following.turn.set_result(None)
        self._tell()

    def _serve(self, user: str) -> None:
        self._count += 1
        self._served[user] = self._count

    def _order(self) -> list[_Waiter]:
        """Who waits, in the order in which they will be let in if nobody else comes."""
        served, count = dict(self._served), self._count
        left, order = list(self._waiting), []
        while left:
            # The first of equals is the one that came first.
            following = min(left, key=lambda one: served.get(one.user, 0))
            left.remove(following)
            order.append(following)
            count += 1
            served[following.user] = count
        return order

    def _tell(self) -> None:
        for place, waiter in enumerate(self._order(), start=1):
            if waiter.place != place:
                waiter.place = place
                waiter.moved(place)

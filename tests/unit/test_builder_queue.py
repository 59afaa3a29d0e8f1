"""Builds wait in a line in which users take turns; everybody knows their place."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from jitsu_py.server.builder.queue import Queue


class Line:
    """A queue, who was let in, and the places that were told."""

    def __init__(self, room: int) -> None:
        self.queue = Queue(room)
        self.entered: list[str] = []
        self.places: dict[str, list[int]] = {}
        self._ends: dict[str, asyncio.Event] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def come(self, *names: str) -> None:
        """Builds come, `user-number` each."""
        for name in names:
            self._ends[name] = asyncio.Event()
            self.places[name] = []
            self._tasks[name] = asyncio.create_task(self._wait(name))
            await settle()

    async def _wait(self, name: str) -> None:
        async with self.queue.place(self.places[name].append, name.partition("-")[0]):
            self.entered.append(name)
            await self._ends[name].wait()

    async def end(self, name: str) -> None:
        """One that is in ends."""
        self._ends[name].set()
        await settle()

    async def cancel(self, name: str) -> None:
        """One ends, whether it is in or waits."""
        self._tasks[name].cancel()
        with suppress(asyncio.CancelledError):
            await self._tasks[name]
        await settle()


async def settle() -> None:
    """Let everybody who can go on do so."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_so_many_at_a_time() -> None:
    """The others wait, in the order they came, and hear of every step."""

    async def history() -> Line:
        line = Line(2)
        await line.come("a-1", "a-2", "a-3", "a-4")
        assert line.entered == ["a-1", "a-2"]
        await line.end("a-2")
        assert line.entered == ["a-1", "a-2", "a-3"]
        for name in ("a-1", "a-3", "a-4"):
            await line.end(name)
        return line

    line = asyncio.run(history())
    assert line.entered == ["a-1", "a-2", "a-3", "a-4"]
    assert line.places == {"a-1": [], "a-2": [], "a-3": [1], "a-4": [2, 1]}


def test_users_take_turns() -> None:
    """Who asks for many builds keeps nobody else waiting for all of them."""

    async def history() -> Line:
        line = Line(1)
        await line.come("ada-1", "ada-2", "ada-3", "ada-4", "bob-1", "bob-2", "cy-1")
        for _ in range(7):
            await line.end(line.entered[-1])
        return line

    line = asyncio.run(history())
    assert line.entered == ["ada-1", "bob-1", "cy-1", "ada-2", "bob-2", "ada-3", "ada-4"]
    assert line.places["bob-1"][0] == 1
    assert line.places["ada-2"] == [1, 2, 3, 2, 1]
    assert line.places["ada-4"][-1] == 1


def test_who_gives_up_leaves_the_line() -> None:
    """Those behind move up; the room of one that is let in and gives up is the next one's."""

    async def history() -> Line:
        line = Line(1)
        await line.come("a-1", "a-2", "a-3")
        await line.cancel("a-2")
        assert line.places["a-3"] == [2, 1]
        await line.cancel("a-1")
        assert line.entered == ["a-1", "a-3"]
        await line.end("a-3")
        await line.come("b-1")
        assert line.entered[-1] == "b-1"
        await line.end("b-1")
        return line

    asyncio.run(history())


def test_given_up_in_the_moment_of_the_turn() -> None:
    """No room is lost."""

    async def history() -> None:
        line = Line(1)
        await line.come("a-1", "a-2", "a-3")
        line._ends["a-1"].set()
        await asyncio.sleep(0)
        await line.cancel("a-2")
        await line.end("a-2")
        assert line.entered[-1] == "a-3"
        await line.end("a-3")
        await line.come("a-4")
        assert line.entered[-1] == "a-4"
        await line.end("a-4")

    asyncio.run(history())

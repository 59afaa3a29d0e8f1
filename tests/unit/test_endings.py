"""Ending tasks, also those that forget that they were cancelled."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from jitsu_py.server import endings


async def _forgetful(times: int) -> int:
    forgot = 0
    while forgot < times:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            forgot += 1
    await asyncio.sleep(3600)
    return forgot


def test_a_task_that_forgets_its_end_is_told_again() -> None:
    """Those that ended already, and how, do not matter."""

    async def scene() -> list[bool]:
        async def broken() -> None:
            raise ValueError

        tasks = [asyncio.create_task(each) for each in (_forgetful(0), _forgetful(2), broken())]
        await asyncio.sleep(0)
        await endings.end(tasks, again=0.01)
        with suppress(ValueError):
            tasks[2].result()
        return [task.cancelled() for task in tasks]

    assert asyncio.run(scene()) == [True, True, False]


def test_tidying_up_is_not_cut_short() -> None:
    """A task has its time between the first cancellation and the next."""

    async def scene() -> str:
        async def tidy() -> str:
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                await asyncio.sleep(0.05)
            return "tidied"

        task = asyncio.create_task(tidy())
        await asyncio.sleep(0)
        await endings.end([task])
        return task.result()

    assert asyncio.run(scene()) == "tidied"

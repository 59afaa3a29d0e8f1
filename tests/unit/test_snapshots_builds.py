"""A build under way: whoever follows it hears of its end, whenever that comes."""

from __future__ import annotations

import asyncio

from jitsu_py.server.snapshots.builds import Build
from jitsu_py.wire import Event


async def _work(build: Build) -> None:
    build.begun.set()
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        build.emit({"event": Event.FAILED, "message": build.why})
        raise


def test_a_build_that_is_cancelled_before_its_first_step_ends_all_the_same() -> None:
    """An app may be destroyed at the very moment of its upload."""

    async def story() -> None:
        build = Build(1)
        build.task = asyncio.create_task(_work(build))
        async with asyncio.timeout(5):
            await build.cancel("gone")
            assert (await build.verdict())["message"] == "gone"
        assert build.task.cancelled()

    asyncio.run(story())


def test_a_build_under_way_is_cancelled_once() -> None:
    """And once more is no error."""

    async def story() -> None:
        build = Build(1)
        build.task = asyncio.create_task(_work(build))
        await asyncio.sleep(0)
        async with asyncio.timeout(5):
            await build.cancel("first")
            await build.cancel("second")
        assert [event["message"] for event in build.events] == ["first"]

    asyncio.run(story())

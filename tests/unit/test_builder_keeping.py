"""What builds leave to be copied later: done in time, hurried, given up, and told about when it fails."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.builder.keeping import Keeping

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jitsu_py.server.builder.dependencies import Check


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """The log of a build."""
    path = tmp_path / "1.log"
    path.write_text("Built\n")
    return path


def copy(done: list[str], name: str, why: str = "") -> Callable[[Check], str]:
    """A copy that notes its name."""

    def work(check: Check) -> str:
        check()
        done.append(name)
        return why

    return work


def test_it_waits_for_its_time(log: Path) -> None:
    """The app starts first; the log has nothing to add."""

    async def story() -> None:
        keeping, done = Keeping(0.1), list[str]()
        keeping.later("ada", copy(done, "a"), log)
        await asyncio.sleep(0.02)
        assert done == []
        await asyncio.sleep(0.3)
        assert done == ["a"]

    asyncio.run(story())
    assert log.read_text() == "Built\n"


def test_who_needs_it_does_not_wait_for_its_time(log: Path) -> None:
    """Only for what is that user's; then for everybody's; then there is nothing to wait for."""

    async def story() -> None:
        keeping, done = Keeping(60), list[str]()
        for user in ("ada", "bob", "ada"):
            keeping.later(user, copy(done, user), log)
        await keeping.done("ada")
        assert done == ["ada", "ada"]
        await keeping.done()
        assert sorted(done) == ["ada", "ada", "bob"]
        await keeping.done()

    asyncio.run(story())


def test_a_failure_is_told_in_the_builds_log(log: Path) -> None:
    """With its reason; a fault of ours as well, and neither reaches who waits."""

    def faulty(_check: Check) -> str:
        raise LookupError("not foreseen")

    async def story() -> None:
        keeping = Keeping()
        keeping.later("ada", copy([], "a", why="a.js was changed"), log)
        await keeping.done()
        keeping.later("ada", faulty, log)
        await keeping.done()
        log.with_name("2.log").touch()
        log.with_name("2.log").unlink()
        keeping.later("ada", copy([], "a", why="whatever"), log.with_name("2.log"))
        await keeping.done()

    asyncio.run(story())
    assert log.read_text().splitlines() == [
        "Built",
        "The dependencies were not kept after all: a.js was changed.",
        "The dependencies were not kept after all: a fault of the platform.",
    ]
    assert not log.with_name("2.log").exists()


def test_a_server_that_stops_waits_for_none(log: Path) -> None:
    """What waits for its time is not begun, what is under way ends at its next look."""
    begun = threading.Event()

    def endless(check: Check) -> str:
        begun.set()
        while True:
            check()
            time.sleep(0.01)

    async def story() -> None:
        keeping, done = Keeping(0.0), list[str]()
        keeping.later("ada", endless, log)
        assert await asyncio.to_thread(begun.wait, 5)
        later = Keeping(60)
        later.later("ada", copy(done, "a"), log)
        async with asyncio.timeout(5):
            await keeping.give_up()
            await later.give_up()
        assert done == []

    asyncio.run(story())
    assert log.read_text() == "Built\n"

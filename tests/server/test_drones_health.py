"""Health checks of real drones: before they count as ready, and while they run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.care import Health
from jitsu_py.server.drones import BootFailed, DroneState, EventKind
from jitsu_py.server.drones.health import ailment
from tests.server.drones_world import get, supervised, until, world

if TYPE_CHECKING:
    from pathlib import Path

MOODY = """
let status = Number(process.env.STATUS);
require('http').createServer((q, r) => {
  if (q.url.startsWith('/set/')) status = Number(q.url.slice(5));
  if (q.url === '/health') r.statusCode = status;
  if (q.url !== '/health' || status) r.end('x');
}).listen(8080, () => console.log('listening'));
"""
"""Answers its health check with a status that can be set; 0: not at all."""


def test_a_drone_is_ready_only_when_it_passes_its_check(tmp_path: Path) -> None:
    """It listens long before; what it answers meanwhile is no failure yet."""

    async def scene() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": MOODY}, env={"STATUS": "503"})
            starting = asyncio.create_task(here.supervisor.start(replace(spec, health=Health("/health"))))
            await until(lambda: "listening" in here.printed(spec) if _is_there(here.root) else False, 15)
            assert await get(spec.port, "/") == "x"
            assert not starting.done()
            await get(spec.port, "/set/200")
            assert (await starting).state is DroneState.READY

    def _is_there(root: Path) -> bool:
        return (root / "logs" / "d-1.stdout").exists()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("status", "health", "words"),
    [
        ("500", Health("/health"), "GET /health was answered 500, not a status below 400"),
        ("200", Health("/health", 204), "GET /health was answered 200, not 204"),
        ("0", Health("/health", timeout=0.5), "GET /health was not answered within 0.5 s"),
    ],
)
def test_a_drone_that_never_passes_its_check_fails_its_boot(
    tmp_path: Path, status: str, health: Health, words: str
) -> None:
    """What it answered, and its own lines; nothing of it is left."""

    async def scene() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": MOODY}, env={"STATUS": status}, boot=2.5)
            with pytest.raises(BootFailed) as caught:
                await here.supervisor.start(replace(spec, health=health))
            assert words in caught.value.message
            assert caught.value.code == "unhealthy"
            assert caught.value.details["output"] == ["listening"]

    asyncio.run(scene())


def test_a_drone_that_fails_again_and_again_is_told_as_sick_and_may_get_well(tmp_path: Path) -> None:
    """It goes on running: whether it is replaced is for others to say. One failure is none."""

    async def scene() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": MOODY}, env={"STATUS": "200"})
            drone = await here.supervisor.start(replace(spec, health=Health("/health", interval=0.1)))
            await get(spec.port, "/set/500")
            await until(lambda: "sick" in here.kinds(), 15)
            (now,) = here.supervisor.drones()
            assert (now.state, now.pid) == (DroneState.SICK, drone.pid)
            (sick,) = [event for event in here.events if event.kind is EventKind.SICK]
            assert sick.why == "GET /health was answered 500, not a status below 400"
            await get(spec.port, "/set/200")
            await until(lambda: "well" in here.kinds(), 15)
            assert here.supervisor.drones()[0].state is DroneState.READY
            # A sick one that dies is launched again as any other.
            await get(spec.port, "/set/500")
            await until(lambda: here.kinds().count("sick") == 2, 15)
            await here.supervisor.stop(spec.id)

    asyncio.run(scene())


def test_an_adopted_drone_counts_as_ready_whatever_its_check_says(tmp_path: Path) -> None:
    """Visitors have it already; it becomes sick like any other, and is not ended for want of a boot."""

    async def scene() -> None:
        async with supervised(tmp_path, leave_running=True) as here:
            asked = here.spec({"app.js": MOODY}, env={"STATUS": "200"}, boot=1)
            spec = replace(asked, health=Health("/health", interval=0.2))
            pid = (await here.supervisor.start(spec)).pid
            await get(spec.port, "/set/500")
        async with supervised(tmp_path) as here:
            (drone,) = await here.supervisor.adopt({spec.id: spec})
            assert drone.pid == pid
            await until(lambda: "sick" in here.kinds(), 15)
            assert here.kinds()[:2] == ["launched", "ready"]
            assert here.supervisor.drones()[0].pid == pid

    asyncio.run(scene())


def test_a_check_survives_what_is_no_http(tmp_path: Path) -> None:
    """Rubbish, an endless line, a connection that closes: words, never an exception."""

    async def scene() -> None:
        answers = iter([b"SSH-2.0\r\n", b"x" * 200_000, b"HTTP/1.1\r\n", b"HTTP/1.1 abc\r\n", b""])

        async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(next(answers))
            writer.close()

        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        for _ in range(5):
            assert "GET /h was not answered" in (await ailment(port, Health("/h")) or "")
        server.close()
        await server.wait_closed()
        assert "GET /h was not answered" in (await ailment(port, Health("/h")) or "")

    asyncio.run(scene())

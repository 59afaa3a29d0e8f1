"""The router before real Node servers: what Node does to its connections must not reach a visitor."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.router import Target

from .drones_world import NODE
from .router_world import Load, ask, free_port, route, router_in

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

HASTY = """
const server = require('http').createServer((req, res) => {
  req.resume(); setTimeout(() => res.end('node\\n'), 5);
});
server.keepAliveTimeout = %(idle)d; server.keepAliveTimeoutBuffer = 0;
server.listen(%(port)d, '127.0.0.1', () => console.log('up'));
"""

FRAGILE = """
require('http').createServer((req, res) => {
  if (req.url === '/crash') { console.log('hit'); process.exit(1); }
  res.end('node\\n');
}).listen(%(port)d, '127.0.0.1', () => console.log('up'));
"""


@contextlib.asynccontextmanager
async def node(program: str, **values: int) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Node process of this program that listens."""
    process = await asyncio.create_subprocess_exec(
        NODE, "-e", program % values, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"up\n"
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_router_node_closes_idle(tmp_path: Path, method: str) -> None:
    """A connection that Node closes for idleness just as a request comes never becomes a failed request."""

    async def scene() -> None:
        port, place = free_port(), free_port()
        load = Load(port, pause=0.02)
        async with router_in(tmp_path / "run", port) as router, node(HASTY, port=place, idle=20):
            await router.apply([route("1", Target("d-node", place))])
            async with load.running(method=method):
                await asyncio.sleep(3)
        assert load.failures == []
        assert len(load.answers) > 100

    asyncio.run(scene())


@pytest.mark.slow
def test_router_node_killed(tmp_path: Path) -> None:
    """`kill -9` of one of two drones under load fails no request that may be asked twice."""

    async def scene() -> None:
        port, places = free_port(), (free_port(), free_port())
        load = Load(port)
        async with (
            router_in(tmp_path / "run", port) as router,
            node(HASTY, port=places[0], idle=5000) as first,
            node(HASTY, port=places[1], idle=5000),
        ):
            await router.apply([route("1", *(Target(f"d-{place}", place) for place in places))])
            async with load.running():
                await asyncio.sleep(0.3)
                first.kill()
                await asyncio.sleep(1)
        assert load.failures == []
        assert len(load.answers) > 100

    asyncio.run(scene())


@pytest.mark.slow
def test_router_node_poison(tmp_path: Path) -> None:
    """A request that kills its drone is asked again a few times at most: it does not take the app down."""

    async def scene() -> None:
        port, place = free_port(), free_port()
        deaths = 0

        async def supervise() -> None:
            nonlocal deaths
            while True:
                async with node(FRAGILE, port=place) as process:
                    await process.wait()
                    deaths += 1

        async with router_in(tmp_path / "run", port) as router:
            await router.apply([route("1", Target("d-node", place))])
            supervisor = asyncio.create_task(supervise())
            while (await ask(port)).status != 200:
                await asyncio.sleep(0.05)
            began = time.monotonic()
            assert (await ask(port, path="/crash")).status in (502, 503)
            assert time.monotonic() - began < 5
            assert deaths <= 4
            supervisor.cancel()
            await asyncio.gather(supervisor, return_exceptions=True)

    asyncio.run(scene())

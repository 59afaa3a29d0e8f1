"""HAProxy as a process: killed, taken over, in the way, out of slots, without its files."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import socket
import time
from typing import TYPE_CHECKING

import psutil
import pytest
import websockets

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.router import Page, Route, Router, Target, find_haproxy
from jitsu_py.wire import Code

from .router_world import HOST, Load, ask, drone, free_port, route, router_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.asyncio.server import ServerConnection


def masters(run: Path) -> list[psutil.Process]:
    """The HAProxy masters of a run folder, their workers not counted."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        with contextlib.suppress(psutil.Error):
            mine = str(run / "haproxy.cfg") in (process.info["cmdline"] or [])
            parent = process.parent()
            if mine and not (parent and str(run / "haproxy.cfg") in parent.cmdline()):
                found.append(process)
    return found


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Path]:
    """A run folder; whatever HAProxy of it still runs afterwards is ended."""
    folder = tmp_path / "run"
    yield folder
    for master in masters(folder):
        for process in [*master.children(), master]:
            with contextlib.suppress(psutil.Error):
                process.kill()


def new_router(run: Path, port: int, *, slots: int = 128) -> Router:
    """A router that is not started."""
    haproxy = find_haproxy()
    assert haproxy is not None
    return Router(haproxy, run, port=port, slots=slots)


@pytest.mark.parametrize("victim", ["master", "worker", "both"])
def test_router_haproxy_killed(run: Path, victim: str) -> None:
    """`kill -9` of HAProxy: its routes are back within a second; who comes meanwhile waits."""

    async def scene() -> None:
        port = free_port()
        async with router_in(run, port) as router, drone("d-a") as a:
            await router.apply([route("1", a)])
            (master,) = masters(run)
            doomed = {"master": [master], "worker": master.children(), "both": [master, *master.children()]}
            for process in doomed[victim]:
                process.kill()
            began = time.monotonic()
            while True:
                with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                    if (await ask(port, timeout=5)).name == "d-a":
                        break
            assert time.monotonic() - began < 1
            await asyncio.sleep(0.3)
            (again,) = masters(run)
            assert again.pid != master.pid
            await router.apply([route("2", a)])
            assert (await ask(port)).name == "d-a"

    asyncio.run(scene())


@pytest.mark.slow
def test_router_adopted(run: Path) -> None:
    """A server that dies takes no visitor with it: HAProxy serves on, the next router takes it over."""

    async def scene() -> None:
        port = free_port()
        load = Load(port)
        async with drone("d-a") as a, drone("d-b") as b:
            first = new_router(run, port)
            await first.start()
            await first.apply([route("1", a)])
            (before,) = masters(run)
            async with load.running():
                await first.close(leave_running=True)
                await asyncio.sleep(0.2)
                assert Router.holds(run, port)
                assert not Router.holds(run, port + 1)
                async with router_in(run, port) as second:
                    assert [process.pid for process in masters(run)] == [before.pid]
                    await second.apply([route("1", a)])
                    await second.apply([route("2", b)])
                    assert (await ask(port)).name == "d-b"
                    assert await second.drained(["d-a"], 5) == frozenset()
                    await asyncio.sleep(0.1)
                    failures = list(load.failures)
        assert failures == []
        assert {"d-a", "d-b"} == set(load.answers)

    asyncio.run(scene())


def test_router_moves(run: Path) -> None:
    """A router that is to listen elsewhere than the HAProxy it finds moves it there, routes and all."""

    async def scene() -> None:
        old, new = free_port(), free_port()
        async with drone("d-a") as a:
            first = new_router(run, old)
            await first.start()
            await first.apply([route("1", a)])
            await first.close(leave_running=True)
            async with router_in(run, new):
                assert (await ask(new)).name == "d-a"
                with pytest.raises(ConnectionRefusedError):
                    await ask(old)

    asyncio.run(scene())


def test_router_port_taken(run: Path) -> None:
    """A port that another program holds: an error that names both; nothing is left behind."""

    async def scene() -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            with pytest.raises(PlatformError) as caught:
                await new_router(run, port).start()
        assert caught.value.code == Code.UNAVAILABLE
        assert str(port) in caught.value.message
        assert f"pid {os.getpid()}" in caught.value.message
        assert masters(run) == []

    asyncio.run(scene())


def test_router_bad_binary(run: Path, tmp_path: Path) -> None:
    """A binary that is no HAProxy: an error with what it said."""
    fake = tmp_path / "haproxy"
    fake.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    fake.chmod(0o755)

    async def scene() -> None:
        router = Router(fake, run, port=free_port())
        with pytest.raises(PlatformError, match="broken"):
            await router.start()
        await router.close(leave_running=False)

    asyncio.run(scene())


@pytest.mark.slow
def test_router_pool_grows(run: Path) -> None:
    """A pool that runs out grows without a failed request; what the old worker carries ends, or is cut."""

    async def scene() -> None:
        port = free_port()
        load = Load(port)
        async with router_in(run, port, slots=2) as router, drone("d-a") as a, drone("d-b") as b:
            await router.apply([route("1", a)])
            first = asyncio.create_task(ask(port, path="/long"))
            await asyncio.sleep(0.2)
            async with load.running():
                others = [
                    route("1", b, app=f"bob/{number}", hosts=(f"b{number}.localhost",)) for number in range(9)
                ]
                await router.apply([route("2", b), *others])
                assert {(await ask(port, f"b{number}.localhost")).name for number in range(9)} == {"d-b"}
                assert await router.drained(["d-a"], 10) == frozenset()
                assert first.done() or (await asyncio.wait({first}, timeout=0.3))[0]
                assert (await first).body == "x" * 50
                second = asyncio.create_task(ask(port, path="/long"))
                await asyncio.sleep(0.2)
                await router.apply([route("2", b), *others, *_more(b, 20)])
                await router.apply([route("3", a), *others, *_more(b, 20)])
                assert await router.drained(["d-b"], 0.3) == frozenset()
                await router.apply([route("3", a)])
                assert await router.drained(["d-b"], 0.3) == {"d-b"}
                with pytest.raises(asyncio.IncompleteReadError):
                    await second
        assert load.failures == []

    asyncio.run(scene())


def _more(target: Target, count: int) -> list[Route]:
    return [
        Route(f"eve/{number}", (f"e{number}.localhost",), "1", (target,), Page.STOPPED)
        for number in range(count)
    ]


@pytest.mark.slow
def test_router_many_apps(run: Path) -> None:
    """500 apps with long host names are routed in under 2 s, and unchanged ones cost next to nothing."""

    async def scene() -> None:
        port = free_port()
        async with router_in(run, port) as router, drone("d-a") as a:
            routes = [
                route(
                    "1", Target(f"d-{number}", a.port), app=f"alice/app{number}",
                    hosts=(f"app{number}.localhost", f"{number}.{'h' * 200}.example.com"),
                )
                for number in range(500)
            ]  # fmt: skip
            began = time.monotonic()
            await router.apply(routes)
            took = time.monotonic() - began
            assert (await ask(port, "app499.localhost")).name == "d-a"
            assert (await ask(port, f"250.{'h' * 200}.example.com")).name == "d-a"
            began = time.monotonic()
            await router.apply(routes)
            again = time.monotonic() - began
            assert took < 2
            assert again < 0.5
            await router.close(leave_running=True)
            async with router_in(run, port):
                assert (await ask(port, "app321.localhost")).name == "d-a"

    asyncio.run(scene())


@pytest.mark.slow
def test_router_files_deleted(run: Path) -> None:
    """`run/` may be deleted while HAProxy runs: the router makes it anew without a failed request."""

    async def scene() -> None:
        port = free_port()
        load = Load(port)
        async with router_in(run, port) as router, drone("d-a") as a, drone("d-b") as b:
            await router.apply([route("1", a)])
            async with load.running():
                shutil.rmtree(run)
                await router.apply([route("2", b)])
                assert (await ask(port)).name == "d-b"
                shutil.rmtree(run)
                await asyncio.sleep(3)
                assert (run / "haproxy.sock").exists()
                await router.apply([route("3", a)])
                assert (await ask(port)).name == "d-a"
        assert load.failures == []

    asyncio.run(scene())


def test_router_orphan(run: Path) -> None:
    """An HAProxy of ours that nobody can talk to any more, its files deleted, makes way for a new one."""

    async def scene() -> None:
        port = free_port()
        async with drone("d-a") as a:
            lost = new_router(run, port)
            await lost.start()
            await lost.close(leave_running=True)
            shutil.rmtree(run)
            assert Router.holds(run, port)
            async with router_in(run, port) as router:
                await router.apply([route("1", a)])
                assert (await ask(port)).name == "d-a"

    asyncio.run(scene())


def test_router_confused(run: Path) -> None:
    """Somebody who changes HAProxy behind the router's back: the next change puts everything right."""

    async def scene() -> None:
        port = free_port()
        async with router_in(run, port) as router, drone("d-a") as a, drone("d-b") as b:
            await router.apply([route("1", a)])
            (master,) = masters(run)
            reader, writer = await asyncio.open_unix_connection(run / "haproxy.sock")
            writer.write(b"add server s1/d-b 127.0.0.1:1; clear map hosts.map\n")
            await reader.read()
            writer.close()
            await router.apply([route("1", a, b)])
            assert {(await ask(port)).name for _ in range(4)} == {"d-a", "d-b"}
            assert [process.pid for process in masters(run)] == [master.pid]

    asyncio.run(scene())


@pytest.mark.slow
def test_router_websocket_across_switch(run: Path) -> None:
    """A WebSocket stays with the drone it was opened on across a switch, until draining cuts it."""

    async def echo(connection: ServerConnection) -> None:
        async for message in connection:
            await connection.send(message)

    async def scene() -> None:
        port = free_port()
        async with (
            websockets.serve(echo, "127.0.0.1", 0) as server,
            router_in(run, port) as router,
            drone("d-b") as b,
        ):
            place = next(iter(server.sockets)).getsockname()[1]
            await router.apply([route("1", Target("d-ws", place))])
            async with websockets.connect(f"ws://{HOST}/", host="127.0.0.1", port=port) as client:
                await client.send("one")
                assert await client.recv() == "one"
                await router.apply([route("2", b)])
                assert (await ask(port)).name == "d-b"
                for number in range(5):
                    await client.send(str(number))
                    assert await client.recv() == str(number)
                assert await router.drained(["d-ws"], 0.3) == {"d-ws"}
                with pytest.raises(websockets.ConnectionClosed):
                    await client.recv()

    asyncio.run(scene())


def test_router_concurrent_changes(run: Path) -> None:
    """Concurrent changes come one after the other; the last one holds."""

    async def scene() -> None:
        port = free_port()
        async with router_in(run, port, slots=4) as router, drone("d-a") as a, drone("d-b") as b:
            await asyncio.gather(
                *(router.apply([route(str(number), a if number % 2 else b)]) for number in range(30)),
                *(router.drained(["d-a", "d-b"], 0.1) for _ in range(5)),
            )
            assert (await ask(port)).name == "d-a"

    asyncio.run(scene())


def test_router_signals_nobody_else(run: Path) -> None:
    """Closing ends our HAProxy, frees the port and leaves no socket; closing twice does no harm."""

    async def scene() -> None:
        port = free_port()
        router = new_router(run, port)
        await router.start()
        await router.close(leave_running=False)
        await router.close(leave_running=False)
        assert masters(run) == []
        assert not (run / "haproxy.sock").exists()
        socket.create_server(("127.0.0.1", port)).close()

    asyncio.run(scene())


def test_router_start_given_up(run: Path) -> None:
    """An HAProxy whose start was cancelled half-way is ended by `close`, though nobody knew its pid."""

    async def scene() -> None:
        router = new_router(run, free_port())
        starting = asyncio.create_task(router.start())
        while not (run / "haproxy.log").exists():  # made right before HAProxy is started
            await asyncio.sleep(0.001)
        starting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await starting
        await router.close(leave_running=False)
        assert masters(run) == []

    asyncio.run(scene())

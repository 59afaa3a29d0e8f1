"""Routes through a real HAProxy: hosts, pages, headers, switches."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.router import Page, Route, Target

from .router_world import HOST, Load, ask, ask_on, drone, free_port, route, router_in

if TYPE_CHECKING:
    from pathlib import Path

JSON = "accept: application/json\r\n"


def test_router_hosts(tmp_path: Path) -> None:
    """A host is compared without case, port and final dot; each app answers at its own hosts only."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a, drone("d-b") as b:
            other = route("1", b, app="bob/other", hosts=("other.localhost", "www.example.com"))
            await router.apply([route("1", a), other])
            for host, name in [
                (HOST, "d-a"),
                (f"HELLO.localhost:{port}", "d-a"),
                (f"{HOST}.", "d-a"),
                ("www.Example.com:80", "d-b"),
                ("other.localhost", "d-b"),
            ]:
                answer = await ask(port, host)
                assert (answer.status, answer.name) == (200, name)
            await router.apply([other])
            assert (await ask(port)).status == 404

    asyncio.run(scene())


def test_router_pages(tmp_path: Path) -> None:
    """Where no app answers a page says what to type, as HTML to people and as JSON to programs."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router:
            assert (await ask(port)).headers["x-jitsu-page"] == "booting"
            await router.apply(
                [
                    Route("alice/hello", (HOST,), "1", (), Page.STOPPED),
                    Route("alice/new", ("new.localhost",), "1", (), Page.STARTING),
                    Route("alice/bad", ("bad.localhost",), "1", (), Page.CRASHING),
                ]
            )
            stopped = await ask(port)
            assert stopped.status == 503
            assert "<code>jitsu start hello</code>" in stopped.body
            assert stopped.headers["content-type"] == "text/html; charset=utf-8"
            told = await ask(port, headers=JSON, method="POST")
            assert (told.status, told.headers["content-type"]) == (503, "application/json")
            assert "jitsu start hello" in told.body
            for host in ("new.localhost", "bad.localhost"):
                waiting = await ask(port, host)
                assert (waiting.status, int(waiting.headers["retry-after"]) > 0) == (503, True)
                assert "jitsu logs" in waiting.body
            nobody = await ask(port, "nobody.localhost")
            assert nobody.status == 404
            assert "nobody.localhost" in nobody.body
            assert (await ask(port, method="HEAD")).body == ""

    asyncio.run(scene())


@pytest.mark.parametrize(
    "host",
    ["<script>alert(1)</script>", '"><img src=x>', "a|b", "/applied", "s1", "s1|x|y", "x" * 5000,
     "ü.localhost", "hello.localhost, evil", "[::1]:80", "..", "",
     "hello.localhost\r\nHost: other.localhost"],
)  # fmt: skip
def test_router_hostile_hosts(tmp_path: Path, host: str) -> None:
    """A hostile Host header reaches no app and is never shown as it came."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a:
            await router.apply([route("1", a)])
            answer = await ask(port, host)
            assert answer.status in (400, 404)
            assert not any(sign in answer.body for sign in ("<script", "<img", "x" * 300))
            assert (await ask(port)).name == "d-a"

    asyncio.run(scene())


def test_router_headers(tmp_path: Path) -> None:
    """The app learns who asked for what from the router; what the client claims is replaced."""
    forged = "".join(
        f"{name}: forged\r\n"
        for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port",
                     "X-Forwarded-Prefix", "Forwarded", "X-Request-Id")
    )  # fmt: skip

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a:
            await router.apply([route("1", a)])
            answer = await ask(port, f"{HOST}:{port}", headers=forged + f"x-big: {'b' * 16000}\r\n")
            assert "forged" not in answer.body
            assert "x-forwarded-for: 127.0.0.1\r\n" in answer.body
            assert "x-forwarded-proto: http\r\n" in answer.body
            assert f"x-forwarded-host: {HOST}:{port}\r\n" in answer.body
            assert f"x-forwarded-port: {port}\r\n" in answer.body
            assert "x-request-id: " in answer.body
            assert "b" * 16000 in answer.body

    asyncio.run(scene())


@pytest.mark.slow
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_router_switch_under_load(tmp_path: Path, method: str) -> None:
    """Twenty switches under load fail no request, and no visitor sees the old release after the new one."""

    async def scene() -> None:
        port = free_port()
        load = Load(port)
        async with router_in(tmp_path / "run", port, slots=2) as router, drone("d-0") as first:
            await router.apply([route("0", first)])
            async with load.running(method=method):
                for number in range(1, 21):
                    async with drone(f"d-{number}") as new:
                        await router.apply([route(str(number), new)])
                        assert (await ask(port)).name == new.name
                        await asyncio.sleep(0.05)
                        await router.apply([route(f"{number}+", first)])
                        assert await router.drained([new.name], 5) == frozenset()
        assert load.failures == []
        assert len(load.answers) > 200
        assert len(set(load.answers)) > 15

    asyncio.run(scene())


@pytest.mark.slow
def test_router_download_across_switch(tmp_path: Path) -> None:
    """A download of 5 s that is under way at a switch completes, and draining waits for it."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a, drone("d-b") as b:
            await router.apply([route("1", a)])
            download = asyncio.create_task(ask(port, path="/long"))
            await asyncio.sleep(0.5)
            await router.apply([route("2", b)])
            assert (await ask(port)).name == "d-b"
            assert await router.drained(["d-a"], 10) == frozenset()
            assert download.done() or (await asyncio.wait({download}, timeout=0.3))[0]
            assert (await download).body == "x" * 50

    asyncio.run(scene())


@pytest.mark.slow
@pytest.mark.parametrize("same_release", [True, False])
def test_router_drained_cuts(tmp_path: Path, same_release: bool) -> None:
    """When the time is over what a former drone carries is cut, and its name is returned."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a, drone("d-b") as b:
            await router.apply([route("1", a)])
            download = asyncio.create_task(ask(port, path="/long"))
            await asyncio.sleep(0.3)
            await router.apply([route("1" if same_release else "2", b)])
            began = time.monotonic()
            assert await router.drained(["d-a", "d-b", "d-unknown"], 0.5) == {"d-a"}
            assert 0.4 < time.monotonic() - began < 1.5
            with pytest.raises(asyncio.IncompleteReadError):
                await download
            assert (await ask(port)).name == "d-b"

    asyncio.run(scene())


def test_router_targets_come_and_go(tmp_path: Path) -> None:
    """Drones are added and removed within a release; a drone that moved to another port is followed."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a, drone("d-b") as b:
            await router.apply([route("1", a)])
            await router.apply([route("1", a, b)])
            assert {(await ask(port)).name for _ in range(8)} == {"d-a", "d-b"}
            await router.apply([route("1", b)])
            assert {(await ask(port)).name for _ in range(4)} == {"d-b"}
            await router.apply([route("1", a, b)])
            assert {(await ask(port)).name for _ in range(8)} == {"d-a", "d-b"}
            async with drone("moved") as moved:
                await router.apply([route("1", Target("d-b", moved.port))])
                assert {(await ask(port)).name for _ in range(4)} == {"moved"}

    asyncio.run(scene())


def test_router_retries_elsewhere(tmp_path: Path) -> None:
    """With one of two drones dead no visitor notices; a POST that may have acted is never sent twice."""

    async def scene() -> None:
        port = free_port()
        dead = Target("d-dead", free_port())
        async with (
            router_in(tmp_path / "run", port) as router,
            drone("d-a") as a,
            drone("d-x", breaks=2) as x,
        ):
            await router.apply([route("1", dead, a)])
            began = time.monotonic()
            for method in ("GET", "POST") * 5:
                assert (await ask(port, method=method)).name == "d-a"
            # A wait before each retry, as HAProxy has one by itself, would take five seconds.
            assert time.monotonic() - began < 2
            await router.apply([route("2", x)])
            assert (await ask(port)).name == "d-x"
        async with router_in(tmp_path / "run", port) as router, drone("d-y", breaks=1) as y:
            await router.apply([route("1", y)])
            assert (await ask(port, method="POST")).status == 502

    asyncio.run(scene())


@pytest.mark.slow
def test_router_holds_visitors(tmp_path: Path) -> None:
    """A visitor who comes while the only drone is being restarted waits; if it stays away, a page says so."""

    async def scene() -> None:
        port, place = free_port(), free_port()
        async with router_in(tmp_path / "run", port) as router:
            await router.apply([route("1", Target("d-a", place))])
            waiting = asyncio.create_task(ask(port, method="POST"))
            await asyncio.sleep(0.4)
            async with drone("d-a", place):
                assert (await waiting).name == "d-a"
            gone = await ask(port, headers=JSON)
            assert gone.status == 503
            assert gone.headers["content-type"] == "application/json"
            assert gone.body.endswith('"blame":"user"}\n')
            assert "jitsu logs hello" in (await ask(port)).body

    asyncio.run(scene())


def test_router_slow_client_keeps_nobody(tmp_path: Path) -> None:
    """Requests on one connection reach what their own Host names, also right after a switch."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a, drone("d-b") as b:
            await router.apply([route("1", a), route("1", b, app="bob/b", hosts=("b.localhost",))])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            assert (await ask_on(reader, writer)).name == "d-a"
            assert (await ask_on(reader, writer, "b.localhost")).name == "d-b"
            await router.apply([route("2", b), route("2", a, app="bob/b", hosts=("b.localhost",))])
            assert (await ask_on(reader, writer)).name == "d-b"
            assert (await ask_on(reader, writer, "b.localhost")).name == "d-a"
            writer.close()

    asyncio.run(scene())

"""Which drone a visitor gets: the one named by `x-drone`, or the one that the cookie remembers."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from .router_world import ask, drone, free_port, route, router_in

if TYPE_CHECKING:
    from pathlib import Path


def cookie(value: str) -> str:
    """A visitor's header that remembers a drone, among other cookies."""
    return f"cookie: a=1; jitsu-drone={value}; b=2\r\n"


def test_router_sticky(tmp_path: Path) -> None:
    """A visitor of an app with two drones stays with one; where there is one, no cookie is set."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a, drone("d-b") as b:
            await router.apply([route("1", a)])
            assert "set-cookie" not in (await ask(port)).headers
            await router.apply([route("1", a, b)])
            first = await ask(port)
            assert first.headers["set-cookie"] == f"jitsu-drone={first.name}; Path=/; HttpOnly; SameSite=Lax"
            for method in ("GET", "POST") * 4:
                again = await ask(port, method=method, headers=cookie(first.name))
                assert (again.name, "set-cookie" in again.headers) == (first.name, False)
            assert {(await ask(port)).name for _ in range(8)} == {"d-a", "d-b"}

    asyncio.run(scene())


def test_router_sticky_across_changes(tmp_path: Path) -> None:
    """A drone that goes takes its visitors with it at once; after a redeploy an old cookie is replaced."""

    async def scene() -> None:
        port = free_port()
        async with (
            router_in(tmp_path / "run", port) as router,
            drone("d-a") as a,
            drone("d-b") as b,
            drone("d-c") as c,
            drone("d-d") as d,
        ):
            await router.apply([route("1", a, b)])
            assert (await ask(port, headers=cookie("d-a"))).name == "d-a"
            await router.apply([route("1", b, c)])
            for _ in range(6):
                moved = await ask(port, headers=cookie("d-a"))
                assert moved.name in {"d-b", "d-c"}
                assert moved.headers["set-cookie"].startswith(f"jitsu-drone={moved.name};")
            await router.apply([route("2", c, d)])
            for _ in range(6):
                moved = await ask(port, headers=cookie("d-b"))
                assert moved.name in {"d-c", "d-d"}
                assert "set-cookie" in moved.headers

    asyncio.run(scene())


def test_router_sticky_to_a_dead_one(tmp_path: Path) -> None:
    """Whoever is with a drone that does not answer gets another one, without a failure."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a:
            async with drone("d-b") as b:
                await router.apply([route("1", a, b)])
            for _ in range(4):
                answer = await ask(port, headers=cookie("d-b"))
                assert (answer.status, answer.name) == (200, "d-a")

    asyncio.run(scene())


@pytest.mark.parametrize("value", ["", "d-x", "../d-a", "s1", "%[src]", "d-a d-b", "x" * 5000, "d-a|1", "ü"])
def test_router_hostile_picks(tmp_path: Path, value: str) -> None:
    """A cookie that means nothing is passed over; a drone that is not there is said to be none."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a, drone("d-b") as b:
            await router.apply([route("1", a, b)])
            assert (await ask(port, headers=cookie(value))).name in {"d-a", "d-b"}
            refused = await ask(port, headers=f"x-drone: {value}\r\naccept: application/json\r\n")
            assert (refused.status, refused.headers["x-jitsu-page"]) == (404, "nodrone")
            assert refused.body.startswith('{"error":"not_found"')

    asyncio.run(scene())


def test_router_named_drone(tmp_path: Path) -> None:
    """`x-drone` names a drone by number or id, also against the cookie; the answer says who it was."""

    async def scene() -> None:
        port = free_port()
        async with router_in(tmp_path / "run", port) as router, drone("d-a") as a, drone("d-b") as b:
            await router.apply([route("1", replace(a, number=1), replace(b, number=2))])
            for value, name in [("1", "d-a"), ("2", "d-b"), ("d-a", "d-a"), ("d-b", "d-b")] * 2:
                for method in ("GET", "POST"):
                    answer = await ask(port, method=method, headers=f"x-drone: {value}\r\n{cookie('d-a')}")
                    assert (answer.name, answer.headers["x-drone"]) == (name, name)
                    assert "set-cookie" not in answer.headers
            assert (await ask(port, headers="x-drone: 3\r\n")).status == 404
            await router.apply([route("1", replace(a, number=1))])
            assert (await ask(port, headers="x-drone: 1\r\n")).name == "d-a"
            assert (await ask(port, headers="x-drone: 2\r\n")).status == 404
            assert "x-drone" not in (await ask(port)).headers

    asyncio.run(scene())

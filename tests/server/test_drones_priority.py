"""The priority of a drone while it boots, and once it serves."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import pytest

from jitsu_py.server.drones import priority
from tests.e2e.steps import drones, haproxy, serve
from tests.platforms import LocalPlatform
from tests.server.drones_world import until, world

WAITS = """
const fs = require('fs');
const server = require('http').createServer((q, r) => r.end('x'));
const timer = setInterval(() => {
  if (fs.existsSync(process.env.GO)) { clearInterval(timer); server.listen(8080); }
}, 20);
"""


def niceness(pid: int) -> set[int]:
    """Of every thread of a process."""
    threads = (int(one.name) for one in Path(f"/proc/{pid}/task").iterdir())
    return {os.getpriority(os.PRIO_PROCESS, thread) for thread in threads}


def test_who_boots_gives_way_and_who_serves_does_not(tmp_path: Path) -> None:
    """Every thread, and at each boot; where a priority could not be taken back, it is not given away."""

    async def scene() -> None:
        async with world(tmp_path) as here:
            go = tmp_path / "go"
            spec = here.spec({"app.js": WAITS}, env={"GO": str(go)})
            own = os.getpriority(os.PRIO_PROCESS, 0)
            given = priority.BOOTING if priority._can_be_raised() else 0
            starting = asyncio.create_task(here.supervisor.start(spec))
            await until(lambda: [one.pid for one in here.supervisor.drones() if one.pid], 20)
            (booting,) = here.supervisor.drones()
            assert booting.pid is not None
            assert niceness(booting.pid) == {own + given}
            go.touch()
            drone = await starting
            assert drone.pid is not None
            assert niceness(drone.pid) == {own}

    asyncio.run(scene())


def test_who_boots_for_long_gives_way_no_longer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others leave no processor free, it would never be ready."""
    monkeypatch.setattr(priority, "PATIENCE", 0.5)

    async def scene() -> None:
        async with world(tmp_path) as here:
            go = tmp_path / "go"
            spec = here.spec({"app.js": WAITS}, env={"GO": str(go)})
            own = os.getpriority(os.PRIO_PROCESS, 0)
            starting = asyncio.create_task(here.supervisor.start(spec))
            await until(lambda: [one.pid for one in here.supervisor.drones() if one.pid], 20)
            (booting,) = here.supervisor.drones()
            assert booting.pid is not None
            if priority._can_be_raised():
                assert niceness(booting.pid) == {own + priority.BOOTING}
            await until(lambda: niceness(booting.pid or 0) == {own}, 20)
            assert not starting.done()
            go.touch()
            await starting

    asyncio.run(scene())


def of_session(pid: int) -> int:
    """What the kernel weighs a process's session with, where it groups by session."""
    words = Path(f"/proc/{pid}/autogroup").read_text()
    return int(re.findall(r"nice (-?\d+)", words)[0])


@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="the kernel does not group by session")
def test_the_server_gives_way_and_what_it_starts_does_not(tmp_path: Path) -> None:
    """Whoever visits an app does not wait for somebody's deploy."""
    with LocalPlatform(tmp_path / "home") as platform:
        path = serve(platform, "app")
        assert of_session(platform.status.pid) == priority.MANAGING
        assert [of_session(pid) for pid in haproxy(platform)] == [0, 0]
        assert [of_session(pid) for pid in drones(platform, path)] == [0]

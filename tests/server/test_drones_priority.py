"""The priority of a drone while it boots, and once it serves."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from jitsu_py.server.drones import priority
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

"""How drones end: asked, forced, with their children; and how they outlive their supervisor."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jitsu_py.server.drones import DroneState, Exit
from jitsu_py.server.drones.census import marked
from tests.server.drones_world import SAY_PORT, get, runs, supervised, until, world

POLITE = SAY_PORT + "process.on('SIGTERM', () => { console.log('bye'); process.exit(0); });"
STUBBORN = SAY_PORT + "process.on('SIGTERM', () => console.log('no'));"


def test_stop_lets_the_app_say_goodbye(tmp_path: Path) -> None:
    """TERM first: the app's own handler ends it, and its exit code is known."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": POLITE})
            await here.supervisor.start(spec)
            await here.supervisor.stop(spec.id)
            assert here.printed(spec) == "bye\n"
            assert here.events[-1].drone.last_exit == Exit(code=0)
            assert here.events[-1].drone.state is DroneState.EXITED
            assert not (here.root / "run/drones" / spec.id).exists()

    asyncio.run(story())


def test_an_app_that_ignores_term_is_killed_after_the_grace(tmp_path: Path) -> None:
    """It had its time."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": STUBBORN}, grace=0.4)
            await here.supervisor.start(spec)
            began = time.monotonic()
            await here.supervisor.stop(spec.id)
            assert time.monotonic() - began >= 0.4
            assert here.printed(spec) == "no\n"
            assert here.events[-1].drone.last_exit == Exit(signal="SIGKILL")

    asyncio.run(story())


CHILDREN = {
    "the shell dies first": ("true && node app.js", STUBBORN),
    "children that ignore TERM": (
        "node app.js",
        SAY_PORT
        + """
        const code = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
        for (let i = 0; i < 3; i++) require('child_process').spawn(process.execPath, ['-e', code]);
        """,
    ),
    "children that left the group": (
        "node app.js",
        SAY_PORT
        + """
        const code = "process.on('SIGTERM', () => {}); setInterval(() => {}, 1000)";
        const options = {detached: true, stdio: 'ignore'};
        require('child_process').spawn(process.execPath, ['-e', code], options).unref();
        """,
    ),
}


@pytest.mark.parametrize(("command", "app"), CHILDREN.values(), ids=CHILDREN.keys())
def test_stop_leaves_no_child(tmp_path: Path, command: str, app: str) -> None:
    """When it returns, nothing of the drone runs and its port is free."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": app}, command, grace=0.4)
            await here.supervisor.start(spec)
            await asyncio.sleep(0.2)
            assert marked(here.root.resolve())
            await here.supervisor.stop(spec.id)
            assert marked(here.root.resolve()) == []

    asyncio.run(story())


def test_stop_is_idempotent(tmp_path: Path) -> None:
    """Twice at once, again, and for a drone that never was."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": SAY_PORT})
            await here.supervisor.start(spec)
            await asyncio.gather(*(here.supervisor.stop(spec.id) for _ in range(3)))
            await here.supervisor.stop(spec.id)
            await here.supervisor.stop("d-none")
            assert here.kinds().count("stopped") == 1

    asyncio.run(story())


def test_a_cancelled_start_leaves_nothing_running(tmp_path: Path) -> None:
    """Whoever gave up waiting gave up the drone."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": "setInterval(() => {}, 1000)"})
            task = asyncio.create_task(here.supervisor.start(spec))
            await until(lambda: "launched" in here.kinds())
            task.cancel()
            await until(lambda: here.supervisor.drones() == ())
            assert marked(here.root.resolve()) == []

    asyncio.run(story())


def test_drones_outlive_their_supervisor_and_are_adopted(tmp_path: Path) -> None:
    """The next one takes them over as they are, notices their death, restarts them, and can stop them."""

    async def story() -> None:
        async with supervised(tmp_path, leave_running=True) as first:
            spec = first.spec({"app.js": SAY_PORT})
            orphan = first.spec({"app.js": STUBBORN}, "true && node app.js")
            before = await first.supervisor.start(spec)
            unwanted = await first.supervisor.start(orphan)
        assert await get(spec.port) == f"pid {before.pid}"
        async with supervised(tmp_path) as second:
            (after,) = await second.supervisor.adopt({spec.id: spec})
            assert (after.pid, after.state, after.port) == (before.pid, DroneState.READY, before.port)
            assert unwanted.pid is not None
            assert not runs(unwanted.pid)
            assert [one.drone for one in marked(tmp_path.resolve())] == [spec.id]
            assert after.pid is not None
            os.kill(after.pid, signal.SIGKILL)
            await until(lambda: second.kinds().count("ready") == 2)
            assert await get(spec.port) != f"pid {before.pid}"
            await second.supervisor.stop(spec.id)

    asyncio.run(story())


SERVER = """
import asyncio, sys
from pathlib import Path
sys.path.insert(0, sys.argv[2])
from tests.server.drones_world import SAY_PORT, supervised

async def serve():
    async with supervised(Path(sys.argv[1])) as here:
        spec = here.spec({"app.js": SAY_PORT + "setInterval(() => console.log('tick'), 50);"})
        drone = await here.supervisor.start(spec)
        print(drone.pid, spec.port, flush=True)
        await asyncio.sleep(60)

asyncio.run(serve())
"""


@pytest.mark.slow
def test_a_killed_server_loses_no_drone_and_no_output(tmp_path: Path) -> None:
    """kill -9 of the server: the app serves and prints on, and a new server, not its parent, adopts it."""
    root = str(Path(__file__).parents[2])

    async def story() -> None:
        server = subprocess.Popen(
            [sys.executable, "-c", SERVER, str(tmp_path), root], stdout=subprocess.PIPE, text=True
        )
        assert server.stdout is not None
        pid, port = map(int, (await asyncio.to_thread(server.stdout.readline)).split())
        server.kill()
        server.wait()
        server.stdout.close()
        assert await get(port) == f"pid {pid}"
        ticks = (tmp_path / "logs" / "d-1.stdout").stat().st_size
        async with supervised(tmp_path) as here:
            spec = replace(here.spec({"app.js": SAY_PORT}, name="again"), port=port)
            (drone,) = await here.supervisor.adopt({spec.id: spec})
            assert drone.pid == pid
            await until(lambda: (tmp_path / "logs" / "d-1.stdout").stat().st_size > ticks)
            os.kill(pid, signal.SIGKILL)
            await until(lambda: here.kinds().count("ready") == 2)
            (drone,) = here.supervisor.drones()
            assert drone.last_exit == Exit()

    asyncio.run(story())


def test_leaderless_remains_of_a_drone_are_swept(tmp_path: Path) -> None:
    """A shell that died while no server watched leaves a child on the port; adoption clears it away."""

    async def story() -> None:
        async with supervised(tmp_path, leave_running=True) as first:
            spec = first.spec({"app.js": SAY_PORT}, "true && node app.js; true")
            drone = await first.supervisor.start(spec)
        assert drone.pid is not None
        os.kill(drone.pid, signal.SIGKILL)
        await until(lambda: not runs(drone.pid or 0))
        assert len(marked(tmp_path.resolve())) == 1
        async with supervised(tmp_path) as second:
            assert await second.supervisor.adopt({spec.id: spec}) == []
            assert marked(tmp_path.resolve()) == []

    asyncio.run(story())


def test_another_state_folders_drones_are_not_touched(tmp_path: Path) -> None:
    """Two platforms on one machine do not know each other."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": SAY_PORT})
            drone = await here.supervisor.start(spec)
            async with supervised(tmp_path / "other") as other:
                assert await other.supervisor.adopt({spec.id: spec}) == []
            assert await get(spec.port) == f"pid {drone.pid}"

    asyncio.run(story())

"""Drones as real processes: boot, failure, crash, and what they see of the world."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from jitsu_py.server.drones import BootFailed, DroneState
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code
from tests.server.drones_world import SAY_PORT, World, get, runs, try_get, until, world


async def failure(here: World, app: str, *, boot: float = 15.0, command: str = "node app.js") -> BootFailed:
    """Why an app does not come up."""
    with pytest.raises(BootFailed) as failed:
        await here.supervisor.start(here.spec({"app.js": app}, command, boot=boot, grace=0.3))
    return failed.value


def test_two_drones_of_a_hard_coded_port_run_side_by_side(tmp_path: Path) -> None:
    """Each answers at the port that the platform gave it."""

    async def story() -> None:
        async with world(tmp_path) as here:
            first, second = here.spec({"app.js": SAY_PORT}), here.spec({"app.js": SAY_PORT})
            drones = await asyncio.gather(here.supervisor.start(first), here.supervisor.start(second))
            answers = [await get(first.port), await get(second.port)]
            assert answers == [f"pid {drone.pid}" for drone in drones]
            assert [drone.state for drone in here.supervisor.drones("ann/app1")] == [DroneState.READY]

    asyncio.run(story())


def test_a_crash_at_start_is_told_at_once_with_its_last_lines(tmp_path: Path) -> None:
    """The boot time is not waited for."""

    async def story() -> None:
        async with world(tmp_path) as here:
            began = time.monotonic()
            error = await failure(here, "console.log('before'); throw new Error('no database')")
            assert time.monotonic() - began < 5
            assert error.code is Code.CRASHED
            assert error.details["exit_code"] == 1
            assert "Error: no database" in error.details["output"]
            assert error.details["output"][0] == "before"
            assert len(error.details["output"]) <= 20

    asyncio.run(story())


def test_a_command_that_is_not_there_is_a_crash(tmp_path: Path) -> None:
    """The shell's own words are shown."""

    async def story() -> None:
        async with world(tmp_path) as here:
            error = await failure(here, "", command="gunicorn app.py")
            assert error.details["exit_code"] == 127
            assert "not found" in error.details["output"][-1]

    asyncio.run(story())


def test_a_script_that_ends_well_is_told_to_stay(tmp_path: Path) -> None:
    """Exit code 0 without a listen is still no running app."""

    async def story() -> None:
        async with world(tmp_path) as here:
            error = await failure(here, "console.log('built')")
            assert error.details == {"output": ["built"], "exit_code": 0, "signal": None}
            assert "foreground" in error.message

    asyncio.run(story())


@pytest.mark.slow
def test_an_app_that_never_listens_is_ended_after_its_boot_time(tmp_path: Path) -> None:
    """The error shows what it printed until then, and nothing of it is left."""

    async def story() -> None:
        async with world(tmp_path) as here:
            error = await failure(here, "console.log('waiting'); setInterval(() => {}, 1000)", boot=2.0)
            assert error.code is Code.NEVER_LISTENED
            assert error.details["output"] == ["waiting"]
            assert here.supervisor.drones() == ()

    asyncio.run(story())


def test_a_foreign_program_on_the_port_proves_nothing(tmp_path: Path) -> None:
    """Its answer is not the app's."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": "setInterval(() => {}, 1000)"}, boot=0.6, grace=0.3)
            with socket.create_server(("127.0.0.1", spec.port)), pytest.raises(BootFailed) as failed:
                await here.supervisor.start(spec)
            assert failed.value.code is Code.NEVER_LISTENED

    asyncio.run(story())


def test_an_app_without_carapace_that_listens_on_the_port_is_ready(tmp_path: Path) -> None:
    """A program that is not Node, or hides from the preload, is seen by its listening socket."""
    app = "exec env -u NODE_OPTIONS python3 -m http.server --bind 127.0.0.1 $PORT"

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"index.html": "from python"}, app)
            await here.supervisor.start(spec)
            assert await get(spec.port) == "from python"

    asyncio.run(story())


def test_huge_and_undecodable_output_does_not_hurt(tmp_path: Path) -> None:
    """A line of megabytes is cut, bytes that are no text are replaced, all of it is in the file."""
    app = """
    const fs = require('fs');
    fs.writeSync(2, 'x'.repeat(3000000) + '\\n');
    fs.writeSync(2, Buffer.from([0xff, 0xfe, 0x41, 10]));
    process.exit(3);
    """

    async def story() -> None:
        async with world(tmp_path) as here:
            error = await failure(here, app)
            output = error.details["output"]
            assert output[-1] == "\ufffd\ufffdA"
            assert max(map(len, output)) <= 2001
            assert (here.root / "logs" / "d-1.stderr").stat().st_size == 3000005

    asyncio.run(story())


def test_a_late_crash_is_restarted_on_the_same_port(tmp_path: Path) -> None:
    """An app that dies two seconds after it was ready is back, and the news say so."""
    app = SAY_PORT + "setTimeout(() => process.exit(5), 700);"

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": app})
            first = await here.supervisor.start(spec)
            await until(lambda: here.kinds().count("ready") == 2)
            (drone,) = here.supervisor.drones()
            assert drone.last_exit is not None
            assert (drone.last_exit.code, drone.restarts, drone.port) == (5, 1, first.port)
            assert await get(spec.port) == f"pid {drone.pid}"

    asyncio.run(story())


@pytest.mark.parametrize("command", ["node app.js", "cd . && node app.js"])
@pytest.mark.parametrize("group", [False, True])
def test_a_killed_drone_is_replaced(tmp_path: Path, command: str, group: bool) -> None:
    """kill -9 of its process, of the shell around it, or of the whole group."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": SAY_PORT}, command)
            drone = await here.supervisor.start(spec)
            assert drone.pid is not None
            serving = int((await get(spec.port)).split()[1])
            if group:
                os.killpg(drone.pid, signal.SIGKILL)
            else:
                os.kill(drone.pid, signal.SIGKILL)
            await until(lambda: here.kinds().count("ready") == 2)
            assert not runs(serving)
            assert int((await get(spec.port)).split()[1]) not in (serving, drone.pid)

    asyncio.run(story())


def test_it_sees_nothing_of_the_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its environment is its own: no variable of the server's, no open file but the three."""
    monkeypatch.setenv("JITSU_SECRET_OF_THE_SERVER", "hush")
    app = """
    const fs = require('fs');
    const open = [0, 1, 2].concat(fs.readdirSync('/proc/self/fd').map(Number).filter(n => {
      try { return n > 2 && fs.readlinkSync('/proc/self/fd/' + n).startsWith('/') } catch (e) { return false }
    })).map(n => fs.readlinkSync('/proc/self/fd/' + n)).filter(name => !name.startsWith('/proc'));
    fs.writeFileSync(process.env.HOME + '/x', ''); fs.writeFileSync(process.env.TMPDIR + '/x', '');
    console.log(JSON.stringify({env: process.env, open, cwd: process.cwd()}));
    require('http').createServer().listen(1);
    """

    async def story() -> None:
        async with world(tmp_path) as here:
            extra = (here.root / "inherited").open("w")
            os.set_inheritable(extra.fileno(), True)
            spec = here.spec(
                {"app.js": app},
                env={"GREETING": "hej", "NODE_ENV": "staging", "BAD=": "x", "NUL": "\0", "HALF": "\ud800"},
            )
            await here.supervisor.start(spec)
            extra.close()
            seen = json.loads(here.printed(spec))
            env = seen["env"]
            assert "hush" not in json.dumps(env)
            assert set(env) <= {
                *("PATH", "HOME", "TMPDIR", "LANG", "PORT", "NODE_ENV", "NODE_OPTIONS", "GREETING"),
                *("PWD", "OLDPWD", "SHLVL", "_"),
                *("JITSU_DRONE", "JITSU_APP", "JITSU_SNAPSHOT", "JITSU_STATE", "JITSU_PORT", "JITSU_READY"),
            }
            assert (env["GREETING"], env["NODE_ENV"], env["PORT"]) == ("hej", "staging", str(spec.port))
            assert env["JITSU_STATE"] == str(here.root.resolve())
            assert [Path(name).name for name in seen["open"]] == ["null", "d-1.stdout", "d-1.stderr"]
            assert Path(seen["cwd"]) == spec.folder.resolve()

    asyncio.run(story())


def test_output_is_appended_over_restarts(tmp_path: Path) -> None:
    """Nothing that was printed is ever overwritten."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": "console.log('launch');" + SAY_PORT})
            drone = await here.supervisor.start(spec)
            assert drone.pid is not None
            os.kill(drone.pid, signal.SIGKILL)
            await until(lambda: here.kinds().count("ready") == 2)
            assert here.printed(spec) == "launch\nlaunch\n"

    asyncio.run(story())


def test_a_folder_that_is_gone_is_the_systems_fault(tmp_path: Path) -> None:
    """The error names the folder, and nothing is left of the attempt."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = replace(here.spec({"app.js": SAY_PORT}), folder=here.root / "gone")
            with pytest.raises(PlatformError) as failed:
                await here.supervisor.start(spec)
            assert failed.value.code is Code.INTERNAL
            assert "gone" in failed.value.message
            assert list((here.root / "run/drones").iterdir()) == []

    asyncio.run(story())


def test_variables_that_are_too_large_are_the_users_to_mend(tmp_path: Path) -> None:
    """The kernel refuses them; the error says what to do."""

    async def story() -> None:
        async with world(tmp_path) as here:
            with pytest.raises(PlatformError) as failed:
                await here.supervisor.start(here.spec({"app.js": SAY_PORT}, env={"BIG": "x" * 10_000_000}))
            assert failed.value.code is Code.LIMIT_REACHED
            assert failed.value.blame is Blame.USER

    asyncio.run(story())


@pytest.mark.slow
def test_a_crash_loop_backs_off(tmp_path: Path) -> None:
    """An app that always dies after it listened waits from the fifth exit on; stop ends the wait."""

    async def story() -> None:
        async with world(tmp_path) as here:
            spec = here.spec({"app.js": SAY_PORT + "setTimeout(() => process.exit(1), 600);"})
            await here.supervisor.start(spec)
            await until(lambda: "backing_off" in here.kinds(), 20)
            assert here.kinds().count("exited") == 5
            assert await try_get(spec.port) is None
            await here.supervisor.stop(spec.id)
            assert here.supervisor.drones() == ()

    asyncio.run(story())

"""A drone sees its own files and nothing of the platform's or another's, and uses no more than it may."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from jitsu_py.server.builder.folders import remove_tree
from jitsu_py.server.confinement import Confiner, Sandbox, find_hierarchy, find_sandbox, find_users, mark_of
from jitsu_py.server.drones import BootFailed, EventKind, Exit, Quarters
from jitsu_py.server.drones.ownership import hand_over
from jitsu_py.server.reconciler import words
from tests.server.drones_world import NODE, get, supervised, until, world

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jitsu_py.server.drones import DroneEvent, DroneSpec
    from tests.server.drones_world import World

pytestmark = pytest.mark.slow

MIB = 1024 * 1024

SECRET = "s3cret-of-the-platform"

needs_sandbox = pytest.mark.skipif(
    not find_sandbox().program, reason=f"no sandbox on this machine: {find_sandbox().why}"
)
needs_groups = pytest.mark.skipif(
    find_hierarchy() is None, reason="control groups cannot be made by who runs these tests"
)

needs_users = pytest.mark.skipif(
    not find_users().program, reason=f"no users of their own for apps on this machine: {find_users().why}"
)

WAYS = [
    pytest.param((True, True), marks=[needs_sandbox, needs_groups], id="sandbox and groups"),
    pytest.param((True, False), marks=needs_sandbox, id="sandbox alone"),
    pytest.param((False, True), marks=needs_groups, id="groups alone"),
    pytest.param((False, False), id="neither"),
]

SPY = """
require('http').createServer((question, answer) => {
  let code = ''
  question.on('data', data => { code += data })
  question.on('end', () => {
    const name = decodeURIComponent(question.url.slice(1))
    let found
    try { found = new Function('require', name)(require) } catch (error) { found = `${error.code || error}` }
    answer.end(JSON.stringify(found === undefined ? null : found))
  })
}).listen(80)
process.on('SIGTERM', () => { console.log('bye'); process.exit(0) })
"""
"""An app that does what it is asked to, and answers what came of it or the error's code."""

EATER = (
    "const a = []; setInterval(() => { for (let i = 0; i < 8; i++) a.push(Buffer.alloc(1 << 20, 1)) }, 10)"
)


def quartered(*, sandbox: bool = True, groups: bool = True, **more: Any) -> Callable[[Path], Quarters]:
    """Makes the quarters of a state folder, with what this machine has or with less."""

    def make(state: Path) -> Quarters:
        held = Confiner(state, find_sandbox() if sandbox else None, find_hierarchy() if groups else None)
        return Quarters(held, state, **more)

    return make


def owned(*, groups: bool = True, **more: Any) -> Callable[[Path], Quarters]:
    """Makes quarters in which each app has a user of its own."""

    def make(state: Path) -> Quarters:
        held = Confiner(state, find_sandbox(), find_hierarchy() if groups else None, find_users())
        return Quarters(held, state, **more)

    return make


async def ask(spec: DroneSpec, code: str) -> Any:
    """What a spy makes of a piece of JavaScript."""
    from urllib.parse import quote

    return json.loads(await get(spec.port, f"/{quote(code, safe='')}"))


async def spy(here: World, **more: Any) -> DroneSpec:
    """A spy that runs."""
    spec = replace(here.spec({"app.js": SPY}, **more), place=here.count)
    await here.supervisor.start(spec)
    return spec


def endings(here: World, spec: DroneSpec) -> list[DroneEvent]:
    """The news of a drone's ends so far."""
    return [one for one in here.events if one.drone.id == spec.id and one.kind is EventKind.EXITED]


def reading(path: object) -> str:
    return f"return require('fs').readFileSync({json.dumps(str(path))}, 'utf8')"


@needs_users
def test_a_file_with_another_name_elsewhere_is_not_handed_over(tmp_path: Path) -> None:
    """A package manager may link what two apps share: neither may come to own it. Links lead to nothing."""
    folder = tmp_path / "snapshot"
    (folder / "inner").mkdir(parents=True)
    (tmp_path / "shared").touch()
    (folder / "inner" / "own").touch()
    (folder / "inner" / "linked").hardlink_to(tmp_path / "shared")
    (folder / "link").symlink_to(tmp_path / "shared")
    hand_over(folder, 1_900_000_007)
    assert (tmp_path / "shared").stat().st_uid == 0
    owners = {
        path.lstat().st_uid for path in (folder, folder / "link", folder / "inner", folder / "inner" / "own")
    }
    assert owners == {1_900_000_007}


SANDBOXES = [
    pytest.param(quartered, id="as the server's user"),
    pytest.param(owned, marks=needs_users, id="as a user of its own"),
]


@needs_sandbox
@pytest.mark.parametrize("sandboxed", SANDBOXES)
def test_a_drone_sees_nothing_of_the_platform_nor_of_another(
    tmp_path: Path, sandboxed: Callable[[], Callable[[Path], Quarters]]
) -> None:
    """Neither files, nor processes, nor environments."""

    async def scene() -> None:
        async with world(tmp_path, sandboxed()) as here:
            for name in ("state.db", "secret.key", "local-token", "server.toml"):
                (here.root / name).write_text(SECRET)
            victim, thief = await spy(here, env={"TOKEN": SECRET}), await spy(here)
            assert await ask(victim, "return process.env.TOKEN") == SECRET
            hidden = [here.root / name for name in ("state.db", "secret.key", "local-token", "server.toml")]
            hidden += [victim.folder / "app.js", victim.capture / f"{victim.id}.stdout"]
            hidden += [here.root / "run/drones" / victim.id / "carapace.js", *tmp_path.home().glob(".*")]
            for path in hidden:
                assert await ask(thief, reading(path)) in {"ENOENT", "ENOTDIR"}, path
            pids = await ask(thief, "return require('fs').readdirSync('/proc').filter(n => /^\\d+$/.test(n))")
            assert 1 <= len(pids) <= 3
            for pid in pids:
                assert SECRET not in await ask(thief, reading(f"/proc/{pid}/environ"))
                assert await ask(thief, reading(f"/proc/{pid}/root{here.root}/secret.key")) in {
                    "ENOENT",
                    "EACCES",
                }
            other = next(one.pid for one in here.supervisor.drones() if one.id == victim.id)
            assert await ask(thief, f"process.kill({other}, 0)") == "ESRCH"

    asyncio.run(scene())


@needs_sandbox
@pytest.mark.parametrize("sandboxed", SANDBOXES)
def test_a_drone_writes_to_its_own_folders_only(
    tmp_path: Path, sandboxed: Callable[[], Callable[[Path], Quarters]]
) -> None:
    """Its snapshot, its home and /tmp are its own; what loads it, and the system, it can only read."""

    async def scene() -> None:
        async with world(tmp_path, sandboxed()) as here:
            spec = await spy(here)
            own = here.root / "run/drones" / spec.id
            write = "return require('fs').writeFileSync({}, 'mine')"
            for place in (spec.folder / "upload.txt", own / "home/x", own / "tmp/x", "/tmp/y", "/var/tmp/z"):
                assert await ask(spec, write.format(json.dumps(str(place)))) is None, place
            assert (spec.folder / "upload.txt").read_text() == "mine"
            closed = (own / "carapace.js", own / "bin/node", own / "new", here.root / "new", "/usr/bin/new")
            for place in (*closed, "/etc/passwd", "/new", "/proc/sys/kernel/hostname"):
                assert await ask(spec, write.format(json.dumps(str(place)))) in {"EROFS", "EACCES"}, place

    asyncio.run(scene())


@needs_sandbox
def test_variables_do_nothing_outside_the_sandbox(tmp_path: Path) -> None:
    """The leader, outside, has the platform's marks alone, and the arguments of nobody tell a variable."""

    async def scene() -> None:
        async with world(tmp_path, quartered()) as here:
            spec = await spy(here, env={"LD_PRELOAD": "/nowhere/evil.so", "TOKEN": SECRET})
            drone = here.supervisor.drones()[0]
            assert drone.pid is not None
            leader = psutil.Process(drone.pid)
            assert all(
                name.startswith("JITSU_") or name in {"PWD", "_", "OLDPWD", "SHLVL"}
                for name in leader.environ()
            )
            for process in (leader, *leader.children(recursive=True)):
                assert SECRET not in " ".join(process.cmdline())
            assert await ask(spec, "return process.env.LD_PRELOAD") == "/nowhere/evil.so"

    asyncio.run(scene())


@pytest.mark.parametrize("way", WAYS)
def test_a_drone_inherits_no_descriptor(tmp_path: Path, way: tuple[bool, bool]) -> None:
    """Input, output, errors; the fourth is of the listing itself."""

    async def scene() -> None:
        async with world(tmp_path, quartered(sandbox=way[0], groups=way[1])) as here:
            with (here.root / "open").open("w") as held:
                os.set_inheritable(held.fileno(), True)
                spec = here.spec({"app.js": SPY}, "ls /proc/self/fd > fds; exec node app.js")
                await here.supervisor.start(spec)
            assert (spec.folder / "fds").read_text().split() == ["0", "1", "2", "3"]

    asyncio.run(scene())


@pytest.mark.parametrize("way", WAYS)
def test_too_much_memory_ends_the_drone_and_is_told(tmp_path: Path, way: tuple[bool, bool]) -> None:
    """It is launched again; another one lives on."""

    async def scene() -> None:
        async with world(tmp_path, quartered(sandbox=way[0], groups=way[1])) as here:
            other = await spy(here)
            spec = replace(
                here.spec({"app.js": f"{SPY}; setTimeout(() => {{ {EATER} }}, 300)"}), memory=160 * MIB
            )
            await here.supervisor.start(spec)
            await until(lambda: endings(here, spec), 60)
            ending = endings(here, spec)[0].drone.last_exit
            assert ending is not None
            assert (ending.signal, ending.out_of_memory, ending.allowed) == ("SIGKILL", True, 160 * MIB)
            assert (
                words.of_drone(endings(here, spec)[0])
                == "crashed by SIGKILL, out of memory (it may use 160 MiB)"
            )
            await until(lambda: here.kinds(spec.id).count("launched") > 1, 30)
            assert await ask(other, "return 1 + 1") == 2
            assert here.kinds(other.id) == ["launched", "ready"]

    asyncio.run(scene())


@pytest.mark.parametrize("way", WAYS)
def test_too_much_memory_at_boot_is_why_it_failed(tmp_path: Path, way: tuple[bool, bool]) -> None:
    """The error says how much it may use and what to do; nothing of it is left."""

    async def scene() -> None:
        async with world(tmp_path, quartered(sandbox=way[0], groups=way[1])) as here:
            spec = replace(here.spec({"app.js": EATER}, boot=60.0), memory=160 * MIB)
            with pytest.raises(BootFailed) as caught:
                await here.supervisor.start(spec)
            assert "out of memory (it may use 160 MiB)" in caught.value.message
            assert "--ram 320" in caught.value.message
            hierarchy = find_hierarchy()
            if hierarchy is not None:
                assert hierarchy.names(mark_of(here.root)) == []

    asyncio.run(scene())


HOLDS = "globalThis.held = Buffer.alloc({} << 20, 1); return 0"
"""JavaScript that takes so many MiB."""


@pytest.mark.parametrize("way", WAYS)
def test_a_changed_bound_of_memory_holds_at_once(tmp_path: Path, way: tuple[bool, bool]) -> None:
    """Also a higher one; one below what is used waits for the next launch; a new server knows which."""

    async def scene() -> None:
        quarters = quartered(sandbox=way[0], groups=way[1])
        (tmp_path / "state").mkdir()
        async with supervised(tmp_path / "state", leave_running=True, quarters=quarters) as here:
            spec = await spy(here)

            async def bound(mib: int) -> int:
                await here.supervisor.bound(spec.app, mib * MIB)
                return (here.supervisor.drones()[0].memory or 0) // MIB

            assert here.supervisor.drones()[0].memory is None
            assert [await bound(400), await bound(200), await bound(500)] == [400, 200, 500]
            await ask(spec, HOLDS.format(200))
            assert await bound(100) == 500
        async with supervised(tmp_path / "state", quarters=quarters) as here:
            wanted = replace(spec, memory=100 * MIB)
            (drone,) = await here.supervisor.adopt({spec.id: wanted})
            assert drone.memory == (500 * MIB if way[1] else None)
            await here.supervisor.bound(spec.app, 600 * MIB)
            assert here.supervisor.drones()[0].memory == 600 * MIB
            with suppress(OSError):
                await ask(spec, HOLDS.format(900))
            await until(lambda: endings(here, spec), 30)
            ending = endings(here, spec)[0].drone.last_exit
            assert ending is not None
            assert (ending.out_of_memory, ending.allowed) == (True, 600 * MIB)

    asyncio.run(scene())


@needs_groups
@pytest.mark.parametrize("sandbox", [pytest.param(True, marks=needs_sandbox), False])
def test_processes_are_bounded(tmp_path: Path, sandbox: bool) -> None:
    """Whoever forks without end gets no more, and goes with all that it started."""

    async def scene() -> None:
        async with world(tmp_path, quartered(sandbox=sandbox, processes=60)) as here:
            forks = "['-c', 'while :; do sleep 300 & done'], {detached: true}"
            bomb = f"require('child_process').spawn('/bin/sh', {forks})"
            spec = here.spec({"app.js": f"{SPY}; {bomb}"})
            await here.supervisor.start(spec)
            hierarchy = find_hierarchy()
            assert hierarchy is not None
            group = hierarchy.group(mark_of(here.root), f"drone-{spec.id}", weighed=False)
            await until(lambda: group.tasks() >= 50, 60)
            assert group.tasks() <= 60
            await here.supervisor.stop(spec.id)
            assert not group.exists()

    asyncio.run(scene())


@pytest.mark.parametrize(
    "way", [*WAYS, pytest.param(None, marks=[needs_sandbox, needs_users], id="user of its own")]
)
def test_a_drone_is_taken_over_and_ends_in_order(tmp_path: Path, way: tuple[bool, bool] | None) -> None:
    """By another server, which did not start it: TERM reaches the app, not the sandbox around it."""

    async def scene() -> None:
        quarters = quartered(sandbox=way[0], groups=way[1]) if way else owned()
        state = tmp_path / "state folder"
        state.mkdir()
        async with supervised(state, leave_running=True, quarters=quarters) as here:
            spec = await spy(here)
            before = here.supervisor.drones()[0].pid
        async with supervised(state, quarters=quarters) as here:
            (drone,) = await here.supervisor.adopt({spec.id: spec})
            assert drone.pid == before
            assert await ask(spec, "return 1 + 1") == 2
            await here.supervisor.stop(spec.id)
            assert here.printed(spec) == "bye\n"

    asyncio.run(scene())


@pytest.mark.parametrize("way", WAYS)
def test_the_exit_code_of_a_held_drone_is_known(tmp_path: Path, way: tuple[bool, bool]) -> None:
    """Its own when it ends in order, the signal's when one ends it."""

    async def scene() -> None:
        async with world(tmp_path, quartered(sandbox=way[0], groups=way[1])) as here:
            polite, killed = await spy(here), await spy(here)
            await here.supervisor.stop(polite.id)
            assert here.events[-1].drone.last_exit == Exit(code=0)
            await get_killed(killed)
            await until(lambda: endings(here, killed), 30)
            ending = endings(here, killed)[0].drone.last_exit
            assert ending is not None
            assert (ending.signal, ending.out_of_memory) == (signal.SIGKILL.name, False)

    asyncio.run(scene())


async def get_killed(spec: DroneSpec) -> None:
    """Have a spy kill itself."""
    try:
        await ask(spec, "process.kill(process.pid, 'SIGKILL')")
    except OSError:
        return


def test_where_a_sandbox_is_a_must_nothing_is_launched_without(tmp_path: Path) -> None:
    """And it is said why."""

    async def scene() -> None:
        def quarters(state: Path) -> Quarters:
            return Quarters(
                Confiner(state, Sandbox("", "bubblewrap is not installed"), None), state, strict=True
            )

        async with world(tmp_path, quarters) as here:
            with pytest.raises(Exception, match="there is none: bubblewrap is not installed"):
                await here.supervisor.start(here.spec({"app.js": SPY}))

    asyncio.run(scene())


@needs_sandbox
@needs_users
def test_each_app_has_a_user_of_its_own(tmp_path: Path) -> None:
    """In no other group and without a privilege; its files are its own, and it knows its name."""

    async def scene() -> None:
        async with world(tmp_path, owned()) as here:
            first, second = await spy(here), await spy(here)
            for spec, user in ((first, find_users().numbers[1]), (second, find_users().numbers[2])):
                status = await ask(spec, reading("/proc/self/status"))
                facts = dict(line.split(":", 1) for line in status.splitlines())
                assert facts["Uid"].split() == facts["Gid"].split() == [str(user)] * 4
                assert facts["Groups"].split() == []
                assert [int(facts[f"Cap{kind}"], 16) for kind in ("Inh", "Prm", "Eff", "Amb")] == [0] * 4
                assert facts["NoNewPrivs"].strip() == "1"
                assert await ask(spec, "return require('os').userInfo().username") == "app"
                write = "require('fs').appendFileSync('app.js', ' ')"
                assert await ask(spec, f"{write}; return process.getuid()") == user
                assert {path.stat().st_uid for path in (spec.folder, spec.folder / "app.js")} == {user}
                assert await ask(spec, "require('fs').appendFileSync('/dev/stdout', 'heard')") is None
                assert here.printed(spec) == "heard"

    asyncio.run(scene())


@needs_sandbox
@needs_users
def test_files_of_an_earlier_user_are_handed_over(tmp_path: Path) -> None:
    """There and back, as the settings say; a link leads to nothing else that would be."""

    async def scene() -> None:
        outside = tmp_path / "outside"
        outside.touch()
        user = find_users().numbers[3]
        async with world(tmp_path, owned()) as here:
            spec = replace(here.spec({"app.js": SPY, "data": ""}), place=3)
            (spec.folder / "link").symlink_to(outside)
            await here.supervisor.start(spec)
            assert (spec.folder / "data").stat().st_uid == (spec.folder / "link").lstat().st_uid == user
            assert outside.stat().st_uid == 0
            await here.supervisor.stop(spec.id)
        async with world(tmp_path, quartered()) as here:
            await here.supervisor.start(spec)
            assert await ask(spec, "require('fs').writeFileSync('data', 'as before')") is None
            assert (spec.folder / "data").stat().st_uid == 0

    asyncio.run(scene())


@needs_sandbox
@needs_users
def test_a_fetched_node_runs_for_every_user(tmp_path: Path) -> None:
    """Whatever the permissions of the folders that it was fetched into."""

    async def scene() -> None:
        async with world(tmp_path, owned()) as here:
            place = here.root / "engines" / "node" / ".tools" / "20"
            place.mkdir(parents=True)
            (place / "node").symlink_to(NODE)
            (place / "tool").write_text("#!/bin/sh\necho a tool")
            (place / "tool").chmod(0o755)
            for folder in (place, *place.parents[:3]):
                folder.chmod(0o700)
            spec = replace(here.spec({"app.js": SPY}, "tool; exec node app.js", node=place / "node"), place=4)
            await here.supervisor.start(spec)
            assert here.printed(spec) == "a tool\n"
            assert await ask(spec, "return process.getuid()") == find_users().numbers[4]

    asyncio.run(scene())


@needs_sandbox
def test_a_folder_of_the_machine_is_seen_where_the_settings_say_so(tmp_path: Path) -> None:
    """And no other beside it."""

    async def scene() -> None:
        for name in ("shared", "beside"):
            (tmp_path / name).mkdir()
            (tmp_path / name / "file").write_text(name)
        async with world(tmp_path, quartered(shared=(tmp_path / "shared",))) as here:
            spec = await spy(here)
            assert await ask(spec, reading(tmp_path / "shared/file")) == "shared"
            assert await ask(spec, reading(tmp_path / "beside/file")) == "ENOENT"

    asyncio.run(scene())


@pytest.mark.parametrize("way", WAYS[:3])
def test_a_child_that_hides_ends_with_its_drone(tmp_path: Path, way: tuple[bool, bool]) -> None:
    """In a session of its own, without the platform's mark, deaf to TERM: sandbox or group end it."""

    async def scene() -> None:
        async with world(tmp_path, quartered(sandbox=way[0], groups=way[1])) as here:
            spec = await spy(here)
            hidden = f"3{os.getpid()}"
            script = f"trap '' TERM; exec env -i setsid sleep {hidden}"
            options = "{detached: true, stdio: 'ignore'}"
            await ask(
                spec, f"require('child_process').spawn('sh', ['-c', {json.dumps(script)}], {options}).unref()"
            )
            await until(lambda: _sleepers(hidden), 20)
            await here.supervisor.stop(spec.id)
            assert _sleepers(hidden) == []

    asyncio.run(scene())


def _sleepers(seconds: str) -> list[int]:
    return [one.pid for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", seconds]]


@needs_sandbox
@needs_users
def test_processes_of_a_user_of_its_own_are_bounded_without_groups(tmp_path: Path) -> None:
    """The system counts what that user runs, though the server is root."""

    async def scene() -> None:
        async with world(tmp_path, owned(groups=False, processes=60)) as here:
            spec = await spy(here)
            begin = "require('child_process').spawn('sleep', ['9']).on('error', () => {}).pid"
            # What else ran under the user's number at the launch, for another platform, is added to the 60.
            assert 10 < await ask(spec, f"let n = 0; while (n < 400 && {begin}) n++; return n") < 300

    asyncio.run(scene())


@needs_sandbox
@needs_users
def test_what_an_app_left_behind_can_be_removed(tmp_path: Path) -> None:
    """Also from folders that it closed."""

    async def scene() -> None:
        async with world(tmp_path, owned()) as here:
            spec = await spy(here)
            await ask(
                spec, "require('child_process').execSync('mkdir -p a/b && touch a/b/c && chmod 0 a/b a')"
            )
            await here.supervisor.stop(spec.id)
            assert remove_tree(spec.folder)
            assert not (here.root / "run" / "drones" / spec.id).exists()

    asyncio.run(scene())


@needs_sandbox
@needs_users
def test_where_files_cannot_be_given_away_an_app_runs_all_the_same(tmp_path: Path) -> None:
    """As the server's user, in its sandbox: shared folders of virtual machines, say, know one owner only."""

    async def scene() -> None:
        async with world(tmp_path, owned()) as here:
            spec = replace(here.spec({"app.js": SPY, "fixed": ""}), place=5)
            if subprocess.run(["chattr", "+i", spec.folder / "fixed"], check=False).returncode != 0:
                pytest.skip("this file system lets files be given away always")
            try:
                await here.supervisor.start(spec)
                assert await ask(spec, "return process.getuid()") == 0
                assert await ask(spec, reading(here.root / "secret.key")) == "ENOENT"
            finally:
                subprocess.run(["chattr", "-i", spec.folder / "fixed"], check=True)

    asyncio.run(scene())

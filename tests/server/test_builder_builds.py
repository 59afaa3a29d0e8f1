"""A snapshot's archive becomes something that runs: real npm, real packages."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server.builder import Builder, Built
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code, Event
from tests.server.build_world import BuildWorld

if TYPE_CHECKING:
    from pathlib import Path

SERVER = "require('http').createServer((q, r) => r.end('hello')).listen(process.env.PORT)"

EXPRESS = """
const app = require('express')()
app.get('/', (q, r) => r.send('express'))
app.listen(process.env.PORT)
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """npm's downloads, shared by the tests of this module."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def world(tmp_path: Path, cache: Path) -> BuildWorld:
    """A builder of the test's own."""
    (tmp_path / "cache").symlink_to(cache)
    return BuildWorld(tmp_path)


def answer(built: Built) -> str:
    """Start what was built, ask it once, stop it."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    env = {"PATH": f"{built.engine.node.parent}{os.pathsep}{os.environ['PATH']}", "PORT": str(port)}
    running = subprocess.Popen(
        ["/bin/sh", "-c", built.command], cwd=built.folder, env=env, start_new_session=True
    )
    try:
        for _ in range(300):
            with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5) as reply:
                return str(reply.read().decode())
            time.sleep(0.05)
        return "nothing"
    finally:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()


def lockfile(root: Path, package: dict[str, Any]) -> str:
    """The lockfile npm makes for a package.json."""
    root.mkdir()
    (root / "package.json").write_text(json.dumps({"name": "app", "version": "0.1.0", **package}))
    subprocess.run(
        ["npm", "install", "--package-lock-only", "--no-audit", "--no-fund"],
        cwd=root,
        check=True,
        capture_output=True,
    )
    return (root / "package-lock.json").read_text()


def test_no_dependencies(world: BuildWorld) -> None:
    """An app that needs nothing is there in no time: npm is not started."""
    built = world.build(world.job({}, {"server.js": SERVER}))
    assert answer(built) == "hello"
    assert world.steps == ["unpack", "engine", "install"]
    assert not world.lines
    assert "install" not in built.steps
    assert built.folder == world.root / "builds/ada/app/0.1.0"
    assert not world.leftovers()


@pytest.mark.slow
def test_express_with_a_lockfile(world: BuildWorld) -> None:
    """`npm ci`: exactly what the lockfile says, without development's packages."""
    package = {"dependencies": {"express": "4.18.2"}, "devDependencies": {"ms": "2.1.2"}}
    files = {"server.js": EXPRESS, "package-lock.json": lockfile(world.root / "locked", package)}
    built = world.build(world.job(package, files))
    assert answer(built) == "express"
    installed = json.loads((built.folder / "node_modules/express/package.json").read_text())
    assert installed["version"] == "4.18.2"
    assert not (built.folder / "node_modules/ms").exists()
    assert "Installing dependencies: npm ci --omit=dev" in [event.get("message") for event in world.events]
    assert set(built.steps) == {"unpack", "engine", "clone", "install", "keep"}
    assert built.seconds >= sum(built.steps.values())
    assert not world.leftovers()


@pytest.mark.slow
def test_express_without_a_lockfile(world: BuildWorld) -> None:
    """`npm install`, and a word on what that means."""
    built = world.build(world.job({"dependencies": {"express": "^4.18.0"}}, {"server.js": EXPRESS}))
    assert answer(built) == "express"
    assert any("no lockfile" in line for line in world.lines)


@pytest.mark.slow
def test_scripts_of_dependencies_run_and_are_heard(world: BuildWorld) -> None:
    """A `postinstall` makes what the app needs, and what it prints is shown, on its stream, and logged."""
    files = {
        "server.js": "require('http').createServer((q, r) => r.end(require('dep'))).listen(process.env.PORT)",
        "dep/package.json": json.dumps(
            {"name": "dep", "version": "1.0.0", "scripts": {"postinstall": "node make.js"}}
        ),
        "dep/make.js": "console.log('making'); console.error('warned');"
        "require('fs').writeFileSync('index.js', 'module.exports = \"made\"')",
    }
    job = world.job({"dependencies": {"dep": "file:./dep"}}, files)
    assert answer(world.build(job)) == "made"
    streams = {event["text"]: event["stream"] for event in world.events if event["event"] == "line"}
    assert streams["making"] == "stdout"
    assert streams["warned"] == "stderr"
    assert {"making", "warned"} <= set(job.log.read_text().splitlines())


@pytest.mark.slow
def test_native_dependency(world: BuildWorld) -> None:
    """bcrypt is C++ and brings its own binaries."""
    app = (
        "const ok = require('bcrypt').compareSync('x', require('bcrypt').hashSync('x', 4));"
        "require('http').createServer((q, r) => r.end(String(ok))).listen(process.env.PORT)"
    )
    built = world.build(world.job({"dependencies": {"bcrypt": "6.0.0"}}, {"server.js": app}))
    assert answer(built) == "true"
    assert any("bcrypt@6.0.0 install" in line for line in world.lines)


@pytest.mark.slow
def test_build_script_with_dev_dependencies(world: BuildWorld) -> None:
    """TypeScript builds the app, and is not there when the app runs."""
    source = "declare const require: any, process: any;\n" + SERVER.replace("(q, r)", "(q: any, r: any)")
    package = {
        "scripts": {"build": "tsc --outDir dist server.ts", "start": "dist/server.js"},
        "dependencies": {"ms": "2.1.3"},
        "devDependencies": {"typescript": "5.4.5"},
    }
    built = world.build(world.job(package, {"server.ts": source}))
    assert built.command == "node dist/server.js"
    assert answer(built) == "hello"
    assert sorted(path.name for path in (built.folder / "node_modules").glob("[a-z]*")) == ["ms"]
    assert world.steps == ["unpack", "engine", "install", "build", "prune"]


def test_a_build_without_dependencies(world: BuildWorld) -> None:
    """`jitsu.build` is a shell command; nothing is installed for it, and the app's variables are there."""
    package = {"jitsu": {"build": 'printf %s "$GREETING" > made.txt; node -v; npm -v; id -u'}}
    built = world.build(
        world.job(package, {"server.js": SERVER}, env={"GREETING": "hej", "PATH": "/nowhere"})
    )
    assert (built.folder / "made.txt").read_text() == "hej"
    assert world.lines[0] == f"v{built.engine.version}"


def test_the_servers_environment_stays_with_the_server(
    world: BuildWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A build sees how to reach the registry and nothing else of the server's; its home is its own."""
    monkeypatch.setenv("SECRET_KEY", "s3cret")
    monkeypatch.setenv("PYTHONPATH", "/x")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NODE_EXTRA_CA_CERTS", "/etc/ssl/mine.pem")
    package = {"jitsu": {"build": "env > made.txt; echo $HOME; ls -A $HOME $TMPDIR"}}
    built = world.build(world.job(package, {"server.js": SERVER}))
    seen = dict(line.split("=", 1) for line in (built.folder / "made.txt").read_text().splitlines())
    assert not {"SECRET_KEY", "PYTHONPATH"} & set(seen)
    assert seen["HTTPS_PROXY"] == "http://127.0.0.1:9"
    assert seen["NODE_EXTRA_CA_CERTS"] == "/etc/ssl/mine.pem"
    assert seen["HOME"].startswith(str(world.work))
    assert seen["NODE_ENV"] == "production"


def test_the_users_npmrc_is_kept(world: BuildWorld, tmp_path: Path) -> None:
    """Who runs the server on a laptop has set up npm for its network once."""
    (tmp_path / "npmrc").write_text("registry=http://127.0.0.1:1/mine/\n")
    asking = BuildWorld(tmp_path, {"npmrc": tmp_path / "npmrc"})
    package = {"scripts": {"build": "npm config get registry"}}
    asking.build(asking.job(package, {"server.js": SERVER}))
    assert "http://127.0.0.1:1/mine/" in asking.lines


def test_events_are_those_of_wire(world: BuildWorld) -> None:
    """Every event has its kind and time; steps have a name and a message, lines a text and a stream."""
    job = world.job({"jitsu": {"build": "echo hello"}}, {"server.js": SERVER})
    world.build(job)
    for event in world.events:
        keys = {"name", "message"} if event["event"] == Event.STEP else {"text", "stream"}
        assert set(event) == {"event", "time"} | keys
        assert event["time"].endswith("+00:00")
    told = [event.get("message", event.get("text")) for event in world.events]
    *written, last = job.log.read_text().splitlines()
    assert written == told
    assert re.fullmatch(r"Built in \d+\.\d\d s: unpack \d\.\d\d, engine \d\.\d\d, build \d\.\d\d", last)


def test_failing_build_script(world: BuildWorld) -> None:
    """The error has the script's last lines and its exit code; nothing is left; the log has the reason."""
    job = world.job({"scripts": {"build": "seq 1 50; echo broken >&2; exit 3"}}, {"server.js": SERVER})
    with pytest.raises(PlatformError) as caught:
        world.build(job)
    error = caught.value
    assert (error.code, error.blame) == (Code.BUILD_FAILED, Blame.APPLICATION)
    assert error.message == "npm run build failed with exit code 3."
    assert error.details["output"][-1] == "broken"
    assert len(error.details["output"]) == 20
    assert error.details["hint"]
    assert "Failed: npm run build failed" in job.log.read_text()
    assert not job.folder.exists()
    assert not world.leftovers()


@pytest.mark.parametrize("with_build", [False, True])
def test_no_start_script_is_said_before_the_install(world: BuildWorld, *, with_build: bool) -> None:
    """Unless the build may still make a server.js."""
    job = world.job({"scripts": {"start": ""}, "dependencies": {"no-such-package-at-all": "1"}})
    if with_build:
        job = world.job({"scripts": {"start": "", "build": "echo module.exports=1 > server.js"}})
        assert world.build(job).command == "node server.js"
        return
    with pytest.raises(PlatformError) as caught:
        world.build(job)
    assert caught.value.code is Code.NO_START_SCRIPT
    assert world.steps == ["unpack", "engine"]


def test_a_bad_archive_fails_the_build(world: BuildWorld) -> None:
    """With the archive's own error, and no step more."""
    job = world.job({})
    job.archive.write_bytes(b"nonsense")
    with pytest.raises(PlatformError, match="is not gzip"):
        world.build(job)
    assert world.steps == ["unpack"]
    assert not world.leftovers()


@pytest.mark.slow
def test_an_engine_that_is_not_there(world: BuildWorld) -> None:
    """Said before anything is installed."""
    with pytest.raises(PlatformError) as caught:
        world.build(world.job({"engines": {"node": "^0.9999.0"}}, {"server.js": SERVER}))
    assert caught.value.code is Code.ENGINE_NOT_FOUND
    assert "npm has none that matches either" in caught.value.message
    assert not world.leftovers()


def test_the_engine_of_package_json_builds_and_runs(world: BuildWorld) -> None:
    """Scripts of the build run under the very Node that the app gets."""
    package = {"engines": {"node": ">=20"}, "scripts": {"build": "node -v; which node"}}
    built = world.build(world.job(package, {"server.js": SERVER}))
    assert f"v{built.engine.version}" in world.lines
    assert any("(package.json asks for >=20)" in event.get("message", "") for event in world.events)


def test_a_rebuild_replaces_the_folder(world: BuildWorld) -> None:
    """After a server was killed between the build and the record of it."""
    world.build(world.job({}, {"server.js": SERVER, "old.js": "1"}))
    built = world.build(world.job({}, {"server.js": SERVER}))
    assert sorted(path.name for path in built.folder.iterdir()) == ["package.json", "server.js"]
    assert not world.leftovers()


def test_cancelled_in_the_middle(world: BuildWorld) -> None:
    """No process, no folder; the log says so."""
    script = "sh -c 'sleep 300; true' & setsid sleep 300 & echo on; wait"
    job = world.job({"scripts": {"build": script}}, {"server.js": SERVER})

    async def cancel() -> None:
        task = asyncio.create_task(world.build_async(job))
        while "on" not in world.lines:
            await asyncio.sleep(0.02)
        assert world.leftovers()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(cancel())
    assert not world.leftovers()
    assert not job.folder.exists()
    assert "The build was interrupted." in job.log.read_text()


def test_too_long_a_build(tmp_path: Path) -> None:
    """The time limit is the whole build's."""
    world = BuildWorld(tmp_path, {"timeout": 1.5})
    with pytest.raises(PlatformError) as caught:
        world.build(world.job({"jitsu": {"build": "sleep 300"}}, {"server.js": SERVER}))
    assert caught.value.code is Code.BUILD_TIMED_OUT
    assert not world.leftovers()


def test_builds_wait_in_line(tmp_path: Path) -> None:
    """So many at a time; the others are told their place, in the order they came, and move up."""
    world = BuildWorld(tmp_path, {"concurrent": 1})
    package = {"jitsu": {"build": "echo $NAME; sleep 0.3"}}
    jobs = [
        world.job(package, {"server.js": SERVER}, snapshot=f"0.1.{n}", env={"NAME": str(n)}) for n in range(4)
    ]

    async def all_at_once() -> None:
        tasks = [asyncio.create_task(world.build_async(job)) for job in jobs]
        await asyncio.sleep(0.1)
        tasks[2].cancel()
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert isinstance(done[2], asyncio.CancelledError)

    asyncio.run(all_at_once())
    assert world.lines == ["0", "1", "3"]
    told = [event["message"] for event in world.events if event.get("name") == "queue"]
    assert [message.partition("place ")[2].partition(" ")[0] for message in told] == ["1", "2", "3", "2", "1"]
    assert not world.leftovers()


def test_sweep_clears_after_a_killed_server(world: BuildWorld) -> None:
    """What a `kill -9` left, processes included, goes at the next start."""
    job = world.job({"jitsu": {"build": "echo on; sleep 300; true"}}, {"server.js": SERVER})
    script = (
        "import asyncio, pathlib, sys\n"
        "from jitsu_py.server.builder import Builder, Job\n"
        "root, archive = map(pathlib.Path, sys.argv[1:])\n"
        "builder = Builder(cache=root / 'cache', work=root / 'work')\n"
        "job = Job('ada', 'app', '1', archive, root / 'builds/1', root / 'log', {})\n"
        "asyncio.run(builder.build(job, lambda event: print(event.get('text', ''), flush=True)))\n"
    )
    server = subprocess.Popen(
        [sys.executable, "-c", script, str(world.root), str(job.archive)], stdout=subprocess.PIPE, text=True
    )
    assert server.stdout is not None
    while server.stdout.readline().strip() != "on":
        pass
    server.kill()
    server.wait()
    server.stdout.close()
    assert world.leftovers()
    assert world.builder.sweep() == 1
    assert not world.leftovers()
    assert Builder(cache=world.root / "cache", work=world.root / "none").sweep() == 0


def test_folders_that_nobody_may_write_to_are_removed(world: BuildWorld) -> None:
    """A build script that locks its folders leaves nothing either."""
    script = "mkdir -p a/b && touch a/b/c && chmod 000 a/b && chmod 500 a && exit 1"
    with pytest.raises(PlatformError):
        world.build(world.job({"jitsu": {"build": script}}, {"server.js": SERVER}))
    assert not world.leftovers()


@pytest.mark.slow
def test_endless_output_is_bounded(world: BuildWorld) -> None:
    """A script that prints without end fills neither memory nor disk."""
    script = "node -e \"for (let n = 0; n < 350000; n++) console.log('x'.repeat(99))\""
    job = world.job({"jitsu": {"build": script}}, {"server.js": SERVER})
    world.build(job)
    assert job.log.stat().st_size < 34 * 1024 * 1024
    assert world.lines[-1] == "[what follows is too much to keep]"

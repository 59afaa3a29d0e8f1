"""A build is held: it sees its own folder, uses what it may, and the failure says what was too much."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server.builder import build_limits
from jitsu_py.server.confinement import Confiner, Limits, Sandbox, find_hierarchy, find_sandbox, mark_of
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code
from tests.server.build_world import BuildWorld

if TYPE_CHECKING:
    from pathlib import Path

MIB = 1024 * 1024

SERVER = {"server.js": "require('http').createServer().listen(process.env.PORT)"}

needs_sandbox = pytest.mark.skipif(
    not find_sandbox().program, reason=f"no sandbox on this machine: {find_sandbox().why}"
)

EATS = "const a = []; for (;;) a.push(Buffer.alloc(1 << 20, 1))"


def bounds(**values: Any) -> Limits:
    """A build's bounds, these set."""
    return build_limits(**{"memory": None, "processes": None, "disk": None, **values})


def script(text: str) -> dict[str, Any]:
    """A package.json whose build is a piece of JavaScript in build.js."""
    return {"scripts": {"build": "node build.js"}, "files": {**SERVER, "build.js": text}}


def failure(world: BuildWorld, text: str) -> PlatformError:
    """Build what fails; nothing of it is left."""
    package = script(text)
    job = world.job({"scripts": package["scripts"]}, package["files"])
    with pytest.raises(PlatformError) as caught:
        world.build(job)
    assert world.leftovers() == []
    assert not job.folder.exists()
    hierarchy = find_hierarchy()
    if hierarchy is not None:
        assert hierarchy.names(mark_of(world.root)) == []
    return caught.value


LOOKS = """
const fs = require('fs'), path = require('path')
const root = process.argv[2] || ROOT
function walk(folder) {
  let names = []
  try { names = fs.readdirSync(folder, { withFileTypes: true }) } catch { return }
  for (const one of names) {
    const whole = path.join(folder, one.name)
    if (one.isDirectory()) walk(whole)
    else if (!whole.includes('/node_modules/')) console.log('file', path.relative(root, whole))
  }
}
walk(root)
for (const key of Object.keys(process.env)) if (/SECRET|TOKEN_OF_SERVER/.test(key)) console.log('env', key)
console.log('home', path.relative(process.cwd(), process.env.HOME))
"""


@needs_sandbox
def test_a_build_sees_nothing_of_the_platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No secrets, no database, no other app, no other user's downloads, none of the server's variables."""
    monkeypatch.setenv("JITSU_SECRET", "x")
    world = BuildWorld(tmp_path / "state")
    hidden = ("secret.key", "local-token", "state.db", "cache/downloads/bob/npm/x", "builds/bob/app/1/x")
    for name in (*hidden, "work/other/app/server.js", "cache/trees/x/entry.json", "databases/bob/data"):
        (world.root / name).parent.mkdir(parents=True, exist_ok=True)
        (world.root / name).write_text("a secret")
    text = LOOKS.replace("ROOT", repr(str(world.root)))
    package = script(text)
    world.build(world.job({"scripts": package["scripts"]}, package["files"]))
    seen = {line.removeprefix("file ") for line in world.lines if line.startswith("file ")}
    assert seen
    own = {name.split("/", 2)[2] for name in seen if name.startswith("work/")}
    assert {"app/build.js", "app/server.js", "app/package.json"} <= own
    rest = {name for name in seen if not name.startswith(("work/", "cache/downloads/ada/"))}
    assert rest == set()
    assert not any("other" in name for name in seen)
    assert not [line for line in world.lines if line.startswith("env ")]
    assert "home ../home" in world.lines


@needs_sandbox
def test_install_scripts_are_held_too(tmp_path: Path) -> None:
    """They come with any dependency."""
    world = BuildWorld(tmp_path / "state")
    (world.root / "secret.key").write_text("a secret")
    package = {"scripts": {"postinstall": f"cat {world.root}/secret.key || echo hidden"}}
    world.build(world.job(package, SERVER))
    assert "hidden" in world.lines
    assert "a secret" not in world.lines


def test_out_of_memory(tmp_path: Path) -> None:
    """It is told as such, with the bound and the setting; its own output is there."""
    world = BuildWorld(tmp_path / "state", {"bounds": bounds(memory=200 * MIB)})
    error = failure(world, f"console.log('begun'); {EATS}")
    assert (error.code, error.blame) == (Code.BUILD_FAILED, Blame.APPLICATION)
    assert error.details["failure"] == "out_of_memory"
    assert "200 MiB" in error.message
    assert "[builds] memory" in error.details["hint"]
    assert "begun" in error.details["output"]


def test_out_of_memory_by_watching(tmp_path: Path) -> None:
    """Where the kernel keeps no bounds and there is no sandbox it is the same."""
    state = tmp_path / "state"
    confiner = Confiner(state, None, None)
    world = BuildWorld(state, {"bounds": bounds(memory=200 * MIB), "confiner": confiner})
    slowly = "const a = []; setInterval(() => a.push(Buffer.alloc(8 << 20, 1)), 20)"
    assert failure(world, slowly).details["failure"] == "out_of_memory"


def test_too_much_written(tmp_path: Path) -> None:
    """Many files; the build's folder is gone afterwards."""
    world = BuildWorld(tmp_path / "state", {"bounds": bounds(disk=32 * MIB)})
    writes = (
        "let n = 0; const fs = require('fs'); const b = Buffer.alloc(1 << 20, 1);"
        "setInterval(() => fs.writeFileSync('f' + n++, b), 10)"
    )
    error = failure(world, writes)
    assert (error.code, error.details["failure"]) == (Code.BUILD_FAILED, "too_much_written")
    assert "32 MiB" in error.message


@pytest.mark.skipif(find_hierarchy() is None, reason="control groups cannot be made by who runs these tests")
def test_a_fork_bomb(tmp_path: Path) -> None:
    """It meets its bound; the build fails and nothing of it runs on."""
    world = BuildWorld(tmp_path / "state", {"bounds": bounds(processes=100), "timeout": 60})
    bomb = (
        "const {spawn} = require('child_process');"
        "for (let n = 0; n < 300; n++) {"
        "  const child = spawn('/bin/sleep', ['600'], {detached: true, stdio: 'ignore'});"
        "  child.on('error', () => process.exit(3)) }"
    )
    assert failure(world, bomb).code is Code.BUILD_FAILED


def test_no_sandbox_and_none_wanted_otherwise(tmp_path: Path) -> None:
    """Where builds may run in a sandbox only, none runs without; elsewhere the log says so."""
    none = Sandbox("", "bubblewrap is not installed")
    state = tmp_path / "state"
    confiner = Confiner(state, none, find_hierarchy())
    strict = BuildWorld(state, {"confiner": confiner, "strict": True})
    job = strict.job({}, SERVER)
    with pytest.raises(PlatformError, match="bubblewrap is not installed") as caught:
        strict.build(job)
    assert (caught.value.code, caught.value.blame) == (Code.UNAVAILABLE, Blame.SYSTEM)
    world = BuildWorld(state, {"confiner": confiner})
    job = world.job({"scripts": {"build": "node build.js"}}, {**SERVER, "build.js": "console.log('built')"})
    world.build(job)
    assert "built" in world.lines
    assert "Without a sandbox: bubblewrap is not installed." in job.log.read_text()


def test_builds_step_back(tmp_path: Path) -> None:
    """For the drones that serve: the processor and the disk are theirs first."""
    world = BuildWorld(tmp_path / "state")
    package = script("console.log('nice', require('os').getPriority())")
    world.build(world.job({"scripts": package["scripts"]}, package["files"]))
    assert f"nice {os.nice(0) + 10}" in world.lines

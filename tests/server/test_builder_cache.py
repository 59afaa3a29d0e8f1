"""Dependencies installed once by the real npm are there at once from then on, and never the wrong ones."""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code
from tests.platforms import LocalPlatform, archive, hello
from tests.server.build_world import BuildWorld
from tests.server.fake_registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

SERVER = {"server.js": "require('ms')"}
PACKAGE: dict[str, Any] = {"dependencies": {"ms": "2.1.3"}}
REUSED = "Dependencies unchanged: reusing those installed just now"


@pytest.fixture
def world(tmp_path: Path) -> BuildWorld:
    """A builder with an empty cache."""
    return BuildWorld(tmp_path)


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry with two versions of one package."""
    fake = FakeRegistry()
    fake.add("dep", "1.0.0")
    fake.add("dep", "1.1.0")
    with fake:
        yield fake


def again(world: BuildWorld, package: dict[str, Any], files: dict[str, str], **more: Any) -> list[str]:
    """Build; what was told in this build alone."""
    world.events.clear()
    world.build(replace(world.job(package, files, **more.pop("job", {})), **more))
    return [event.get("message", event.get("text", "")) for event in world.events]


def reused(told: list[str]) -> bool:
    """Whether the dependencies came from the cache."""
    return any(line.startswith(REUSED) for line in told)


def why(told: list[str]) -> str:
    """Why they did not."""
    return next((line for line in told if line.startswith("Dependencies are not reused")), "")


def tree(folder: Path) -> dict[str, bytes | str]:
    """Everything installed in an app."""
    modules = folder / "node_modules"
    return {
        str(path.relative_to(modules)): str(path.readlink()) if path.is_symlink() else path.read_bytes()
        for path in modules.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def locked(root: Path, package: dict[str, Any]) -> str:
    """The lockfile npm makes for a package.json."""
    root.mkdir()
    (root / "package.json").write_text(json.dumps({"name": "app", "version": "0.1.0", **package}))
    command = ["npm", "install", "--package-lock-only", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=root, check=True, capture_output=True)
    return (root / "package-lock.json").read_text()


def test_the_second_build_does_not_install(world: BuildWorld) -> None:
    """It gets the same tree, with npm's programs executable, and says so; the app's own file is new."""
    package = {"dependencies": {"express": "4.18.2", "semver": "7.6.0"}}
    files = {"server.js": "1", "package-lock.json": locked(world.root / "locked", package)}
    first = world.build(world.job(package, files))
    told = again(world, package, {**files, "server.js": "2"}, job={"snapshot": "0.1.1"})
    second = world.root / "builds/ada/app/0.1.1"
    assert reused(told)
    assert not world.lines
    assert tree(second) == tree(first.folder)
    assert (second / "server.js").read_text() == "2"
    ran = subprocess.run([second / "node_modules/.bin/semver", "1.2.3"], capture_output=True, check=True)
    assert ran.stdout.strip() == b"1.2.3"
    assert not world.leftovers()


def test_one_app_cannot_write_into_anothers_dependencies(world: BuildWorld) -> None:
    """What a build or an app does to its tree stays there."""
    first = world.build(world.job(PACKAGE, SERVER))
    for path in (first.folder / "node_modules/ms").iterdir():
        path.write_text("broken")
    told = again(world, PACKAGE, SERVER, job={"snapshot": "0.1.1"})
    assert reused(told)
    assert "broken" not in (world.root / "builds/ada/app/0.1.1/node_modules/ms/index.js").read_text()


def test_a_changed_version_is_installed(world: BuildWorld) -> None:
    """And it is said what has changed."""
    again(world, PACKAGE, SERVER)
    told = again(world, {"dependencies": {"ms": "2.1.2"}}, SERVER)
    assert why(told) == "Dependencies are not reused: changed since the last build: package.json."
    installed = json.loads((world.root / "builds/ada/app/0.1.0/node_modules/ms/package.json").read_text())
    assert installed["version"] == "2.1.2"
    assert reused(again(world, PACKAGE, SERVER))


def test_without_a_lockfile_the_tree_is_pinned_until_asked(world: BuildWorld, registry: FakeRegistry) -> None:
    """A redeploy keeps its versions; a deploy that asks for new ones gets them, and they stay."""
    package = {"dependencies": {"dep": "^1.0.0"}}
    files = {**SERVER, ".npmrc": registry.npmrc()}
    place = world.root / "builds/ada/app/0.1.0"
    again(world, package, files)
    assert (place / "package-lock.json").exists()
    registry.add("dep", "1.2.0")
    assert reused(again(world, package, files))
    assert json.loads((place / "node_modules/dep/package.json").read_text())["version"] == "1.1.0"
    assert (place / "package-lock.json").exists()
    # npm's own cache of the registry's answers goes too: it would not look again.
    shutil.rmtree(world.root / "cache/downloads/ada/npm")
    told = again(world, package, files, fresh=True)
    assert why(told) == "Dependencies are not reused: the deploy asked for new ones."
    assert reused(again(world, package, files))
    assert json.loads((place / "node_modules/dep/package.json").read_text())["version"] == "1.2.0"


def test_another_user_gets_none_of_it(world: BuildWorld, registry: FakeRegistry) -> None:
    """Who may not fetch a package does not get it from somebody else's build."""
    files = {**SERVER, ".npmrc": registry.npmrc()}
    package = {"dependencies": {"dep": "1.0.0"}}
    again(world, package, files)
    assert not reused(again(world, package, files, user="bob"))
    assert reused(again(world, package, files, app="another"))


def test_the_apps_own_install_scripts_run_each_time(world: BuildWorld) -> None:
    """In npm's order, in a tree from the cache that knows nothing of what they did before."""
    names = ("preinstall", "postinstall", "prepare")
    scripts = {name: f"echo {name} $npm_package_version; cat stamp >> node_modules/ms/x" for name in names}
    package = {**PACKAGE, "scripts": scripts}
    place = world.root / "builds/ada/app/0.1.0"
    for stamp, expected in (("1", False), ("2", True)):
        told = again(world, package, {**SERVER, "stamp": stamp})
        assert reused(told) is expected
        assert [line for line in told if line in {f"{name} 0.1.0" for name in names}] == [
            f"{name} 0.1.0" for name in names
        ]
        assert (place / "node_modules/ms/x").read_text() == stamp * len(names)
        assert json.loads((place / "package.json").read_text())["scripts"]["prepare"] == scripts["prepare"]
    assert told.count("Running the app's own install script: npm run prepare") == 1


def test_an_own_install_script_that_fails(world: BuildWorld) -> None:
    """Its words are shown; what was installed for it is there for the next deploy."""
    package = {**PACKAGE, "scripts": {"postinstall": "node make"}}
    with pytest.raises(PlatformError) as caught:
        again(world, package, {**SERVER, "make.js": "console.log('no luck today'); process.exit(3)"})
    assert caught.value.code is Code.INSTALL_FAILED
    assert "no luck today" in caught.value.details["output"]
    assert reused(again(world, package, {**SERVER, "make.js": ""}))


def test_an_install_that_writes_elsewhere_is_not_kept(world: BuildWorld, registry: FakeRegistry) -> None:
    """A dependency's script that makes files beside node_modules has to run each time."""
    script = "node -e \"require('fs').writeFileSync(process.env.INIT_CWD + '/made.txt', 'x')\""
    registry.add("writer", "1.0.0", scripts={"postinstall": script}, hasInstallScript=True)
    files = {**SERVER, ".npmrc": registry.npmrc()}
    package = {"dependencies": {"writer": "1.0.0"}}
    for _ in range(2):
        told = again(world, package, files)
        assert not reused(told)
        assert (world.root / "builds/ada/app/0.1.0/made.txt").exists()
    assert "installing them changed made.txt" in (world.root / "logs/0.1.0.log").read_text()


def test_dev_dependencies_are_pruned_from_a_reused_tree(world: BuildWorld) -> None:
    """A build gets its tools from the cache as well, and they are gone afterwards."""
    package = {
        **PACKAGE,
        "devDependencies": {"semver": "7.6.0"},
        "scripts": {"build": "semver 1.2.3 > built.txt"},
    }
    files = {**SERVER, "package-lock.json": locked(world.root / "locked", package)}
    for expected in (False, True):
        assert reused(again(world, package, files)) is expected
        place = world.root / "builds/ada/app/0.1.0"
        assert (place / "built.txt").read_text() == "1.2.3\n"
        assert sorted(path.name for path in (place / "node_modules").glob("[a-z]*")) == ["ms"]


def test_a_damaged_tree_is_installed_again(world: BuildWorld) -> None:
    """Said, made good, and used from then on."""
    again(world, PACKAGE, SERVER)
    kept = next((world.root / "cache/trees").glob("*/tree/node_modules/ms/index.js"))
    kept.write_text("half")
    told = again(world, PACKAGE, SERVER)
    assert "what was kept was damaged: node_modules/ms/index.js was changed" in why(told)
    assert "module.exports" in (world.root / "builds/ada/app/0.1.0/node_modules/ms/index.js").read_text()
    assert reused(again(world, PACKAGE, SERVER))


def test_the_cache_is_deleted_during_builds(world: BuildWorld) -> None:
    """Builds go on and end well."""
    jobs = [world.job(PACKAGE, SERVER, snapshot=f"0.1.{number}") for number in range(4)]

    async def build_and_delete() -> None:
        tasks = [asyncio.create_task(world.build_async(job)) for job in jobs]
        while not all(task.done() for task in tasks):
            await asyncio.to_thread(shutil.rmtree, world.root / "cache/trees", ignore_errors=True)
            await asyncio.sleep(0.005)
        await asyncio.gather(*tasks)

    asyncio.run(build_and_delete())
    for job in jobs:
        assert (job.folder / "node_modules/ms/index.js").read_text()
    assert not world.leftovers()


def test_equal_builds_at_a_time(world: BuildWorld) -> None:
    """Each has its tree; one is kept."""
    jobs = [world.job(PACKAGE, SERVER, snapshot=f"0.1.{number}") for number in range(3)]

    async def together() -> None:
        await asyncio.gather(*(world.build_async(job) for job in jobs))

    asyncio.run(together())
    assert len({frozenset(tree(job.folder)) for job in jobs}) == 1
    kept = [path for path in (world.root / "cache/trees").iterdir() if path.name != "apps"]
    assert len(kept) == 1


def test_an_upload_can_ask_for_new_ones(platform: LocalPlatform) -> None:
    """`?cache=no` passes by what is kept; the build's log says so."""
    assert platform.call("POST", f"/apps/{platform.user}", {"name": "app"}).status_code == 201
    path = f"/apps/{platform.user}/app/snapshots"
    logs = []
    for ref, query in (("1", ""), ("2", ""), ("3", "?cache=no")):
        answer = platform.call("POST", f"{path}/{ref}{query}", data=archive(hello("app", **PACKAGE)))
        assert answer.status_code == 200, answer.text
        logs.append(platform.call("GET", f"{path}/{ref}/log").text)
    assert "The dependencies are kept for next time." in logs[0]
    assert REUSED in logs[1]
    assert "Dependencies are not reused: the deploy asked for new ones." in logs[2]

"""The other package managers, fetched from npm as a project names them, and npm under other engines."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code
from tests.server.build_world import BuildWorld

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.server.builder import Built

pytestmark = pytest.mark.slow

PACKAGE = {
    "scripts": {"build": "node -e \"require('left-pad'); require('ms')\""},
    "dependencies": {"ms": "^2.1.0"},
    "devDependencies": {"left-pad": "1.3.0"},
}
SERVER = {"server.js": "console.log(require('ms')(86400000))"}
YARN_450 = (
    "837566d24eec14ec0f5f1411adb544e892b3454255e61fdef8fd05f3429480102806bac7446bc9daff3896b01ae4b62d00096c"
    "7e989f1596f2af10b927532f39"
)
"""What corepack writes into packageManager for it."""


@pytest.fixture(scope="module")
def engines(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An engines folder that these builds share, so that each manager is fetched once."""
    return tmp_path_factory.mktemp("engines")


@pytest.fixture
def world(tmp_path: Path, engines: Path) -> BuildWorld:
    """A builder on a machine that has npm and no other manager."""
    return BuildWorld(tmp_path, {"engines": engines})


def lockfile_of(world: BuildWorld, package: dict[str, Any], files: dict[str, str], name: str) -> str:
    """The lockfile that a manager writes: that of a build without one."""
    built = world.build(world.job(package, files, snapshot="0.0.1"))
    assert any("There is no lockfile" in line for line in world.lines)
    world.events.clear()
    return (built.folder / name).read_text()


def installed(folder: Path) -> list[str]:
    """Packages that an app can require."""
    return sorted(path.name for path in (folder / "node_modules").glob("[a-z]*"))


def answer(built: Built) -> str:
    """What the app prints when its start command runs, as a drone would run it."""
    env = {"PATH": f"{built.engine.node.parent}:/usr/bin:/bin", "HOME": str(built.folder)}
    done = subprocess.run(
        ["/bin/sh", "-c", built.command],
        cwd=built.folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def steps(world: BuildWorld) -> list[str]:
    """What the build told of its steps."""
    return [event["message"] for event in world.events if event["event"] == "step"]


def reused_by_a_second_build(world: BuildWorld, package: dict[str, Any], files: dict[str, str]) -> None:
    """What a manager installed is cloned, built with and pruned just as well."""
    world.events.clear()
    built = world.build(world.job(package, files, snapshot="0.1.1"))
    assert any("reusing those installed" in step for step in steps(world))
    assert installed(built.folder) == ["ms"]
    assert (built.folder / "node_modules/ms").resolve().is_relative_to(built.folder)
    assert answer(built) == "1d"


@pytest.mark.parametrize(
    ("named", "name", "install"),
    [
        ("yarn@1.22.22", "yarn.lock", "yarn install --frozen-lockfile"),
        ("pnpm@9.15.9", "pnpm-lock.yaml", "pnpm install --frozen-lockfile"),
        (f"yarn@4.5.0+sha512.{YARN_450}", "yarn.lock", "yarn install --immutable"),
    ],
)
def test_a_manager_installs_builds_and_prunes(world: BuildWorld, named: str, name: str, install: str) -> None:
    """Fetched from npm, followed to the letter of its lockfile; its second build comes from the cache."""
    package = {**PACKAGE, "packageManager": named}
    files = {**SERVER, ".yarnrc.yml": "nodeLinker: node-modules\n"} if "4.5" in named else SERVER
    text = lockfile_of(world, package, files, name)
    built = world.build(world.job(package, {**files, name: text}))
    assert f"Installing dependencies: {install}" in steps(world)
    assert installed(built.folder) == ["ms"]
    assert (built.folder / "node_modules/ms").resolve().is_relative_to(built.folder)
    assert (built.folder / "node_modules/ms/index.js").stat().st_nlink == 1
    assert answer(built) == "1d"
    assert (built.folder / name).read_text() == text
    reused_by_a_second_build(world, package, {**files, name: text})
    assert not world.leftovers()


def test_plug_n_play(world: BuildWorld) -> None:
    """Yarn's own way without node_modules: the app finds its packages, those of development are gone."""
    package = {**PACKAGE, "packageManager": "yarn@4.5.0"}
    text = lockfile_of(world, package, SERVER, "yarn.lock")
    for reused in (False, True):
        world.events.clear()
        built = world.build(world.job(package, {**SERVER, "yarn.lock": text}))
        assert any("reusing those installed" in step for step in steps(world)) is reused
        assert (built.folder / ".pnp.cjs").is_file()
        assert not (built.folder / "node_modules").exists()
        assert answer(built) == "1d"
        assert "left-pad" not in (built.folder / ".pnp.cjs").read_text()
    # The snapshot holds all that it needs: the cache may go.
    shutil.rmtree(world.root / "cache")
    assert answer(built) == "1d"


@pytest.mark.parametrize(("named", "linker"), [("yarn@2.4.2", "pnp"), ("yarn@3.8.7", "node-modules")])
def test_yarn_2_and_3(world: BuildWorld, named: str, linker: str) -> None:
    """They install by their lockfile, build, start, and are reused; devDependencies stay, and it is said."""
    package = {**PACKAGE, "packageManager": named}
    files = {**SERVER, ".yarnrc.yml": f"nodeLinker: {linker}\n"}
    files["yarn.lock"] = lockfile_of(world, package, files, "yarn.lock")
    del package["packageManager"]
    for reused in (False, True):
        world.events.clear()
        built = world.build(world.job(package, files))
        assert any("reusing those installed" in step for step in steps(world)) is reused
        assert (built.folder / "node_modules").exists() is (linker == "node-modules")
        assert answer(built) == "1d"
        assert reused or any("by its plugin workspace-tools only: they stay" in line for line in world.lines)


def test_a_yarn_2_that_npm_has_not(world: BuildWorld) -> None:
    """The error says what can be done."""
    with pytest.raises(PlatformError, match=r"wants yarn 2\.4\.3; npm has no such version") as caught:
        world.build(world.job({**PACKAGE, "packageManager": "yarn@2.4.3"}, SERVER))
    assert "yarnPath in .yarnrc.yml" in caught.value.details["hint"]


@pytest.mark.parametrize("named", ["npm", "yarn@1.22.22", "pnpm@9.15.9", "yarn@4.5.0"])
def test_workspaces_are_reused(world: BuildWorld, named: str) -> None:
    """With what lies in the packages' own node_modules, until one of them asks for something else."""
    lib = {"name": "lib", "version": "1.0.0", "dependencies": {"ms": "2.0.0"}}
    root = {"private": True, "workspaces": ["packages/*"], "dependencies": {"ms": "2.1.3"}}
    files = {
        "server.js": "console.log(require('./packages/lib'), require('ms/package.json').version)",
        "packages/lib/index.js": "module.exports = require('ms/package.json').version",
        "packages/lib/package.json": json.dumps(lib),
        "pnpm-workspace.yaml": "packages:\n  - packages/*\n",
    }
    if named == "yarn@4.5.0":
        files[".yarnrc.yml"] = "nodeLinker: node-modules\n"
    package = root if named == "npm" else {**root, "packageManager": named}
    assert answer(world.build(world.job(package, files))) == "2.0.0 2.1.3"
    world.events.clear()
    files["packages/lib/index.js"] += " + '!'"
    assert answer(world.build(world.job(package, files))) == "2.0.0! 2.1.3"
    assert any("reusing those installed" in step for step in steps(world))
    world.events.clear()
    files["packages/lib/package.json"] = json.dumps({**lib, "dependencies": {"ms": "2.1.1"}})
    assert answer(world.build(world.job(package, files))) == "2.1.1! 2.1.3"
    assert any("changed since the last build: the app's own packages" in line for line in world.lines)


@pytest.mark.parametrize(
    ("named", "ran"),
    [("yarn@1.22.22", ["postinstall"]), ("pnpm@9.15.9", ["install", "postinstall", "prepare"])],
)
def test_own_install_scripts_run_in_a_reused_tree(world: BuildWorld, named: str, ran: list[str]) -> None:
    """Those that this manager runs, once each."""
    scripts = {name: f"echo ran {name}" for name in ran}
    package = {"packageManager": named, "dependencies": {"ms": "2.1.3"}, "scripts": scripts}
    for reused in (False, True):
        world.events.clear()
        built = world.build(world.job(package, SERVER))
        assert any("reusing those installed" in step for step in steps(world)) is reused
        assert [line for line in world.lines if line.startswith("ran ")] == [f"ran {name}" for name in ran]
        assert answer(built) == "1d"


def test_a_start_script_may_call_the_manager(world: BuildWorld) -> None:
    """The one that installed the app is on PATH when it runs, in its version."""
    package = {**PACKAGE, "packageManager": "pnpm@9.15.9", "scripts": {"start": "pnpm --version"}}
    assert answer(world.build(world.job(package, SERVER))) == "9.15.9"


def test_a_wrong_hash_is_refused(world: BuildWorld) -> None:
    """packageManager's hash is that of another program."""
    package = {**PACKAGE, "packageManager": f"yarn@4.5.0+sha512.{'0' * 128}"}
    with pytest.raises(PlatformError) as caught:
        world.build(world.job(package, SERVER))
    assert (caught.value.code, caught.value.blame) == (Code.INSTALL_FAILED, Blame.APPLICATION)
    assert "its sha512 is 837566d24eec14ec…, and package.json says 0000000000000000…" in caught.value.message
    assert not world.leftovers()


def test_a_version_that_is_not_there(world: BuildWorld) -> None:
    """npm has never heard of it."""
    with pytest.raises(PlatformError, match=r"wants pnpm 9\.999\.0; npm has no such version"):
        world.build(world.job({**PACKAGE, "packageManager": "pnpm@9.999.0"}, SERVER))


def test_a_manager_cannot_be_fetched(tmp_path: Path) -> None:
    """No network: said, and whose fault it is."""
    (tmp_path / "npmrc").write_text("registry=http://127.0.0.1:1/\nfetch-retries=0\n")
    world = BuildWorld(tmp_path, {"npmrc": tmp_path / "npmrc"})
    with pytest.raises(PlatformError) as caught:
        world.build(world.job({**PACKAGE, "packageManager": "pnpm@9.15.9"}, SERVER))
    assert "it cannot be fetched: The package registry cannot be reached" in caught.value.message
    assert caught.value.blame is Blame.SYSTEM
    assert not world.leftovers()


def test_npm_itself_in_the_version_that_is_named(world: BuildWorld) -> None:
    """It installs, and scripts meet it."""
    package = {**PACKAGE, "packageManager": "npm@10.9.2", "scripts": {"build": "npm --version"}}
    built = world.build(world.job(package, SERVER))
    assert "10.9.2" in world.lines
    assert built.engine.npm_version == "10.9.2"
    assert installed(built.folder) == ["ms"]


def test_the_wheels_node_brings_its_own_npm(world: BuildWorld) -> None:
    """A Node that the system has not installs under itself, not under the system's."""
    package = {
        "engines": {"node": ">=24"},
        "dependencies": {"dep": "file:./dep"},
    }
    files = {
        **SERVER,
        "dep/package.json": json.dumps(
            {"name": "dep", "version": "1.0.0", "scripts": {"postinstall": "node -v && npm -v"}}
        ),
    }
    built = world.build(world.job(package, files))
    assert f"v{built.engine.version}" in world.lines
    assert built.engine.npm_version in world.lines


def test_npm_that_asks_before_it_runs_scripts(tmp_path: Path) -> None:
    """npm 12 runs no install script that nobody allowed; an app's dependencies need theirs all the same."""
    world = BuildWorld(tmp_path, {"engines": tmp_path / "own"})
    folder = tmp_path / "npm12"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "tools"}')
    install = ["npm", "install", "--no-audit", "--no-fund", "npm@12"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True)
    wheel = world.build(world.job({"engines": {"node": ">=24"}}, SERVER, snapshot="0.0.1")).engine.node
    engine = tmp_path / "own/24.99.0/bin"
    engine.mkdir(parents=True)
    (engine / "node").symlink_to(wheel.resolve())
    (engine / "npm").symlink_to(folder / "node_modules/npm/bin/npm-cli.js")
    dep = {"name": "dep", "version": "1.0.0", "scripts": {"postinstall": "echo it ran"}}
    files = {**SERVER, "dep/package.json": json.dumps(dep)}
    package = {"engines": {"node": ">=24"}, "dependencies": {"dep": "file:./dep"}}
    built = world.build(world.job(package, files))
    assert built.engine.npm_version.startswith("12.")
    assert "it ran" in world.lines
    assert world.lines.count("it ran") == 1
    world.build(world.job({**package, "allowScripts": {"other": True}}, files))
    assert world.lines.count("it ran") == 1

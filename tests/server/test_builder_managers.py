"""The other package managers, where they are at hand, and npm under other engines."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.server.build_world import BuildWorld

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PACKAGE = {
    "scripts": {"build": "node -e \"require('left-pad'); require('ms')\""},
    "dependencies": {"ms": "^2.1.0"},
    "devDependencies": {"left-pad": "1.3.0"},
}
SERVER = {"server.js": "require('ms')"}


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """yarn and pnpm, installed from npm into a folder; returns that of their commands."""
    folder = tmp_path_factory.mktemp("tools")
    (folder / "package.json").write_text('{"name": "tools"}')
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "yarn@1.22.22", "pnpm@9.15.9"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    return folder / "node_modules" / ".bin"


@pytest.fixture
def world(tmp_path: Path, tools: Path, monkeypatch: pytest.MonkeyPatch) -> BuildWorld:
    """A builder on a machine that has yarn and pnpm."""
    monkeypatch.setenv("PATH", os.pathsep.join([os.environ["PATH"], str(tools)]))
    return BuildWorld(tmp_path)


def lockfile(root: Path, name: str, *command: str) -> str:
    """The lockfile that a manager writes for the package."""
    root.mkdir()
    (root / "package.json").write_text(json.dumps({"name": "app", "version": "0.1.0", **PACKAGE}))
    env = {**os.environ, "HOME": str(root), "CI": ""}
    subprocess.run(command, cwd=root, check=True, capture_output=True, env=env)
    return (root / name).read_text()


def installed(folder: Path) -> list[str]:
    """Packages that an app can require."""
    return sorted(path.name for path in (folder / "node_modules").glob("[a-z]*"))


def reused_by_a_second_build(world: BuildWorld, files: dict[str, str]) -> None:
    """What a manager installed is cloned, built with and pruned just as well."""
    world.events.clear()
    built = world.build(world.job(PACKAGE, files, snapshot="0.1.1"))
    assert any("reusing those installed" in event.get("message", "") for event in world.events)
    assert installed(built.folder) == ["ms"]
    assert (built.folder / "node_modules/ms").resolve().is_relative_to(built.folder)


def test_yarn(world: BuildWorld) -> None:
    """yarn.lock is followed, dev packages are there for the build and gone afterwards."""
    text = lockfile(world.root / "locked", "yarn.lock", "yarn", "install", "--ignore-scripts")
    built = world.build(world.job(PACKAGE, {**SERVER, "yarn.lock": text}))
    assert installed(built.folder) == ["ms"]
    assert any("yarn install" in event.get("message", "") for event in world.events)
    reused_by_a_second_build(world, {**SERVER, "yarn.lock": text})


def test_pnpm(world: BuildWorld) -> None:
    """pnpm-lock.yaml is followed; what is installed is no link out of the app."""
    text = lockfile(world.root / "locked", "pnpm-lock.yaml", "pnpm", "install", "--lockfile-only")
    built = world.build(world.job(PACKAGE, {**SERVER, "pnpm-lock.yaml": text}))
    assert installed(built.folder) == ["ms"]
    assert (built.folder / "node_modules/ms").resolve().is_relative_to(built.folder)
    assert (built.folder / "node_modules/ms/index.js").stat().st_nlink == 1
    assert any("pnpm install" in event.get("message", "") for event in world.events)
    reused_by_a_second_build(world, {**SERVER, "pnpm-lock.yaml": text})


def test_yarn_two_is_not_there_yet(world: BuildWorld) -> None:
    """Its lockfile looks different; npm does the work, and it is said."""
    built = world.build(world.job(PACKAGE, {**SERVER, "yarn.lock": "__metadata:\n  version: 8\n"}))
    assert installed(built.folder) == ["ms"]
    assert any("Yarn 2 and later are not supported yet" in line for line in world.lines)


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


def test_npm_that_asks_before_it_runs_scripts(world: BuildWorld, tmp_path: Path) -> None:
    """npm 12 runs no install script that nobody allowed; an app's dependencies need theirs all the same."""
    folder = tmp_path / "npm12"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "tools"}')
    install = ["npm", "install", "--no-audit", "--no-fund", "npm@12"]
    subprocess.run(install, cwd=folder, check=True, capture_output=True)
    wheel = world.build(world.job({"engines": {"node": ">=24"}}, SERVER, snapshot="0.0.1")).engine.node
    engine = tmp_path / "cache/engines/24.99.0/bin"
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

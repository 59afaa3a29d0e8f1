"""What starts an app, and what its build is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from jitsu_py.server.builder.engines import Engine
from jitsu_py.server.builder.install import plan, shown
from jitsu_py.server.builder.start import start_command
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code

ENGINE = Engine("20.1.0", Path("/n/bin/node"), ("/n/bin/node", "/n/lib/npm-cli.js"), "11.19.1")


def make(folder: Path, *names: str) -> Path:
    """An app's folder with files."""
    for name in names:
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\n" if name.endswith("shell") else "#!/usr/bin/env node\n")
    return folder


@pytest.mark.parametrize(
    ("scripts", "expected"),
    [
        ({"start": "node app.js"}, "node app.js"),
        ({"start": " next start "}, "next start"),
        ({"start": "server.js"}, "node server.js"),
        ({"start": "./bin/www"}, "node ./bin/www"),
        ({"start": "bin/www"}, "node bin/www"),
        ({"start": "bin/shell"}, "bin/shell"),
        ({"start": "app.mjs"}, "node app.mjs"),
        ({"start": "missing.js"}, "missing.js"),
        ({"start": "/etc/passwd"}, "/etc/passwd"),
        ({"start": "node app.js", "prestart": "node migrate.js"}, "( node migrate.js ) && node app.js"),
        ({"start": "server.js", "prestart": "a; b"}, "( a; b ) && node server.js"),
        ({}, "node server.js"),
        ({"start": ""}, "node server.js"),
        ({"start": 7}, "node server.js"),
        ({"prestart": "x"}, "node server.js"),
    ],
)
def test_start_command(tmp_path: Path, scripts: dict[str, Any], expected: str) -> None:
    """npm's rules, and the bare file names that Nodejitsu took."""
    folder = make(tmp_path, "server.js", "app.mjs", "bin/www", "bin/shell")
    assert start_command({"name": "a", "scripts": scripts}, folder) == expected


@pytest.mark.parametrize("scripts", [{}, {"start": "  "}, [], None, {"test": "x"}])
def test_no_start_script(tmp_path: Path, scripts: object) -> None:
    """Nothing to start is said with what to write."""
    with pytest.raises(PlatformError) as caught:
        start_command({"name": "a", "scripts": scripts}, tmp_path)
    assert caught.value.code is Code.NO_START_SCRIPT
    assert '"start": "node app.js"' in caught.value.details["hint"]


def planned(folder: Path, manifest: dict[str, Any], *files: str) -> list[str]:
    """The commands of a plan, as a person would type them."""
    made = plan({"name": "a", **manifest}, make(folder, *files), ENGINE, path="", cache=folder / "cache")
    return [shown(command) for command in (made.install, made.build, made.prune) if command]


DEV = {"devDependencies": {"typescript": "5"}}
PROD = {"dependencies": {"express": "4"}}


@pytest.mark.parametrize(
    ("manifest", "files", "expected"),
    [
        ({}, [], []),
        (DEV, ["package-lock.json"], []),
        ({"dependencies": {}}, ["package-lock.json"], []),
        (PROD, ["package-lock.json"], ["npm ci --omit=dev"]),
        (PROD, ["npm-shrinkwrap.json"], ["npm ci --omit=dev"]),
        (PROD, [], ["npm install --omit=dev"]),
        (PROD, ["yarn.lock"], ["npm install --omit=dev"]),
        ({"workspaces": ["packages/*"]}, [], ["npm install --omit=dev"]),
        ({"optionalDependencies": {"x": "1"}}, [], ["npm install --omit=dev"]),
        ({"scripts": {"postinstall": "x"}}, [], ["npm install --omit=dev"]),
        ({}, ["binding.gyp"], ["npm install --omit=dev"]),
        ({"scripts": {"build": "x"}}, [], ["npm run build"]),
        ({**PROD, "scripts": {"build": "x"}}, [], ["npm install --omit=dev", "npm run build"]),
        ({**DEV, "scripts": {"build": "x"}}, [], ["npm install", "npm run build", "npm prune --omit=dev"]),
        ({**DEV, "scripts": {"prepare": "x"}}, [], ["npm install", "npm prune --omit=dev"]),
        ({"jitsu": {"build": "make all"}}, [], ["make all"]),
        ({"jitsu": {"build": "dist"}, "scripts": {"dist": "x", "build": "y"}}, [], ["npm run dist"]),
        ({"jitsu": {"build": False}, "scripts": {"build": "y"}}, [], []),
        ({"jitsu": "odd", "scripts": {"build": "y"}}, [], ["npm run build"]),
        ({"packageManager": "pnpm@9.1.0", **PROD}, ["package-lock.json"], ["npm ci --omit=dev"]),
    ],
)
def test_plan(tmp_path: Path, manifest: dict[str, Any], files: list[str], expected: list[str]) -> None:
    """What is run depends on what package.json has; for an app that needs nothing nothing is."""
    assert planned(tmp_path, manifest, *files) == expected


def test_says_that_a_package_manager_is_missing(tmp_path: Path) -> None:
    """A lockfile that is not used is worth a word."""
    made = plan({"name": "a", **PROD}, make(tmp_path, "pnpm-lock.yaml"), ENGINE, path="", cache=tmp_path)
    assert made.remark == "pnpm is not installed on the server: npm installs instead, without pnpm-lock.yaml."


def test_newer_npm_is_told_to_run_install_scripts(tmp_path: Path) -> None:
    """npm 12 refuses them unless somebody allows them; what the project itself says counts more."""
    new = Engine("24.0.0", ENGINE.node, ENGINE.npm, "12.2.0")
    old = Engine("16.0.0", ENGINE.node, ENGINE.npm, "8.19.4")
    flag = "--dangerously-allow-all-scripts"

    def install(engine: Engine, **more: Any) -> tuple[str, ...]:
        return plan({"name": "a", **PROD, **more}, tmp_path, engine, path="", cache=tmp_path).install

    assert flag in install(new)
    assert flag not in install(old)
    assert flag not in install(new, allowScripts={"bcrypt": True})


def test_says_that_npm_is_missing(tmp_path: Path) -> None:
    """A Node alone runs an app without dependencies, and no other."""
    bare = Engine("20.1.0", Path("/n/bin/node"), ())
    assert plan({"name": "a"}, tmp_path, bare, path="", cache=tmp_path).install == ()
    with pytest.raises(PlatformError, match="has no npm"):
        plan({"name": "a", **PROD}, tmp_path, bare, path="", cache=tmp_path)

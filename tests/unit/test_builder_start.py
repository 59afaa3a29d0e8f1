"""What starts an app, and what its build is made of."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server.builder.choice import Choice, choose
from jitsu_py.server.builder.install import Plan, needs, plan, shown
from jitsu_py.server.builder.manager_fetch import Tool
from jitsu_py.server.builder.start import development_settings, start_command
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from pathlib import Path

NPM = Tool("npm", "11.10.1", ("/n/bin/node", "/n/lib/npm-cli.js"))
YARN = Tool("yarn", "1.22.22", ("/n/bin/node", "/n/lib/yarn.js"))
BERRY = Tool("yarn", "4.5.0", ("/n/bin/node", "/n/lib/yarn.js"), is_berry=True)
PNPM = Tool("pnpm", "9.15.9", ("/n/bin/node", "/n/lib/pnpm.cjs"))


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


def made_plan(folder: Path, manifest: dict[str, Any], tool: Tool = NPM) -> Plan:
    """The plan for an app."""
    whole = {"name": "a", **manifest}
    return plan(whole, folder, needs(whole, folder), tool, cache=folder / "cache")


def planned(folder: Path, manifest: dict[str, Any], *files: str, tool: Tool = NPM) -> list[str]:
    """The commands of a plan, as a person would type them."""
    made = made_plan(make(folder, *files), manifest, tool)
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
    ],
)
def test_plan(tmp_path: Path, manifest: dict[str, Any], files: list[str], expected: list[str]) -> None:
    """What is run depends on what package.json has; for an app that needs nothing nothing is."""
    assert planned(tmp_path, manifest, *files) == expected


BOTH = {**PROD, **DEV, "scripts": {"build": "x"}}


@pytest.mark.parametrize(
    ("tool", "manifest", "files", "expected"),
    [
        (YARN, PROD, ["yarn.lock"], ["yarn install --frozen-lockfile --production=true"]),
        (YARN, PROD, [], ["yarn install --production=true"]),
        (PNPM, PROD, ["pnpm-lock.yaml"], ["pnpm install --frozen-lockfile --prod"]),
        (PNPM, PROD, [], ["pnpm install --prod"]),
        (
            PNPM,
            BOTH,
            ["pnpm-lock.yaml"],
            ["pnpm install --frozen-lockfile", "pnpm run build", "pnpm prune --prod"],
        ),
        (BERRY, PROD, ["yarn.lock"], ["yarn install --immutable"]),
        (
            BERRY,
            {**PROD, **DEV},
            ["yarn.lock"],
            ["yarn install --immutable", "yarn workspaces focus"],
        ),
        (replace(BERRY, version="3.8.0"), {**PROD, **DEV}, [], ["yarn install"]),
    ],
)
def test_plan_of_the_others(
    tmp_path: Path, tool: Tool, manifest: dict[str, Any], files: list[str], expected: list[str]
) -> None:
    """Each has words of its own; without a lockfile none insists on one, and it is said."""
    assert planned(tmp_path, manifest, *files, tool=tool) == expected
    assert bool(files) != ("There is no lockfile" in made_plan(tmp_path, manifest, tool).remark)


def test_newer_npm_is_told_to_run_install_scripts(tmp_path: Path) -> None:
    """npm 12 refuses them unless somebody allows them; what the project itself says counts more."""
    new, old = replace(NPM, version="12.2.0"), replace(NPM, version="8.19.4")
    flag = "--dangerously-allow-all-scripts"
    assert flag in made_plan(tmp_path, PROD, new).install
    assert flag not in made_plan(tmp_path, PROD, old).install
    assert flag not in made_plan(tmp_path, {**PROD, "allowScripts": {"bcrypt": True}}, new).install


SHA = "sha512.837566d2"


@pytest.mark.parametrize(
    ("manifest", "files", "expected"),
    [
        ({}, {}, Choice("npm")),
        ({}, {"package-lock.json": "{}", "yarn.lock": ""}, Choice("npm")),
        ({}, {"yarn.lock": "# yarn lockfile v1\n"}, Choice("yarn", "1")),
        ({}, {"yarn.lock": "__metadata:\n  version: 4\n"}, Choice("yarn", "2")),
        ({}, {"yarn.lock": "__metadata:\n  version: 6\n"}, Choice("yarn", "3")),
        ({}, {"yarn.lock": "__metadata:\n  version: 8\n"}, Choice("yarn", "4")),
        ({}, {".yarnrc.yml": "nodeLinker: node-modules\n"}, Choice("yarn", "4")),
        ({}, {"pnpm-lock.yaml": "lockfileVersion: 5.4\n"}, Choice("pnpm", "7")),
        ({}, {"pnpm-lock.yaml": "lockfileVersion: '6.0'\n"}, Choice("pnpm", "8")),
        ({}, {"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, Choice("pnpm", ">=9 <11")),
        ({"packageManager": "pnpm@9.1.0"}, {"package-lock.json": "{}"}, Choice("pnpm", "9.1.0")),
        ({"packageManager": f"yarn@4.5.0+{SHA}"}, {}, Choice("yarn", "4.5.0", ("sha512", "837566d2"))),
        ({"packageManager": "npm@10.2.0"}, {"yarn.lock": ""}, Choice("npm", "10.2.0")),
        ({"packageManager": "yarn@latest"}, {}, Choice("yarn", "1")),
        ({"packageManager": "bun@1.1.0"}, {"yarn.lock": ""}, Choice("yarn", "1")),
        ({"packageManager": 7}, {}, Choice("npm")),
        ({"packageManager": "yarn@4; rm -rf /"}, {}, Choice("npm")),
        (
            {"devEngines": {"packageManager": {"name": "pnpm", "version": "^9.2.0"}}},
            {},
            Choice("pnpm", "^9.2.0"),
        ),
        ({"devEngines": {"packageManager": [{"name": "pnpm"}]}}, {}, Choice("npm")),
    ],
)
def test_which_package_manager(
    tmp_path: Path, manifest: dict[str, Any], files: dict[str, str], expected: Choice
) -> None:
    """By `packageManager`, else `devEngines`, else the lockfile, whose format tells the version."""
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert choose(manifest, tmp_path) == expected


def test_the_yarn_that_a_project_brings(tmp_path: Path) -> None:
    """`yarnPath` names it; one that leads out of the app is passed over."""
    script = tmp_path / ".yarn/releases/yarn-4.5.0.cjs"
    script.parent.mkdir(parents=True)
    script.write_text("")
    settings = tmp_path / ".yarnrc.yml"
    settings.write_text("yarnPath: .yarn/releases/yarn-4.5.0.cjs\n")
    assert choose({}, tmp_path).script == script.resolve()
    for elsewhere in ("../../etc/passwd", "/etc/passwd", ".yarn/releases/missing.cjs"):
        settings.write_text(f"yarnPath: {elsewhere}\n")
        assert choose({}, tmp_path) == Choice("yarn", "4")


@pytest.mark.parametrize(
    ("start", "expected"),
    [
        (
            "node app.js",
            'export NODE_OPTIONS="--require \\"$PWD/.pnp.cjs\\" $NODE_OPTIONS"; exec node app.js',
        ),
        ("next start", "exec yarn run start"),
        ("node a.js && node b.js", None),
    ],
)
def test_plug_n_play_starts_through_its_own_file(tmp_path: Path, start: str, expected: str | None) -> None:
    """Node is told where the packages are; a program of theirs is found by yarn."""
    command = start_command({"scripts": {"start": start}}, make(tmp_path, ".pnp.cjs"))
    assert command == expected or (expected is None and command.endswith("; node a.js && node b.js"))


TYPED: dict[str, Any] = {
    "scripts": {"start": "next start"},
    "dependencies": {"next": "15.5.4"},
    "devDependencies": {"typescript": "^5"},
}


@pytest.mark.parametrize(
    ("change", "file", "expected"),
    [
        ({}, "next.config.ts", "next.config.ts"),
        ({"scripts": {"start": "node server.js"}}, "next.config.mts", "next.config.mts"),
        ({}, "next.config.mjs", ""),
        ({"scripts": {"start": "node .next/standalone/server.js"}}, "next.config.ts", ""),
        ({"dependencies": {"next": "15.5.4", "typescript": "^5"}}, "next.config.ts", ""),
        ({"dependencies": {}}, "next.config.ts", ""),
        ({"devDependencies": {}}, "next.config.ts", ""),
    ],
)
def test_settings_that_a_dev_dependency_reads(
    tmp_path: Path, change: dict[str, Any], file: str, expected: str
) -> None:
    """Where Next.js would miss TypeScript at its start, and nowhere else."""
    assert development_settings({**TYPED, **change}, make(tmp_path, file)) == expected

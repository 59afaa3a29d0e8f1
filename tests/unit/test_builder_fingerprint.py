"""What makes two installs the same, and what keeps an install out of the cache."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from jitsu_py.server.builder.engines import Engine
from jitsu_py.server.builder.fingerprint import fingerprint, key_of
from jitsu_py.server.builder.layout import Layout, layout
from jitsu_py.server.builder.manager_fetch import Tool

ENGINE = Engine("20.1.0", Path("/node"), ("/node", "/npm-cli.js"), "10.1.0")
SPACES = {"workspaces": ["packages/*"]}
MANIFEST = {"name": "app", "version": "1.0.0", "dependencies": {"ms": "^2.0.0"}}


def lockfile(version: str = "1.0.0", dep: str = "2.1.3", **package: object) -> str:
    """A package-lock.json of npm's."""
    packages = {
        "": {"name": "app", "version": version, "dependencies": {"ms": "^2.0.0"}},
        "node_modules/ms": {"version": dep, **package},
    }
    return json.dumps({"name": "app", "version": version, "lockfileVersion": 3, "packages": packages})


class World:
    """An app and what it is installed with; each part can be another."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "app"
        self.folder.mkdir()
        self.npmrc = folder / "npmrc"
        self.manifest: dict[str, Any] = dict(MANIFEST)
        self.engine = ENGINE
        self.command: tuple[str, ...] = (*ENGINE.npm, "ci", "--omit=dev")
        self.tool = Tool("npm", "10.1.0", ENGINE.npm)
        self.own: dict[str, str] = {}
        self.user = "ada"
        self.write("package-lock.json", lockfile())

    def write(self, name: str, text: str) -> None:
        """Write a file of the app."""
        (self.folder / name).parent.mkdir(parents=True, exist_ok=True)
        (self.folder / name).write_text(text)

    def parts(self) -> dict[str, str]:
        """Its fingerprint."""
        env = {"PATH": "/usr/bin", "npm_config_userconfig": str(self.npmrc)}
        return fingerprint(
            self.manifest,
            self.folder,
            self.engine,
            self.tool,
            self.command,
            env=env,
            own=self.own,
            user=self.user,
            packages=self.layout().packages,
        )

    def layout(self, *, apart: bool = False) -> Layout:
        """What its install makes."""
        return layout(self.manifest, self.folder, self.tool, apart=apart)

    def changed(self, before: dict[str, str]) -> list[str]:
        """Names of the parts that are others than before."""
        return [part for part, digest in self.parts().items() if before.get(part) != digest]


@pytest.fixture
def world(tmp_path: Path) -> World:
    """An app with a lockfile and no install scripts."""
    return World(tmp_path)


def test_the_same_is_the_same(world: World) -> None:
    """Twice the same gives the same name."""
    assert key_of(world.parts()) == key_of(world.parts())


def test_what_changes_nothing_that_is_installed(world: World) -> None:
    """The app's code, version, scripts, variables and configuration are not the packages' business."""
    before = world.parts()
    world.write("server.js", "new code")
    world.write(".eslintrc", "{}")
    world.write("config.json", "{}")
    world.write("package-lock.json", lockfile(version="2.0.0"))
    world.manifest = {**MANIFEST, "version": "2.0.0", "scripts": {"start": "node x"}, "description": "d"}
    world.own = {"GREETING": "hej"}
    assert world.changed(before) == []


def test_what_changes_what_is_installed(world: World) -> None:
    """Each is named as a person knows it."""
    before = world.parts()
    world.write("package-lock.json", lockfile(dep="2.1.2"))
    world.write(".npmrc", "legacy-peer-deps=true")
    world.npmrc.write_text("registry=http://127.0.0.1/")
    world.manifest["overrides"] = {"a": "1"}
    world.engine = replace(ENGINE, version="22.0.0")
    world.tool = replace(world.tool, version="11.0.0")
    world.own = {"npm_config_omit": "optional"}
    world.user = "bob"
    assert world.changed(before) == [
        "the user",
        "Node",
        "the package manager",
        "package-lock.json",
        "package.json",
        ".npmrc",
        "the server's npm configuration",
        "the app's variables",
    ]


def test_dev_packages_are_another_tree(world: World) -> None:
    """The command says which are installed."""
    before = world.parts()
    world.command = (*ENGINE.npm, "ci", "--include=dev")
    assert world.changed(before) == ["the package manager"]


def test_a_variable_that_an_npmrc_names_counts(world: World) -> None:
    """A token opens a registry; whoever has none must not get what it opened."""
    world.write(".npmrc", "//r.example.com/:_authToken=${TOKEN}")
    before = world.parts()
    world.own = {"TOKEN": "s3cret"}
    assert world.changed(before) == ["the app's variables"]
    assert "s3cret" not in str(world.parts())


@pytest.mark.parametrize("how", ["script", "old", "broken", "yarn.lock", "none"])
def test_install_scripts_may_read_all_of_this(world: World, how: str) -> None:
    """Where a dependency has one, or nobody says that none has: variables, settings, schema."""
    texts = {"script": lockfile(hasInstallScript=True), "old": '{"lockfileVersion": 1}', "broken": "{"}
    if how in texts:
        world.write("package-lock.json", texts[how])
    else:
        (world.folder / "package-lock.json").unlink()
    if how == "yarn.lock":
        world.write("yarn.lock", "# yarn")
        world.tool = Tool("yarn", "1.22.22", ("/node", "/yarn.js"))
        world.command = (*world.tool.command, "install")
    before = world.parts()
    world.own = {"SHARP_IGNORE": "1"}
    world.manifest = {**MANIFEST, "version": "9.9.9", "puppeteer": {"skip": True}}
    world.write(".puppeteerrc.cjs", "x")
    world.write("prisma/schema.prisma", "model A {}")
    world.write("server.js", "code")
    assert world.changed(before) == ["package.json", "the app's variables", "the app's configuration files"]
    world.write("server.js", "other code")
    assert world.changed(world.parts()) == []


def test_scripts_of_dev_packages_do_not_count_without_them(world: World) -> None:
    """They are not installed."""
    world.write("package-lock.json", lockfile(hasInstallScript=True, dev=True))
    before = world.parts()
    world.own = {"X": "1"}
    assert world.changed(before) == []
    world.command = (*ENGINE.npm, "ci", "--include=dev")
    assert "the app's variables" in world.changed(before)


@pytest.mark.parametrize(
    ("manifest", "files", "why"),
    [
        ({"scripts": {"postinstall": "node make"}}, {}, "own postinstall script"),
        ({"scripts": {"prepare": "husky"}}, {}, "own prepare script"),
        (SPACES, {"a/package.json": '{"scripts": {"prepare": "x"}}'}, "the prepare script of a"),
        (SPACES, {"a/package.json": "{}", "a/binding.gyp": ""}, "a is compiled"),
        (SPACES, {"a/package.json": "{"}, "a/package.json cannot be read"),
        (SPACES, {"a/package.json": '{"dependencies": {"b": "file:../b"}}'}, "b lies within the app"),
        (SPACES, {"a/package.json": "{}", "a/node_modules/x": ""}, "a a/node_modules of its own"),
        (SPACES, {"a/package.json": "{}", ".npmrc": "inject-workspace-packages=true"}, "are copied"),
        (SPACES, {"a/package.json": '{"dependenciesMeta": {"b": {"injected": true}}}'}, "b lies within"),
        ({"dependencies": {"dep": "workspace:*"}}, {}, "dep lies within the app"),
        ({}, {"binding.gyp": "{}"}, "binding.gyp"),
        ({}, {"node_modules/x": ""}, "a node_modules of its own"),
        ({"dependencies": {"dep": "file:./dep"}}, {}, "dep lies within the app"),
        ({"dependencies": {"dep": "./dep.tgz"}}, {}, "dep lies within the app"),
        ({"dependencies": {"dep": "~/dep"}}, {}, "dep lies within the app"),
        ({"devDependencies": {"dep": "link:../dep"}}, {}, "dep lies within the app"),
        ({"dependencies": {"dep": None}}, {}, "dep lies within the app"),
        ({"overrides": {"a": {"b": "file:./b"}}}, {}, "what overrides name"),
        ({"pnpm": {"patchedDependencies": {"a": "x.patch"}}}, {}, "pnpm.patchedDependencies"),
    ],
)
def test_what_is_never_cached(
    world: World, manifest: dict[str, Any], files: dict[str, str], why: str
) -> None:
    """What cannot be told from the lockfile is installed anew, and it is said why."""
    for name, text in files.items():
        world.write(name, text)
    world.manifest = {**MANIFEST, **manifest}
    assert why in world.layout().against


@pytest.mark.parametrize(
    "wanted", ["^1.0.0", "~1.0.0", "1.x", "latest", "npm:other@1", "github:a/b#v1", "a/b", "*", ""]
)
def test_what_comes_from_elsewhere_is_cached(world: World, wanted: str) -> None:
    """Registries, tags, other names, git."""
    world.manifest = {**MANIFEST, "dependencies": {"a": wanted}}
    assert world.layout().against == ""


def test_own_scripts_that_run_apart_keep_nothing_from_being_kept(world: World) -> None:
    """They see the tree only once it was kept."""
    world.manifest = {**MANIFEST, "scripts": {"postinstall": "patch-package"}}
    assert world.layout(apart=True).against == ""


@pytest.mark.parametrize("how", ["npm", "pnpm"])
def test_an_apps_own_packages_count(world: World, how: str) -> None:
    """What package managers read of them does, their code does not."""
    if how == "pnpm":
        world.write("pnpm-workspace.yaml", "packages:\n  - packages/*\n")
        world.tool = Tool("pnpm", "9.0.0", ("/node", "/pnpm.cjs"))
        world.command = (*world.tool.command, "install")
    else:
        world.manifest = {**MANIFEST, **SPACES}
    world.write("packages/a/package.json", '{"name": "a", "dependencies": {"b": "workspace:*"}}')
    world.write("packages/b/package.json", '{"name": "b"}')
    made = world.layout()
    assert made.packages == ("packages/a", "packages/b")
    assert made.trees == ("node_modules", "packages/a/node_modules", "packages/b/node_modules")
    assert made.against == ""
    before = world.parts()
    world.write("packages/a/index.js", "code")
    assert world.changed(before) == []
    world.write("packages/b/package.json", '{"name": "b", "bin": "cli.js"}')
    assert world.changed(before) == ["the app's own packages"]
    world.write("packages/c/package.json", '{"name": "c"}')
    assert world.layout().packages[-1] == "packages/c"


def test_plug_n_play_makes_other_files(world: World) -> None:
    """Unless settings ask for node_modules; what a project brings itself is not ours to replace."""
    world.tool = Tool("yarn", "4.5.0", ("/node", "/yarn.js"), is_berry=True)
    assert ".yarn/cache" in world.layout().trees
    world.write(".yarn/cache/ms.zip", "zip")
    assert world.layout().against == "the snapshot brings a .yarn/cache of its own"
    world.write(".yarnrc.yml", "nodeLinker: node-modules")
    assert world.layout() == Layout(("node_modules",))

"""Which commands make an unpacked app ready to run: its package manager's install, its build, its prune."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.builder.choice import LOCKFILES
from jitsu_py.server.builder.managers import manager
from jitsu_py.server.builder.manifest import script, section
from jitsu_py.server.builder.own_scripts import INSTALL_SCRIPTS, apart

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.server.builder.manager_fetch import Tool

DEPENDENCIES: Final = ("dependencies", "optionalDependencies", "peerDependencies", "workspaces")
"""What a package manager installs for an app that runs."""

SHELL: Final = ("/bin/sh", "-c")


@dataclass(frozen=True)
class Plan:
    """What is to be run, in this order, in the app's folder."""

    install: tuple[str, ...] = ()
    """Empty: there is nothing to install."""
    scripts: tuple[tuple[str, ...], ...] = ()
    """The app's own install scripts; `install` is run without them then. Empty: they come with it."""
    build: tuple[str, ...] = ()
    """Empty: the app has no build script."""
    prune: tuple[str, ...] = ()
    """Takes away what only the build needed; empty: nothing."""
    remark: str = ""
    """What a person should know about it."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables for these commands, beside those of every tool."""


@dataclass(frozen=True)
class Needs:
    """What is to be done to an app, before it is decided with which tool."""

    installing: bool
    building: str = ""
    """A script's name, or a shell command; empty: nothing is built."""
    with_dev: bool = False
    """What only development needs is installed for it, and taken away afterwards."""

    @property
    def tool(self) -> bool:
        """Whether it takes a package manager."""
        return self.installing or bool(self.building)


def needs(manifest: Mapping[str, Any], folder: Path) -> Needs:
    """Find out what an app needs done.

    An app with a `build` script (or `jitsu.build`) or a `prepare` script gets its devDependencies for it.

    Args:
        manifest: its package.json.
        folder: where it is unpacked.
    """
    building = _build_script(manifest)
    has_dev = bool(section(manifest, "devDependencies") or _workspaces(manifest, folder))
    with_dev = bool(building or script(manifest, "prepare")) and has_dev
    return Needs(with_dev or _needs_install(manifest, folder), building, with_dev)


def plan(
    manifest: Mapping[str, Any], folder: Path, todo: Needs, tool: Tool, *, cache: Path, registry: str = ""
) -> Plan:
    """Decide how an app is installed and built.

    Args:
        manifest: its package.json.
        folder: where it is unpacked.
        todo: what it needs done.
        tool: the package manager.
        cache: kept between builds.
        registry: the one that npm is configured for.
    """
    build = _build(todo.building, manifest, tool)
    if not todo.installing:
        return Plan(build=build)
    chosen = manager(manifest, folder, tool, cache=cache, with_dev=todo.with_dev, registry=registry)
    prune = chosen.prune if todo.with_dev or tool.is_berry else ()
    own = apart(manifest, folder, tool)
    return Plan(chosen.install, own, build, prune, chosen.remark, chosen.env)


def _workspaces(manifest: Mapping[str, Any], folder: Path) -> bool:
    return bool(manifest.get("workspaces")) or (folder / "pnpm-workspace.yaml").is_file()


def _needs_install(manifest: Mapping[str, Any], folder: Path) -> bool:
    return (
        any(manifest.get(key) for key in DEPENDENCIES)
        or any(script(manifest, name) for name in INSTALL_SCRIPTS)
        or (folder / "binding.gyp").exists()
        or (folder / "pnpm-workspace.yaml").is_file()
    )


def _build_script(manifest: Mapping[str, Any]) -> str:
    """The name of the script that builds, or a shell command; "" when there is none."""
    own = section(manifest, "jitsu").get("build")
    if own is False:
        return ""
    if isinstance(own, str) and own.strip():
        return own.strip()
    return "build" if script(manifest, "build") else ""


def _build(building: str, manifest: Mapping[str, Any], tool: Tool) -> tuple[str, ...]:
    if not building:
        return ()
    return (*tool.command, "run", building) if script(manifest, building) else (*SHELL, building)


def shown(command: tuple[str, ...]) -> str:
    """A command as a person would type it: without paths and the flags that are always there."""
    if command[:2] == SHELL:
        return command[2]
    name = next((name for name in LOCKFILES if command[1].rpartition("/")[2].startswith(name)), "npm")
    telling = ("--omit=dev", "--frozen-lockfile", "--immutable", "--prod", "--production=true")
    words = (word for word in command[2:] if not word.startswith("--") or word in telling)
    return " ".join((name, *words))

"""Which commands make an unpacked app ready to run: its package manager's install, its build, its prune."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.builder.managers import manager
from jitsu_py.server.builder.manifest import script, section
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.server.builder.engines import Engine

DEPENDENCIES: Final = ("dependencies", "optionalDependencies", "peerDependencies", "workspaces")
"""What a package manager installs for an app that runs."""

INSTALL_SCRIPTS: Final = (
    "preinstall",
    "install",
    "postinstall",
    "prepublish",
    "preprepare",
    "prepare",
    "postprepare",
)
"""The app's own scripts that come with an install."""

SHELL: Final = ("/bin/sh", "-c")


@dataclass(frozen=True)
class Plan:
    """What is to be run, in this order, in the app's folder."""

    install: tuple[str, ...] = ()
    """Empty: there is nothing to install."""
    build: tuple[str, ...] = ()
    """Empty: the app has no build script."""
    prune: tuple[str, ...] = ()
    """Takes away what only the build needed; empty: nothing."""
    remark: str = ""
    """What a person should know about it."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables for these commands, beside those of every tool."""


def plan(manifest: Mapping[str, Any], folder: Path, engine: Engine, *, path: str, cache: Path) -> Plan:
    """Decide how an app is installed and built.

    An app with a `build` script (or `jitsu.build`) or a `prepare` script gets its devDependencies for it.

    Args:
        manifest: its package.json.
        folder: where it is unpacked.
        engine: what it runs on.
        path: PATH of its tools.
        cache: kept between builds.

    Raises:
        PlatformError: INSTALL_FAILED when npm is needed and there is none.
    """
    building = _build_script(manifest)
    with_dev = bool(building or script(manifest, "prepare")) and bool(section(manifest, "devDependencies"))
    installing = with_dev or _needs_install(manifest, folder)
    if not installing and not building:
        return Plan()
    if not engine.npm:
        message = f"Node {engine.version} on the server has no npm with it that runs."
        raise PlatformError(Code.INSTALL_FAILED, message, blame=Blame.SYSTEM)
    build = _build(building, manifest, engine)
    if not installing:
        return Plan(build=build)
    chosen = manager(manifest, folder, engine, path=path, cache=cache, with_dev=with_dev)
    prune = chosen.prune if with_dev else ()
    return Plan(chosen.install, build, prune, chosen.remark, chosen.env)


def _needs_install(manifest: Mapping[str, Any], folder: Path) -> bool:
    return (
        any(manifest.get(key) for key in DEPENDENCIES)
        or any(script(manifest, name) for name in INSTALL_SCRIPTS)
        or (folder / "binding.gyp").exists()
    )


def _build_script(manifest: Mapping[str, Any]) -> str:
    """The name of the script that builds, or a shell command; "" when there is none."""
    own = section(manifest, "jitsu").get("build")
    if own is False:
        return ""
    if isinstance(own, str) and own.strip():
        return own.strip()
    return "build" if script(manifest, "build") else ""


def _build(building: str, manifest: Mapping[str, Any], engine: Engine) -> tuple[str, ...]:
    if not building:
        return ()
    return (*engine.npm, "run", building) if script(manifest, building) else (*SHELL, building)


def shown(command: tuple[str, ...]) -> str:
    """A command as a person would type it: without paths and the flags that are always there."""
    if command[:2] == SHELL:
        return command[2]
    words = ["npm", *command[2:]] if command[1].endswith("npm-cli.js") else list(command)
    telling = ("--omit=dev", "--frozen-lockfile", "--prod", "--production=true")
    return " ".join(word for word in words if not word.startswith("--") or word in telling)

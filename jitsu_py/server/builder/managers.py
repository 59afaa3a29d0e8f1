"""The package managers: which one an app uses, and how each is told to install and to prune."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import nodesemver

from jitsu_py.server.builder.manifest import section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.server.builder.engines import Engine

NPM_FLAGS: Final = ("--no-audit", "--no-fund", "--prefer-offline", "--foreground-scripts")
"""Only what a build needs; from the cache what is in it; the output of scripts as it comes."""

NPM_LOCKFILES: Final = ("npm-shrinkwrap.json", "package-lock.json")

LOCKFILES: Final = {"yarn": "yarn.lock", "pnpm": "pnpm-lock.yaml"}
"""Those of the other package managers."""

SCRIPTS_ASKED: Final = "11.17.0"
"""From here on npm asks which packages may run install scripts; 12 refuses those that nobody named."""

BERRY: Final = "__metadata:"
"""Stands in the lockfiles of Yarn 2 and later."""


@dataclass(frozen=True)
class Manager:
    """How an app's dependencies are installed."""

    install: tuple[str, ...]
    """The command that installs."""
    prune: tuple[str, ...]
    """The command that takes away what only development needs."""
    remark: str = ""
    """What a person should know about the choice."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables it needs, beside those of every tool."""


def manager(
    manifest: Mapping[str, Any], folder: Path, engine: Engine, *, path: str, cache: Path, with_dev: bool
) -> Manager:
    """Choose by `packageManager`, else by the lockfile; npm where the one chosen is not on this machine.

    Args:
        manifest: the app's package.json.
        folder: the app.
        engine: what it runs on; has an npm.
        path: PATH on which the other managers are looked for.
        cache: kept between builds.
        with_dev: devDependencies are installed too.
    """
    name = _wanted(manifest, folder)
    reason = _reason_against(name, folder, path)
    if name == "pnpm" and not reason:
        return _pnpm(cache, with_dev=with_dev)
    if name == "yarn" and not reason:
        return _yarn(cache, with_dev=with_dev)
    return _npm(manifest, folder, engine, with_dev=with_dev, remark=reason)


def _wanted(manifest: Mapping[str, Any], folder: Path) -> str:
    named = manifest.get("packageManager")
    if isinstance(named, str) and named.partition("@")[0] in ("npm", *LOCKFILES):
        return named.partition("@")[0]
    if any((folder / lockfile).is_file() for lockfile in NPM_LOCKFILES):
        return "npm"
    return next((name for name, lockfile in LOCKFILES.items() if (folder / lockfile).is_file()), "npm")


def _reason_against(name: str, folder: Path, path: str) -> str:
    """Why a manager cannot be used; "" when it can."""
    if name == "npm":
        return ""
    if shutil.which(name, path=path) is None:
        return f"{name} is not installed on the server: npm installs instead, without {LOCKFILES[name]}."
    lockfile = folder / LOCKFILES[name]
    if name == "yarn" and lockfile.is_file() and BERRY in lockfile.read_text("utf-8", "replace")[:2000]:
        return "Yarn 2 and later are not supported yet: npm installs instead, without yarn.lock."
    return ""


def _npm(
    manifest: Mapping[str, Any], folder: Path, engine: Engine, *, with_dev: bool, remark: str
) -> Manager:
    locked = any((folder / lockfile).is_file() for lockfile in NPM_LOCKFILES)
    if not locked and not remark:
        remark = "There is no lockfile: npm takes the newest versions that package.json allows."
    install = (
        *engine.npm,
        "ci" if locked else "install",
        "--include=dev" if with_dev else "--omit=dev",
        *NPM_FLAGS,
        *_allow_scripts(manifest, engine),
    )
    prune = (*engine.npm, "prune", "--omit=dev", "--ignore-scripts", *NPM_FLAGS)
    return Manager(install, prune, remark)


def _allow_scripts(manifest: Mapping[str, Any], engine: Engine) -> tuple[str, ...]:
    """Let install scripts run, as they always did, unless the project itself says which ones may."""
    asks = bool(nodesemver.satisfies(engine.npm_version, f">={SCRIPTS_ASKED}", loose=True))
    if not asks or section(manifest, "allowScripts"):
        return ()
    return ("--dangerously-allow-all-scripts",)


def _yarn(cache: Path, *, with_dev: bool) -> Manager:
    common = ("--non-interactive", "--no-progress", "--prefer-offline", "--frozen-lockfile")
    folder = f"--cache-folder={cache / 'yarn'}"
    return Manager(
        install=("yarn", "install", *common, folder, f"--production={str(not with_dev).lower()}"),
        prune=("yarn", "install", *common, folder, "--production=true", "--ignore-scripts"),
    )


def _pnpm(cache: Path, *, with_dev: bool) -> Manager:
    return Manager(
        install=(
            "pnpm",
            "install",
            "--frozen-lockfile",
            "--prefer-offline",
            "--reporter=append-only",
            # A hard link into the store would let one app write into another's dependencies.
            "--package-import-method=clone-or-copy",
            f"--store-dir={cache / 'pnpm'}",
            "--prod=false" if with_dev else "--prod",
        ),
        prune=("pnpm", "prune", "--prod", "--ignore-scripts"),
        # Without a terminal pnpm removes nothing unless it is told that nobody is there to ask.
        env={"CI": "true"},
    )

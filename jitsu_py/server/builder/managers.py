"""How each package manager is told to install, to run a script and to prune."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import nodesemver

from jitsu_py.server.builder.choice import LOCKFILES, NPM_LOCKFILES, YARN_SETTINGS, node_linker
from jitsu_py.server.builder.manifest import section

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.server.builder.manager_fetch import Tool

NPM_FLAGS: Final = ("--no-audit", "--no-fund", "--prefer-offline", "--foreground-scripts")
"""Only what a build needs; from the cache what is in it; the output of scripts as it comes."""

SCRIPTS_ASKED: Final = "11.17.0"
"""From here on npm asks which packages may run install scripts; 12 refuses those that nobody named."""

FOCUSES: Final = ">=4"
"""The versions of Yarn that can take away devDependencies again without a plugin."""

FOCUS_PLUGIN: Final = ".yarn/plugins/@yarnpkg/plugin-workspace-tools.cjs"
"""It; a project that has it brings it along."""

DEVELOPMENT_STAYS: Final = "Yarn {} takes devDependencies away by its plugin workspace-tools only: they stay."

NO_LOCKFILE: Final = "There is no lockfile: {} takes the newest versions that package.json allows."


@dataclass(frozen=True)
class Manager:
    """How an app's dependencies are installed."""

    tool: Tool
    """What installs them."""
    install: tuple[str, ...]
    """The command that installs."""
    prune: tuple[str, ...] = ()
    """The command that takes away what only development needs; empty: there is none."""
    remark: str = ""
    """What a person should know about it."""
    env: Mapping[str, str] = field(default_factory=dict)
    """Variables it needs, beside those of every tool."""


def manager(
    manifest: Mapping[str, Any], folder: Path, tool: Tool, *, cache: Path, with_dev: bool, registry: str = ""
) -> Manager:
    """Make the commands of a package manager.

    Args:
        manifest: the app's package.json.
        folder: the app.
        tool: the package manager.
        cache: kept between builds.
        with_dev: devDependencies are installed too; Yarn 2 and later installs them always.
        registry: the one that npm is configured for, for those that do not read npm's configuration.
    """
    if tool.name == "pnpm":
        return _pnpm(folder, tool, cache, with_dev=with_dev)
    if tool.is_berry:
        return _berry(manifest, folder, tool, cache, registry)
    if tool.name == "yarn":
        return _yarn(folder, tool, cache, with_dev=with_dev)
    return _npm(manifest, folder, tool, with_dev=with_dev)


def _remark(folder: Path, tool: Tool) -> str:
    names = (LOCKFILES[tool.name],) if tool.name in LOCKFILES else NPM_LOCKFILES
    return "" if any((folder / name).is_file() for name in names) else NO_LOCKFILE.format(tool.name)


def _npm(manifest: Mapping[str, Any], folder: Path, tool: Tool, *, with_dev: bool) -> Manager:
    remark = _remark(folder, tool)
    install = (
        *tool.command,
        "install" if remark else "ci",
        "--include=dev" if with_dev else "--omit=dev",
        *NPM_FLAGS,
        *_allow_scripts(manifest, tool),
    )
    prune = (*tool.command, "prune", "--omit=dev", "--ignore-scripts", *NPM_FLAGS)
    return Manager(tool, install, prune, remark)


def _allow_scripts(manifest: Mapping[str, Any], tool: Tool) -> tuple[str, ...]:
    """Let install scripts run, as they always did, unless the project itself says which ones may."""
    asks = bool(nodesemver.satisfies(tool.version, f">={SCRIPTS_ASKED}", loose=True))
    if not asks or section(manifest, "allowScripts"):
        return ()
    return ("--dangerously-allow-all-scripts",)


def _yarn(folder: Path, tool: Tool, cache: Path, *, with_dev: bool) -> Manager:
    remark = _remark(folder, tool)
    frozen = () if remark else ("--frozen-lockfile",)
    common = ("--non-interactive", "--no-progress", "--prefer-offline", *frozen)
    kept = f"--cache-folder={cache / 'yarn'}"
    return Manager(
        tool,
        (*tool.command, "install", *common, kept, f"--production={str(not with_dev).lower()}"),
        (*tool.command, "install", *common, kept, "--production=true", "--ignore-scripts"),
        remark,
    )


def _berry(manifest: Mapping[str, Any], folder: Path, tool: Tool, cache: Path, registry: str) -> Manager:
    unlocked = _remark(folder, tool)
    unneeded = bool(section(manifest, "devDependencies") or manifest.get("workspaces"))
    focuses = (
        not tool.version
        or bool(nodesemver.satisfies(tool.version, FOCUSES, loose=True))
        or (folder / FOCUS_PLUGIN).is_file()
    )
    stays = DEVELOPMENT_STAYS.format(tool.version) if unneeded and not focuses else ""
    env = {
        # The one that was chosen runs, not one that it finds in the project.
        "YARN_IGNORE_PATH": "1",
        "YARN_GLOBAL_FOLDER": str(cache / "berry"),
        "YARN_ENABLE_TELEMETRY": "0",
        "YARN_ENABLE_PROGRESS_BARS": "0",
        "YARN_ENABLE_COLORS": "0",
        "YARN_ENABLE_HYPERLINKS": "0",
        "YARN_ENABLE_INLINE_BUILDS": "1",
    }
    if node_linker(folder) == "pnp":
        # The app reads its packages out of this cache when it runs: it has to be the app's own.
        env["YARN_ENABLE_GLOBAL_CACHE"] = "0"
    else:
        env["YARN_ENABLE_GLOBAL_CACHE"] = "1"
        env["YARN_INSTALL_STATE_PATH"] = str(folder / "node_modules" / ".yarn-install-state.gz")
    if registry and "npmRegistryServer" not in _text(folder / YARN_SETTINGS):
        env["YARN_NPM_REGISTRY_SERVER"] = registry
        if registry.startswith("http://"):
            env["YARN_UNSAFE_HTTP_WHITELIST"] = (
                registry.removeprefix("http://").partition("/")[0].partition(":")[0]
            )
    return Manager(
        tool,
        (*tool.command, "install", "--no-immutable" if unlocked else "--immutable"),
        (*tool.command, "workspaces", "focus", "--all", "--production") if unneeded and focuses else (),
        " ".join(filter(None, (unlocked, stays))),
        env,
    )


def _pnpm(folder: Path, tool: Tool, cache: Path, *, with_dev: bool) -> Manager:
    remark = _remark(folder, tool)
    return Manager(
        tool,
        install=(
            *tool.command,
            "install",
            "--no-frozen-lockfile" if remark else "--frozen-lockfile",
            "--prefer-offline",
            "--reporter=append-only",
            # A hard link into the store would let one app write into another's dependencies.
            "--package-import-method=clone-or-copy",
            f"--store-dir={cache / 'pnpm'}",
            "--prod=false" if with_dev else "--prod",
        ),
        prune=(*tool.command, "prune", "--prod", "--ignore-scripts"),
        remark=remark,
        # Without a terminal pnpm removes nothing unless it is told that nobody is there to ask. The version
        # was chosen already: it need not fetch another.
        env={"CI": "true", "npm_config_manage_package_manager_versions": "false"},
    )


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""

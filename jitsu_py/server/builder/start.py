"""The command that starts an app."""

from __future__ import annotations

import json
import re
import shlex
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.builder.manifest import MANIFEST, script, section
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DEFAULT: Final = "server.js"
"""What npm starts when no script says otherwise."""

START: Final = "start"

START_IN_PRODUCTION: Final = "start:prod"
"""Where `start` is for development, scaffolds name the other one so."""

PNP: Final = (".pnp.cjs", ".pnp.js")
"""Where Yarn 2 and later without node_modules says where the packages are; the other name is Yarn 2's."""

LOADER: Final = ".pnp.loader.mjs"
"""The same for ES modules."""

NEXT_SETTINGS: Final = ("next.config.ts", "next.config.mts")

STANDALONE: Final = ".next/standalone/"
"""What Next.js makes on request: a server with its settings compiled in."""

FILE: Final = re.compile(r"[\w@%+=:,./-]+")
"""A word that a shell takes as it is: it may be the name of a file."""


def start_command(manifest: Mapping[str, Any], folder: Path, name: str = START) -> str:
    """The shell command that starts an app.

    `scripts.start`, after `scripts.prestart` as npm has it. One that only names a file of the app
    (`server.js`, `bin/www`), as Nodejitsu took it, runs under node.
    Without it npm's default: `node server.js`. With Yarn's Plug'n'Play, which has no node_modules, node
    finds the packages through `.pnp.cjs`, and other programs are found by yarn.

    Args:
        manifest: the app's package.json.
        folder: where the app was built.
        name: of the script that starts it.

    Raises:
        PlatformError: NO_START_SCRIPT.
    """
    start = script(manifest, name)
    if not start:
        if not (folder / DEFAULT).is_file():
            raise no_start_script()
        return _with_pnp(f"node {DEFAULT}", manifest, folder)
    command = f"node {shlex.quote(start)}" if _is_file(start, folder) else start
    before = script(manifest, f"pre{name}")
    return _with_pnp(f"( {before} ) && {command}" if before else command, manifest, folder, name)


def _with_pnp(command: str, manifest: Mapping[str, Any], folder: Path, name: str = START) -> str:
    pnp = next((name for name in PNP if (folder / name).is_file()), "")
    if not pnp:
        return command
    if script(manifest, name) and not command.startswith("node "):
        return f"exec yarn run {name}"
    loader = ' --experimental-loader \\"file://$PWD/.pnp.loader.mjs\\"' if (folder / LOADER).is_file() else ""
    preload = f'--require \\"$PWD/{pnp}\\"{loader}'
    run = command if re.search("[;&|]", command) else f"exec {command}"
    return f'export NODE_OPTIONS="{preload} $NODE_OPTIONS"; {run}'


def release_command(manifest: Mapping[str, Any], folder: Path) -> str:
    """The shell command that `jitsu.release` names, to be run once before an app's first start; "" for none.

    It may also name a script of package.json.

    Args:
        manifest: the app's package.json.
        folder: where the app was built.
    """
    named = section(manifest, "jitsu").get("release")
    named = named.strip() if isinstance(named, str) else ""
    return _with_pnp(script(manifest, named) or named, manifest, folder, named) if named else ""


def development_program(manifest: Mapping[str, Any], folder: Path) -> str:
    """The program that the start script runs, if only a devDependency brings it; "" else.

    Nest's scaffold has such a one: `nest start`, and beside it `start:prod`.

    Args:
        manifest: the app's package.json.
        folder: the app with all its dependencies installed.
    """
    word = (script(manifest, START).split() or [""])[0]
    kept = {**section(manifest, "dependencies"), **section(manifest, "optionalDependencies")}
    for name in section(manifest, "devDependencies"):
        if word and name not in kept and word in _programs(folder / "node_modules" / name):
            return word
    return ""


def development_settings(manifest: Mapping[str, Any], folder: Path) -> str:
    """The settings file that an app reads by a devDependency when it starts; "" else.

    Next.js has TypeScript read its `next.config.ts`. Without it it calls npm to install it, and ends.

    Args:
        manifest: the app's package.json.
        folder: the app.
    """
    kept = {**section(manifest, "dependencies"), **section(manifest, "optionalDependencies")}
    needs_it = "next" in kept and "typescript" not in kept and STANDALONE not in script(manifest, START)
    found = next((name for name in NEXT_SETTINGS if (folder / name).is_file()), "")
    return found if needs_it and "typescript" in section(manifest, "devDependencies") else ""


def _programs(package: Path) -> set[str]:
    """Names of the programs that an installed package brings."""
    try:
        manifest = json.loads((package / MANIFEST).read_bytes())
        programs = manifest.get("bin")
    except (OSError, ValueError, AttributeError):
        return set()
    if isinstance(programs, str):
        return {str(manifest.get("name", "")).rpartition("/")[2]}
    return set(programs) if isinstance(programs, dict) else set()


def no_start_script() -> PlatformError:
    """The error for an app that nobody can start."""
    return PlatformError(
        Code.NO_START_SCRIPT,
        "package.json has no start script, and there is no server.js.",
        blame=Blame.APPLICATION,
        details={"hint": 'Add to package.json: "scripts": {"start": "node app.js"}'},
    )


def _is_file(start: str, folder: Path) -> bool:
    if start.startswith("/") or not FILE.fullmatch(start):
        return False
    file = folder / start
    return file.is_file() and (start.endswith((".js", ".mjs", ".cjs")) or _is_javascript(file))


def _is_javascript(file: Path) -> bool:
    """Whether a file without a JavaScript name is none of another interpreter's, e.g. `bin/www`."""
    with file.open("rb") as opened:
        first = opened.readline(256)
    return not first.startswith((b"#!", b"\x7fELF")) or b"node" in first

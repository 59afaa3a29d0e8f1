"""Package managers, fetched from npm's registry in the version a project names: once, whole, checked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import nodesemver

from jitsu_py.server.builder.engines import engines_at_hand, wanted_engine
from jitsu_py.server.builder.folders import remove_tree
from jitsu_py.server.builder.registry import FetchError, Package, newest
from jitsu_py.server.builder.toolbox import programs_beside, with_manager
from jitsu_py.server.builder.unpack import Limits, disk_errors, unpack
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from jitsu_py.server.builder.choice import Choice
    from jitsu_py.server.builder.engines import Engine
    from jitsu_py.server.builder.registry import Room

MANAGERS: Final = ".managers"
"""Below the engines folder: `<package>/<version>/` each."""

BERRY: Final = "@yarnpkg/cli-dist"
"""npm's name for Yarn 2 and later."""

DIGESTS: Final = ".digests.json"
"""Hashes of what was fetched, in hex, since the archive itself is not kept."""

HASHES: Final = ("sha1", "sha224", "sha256", "sha384", "sha512")
"""Those that `packageManager` may name."""

FEW: Final = "npm has few versions of Yarn 2; name another one, or commit yours (yarnPath in .yarnrc.yml)."
"""What to do about a Yarn that is not there: it can also be had from elsewhere."""

HALF: Final = ".half-"


@dataclass(frozen=True)
class Tool:
    """A package manager that is on this machine."""

    name: str
    """`npm`, `yarn` or `pnpm`."""
    version: str
    """Empty: the project brings its own."""
    command: tuple[str, ...]
    """How its command line begins: a Node, and the script."""
    is_berry: bool = False
    """It is Yarn 2 or later."""


class ManagerStore:
    """The package managers of this machine.

    Args:
        folder: the engines folder.
        cache: npm's.
        npmrc: the server user's npm configuration.
    """

    def __init__(self, folder: Path, *, cache: Path, npmrc: Path | None) -> None:
        self._engines = folder
        self._folder = folder / MANAGERS
        self._cache = cache
        self._npmrc = npmrc
        self._fetching: dict[tuple[str, str], asyncio.Lock] = {}

    async def find(self, choice: Choice, engine: Engine, room: Room) -> Tool:
        """Find the package manager that a project wants; fetch it if need be.

        Args:
            choice: which.
            engine: the app's; has an npm.
            room: for the fetch.

        Raises:
            PlatformError: INSTALL_FAILED: there is no such version, it cannot be fetched, or is not the one
                whose hash the project names.
        """
        if choice.name == "npm" and choice.wanted in ("", engine.npm_version) and not choice.digest[0]:
            return Tool("npm", engine.npm_version, engine.npm)
        if choice.script is not None:
            return Tool(choice.name, "", (str(engine.node), str(choice.script)), is_berry=True)
        name = BERRY if choice.is_berry else choice.name
        home = await asyncio.to_thread(self._at_hand, name, choice.wanted)
        if home is None:
            home = await self._fetch(name, choice, engine, room)
        await asyncio.to_thread(_check_digest, home, choice)
        with suppress(OSError):
            os.utime(home / DIGESTS)  # `idle_managers` looks at it
        return await asyncio.to_thread(self._tool, home, choice, engine)

    def beside(self, engine: Engine, tool: Tool) -> Engine:
        """The engine with a package manager beside its node."""
        return with_manager(engine, self._engines, tool)

    def sweep(self) -> None:
        """Remove what was being unpacked when a server died. Not while a build is running."""
        for path in list(self._folder.glob(f"*/{HALF}*")) if self._folder.is_dir() else ():
            remove_tree(path)

    def _at_hand(self, name: str, wanted: str) -> Path | None:
        place = self._folder / _plain(name)
        known = [path.parent.name for path in place.glob(f"[0-9]*/{DIGESTS}")]
        version = newest(known, wanted)
        return place / version if version else None

    async def _fetch(self, name: str, choice: Choice, engine: Engine, room: Room) -> Path:
        package = Package(name, engine, self._cache, self._npmrc, room)
        try:
            version = newest(await package.versions(), choice.wanted)
            if version is None:
                missing = _failed(choice, "npm has no such version", Blame.APPLICATION)
                missing.details.update({"hint": FEW} if choice.is_berry else {})
                raise missing
            lock = self._fetching.setdefault((name, version), asyncio.Lock())
            async with lock:
                place = self._folder / _plain(name) / version
                if not await asyncio.to_thread((place / DIGESTS).is_file):
                    room.tell(f"Fetching {choice.name} {version} from npm, once for this server")
                    archive = await package.archive(version)
                    await asyncio.to_thread(_put, archive, place)
                return place
        except FetchError as error:
            raise _failed(choice, f"it cannot be fetched: {error}", Blame.SYSTEM) from error

    def _tool(self, home: Path, choice: Choice, engine: Engine) -> Tool:
        manifest = json.loads((home / "package.json").read_bytes())
        # An engine of long ago gets its packages by a manager that runs under a younger one.
        able = (engine, *engines_at_hand(self._engines))
        host = next((each for each in able if _runs_under(manifest, each)), engine)
        script = home / _script(manifest, choice.name)
        return Tool(
            choice.name, str(manifest["version"]), (str(host.node), str(script)), is_berry=choice.is_berry
        )


def idle_managers(folder: Path, nodes: Iterable[Path], before: float) -> list[Path]:
    """The folders of package managers that nothing needs any more.

    Args:
        folder: the engines folder.
        nodes: programs that snapshots run on; what lies beside them stays, since a start script may call it.
        before: epoch seconds; what a build used since then stays, too.
    """
    called = "".join(text for node in nodes for text in programs_beside(node, folder))
    return [
        marker.parent
        for marker in sorted((folder / MANAGERS).glob(f"*/[0-9]*/{DIGESTS}"))
        if marker.stat().st_mtime < before and f"{marker.parent}/" not in called
    ]


def _plain(name: str) -> str:
    return name.lstrip("@").replace("/", "-")


def _runs_under(manifest: dict[str, Any], engine: Engine) -> bool:
    wanted = wanted_engine(manifest)
    return wanted is None or bool(nodesemver.satisfies(engine.version, wanted, loose=True))


def _script(manifest: dict[str, Any], name: str) -> str:
    programs = manifest.get("bin")
    return str(programs.get(name, "")) if isinstance(programs, dict) else str(programs)


def _put(archive: Path, place: Path) -> None:
    """Unpack a manager, note its hashes, and put it into its place."""
    beside = place.with_name(f"{HALF}{uuid4().hex}")
    try:
        unpack(archive, beside, Limits())
        # Of Yarn 2 and later corepack hashes the program, of the others the archive.
        hashed = beside / "bin" / "yarn.js" if place.parent.name == _plain(BERRY) else archive
        with disk_errors("keep a package manager"):
            (beside / DIGESTS).write_text(json.dumps({name: _digest(hashed, name) for name in HASHES}))
            if place.exists():
                remove_tree(place)
            beside.rename(place)
    finally:
        remove_tree(beside)


def _digest(path: Path, name: str) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, name).hexdigest()


def _check_digest(home: Path, choice: Choice) -> None:
    name, expected = choice.digest
    if not name:
        return
    known = json.loads((home / DIGESTS).read_text())
    if name not in known:
        raise _failed(choice, f"its hash is of a kind that is not known here: {name}", Blame.APPLICATION)
    if known[name] != expected:
        why = f"its {name} is {known[name][:16]}…, and package.json says {expected[:16]}…"
        raise _failed(choice, why, Blame.APPLICATION)


def _failed(choice: Choice, why: str, blame: Blame) -> PlatformError:
    return PlatformError(
        Code.INSTALL_FAILED,
        f"The project wants {choice.name} {choice.wanted}; {why}.",
        blame=blame,
        details={
            "failure": "manager_missing",
            "hint": "packageManager in package.json names it; `corepack use` writes version and hash anew."
            if blame is Blame.APPLICATION
            else "Check the server's network and its registry, then deploy again.",
            "output": [],
        },
    )

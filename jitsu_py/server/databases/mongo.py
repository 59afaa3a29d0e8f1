"""MongoDB: by `mongod`, or SecantusDB, which speaks its protocol, where there is none.

A user for the one database is made before the server first listens on its port; everything else is refused.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.databases import mongo_content, mongo_session
from jitsu_py.server.databases.addresses import HOST
from jitsu_py.server.databases.kinds import Health, Kind, Program, Site
from jitsu_py.server.databases.staging import running
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

STAND_IN: Final = "secantus"
"""Import name of the package that stands in for `mongod`."""

LIMITS: Final = (
    "SecantusDB stands in for mongod: one server without replicas or shards, slower, and a young program. "
    "Install mongod for more"
)

GUARD: Final = Path(__file__).with_name("mongo_guard.py")
"""Runs the stand-in."""

CACHED: Final = 4
"""The part of its memory that the stand-in's cache gets: it holds whole results besides."""

LEAST_CACHE: Final = 256
"""MiB; `mongod` takes no smaller cache."""

BESIDES: Final = 256
"""MiB that `mongod` needs for connections and sorts."""


class MongoKind(Kind):
    """`mongod` or SecantusDB."""

    suffix = "bson.gz"
    least = 128
    usual = 512

    def at_hand(self) -> Iterator[Program]:
        if find_spec("pymongo") is None:
            return
        if (path := shutil.which("mongod")) and (version := _version(path)):
            yield Program("mongod", version, (path,))
        if find_spec(STAND_IN) is not None:
            command = (sys.executable, "-I", str(GUARD))
            yield Program("SecantusDB", metadata.version("SecantusDB"), command, LIMITS)

    async def fetch(self, tell: Callable[[str], None]) -> Program:
        raise PlatformError(
            Code.UNAVAILABLE,
            "There is no MongoDB server on this machine. Install its stand-in with "
            "pip install 'jitsu_py[databases]', or mongod itself (mongodb.com/docs/manual/installation).",
            blame=Blame.SYSTEM,
        )

    def prepare(self, site: Site, program: Program, *, writable: bool) -> tuple[str, ...]:
        return self._command(site, program, auth=True)

    def _command(self, site: Site, program: Program, *, auth: bool) -> tuple[str, ...]:
        if program.name == "mongod":
            site.configure(_mongod(site, auth=auth))
            return (*program.command, "--config", str(site.conf))
        site.configure(_stand_in(site, auth=auth))
        return (*program.command, str(site.data), str(site.reserve), "--config", str(site.conf))

    def bound(self, site: Site, program: Program) -> int:
        return site.memory if program.name != "mongod" else max(site.memory, LEAST_CACHE + BESIDES)

    def refuses_writes(self, program: Program) -> bool:
        return program.name != "mongod"

    async def initialise(self, site: Site, program: Program) -> None:
        # Before anybody knows the port: until there is a user, a server asks for no password.
        command = self._command(site, program, auth=False)
        async with running(_Open(), site, program, command):
            await asyncio.to_thread(mongo_session.make_user, site)

    async def probe(self, site: Site, *, writable: bool) -> Health:
        await asyncio.to_thread(mongo_session.ping, site, site.password)
        return Health()

    async def adopt_password(self, site: Site) -> bool:
        await asyncio.to_thread(mongo_session.set_password, site)
        return True

    async def dump(self, site: Site, target: Path) -> None:
        await asyncio.to_thread(mongo_content.dump, site, target)

    async def restore(self, site: Site, program: Program, source: Path) -> None:
        await asyncio.to_thread(mongo_content.check, source)
        await self.initialise(site, program)
        async with running(self, site, program, self._command(site, program, auth=True)):
            await asyncio.to_thread(mongo_content.load, site, source)

    def refusal(self, recorded: str, program: Program) -> str | None:
        was, is_now = _generation(recorded), _generation(program.label)
        if was == is_now:
            return None
        return (
            f"its data was written by {recorded}, and {program.label} may harm it; install {recorded}, make "
            "a backup, and restore that into a new database. Nothing was changed"
        )


class _Open(MongoKind):
    """A server without users."""

    async def probe(self, site: Site, *, writable: bool) -> Health:
        await asyncio.to_thread(mongo_session.ping, site, None)
        return Health()


def _stand_in(site: Site, *, auth: bool) -> str:
    # Each write is on the disk before it is acknowledged.
    return (
        f"[server]\nhost = {json.dumps(HOST)}\nport = {site.port}\n"
        f"storage_path = {json.dumps(str(site.data))}\n"
        f'auth = {json.dumps(auth)}\nlog_level = "WARNING"\nstandalone = true\n'
        f'[storage]\ncache_size = "{site.memory // CACHED}M"\nsync_on_commit = true\n'
    )


def _mongod(site: Site, *, auth: bool) -> str:
    # JSON is YAML, which mongod reads; its cache has no less than a quarter of a GiB.
    settings = {
        "storage": {
            "dbPath": str(site.data),
            "journal": {"commitIntervalMs": 1},
            "wiredTiger": {"engineConfig": {"cacheSizeGB": max(site.memory - BESIDES, LEAST_CACHE) / 1024}},
        },
        "net": {"bindIp": HOST, "port": site.port, "unixDomainSocket": {"enabled": False}},
        "security": {"authorization": "enabled" if auth else "disabled"},
    }
    return json.dumps(settings, indent=1)


def _version(path: str) -> str | None:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=20, env={}, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(rb"db version v(\d+\.\d+\.\d+)", answer.stdout)
    return found[1].decode() if found else None


def _generation(label: str) -> tuple[str, str]:
    """Name, and as much of the version as changes when files do: of 0.x both numbers."""
    name, _, version = label.partition(" ")
    major, minor, *_ = (*version.split("."), "0")
    return name, f"{major}.{minor}" if major == "0" or name == "mongod" else major

"""CouchDB: the system's, else npm's `pouchdb-server` on disk, behind a guard that asks for the password.

The check of `pouchdb-server` has holes: it lets requests through that bring no login, and some end it.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.databases import couch_content, couchdb
from jitsu_py.server.databases.addresses import HOST, couch_name
from jitsu_py.server.databases.couch_fetch import VERSION, CouchStore
from jitsu_py.server.databases.couch_http import AnswerError, Couch
from jitsu_py.server.databases.kinds import Health, Kind, Program
from jitsu_py.server.databases.staging import running
from jitsu_py.server.settings import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from jitsu_py.server.databases.kinds import Site

LIMITS: Final = (
    "pouchdb-server stands in for CouchDB: one process, slower; it logs in by name and password with every "
    "request, knows no other accounts, has no /_config, and replicates only when a client does it"
)

GUARD: Final = Path(__file__).with_name("couch_guard.js")

SETTINGS: Final = "JITSU_COUCH"
"""Environment variable that tells the guard where its settings are."""

OVERHEAD: Final = 96
"""MiB that Node needs besides its heap."""


class CouchKind(Kind):
    """CouchDB or pouchdb-server.

    Args:
        home: the state folder.
    """

    suffix = "couch.gz"
    least = 192

    def __init__(self, home: Path) -> None:
        self._store = CouchStore(home)

    def at_hand(self) -> Iterator[Program]:
        if (real := couchdb.find()) is not None:
            yield real
        if found := self._store.at_hand():
            yield Program("pouchdb-server", VERSION, found, LIMITS)

    async def fetch(self, tell: Callable[[str], None]) -> Program:
        return Program("pouchdb-server", VERSION, await self._store.fetch(tell), LIMITS)

    def prepare(self, site: Site, program: Program, *, writable: bool) -> tuple[str, ...]:
        if program.name == couchdb.NAME:
            return couchdb.prepare(site, program)
        guard, own = site.folder / "guard.js", site.folder / "pouchdb.json"
        # A copy: the database outlives an upgrade or removal of the package it came from.
        write_private(guard, GUARD.read_bytes())
        write_private(own, json.dumps({"log": {"file": "/dev/null", "level": "none"}}).encode())
        settings = {
            "account": site.account,
            "password": site.password,
            "writable": str(_writable(site)),
        }
        site.configure(json.dumps(settings))
        _allow(site, writable=writable)
        node, *script = program.command
        heap = f"--max-old-space-size={site.memory - OVERHEAD}"
        place = ("--host", HOST, "--port", str(site.port), "--dir", str(site.data), "--config", str(own))
        return (node, heap, "--require", str(guard), *script, *place, "--no-stdout-logs")

    def environment(self, site: Site, program: Program) -> Mapping[str, str]:
        if program.name == couchdb.NAME:
            return couchdb.environment(site)
        return {SETTINGS: str(site.conf), "NODE_ENV": "production"}

    def bound(self, site: Site, program: Program) -> int:
        return max(site.memory, couchdb.LEAST) if program.name == couchdb.NAME else site.memory

    def refuses_writes(self, program: Program) -> bool:
        return program.name != couchdb.NAME

    async def probe(self, site: Site, *, writable: bool) -> Health:
        await asyncio.to_thread(_probe, site, writable=writable)
        return Health()

    async def adopt_password(self, site: Site) -> bool:
        return False

    async def dump(self, site: Site, target: Path) -> None:
        await asyncio.to_thread(couch_content.dump, site, target)

    async def restore(self, site: Site, program: Program, source: Path) -> None:
        await asyncio.to_thread(couch_content.check, source)
        command = await asyncio.to_thread(self.prepare, site, program, writable=True)
        async with running(self, site, program, command):
            await asyncio.to_thread(couch_content.load, site, source)

    def refusal(self, recorded: str, program: Program) -> str | None:
        name, _, version = recorded.partition(" ")
        if name == program.name and version.partition(".")[0] == program.version.partition(".")[0]:
            return None
        return (
            f"its data was written by {recorded}, and {program.label} may harm it; make a backup with "
            f"{recorded}, and restore that into a new database. Nothing was changed"
        )


def _probe(site: Site, *, writable: bool) -> None:
    """See that it answers and that the database is there, which an app may have removed."""
    _allow(site, writable=writable)
    with Couch(site) as couch:
        name = couch_name(site.name)
        if name not in couch.ask("GET", "/_all_dbs") and writable:
            try:
                couch.ask("PUT", f"/{name}")
            except AnswerError as error:
                if error.status != 412:  # somebody else was quicker
                    raise


def _writable(site: Site) -> Path:
    """Writes are taken while this file exists: it can be removed also on a full disk."""
    return site.folder / "writable"


def _allow(site: Site, *, writable: bool) -> None:
    if writable:
        _writable(site).touch(mode=0o600)
    else:
        _writable(site).unlink(missing_ok=True)

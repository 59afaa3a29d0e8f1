"""MongoDB: by `mongod`, or SecantusDB, which speaks its protocol, where there is none.

A user for the one database is made before the server first listens on its port; everything else is refused.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import re
import shutil
import subprocess
import sys
from collections import deque
from contextlib import contextmanager
from importlib import metadata
from importlib.util import find_spec
from typing import IO, TYPE_CHECKING, Any, Final, cast

from jitsu_py.server.databases.addresses import HOST, mongo_name
from jitsu_py.server.databases.kinds import (
    Health,
    Kind,
    Program,
    RefusedError,
    Site,
    UnreachableError,
    UnusableError,
)
from jitsu_py.server.databases.staging import running
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from pymongo import MongoClient

STAND_IN: Final = "secantus"
"""Import name of the package that stands in for `mongod`."""

LIMITS: Final = (
    "SecantusDB stands in for mongod: one server without replicas or shards, slower, and a young program. "
    "Install mongod for more"
)

BATCH: Final = 500
"""Documents sent at a time."""

OVERHEAD: Final = 96
"""MiB that the stand-in needs besides its cache."""


class MongoKind(Kind):
    """`mongod` or SecantusDB."""

    suffix = "bson.gz"
    least = 128

    def find(self) -> Program | None:
        if find_spec("pymongo") is None:
            return None
        if (path := shutil.which("mongod")) and (version := _version(path)):
            return Program("mongod", version, (path,))
        if find_spec(STAND_IN) is None:
            return None
        command = (sys.executable, "-I", "-m", STAND_IN)
        return Program("SecantusDB", metadata.version("SecantusDB"), command, LIMITS)

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
        text = _stand_in(site, auth=auth) if program.name == "SecantusDB" else _mongod(site, auth=auth)
        site.configure(text)
        return (*program.command, "--config", str(site.conf))

    async def initialise(self, site: Site, program: Program) -> None:
        # Before anybody knows the port: until there is a user, a server asks for no password.
        command = self._command(site, program, auth=False)
        async with running(_Open(), site, command):
            await asyncio.to_thread(_make_user, site)

    async def probe(self, site: Site, *, writable: bool) -> Health:
        await asyncio.to_thread(_ping, site, site.password)
        return Health()

    async def adopt_password(self, site: Site) -> bool:
        await asyncio.to_thread(_set_password, site)
        return True

    async def dump(self, site: Site, target: Path) -> None:
        await asyncio.to_thread(_dump, site, target)

    async def restore(self, site: Site, program: Program, source: Path) -> None:
        await asyncio.to_thread(_check, source)
        await self.initialise(site, program)
        async with running(self, site, self._command(site, program, auth=True)):
            await asyncio.to_thread(_load, site, source)

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
        await asyncio.to_thread(_ping, site, None)
        return Health()


def _stand_in(site: Site, *, auth: bool) -> str:
    # Each write is on the disk before it is acknowledged.
    return (
        f"[server]\nhost = {json.dumps(HOST)}\nport = {site.port}\n"
        f"storage_path = {json.dumps(str(site.data))}\n"
        f'auth = {json.dumps(auth)}\nlog_level = "WARNING"\nstandalone = true\n'
        f'[storage]\ncache_size = "{max(site.memory - OVERHEAD, 32)}M"\nsync_on_commit = true\n'
    )


def _mongod(site: Site, *, auth: bool) -> str:
    # JSON is YAML, which mongod reads; its cache has no less than a quarter of a GiB.
    settings = {
        "storage": {
            "dbPath": str(site.data),
            "journal": {"commitIntervalMs": 1},
            "wiredTiger": {"engineConfig": {"cacheSizeGB": max(site.memory / 1024, 0.25)}},
        },
        "net": {"bindIp": HOST, "port": site.port, "unixDomainSocket": {"enabled": False}},
        "security": {"authorization": "enabled" if auth else "disabled"},
    }
    return json.dumps(settings, indent=1)


@contextmanager
def _client(site: Site, password: str | None) -> Iterator[MongoClient[dict[str, Any]]]:
    """A connection; its errors are those of `kinds`.

    Args:
        password: None: log in as nobody.
    """
    from pymongo import MongoClient
    from pymongo.errors import OperationFailure, PyMongoError

    login: dict[str, Any] = {}
    if password is not None:
        login = {"username": site.account, "password": password, "authSource": mongo_name(site.name)}
    client: MongoClient[dict[str, Any]] = MongoClient(
        HOST, site.port, directConnection=True, serverSelectionTimeoutMS=8000, maxPoolSize=2, **login
    )
    try:
        yield client
    except OperationFailure as error:
        if error.code in (13, 18):
            raise RefusedError(str(error.details or error)) from error
        raise UnusableError(str(error)[:300]) from error
    except PyMongoError as error:
        raise UnreachableError(str(error)[:300]) from error
    finally:
        client.close()


def _ping(site: Site, password: str | None) -> None:
    with _client(site, password) as client:
        client[mongo_name(site.name)].command("ping" if password is None else "listCollections")


def _make_user(site: Site) -> None:
    name = mongo_name(site.name)
    with _client(site, None) as client:
        roles = [{"role": "dbOwner", "db": name}]
        client[name].command("createUser", site.account, pwd=site.password, roles=roles)


def _set_password(site: Site) -> None:
    with _client(site, site.former) as client:
        client[mongo_name(site.name)].command("updateUser", site.account, pwd=site.password)


def _dump(site: Site, target: Path) -> None:
    """All collections with their options, indexes and documents, as a line of BSON documents."""
    from bson import CodecOptions, encode
    from bson.raw_bson import RawBSONDocument

    raw: CodecOptions[RawBSONDocument] = CodecOptions(document_class=RawBSONDocument)
    count = 0
    with _client(site, site.password) as client, gzip.open(target, "wb", compresslevel=3) as file:
        database = client[mongo_name(site.name)]
        file.write(encode({"jitsu": "mongo", "version": 1}))
        for facts in database.list_collections():
            name, options = facts["name"], facts.get("options", {})
            if name.startswith("system."):
                continue
            is_view = facts.get("type") == "view"
            indexes = [] if is_view else [dict(one) for one in database[name].list_indexes()]
            file.write(encode({"collection": name, "options": options, "indexes": indexes}))
            for document in () if is_view else database.get_collection(name, codec_options=raw).find():
                file.write(encode({"document": document}))
                count += 1
        file.write(encode({"end": count}))


def _check(source: Path) -> None:
    """See that a dump is whole."""
    last = deque(_documents(source), maxlen=1)
    if not last or "end" not in last[0]:
        raise UnusableError("its end is missing")


def _documents(source: Path) -> Iterator[dict[str, Any]]:
    from bson import CodecOptions, decode_file_iter
    from bson.errors import InvalidBSON
    from bson.raw_bson import RawBSONDocument

    raw: CodecOptions[Any] = CodecOptions(document_class=RawBSONDocument)
    try:
        with gzip.open(source, "rb") as file:
            first = True
            for document in decode_file_iter(cast("IO[bytes]", file), codec_options=raw):
                if first and document.get("jitsu") != "mongo":
                    raise UnusableError("this is no backup of MongoDB")
                first = False
                yield document
            if first:
                raise UnusableError("it is empty")
    except (EOFError, gzip.BadGzipFile, InvalidBSON, ValueError, OSError) as error:
        raise UnusableError(f"this is no backup of MongoDB, or damaged: {str(error)[:200]}") from error
    except Exception as error:
        if type(error).__module__ != "zlib":
            raise
        raise UnusableError("it is damaged") from error


def _load(site: Site, source: Path) -> None:
    with _client(site, site.password) as client:
        database = client[mongo_name(site.name)]
        collection, waiting = None, list[Any]()
        for entry in _documents(source):
            if "document" in entry:
                waiting.append(entry["document"])
            if collection is not None and waiting and ("document" not in entry or len(waiting) >= BATCH):
                collection.insert_many(waiting, ordered=True)
                waiting = []
            if "collection" in entry:
                collection = database[str(entry["collection"])]
                _make_collection(database, entry)


def _make_collection(database: Any, entry: Any) -> None:
    from bson import decode

    facts: dict[str, Any] = decode(entry.raw)
    options = {key: value for key, value in facts["options"].items() if key != "uuid"}
    database.command({"create": facts["collection"], **options})
    indexes = [
        {key: value for key, value in index.items() if key not in ("ns", "v")} for index in facts["indexes"]
    ]
    if wanted := [index for index in indexes if index["name"] != "_id_"]:
        database.command({"createIndexes": facts["collection"], "indexes": wanted})


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

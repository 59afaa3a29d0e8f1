"""All databases of a platform: an instance for each, taken over at the start, left or ended at the stop."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.builder.folders import remove_tree, set_aside
from jitsu_py.server.confinement import Confiner
from jitsu_py.server.databases import process as processes
from jitsu_py.server.databases.addresses import account
from jitsu_py.server.databases.backups import recover
from jitsu_py.server.databases.condition import Condition
from jitsu_py.server.databases.holding import Holder
from jitsu_py.server.databases.instance import Instance
from jitsu_py.server.databases.kinds import Site
from jitsu_py.server.databases.registry import kind_of
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store import databases
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.server.databases.kinds import Kind
    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.databases import Database

log = logging.getLogger(__name__)

FOLDER: Final = "databases"
"""Below the state folder: a folder for each user, in it one for each database."""

REMOVED: Final = ".removed"
"""Beside the users' folders: what is being removed. No user has such a name."""


class Keeper:
    """Keeps the databases running that are wanted so."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._holder = Holder(Confiner.of_this_machine(settings.home, sandboxed=False))
        self._store = store
        self._settings = settings
        self._state_folder = settings.home.resolve()
        self._instances: dict[str, Instance] = {}
        self._kinds: dict[str, Kind] = {}

    async def open(self) -> None:
        """Take over what runs, launch what should, end what nobody wants."""
        listed, found = await asyncio.to_thread(self._listed), await asyncio.to_thread(self._found)
        wanted = {database.ref: database for database in listed if database.wanted == "running"}
        ours = {one.ref: one for one in found if one.leads and one.ref in wanted}
        await processes.sweep([one for one in found if one not in ours.values()])
        await asyncio.to_thread(self._holder.sweep, ours)
        for database in listed:
            if database.ref not in ours:
                await asyncio.to_thread(recover, self.site(database))
            instance = self.instance(database)
            if database.wanted == "running":
                instance.start(ours.get(database.ref))

    async def close(self, *, leave_running: bool) -> None:
        """Stop; with `leave_running` the databases go on for the next server to take over."""
        instances = list(self._instances.values())
        await asyncio.gather(*(one.stop(leave_running=leave_running) for one in instances))

    def instance(self, database: Database) -> Instance:
        """The instance of a database, made if need be."""
        if database.ref not in self._instances:
            self._instances[database.ref] = Instance(
                self.kind(database),
                self.site(database),
                self._holder,
                recorded=database.server,
                record=lambda label: self._record(database, label),
                settle=lambda password: self._settle(database, password),
            )
        return self._instances[database.ref]

    def condition(self, database: Database) -> Condition:
        """How a database is."""
        instance = self._instances.get(database.ref)
        return instance.condition if instance else Condition("starting")

    def kind(self, database: Database) -> Kind:
        """What its type of server knows."""
        # One for all databases of a type, which thus wait for one another's fetch.
        if database.type not in self._kinds:
            self._kinds[database.type] = kind_of(database.type, self._settings.home)
        return self._kinds[database.type]

    def folder(self, database: Database) -> Path:
        """Where everything of a database lies."""
        return self._settings.home / FOLDER / database.user / database.name

    def removed(self) -> Path:
        """A folder for what is being removed, on the file system of the databases."""
        place = self._settings.home / FOLDER / REMOVED
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        return place

    def site(self, database: Database) -> Site:
        """Where a database's server works."""
        secret = self._store.sealer.open(database.secret)
        return Site(
            ref=database.ref,
            home=self._state_folder,
            folder=self.folder(database),
            name=database.name,
            account=account(database),
            port=database.port,
            password=secret["password"],
            former=secret.get("former"),
            memory=database.memory,
            reserve=int(self._settings.databases.reserve),
        )

    def limits(self, database: Database) -> str | None:
        """A sentence on what a database's server cannot do; None: nothing is known of it."""
        instance = self._instances.get(database.ref)
        program = instance.launcher.program if instance else None
        return program.limits if program else None

    def make_folders(self, database: Database) -> None:
        """Make the folders of a database.

        Raises:
            PlatformError: DISK_FULL.
        """
        try:
            self.folder(database).parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.site(database).make()
        except OSError as error:
            message = f"The folder of the database {database.name} cannot be made: {error.strerror}."
            raise PlatformError(Code.DISK_FULL, message, blame=Blame.SYSTEM) from error

    def clear(self, database: Database) -> None:
        """Remove the folder of a database that does not run."""
        remove_tree(set_aside(self.folder(database), self.removed()))

    def change(self, database: Database, **values: Any) -> None:
        """Record columns of a database."""
        with self._store.write() as connection:
            databases.change(connection, database.ref, **values)

    async def renew(self, database: Database) -> Condition:
        """Have a changed password or memory in force, with a new process if need be; return how it is then.

        A database that is not to run has it at its next launch.
        """
        site, instance = self.site(database), self.instance(database)
        if not await instance.take(site):
            await instance.stop()
            instance.site = site
            if database.wanted == "running":
                instance.start()
        return await instance.settled()

    async def forget(self, database: Database) -> None:
        """End a database's server and know it no longer."""
        instance = self._instances.pop(database.ref, None)
        if instance is not None:
            await instance.stop()

    def _listed(self) -> list[Database]:
        with self._store.read() as connection:
            return databases.listed(connection)

    def _found(self) -> list[processes.Found]:
        return processes.find(self._state_folder)

    def _record(self, database: Database, label: str) -> None:
        self.change(database, server=label)

    def _settle(self, database: Database, password: str) -> None:
        """Forget the password before this one, unless there is another by now."""
        with self._store.write() as connection:
            found = databases.by_ref(connection, database.ref)
            if found is not None and self._store.sealer.open(found.secret)["password"] == password:
                sealed = self._store.sealer.seal({"password": password})
                databases.change(connection, found.ref, secret=sealed)

"""The platform's parts, put together, and the operations that take more than one of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from jitsu_py import wire
from jitsu_py.server import care, changes, limits, manifests
from jitsu_py.server.builder.folders import remove_tree, set_aside
from jitsu_py.server.databases import variables
from jitsu_py.server.descriptions import Descriptions
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.notes import by
from jitsu_py.server.starts import Starts
from jitsu_py.server.store import apps
from jitsu_py.server.store import snapshots as snapshot_rows
from jitsu_py.server.store.databases import attached
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from jitsu_py.server.address import Address
    from jitsu_py.server.certificates import Certificates
    from jitsu_py.server.databases import Databases
    from jitsu_py.server.descriptions import Described
    from jitsu_py.server.logbook import Logbook
    from jitsu_py.server.reconciler import Reconciler
    from jitsu_py.server.settings import Settings
    from jitsu_py.server.snapshots import Snapshots
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.databases import Database
    from jitsu_py.server.store.snapshots import Snapshot
    from jitsu_py.server.store.users import User


class Platform:
    """What the routes call.

    Args:
        address: set once the ports are known.
    """

    def __init__(
        self,
        settings: Settings,
        store: Store,
        snapshots: Snapshots,
        reconciler: Reconciler,
        logbook: Logbook,
        databases: Databases,
        certificates: Certificates,
        address: Address,
    ) -> None:
        self.settings = settings
        self.store = store
        self.snapshots = snapshots
        self.reconciler = reconciler
        self.logbook = logbook
        self.databases = databases
        self.certificates = certificates
        self.address = address
        self.descriptions = Descriptions(store, reconciler, certificates, address, settings.router.domain)
        self._starts = Starts(store, reconciler, snapshots)
        self._pruning: set[asyncio.Task[list[str]]] = set()
        self._starting: set[asyncio.Task[None]] = set()
        self._begun: dict[int, tuple[str, asyncio.Task[None]]] = {}  # of each app the last start with a key
        self.stopping = asyncio.Event()
        """Set when the server begins to stop: streams without an end of their own end then."""

    def app(self, user: str, name: str) -> App:
        """The user's app.

        Raises:
            PlatformError: NOT_FOUND.
        """
        with self.store.read() as connection:
            return apps.get(connection, user.lower(), name)

    def described(self, user: str, name: str) -> Described:
        """The user's app, with everything that the API shows of it.

        Raises:
            PlatformError: NOT_FOUND.
        """
        return self.descriptions.of([self.app(user, name)])[0]

    def snapshot(self, app: App, ref: str) -> Snapshot:
        """The app's snapshot.

        Raises:
            PlatformError: NOT_FOUND.
        """
        with self.store.read() as connection:
            return snapshot_rows.get(connection, app.id, ref)

    def create(self, user: User, body: Mapping[str, Any], name: str | None = None) -> App:
        """Make an app of a package.json.

        Args:
            name: from the path; wins over the package.json's.

        Raises:
            PlatformError: BAD_REQUEST, BAD_MANIFEST, NAME_TAKEN, SUBDOMAIN_TAKEN, DOMAIN_TAKEN.
        """
        body = body if name is None else {**body, "name": name}
        asked = self._asked(body)
        if asked.name is None:
            raise PlatformError(
                Code.BAD_REQUEST, "name is missing in package.json.", details={"field": "name"}
            )
        with self.store.write() as connection:
            limits.check_apps(connection, user.id)
            app_id = apps.create(
                connection,
                user.id,
                asked.name,
                subdomain=asked.subdomain or manifests.default_subdomain(user.name, asked.name),
                manifest=asked.rest,
                env=self.store.sealer.seal(asked.env or {}),
            )
            apps.set_domains(connection, app_id, asked.domains or ())
            return apps.get(connection, user.name, asked.name)

    async def update(self, app: App, body: Mapping[str, Any]) -> App:
        """Change an app: the keys sent replace those stored, others stay.

        Raises:
            PlatformError: BAD_REQUEST, BAD_MANIFEST, SUBDOMAIN_TAKEN, DOMAIN_TAKEN.
        """
        asked = self._asked(body)
        await asyncio.to_thread(self._change, app, asked)
        await asyncio.to_thread(self._tell_changes, app)
        if asked.subdomain is not None or asked.domains is not None or care.KEY in asked.rest:
            await self.reconciler.routes_changed()
        return await asyncio.to_thread(self.app, app.user, app.name)

    def _asked(self, body: Mapping[str, Any]) -> manifests.Changes:
        """What a package.json asks of an app. Its `jitsu` is checked too: the next snapshot has it."""
        care.asked(body, self.settings.drones)
        asked = manifests.changes(body)
        mine = self.settings.api.host
        if mine and mine in (f"{asked.subdomain}.{self.settings.router.domain}", *(asked.domains or ())):
            code = Code.DOMAIN_TAKEN if mine in (asked.domains or ()) else Code.SUBDOMAIN_TAKEN
            raise PlatformError(code, f"{mine} is the name of this server's API.")
        return asked

    def change_env(self, app: App, body: Mapping[str, Any]) -> None:
        """Set and delete single variables; the others stay, whoever changes those meanwhile.

        Args:
            body: strings by name; None: the variable goes.

        Raises:
            PlatformError: BAD_REQUEST; NOT_FOUND; TOO_LARGE when there would be too many of them.
        """
        asked = manifests.env_changes(body)
        with self.store.write() as connection:
            # Only what is read while nobody else can write is sure to be what is changed.
            now: dict[str, str] = self.store.sealer.open(apps.get(connection, app.user, app.name).env)
            env = {name: value for name, value in {**now, **asked}.items() if value is not None}
            if sum(len(name) + len(value) for name, value in env.items()) > wire.JSON_LIMIT:
                raise PlatformError(
                    Code.TOO_LARGE, f"An app's variables have at most {wire.JSON_LIMIT // 1024} KiB together."
                )
            apps.change(connection, app.id, env=self.store.sealer.seal(env))
        self._tell_changes(app)

    def _tell_changes(self, before: App) -> None:
        """Say in the app's log what of it is not as it was."""
        after = self.app(before.user, before.name)
        opened = self.store.sealer.open
        if text := changes.in_words(before, after, opened(before.env), opened(after.env)):
            self.reconciler.notes.add(after.key, f"config changed{by()}: {text}")

    def _change(self, app: App, asked: manifests.Changes) -> None:
        values: dict[str, Any] = {}
        if asked.subdomain is not None:
            values["subdomain"] = asked.subdomain
        with self.store.write() as connection:
            if asked.rest:
                # Read again: somebody else may have changed other keys since `app` was read.
                now = apps.get(connection, app.user, app.name)
                values["manifest"] = {**now.manifest, **asked.rest}
            if asked.env is not None:
                values["env"] = self.store.sealer.seal(self._own(connection, app, asked.env))
            apps.change(connection, app.id, **values)
            if asked.domains is not None:
                apps.set_domains(connection, app.id, asked.domains)

    def _own(self, connection: Connection, app: App, env: dict[str, str]) -> dict[str, str]:
        """What was sent, less what the app's databases give it: a client sends all that it was shown."""
        stored = self.store.sealer.open(app.env)
        shared = variables.of_app(connection, self.store.sealer, app.id)
        return {name: env[name] for name in env if name in stored or env[name] != shared.get(name)}

    async def start(self, app: App) -> None:
        """Bring up the active snapshot, and let go of snapshots of long ago.

        Raises:
            PlatformError: as `Starts.start`.
        """
        await self._starts.start(app)
        self._prune(app)

    def begin_start(self, app: App, key: str = "") -> asyncio.Task[None]:
        """Begin what `start` does; it goes on when nobody waits for it any more.

        Args:
            key: one that the app's last start had gives that start, under way or over: a release command
                does not run twice because an answer was lost. Empty: none.
        """
        if key and app.id in self._begun and self._begun[app.id][0] == key:
            return self._begun[app.id][1]
        task = asyncio.create_task(self.start(app), name=f"start {app.key}")
        self._starting.add(task)
        task.add_done_callback(self._started)
        if key:
            self._begun[app.id] = key, task
        return task

    def _started(self, task: asyncio.Task[None]) -> None:
        self._starting.discard(task)
        if not task.cancelled():
            task.exception()  # whoever waited has heard of it; the app's log has it

    async def restart(self, app: App) -> None:
        """Replace the drones without a gap.

        Raises:
            PlatformError: as `Starts.start`.
        """
        await self._starts.restart(app)

    async def roll_back(self, app: App, ref: str, *, with_env: bool) -> None:
        """Bring up an earlier snapshot, if asked for in its environment of then.

        Raises:
            PlatformError: as `Starts.roll_back`.
        """
        snapshot = await asyncio.to_thread(self.snapshot, app, ref)
        await self._starts.roll_back(app, snapshot, with_env=with_env)
        self._prune(app)

    def _prune(self, app: App) -> None:
        # Nobody waits for it: what is left of it at a stop, the next server removes.
        task = asyncio.create_task(self.snapshots.prune(app))
        self._pruning.add(task)
        task.add_done_callback(self._pruning.discard)

    async def restart_apps(self, database: Database) -> None:
        """Restart the apps that run and have a database, one after the other, each without a gap.

        Raises:
            PlatformError: as `Reconciler.restart`, of the first that does not come up; the rest go on.
        """
        with self.store.read() as connection:
            names = [one.app for one in attached(connection, database_id=database.id)]
        for name in names:
            app = await asyncio.to_thread(self.app, database.user, name)
            if app.state == "started":
                await self.reconciler.restart(app)

    async def destroy(self, app: App) -> None:
        """Stop an app and remove it with its snapshots, builds and logs."""
        async with self.reconciler.stopped(app):
            await self.snapshots.remove_all(app)
            # An upload may have come in between: nothing says no to it before the app is gone.
            while not await asyncio.to_thread(self._remove, app):
                await self.snapshots.remove_all(app)
            self._begun.pop(app.id, None)
        await self.reconciler.routes_changed()

    def _remove(self, app: App) -> bool:
        """Remove an app that has no snapshots left; False: it has."""
        builds = self.settings.builds_of(app.user, app.name)
        with self.reconciler.notes.removing(), self.store.write() as connection:
            if snapshot_rows.listed(connection, app.id):
                return False
            apps.remove(connection, app.id)
            # While nobody else can write: a moment later the name may be an app again, with a log and builds.
            self.logbook.remove(app.key)
            aside = set_aside(builds, self.settings.home / "work")
        remove_tree(aside)
        return True

"""What is wanted of the apps, read from the store and recorded there. Every call may touch the disk."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jitsu_py.server.databases import variables
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store import apps, snapshots
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.snapshots import Release, Snapshot


class Desired:
    """The store, as the reconciler asks it."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def fresh(self, app: App) -> App:
        """The app as it is wanted now.

        Raises:
            PlatformError: NOT_FOUND: it was destroyed meanwhile, whether or not another one has its name now.
        """
        with self._store.read() as connection:
            found = apps.get(connection, app.user, app.name)
        # SQLite gives the row id of what was removed last to what comes next.
        if (found.id, found.ctime) != (app.id, app.ctime):
            raise PlatformError(Code.NOT_FOUND, f"{app.key} was removed meanwhile.")
        return found

    def set(self, app: App, *, served: Release | None = None, **values: Any) -> None:
        """Record columns of an app, and that a release of it has come up."""
        with self._store.write() as connection:
            apps.change(connection, app.id, **values)
            if served is not None:
                snapshots.mark_served(connection, served.id)

    def listed(self) -> list[App]:
        """All apps."""
        with self._store.read() as connection:
            return apps.listed(connection)

    def serving(self) -> list[tuple[App, Release]]:
        """The apps that are wanted started and once were, each with the release that is to run."""
        with self._store.read() as connection:
            started = [app for app in apps.listed(connection) if app.state == "started"]
            releases = snapshots.releases_of(
                connection, [app.release_id for app in started if app.release_id]
            )
        return [(app, release) for app in started if (release := releases.get(app.release_id or 0))]

    def is_current(self, app: App) -> bool:
        """Whether the app's release is of its active snapshot and in the environment that it has now."""
        release = self.release(app)
        return (
            app.state == "started"
            and release is not None
            and release.snapshot_id == app.active_id
            and self._store.sealer.open(release.env) == self._environment(app)
        )

    def release(self, app: App) -> Release | None:
        """What serves, or served last."""
        with self._store.read() as connection:
            return snapshots.release_by_id(connection, app.release_id)

    def new_release(self, app: App, snapshot_id: int) -> Release:
        """Record that a snapshot is about to run in the environment that the app has now."""
        env = self._store.sealer.seal(self._environment(app))
        with self._store.write() as connection:
            return snapshots.release(connection, app.id, snapshot_id, env)

    def snapshot(self, release: Release) -> Snapshot:
        """What a release is of."""
        with self._store.read() as connection:
            return snapshots.by_id(connection, release.snapshot_id)

    def released(self, snapshot: Snapshot) -> None:
        """Record that a snapshot's release command ended well."""
        with self._store.write() as connection:
            snapshots.change(connection, snapshot.id, released=time.time())

    def env(self, app: App, release: Release) -> dict[str, str]:
        """The environment of a release, with the passwords that its databases have now."""
        own = self._store.sealer.open(app.env)
        env = self._store.sealer.open(release.env)
        now = self._from_databases(app)
        return {**env, **{name: now[name] for name in now if name in env and name not in own}}

    def _environment(self, app: App) -> dict[str, str]:
        """What a start of the app takes: the variables of its databases, and over them its own."""
        return {**self._from_databases(app), **self._store.sealer.open(app.env)}

    def _from_databases(self, app: App) -> dict[str, str]:
        with self._store.read() as connection:
            return variables.of_app(connection, self._store.sealer, app.id)

"""Starts, restarts and rollbacks as people ask for them; a failure is held against what came up before."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from jitsu_py.server import limits
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.snapshots.differences import Side, differences, sentence
from jitsu_py.server.store import apps
from jitsu_py.server.store import snapshots as rows
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from jitsu_py.server.reconciler import Reconciler
    from jitsu_py.server.snapshots import Snapshots
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.snapshots import Release, Snapshot

log = logging.getLogger(__name__)

FAILURES: Final = frozenset({Code.CRASHED, Code.NEVER_LISTENED, Code.UNHEALTHY, Code.RELEASE_FAILED})
"""The app's own failures: a look at what changed may help."""


class Starts:
    """The orders that bring up drones."""

    def __init__(self, store: Store, reconciler: Reconciler, snapshots: Snapshots) -> None:
        self._store = store
        self._reconciler = reconciler
        self._snapshots = snapshots

    async def start(self, app: App) -> None:
        """Bring up the active snapshot.

        Raises:
            PlatformError: as `Reconciler.start`; of an app that did not come up, with what changed;
                LIMIT_REACHED: it never ran, and its account has no room for it.
        """
        await asyncio.to_thread(self._check_room, app)
        await self._explained(app, self._reconciler.start(app))

    async def restart(self, app: App) -> None:
        """Replace the drones by new ones.

        Raises:
            PlatformError: as `start`.
        """
        await self._explained(app, self._reconciler.restart(app))

    async def roll_back(self, app: App, snapshot: Snapshot, *, with_env: bool) -> None:
        """Bring up a snapshot and, proved ready, make it the active one.

        Args:
            with_env: in the environment of its last release that came up, which is the app's own then.

        Raises:
            PlatformError: SNAPSHOT_NOT_READY; NOT_FOUND: it never served, so nobody knows its environment;
                as `start`: nothing of the app changed.
        """
        if snapshot.state != "ready":
            message = f"Snapshot {snapshot.ref} of {app.key} is not built, so it cannot serve."
            raise PlatformError(Code.SNAPSHOT_NOT_READY, message)
        env = await asyncio.to_thread(self._env_of, app, snapshot) if with_env else app.env
        asked = replace(app, active_id=snapshot.id, env=env)
        order = self._reconciler.roll_back(app, snapshot.id, env if with_env else None)
        await self._explained(asked, order, is_stored=False)

    def _check_room(self, app: App) -> None:
        """Hold an app that never ran against the limits of its account; one that did stays."""
        if app.release_id is None:
            with self._store.read() as connection:
                limits.check_size(connection, app, app.drones, app.ram, is_new=True)

    def _env_of(self, app: App, snapshot: Snapshot) -> bytes:
        with self._store.read() as connection:
            release = rows.last_served(connection, snapshot.id)
        if release is None:
            raise PlatformError(
                Code.NOT_FOUND,
                f"Snapshot {snapshot.ref} of {app.key} never served: no environment of it is known.",
                details={"hint": "leave the environment as it is: roll back without it"},
            )
        return release.env

    async def _explained(self, app: App, order: Awaitable[None], *, is_stored: bool = True) -> None:
        try:
            await order
        except PlatformError as error:
            if error.code in FAILURES:
                raise await self._with_differences(app, error, is_stored=is_stored) from error
            raise

    async def _with_differences(self, app: App, error: PlatformError, *, is_stored: bool) -> PlatformError:
        try:
            told = await self._differences(app, is_stored=is_stored)
        except Exception:  # the failure itself is what must be told
            log.exception("what changed in %s cannot be told", app.key)
            return error
        if told is None:
            return error
        ref, found = told
        return PlatformError(
            error.code,
            f"{error.message} {sentence(ref, found)}",
            blame=error.blame,
            details={**error.details, "differs": {"from": ref, **found}},
        )

    async def _differences(self, app: App, *, is_stored: bool) -> tuple[str, dict[str, list[str]]] | None:
        """The snapshot that came up last, and in what the app's active one differs; None: none ever did."""
        app, release, old, new = await asyncio.to_thread(self._sides, app, is_stored)
        if release is None or old is None or new is None:
            return None
        before, after = await self._side(app, old, release.env), await self._side(app, new, app.env)
        return old.ref, await asyncio.to_thread(differences, before, after)

    def _sides(
        self, app: App, is_stored: bool
    ) -> tuple[App, Release | None, Snapshot | None, Snapshot | None]:
        with self._store.read() as connection:
            if is_stored:
                app = apps.get(connection, app.user, app.name)
            release = rows.release_by_id(connection, app.release_id)
            listed = {one.id: one for one in rows.listed(connection, app.id)}
        old = listed.get(release.snapshot_id) if release and release.served else None
        return app, release, old, listed.get(app.active_id or 0)

    async def _side(self, app: App, snapshot: Snapshot, env: bytes) -> Side:
        return Side(
            snapshot.ref,
            await self._snapshots.contents(snapshot),
            self._snapshots.folder(app, snapshot),
            snapshot.engine or "",
            snapshot.command or "",
            self._store.sealer.open(env),
        )

"""The archives of all apps: checked, kept, built, listed, removed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server import care
from jitsu_py.server.builder import Builder, Contents, Job, Limits, inspect
from jitsu_py.server.builder.folders import remove_tree
from jitsu_py.server.builder.space import check_space, expected, free, unclaimed
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.notes import by
from jitsu_py.server.snapshots import keys
from jitsu_py.server.snapshots.builds import Build, in_words
from jitsu_py.server.snapshots.files import Files
from jitsu_py.server.snapshots.policy import surplus
from jitsu_py.server.snapshots.receiving import Receiver, Upload
from jitsu_py.server.store import apps
from jitsu_py.server.store import snapshots as rows
from jitsu_py.server.times import now
from jitsu_py.wire import Blame, Code, Event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from jitsu_py.server.builder.space import Space
    from jitsu_py.server.notes import Notes
    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.snapshots import Snapshot

REMOVED: Final = "The snapshot was removed during its build."


class Snapshots:
    """The archives of all apps, and the builds made of them."""

    def __init__(self, store: Store, builder: Builder, settings: Settings, notes: Notes) -> None:
        self._store = store
        self._builder = builder
        self._settings = settings
        self._notes = notes
        self._files = Files(settings)
        self._receiver = Receiver(settings.home / "work", settings.builds.archive, settings.api.patience)
        self._builds: dict[int, Build] = {}
        self._admission = asyncio.Lock()
        """Held from the look for room until the build that takes it counts."""
        self._closed = False

    def recover(self) -> None:
        """Fail what a server that died was building, and remove what it left half-made, uploads too."""
        self._builder.sweep()
        with self._store.write() as connection:
            rows.fail_interrupted(connection)
        self._sweep()

    def _sweep(self) -> None:
        """Remove builds and archives that belong to no snapshot: a kill came between row and files."""
        with self._store.read() as connection:
            listed = apps.listed(connection)
            of_apps = rows.by_app(connection, [app.id for app in listed])
        kept = {self.archive(one) for of_app in of_apps.values() for one in of_app}
        for app in listed:
            for one in of_apps[app.id]:
                kept.add(self.log(app, one))
                # A kill between a build's last step and its row leaves a whole folder of a failed snapshot.
                if one.state == "ready":
                    kept.add(self.folder(app, one))
        home = self._settings.home
        for path in (*(home / "builds").glob("*/*/*"), *(home / "snapshots").iterdir()):
            if path not in kept:
                remove_tree(path) if path.is_dir() else path.unlink(missing_ok=True)

    async def receive(self, stream: AsyncIterator[bytes], *, sha256: str | None) -> Upload:
        """Write an uploaded archive to disk; see `Receiver.receive`."""
        return await self._receiver.receive(stream, sha256=sha256)

    async def inspect(self, upload: Upload, app: App | None = None) -> Contents:
        """What is in an upload.

        Args:
            app: whose it is, if that is known: its last build tells what this one will take.

        Raises:
            PlatformError: BAD_ARCHIVE, BAD_MANIFEST (`jitsu` in it too), DISK_FULL; the upload is removed.
        """
        try:
            contents = await asyncio.to_thread(inspect, upload.path, Limits())
            care.asked(contents.manifest, self._settings.drones)
            await self._check_space(contents, app)
        except BaseException:
            upload.path.unlink(missing_ok=True)
            raise
        return contents

    async def _check_space(self, contents: Contents, app: App | None) -> Space:
        """What an upload is expected to take; refused where there is less, beside what builds need."""
        promised = [build.need for build in self._builds.values()]
        return await asyncio.to_thread(self._fitting, contents, app, promised)

    def _fitting(self, contents: Contents, app: App | None, promised: list[Space]) -> Space:
        last = None
        if app is not None:
            with self._store.read() as connection:
                ready = [one for one in rows.listed(connection, app.id) if one.state == "ready"]
            last = self.folder(app, ready[-1]) if ready else None
        on_disk = free(self._settings.home)
        there = unclaimed(on_disk, promised, self._settings.home / "work")
        need, how = expected(contents, there, last)
        check_space(need, there, how, "" if there == on_disk else " beside what builds under way will take")
        return need

    async def begin(
        self, app: App, ref: str, upload: Upload, contents: Contents, *, fresh: bool = False
    ) -> Build:
        """Make a snapshot of an inspected upload and begin to build it.

        Args:
            contents: of the upload.
            fresh: install dependencies anew, whatever is in the cache.

        Raises:
            PlatformError: SNAPSHOT_EXISTS, NOT_FOUND, UNAVAILABLE, DISK_FULL; the upload is removed then.
        """
        try:
            if self._closed:
                raise PlatformError(
                    Code.UNAVAILABLE, "The server is stopping and builds nothing.", blame=Blame.SYSTEM
                )
            async with self._admission:
                need = await self._check_space(contents, app)
                snapshot = await asyncio.to_thread(self._admit, app, ref, upload)
                build = Build(snapshot.id, fresh=fresh, need=need)
                self._builds[snapshot.id] = build
        except BaseException:
            upload.path.unlink(missing_ok=True)
            raise
        self._notes.add(app.key, f"snapshot {ref} uploaded{by()}: {upload.size:,} bytes", snapshot=ref)
        build.task = asyncio.create_task(self._build(app, snapshot, build), name=f"build {app.key} {ref}")
        return build

    def building(self, snapshot: Snapshot) -> Build | None:
        """The build of a snapshot, while it is under way."""
        return self._builds.get(snapshot.id)

    def archive(self, snapshot: Snapshot) -> Path:
        """The archive as uploaded."""
        return self._files.archive(snapshot)

    def folder(self, app: App, snapshot: Snapshot) -> Path:
        """Where a ready snapshot lies, built."""
        return self._files.folder(app, snapshot)

    def log(self, app: App, snapshot: Snapshot) -> Path:
        """The file with the build's output."""
        return self._files.log(app, snapshot)

    async def contents(self, snapshot: Snapshot) -> Contents:
        """What is in a snapshot's archive."""
        return await asyncio.to_thread(inspect, self.archive(snapshot), Limits())

    async def remove(self, app: App, snapshot: Snapshot) -> None:
        """Delete a snapshot: its row, its build, and its archive unless another has the same.

        Raises:
            PlatformError: SNAPSHOT_ACTIVE while it is the active one.
        """
        if app.active_id == snapshot.id:
            raise PlatformError(
                Code.SNAPSHOT_ACTIVE,
                f"{snapshot.ref} is the active snapshot of {app.key}. Activate another one first.",
            )
        await self._cancel(snapshot)
        await asyncio.to_thread(self._files.forget, self._store, app, snapshot)

    async def prune(self, app: App) -> list[str]:
        """Delete an app's oldest snapshots beyond the number that is kept.

        Never the active one, the one that runs or is to run, the one that served before it, or one that is
        being built.

        Returns:
            The ids of those deleted.
        """
        doomed = await asyncio.to_thread(self._surplus, app)
        for snapshot in doomed:
            await asyncio.to_thread(self._files.forget, self._store, app, snapshot)
        return [snapshot.ref for snapshot in doomed]

    def _surplus(self, app: App) -> list[Snapshot]:
        with self._store.read() as connection:
            fresh = apps.get(connection, app.user, app.name)
            found = surplus(connection, fresh, self._settings.builds.keep)
        return [one for one in found if one.id not in self._builds]

    async def remove_all(self, app: App) -> None:
        """Delete every snapshot of an app that is being destroyed."""
        with self._store.read() as connection:
            of_app = rows.listed(connection, app.id)
        for snapshot in of_app:
            await self._cancel(snapshot)
            await asyncio.to_thread(self._files.forget, self._store, app, snapshot)
        folder = self._settings.builds_of(app.user, app.name)
        await asyncio.to_thread(remove_tree, folder)

    async def close(self) -> None:
        """Cancel the builds under way and begin none; their snapshots are failed."""
        self._closed = True
        await asyncio.gather(*(build.cancel() for build in list(self._builds.values())))
        await self._builder.close()

    async def _cancel(self, snapshot: Snapshot) -> None:
        build = self._builds.get(snapshot.id)
        if build is not None:
            await build.cancel(REMOVED)

    def _admit(self, app: App, ref: str, upload: Upload) -> Snapshot:
        with self._store.write() as connection:
            snapshot = rows.create(
                connection, app.id, ref, md5=upload.md5, sha256=upload.sha256, size=upload.size
            )
            upload.path.replace(self.archive(snapshot))
        return snapshot

    async def _build(self, app: App, snapshot: Snapshot, build: Build) -> None:
        build.begun.set()
        try:
            last = await self._run(app, snapshot, build)
        except PlatformError as error:
            last = await asyncio.to_thread(self._failed, snapshot, error)
        except asyncio.CancelledError:
            last = self._failed(
                snapshot, PlatformError(Code.BUILD_INTERRUPTED, build.why, blame=Blame.SYSTEM)
            )
            raise
        except Exception as error:
            reason = f"The build broke off by a fault of the platform: {type(error).__name__}: {error}"
            last = await asyncio.to_thread(
                self._failed, snapshot, PlatformError(Code.INTERNAL, reason, blame=Blame.SYSTEM)
            )
            raise
        finally:
            self._builds.pop(snapshot.id, None)
            build.emit(last)
            self._note(app, snapshot, last)

    async def _run(self, app: App, snapshot: Snapshot, build: Build) -> dict[str, Any]:
        began = time.monotonic()
        job = Job(
            user=app.user,
            app=app.name,
            snapshot=snapshot.ref,
            archive=self.archive(snapshot),
            folder=self.folder(app, snapshot),
            log=self.log(app, snapshot),
            env=self._store.sealer.open(app.env),
            tokens=await asyncio.to_thread(keys.entrusted, self._store, app.user),
            own_server=await asyncio.to_thread(keys.runs_the_server, self._store, app.user),
            fresh=build.fresh,
        )

        def tell(event: dict[str, Any]) -> None:
            build.emit(event)
            self._note(app, snapshot, event)

        built = await self._builder.build(job, tell)
        values = {
            "state": "ready",
            "seconds": round(time.monotonic() - began, 3),
            "engine": built.engine.version,
            "node": str(built.engine.node),
            "command": built.command,
            "release": built.release or None,
            "care": care.asked(built.contents.manifest, self._settings.drones).stored(),
        }
        await asyncio.to_thread(self._record, snapshot, values)
        return {"event": Event.DONE, "time": now(), "seconds": values["seconds"]}

    def _note(self, app: App, snapshot: Snapshot, event: dict[str, Any]) -> None:
        if text := in_words(snapshot.ref, event):
            self._notes.add(app.key, text, snapshot=snapshot.ref)

    def _failed(self, snapshot: Snapshot, error: PlatformError) -> dict[str, Any]:
        # A full disk can keep the verdict from being stored; the one who waits hears it all the same.
        with contextlib.suppress(PlatformError):
            self._record(snapshot, {"state": "failed", "error": error.body()})
        return {"event": Event.FAILED, "time": now(), **error.body()}

    def _record(self, snapshot: Snapshot, values: dict[str, Any]) -> None:
        with self._store.write() as connection:
            rows.change(connection, snapshot.id, **values)

    def activate(self, app: App, snapshot: Snapshot) -> None:
        """Make a snapshot the one that the next start takes.

        Raises:
            PlatformError: SNAPSHOT_NOT_READY for a failed or unfinished one.
        """
        if snapshot.state != "ready":
            what = "is still being built" if snapshot.state == "building" else "did not build"
            raise PlatformError(
                Code.SNAPSHOT_NOT_READY,
                f"Snapshot {snapshot.ref} of {app.key} {what}, so it cannot be activated.",
            )
        with self._store.write() as connection:
            apps.change(connection, app.id, active_id=snapshot.id)
        if app.active_id != snapshot.id:
            self._notes.add(app.key, f"snapshot {snapshot.ref} activated{by()}", snapshot=snapshot.ref)

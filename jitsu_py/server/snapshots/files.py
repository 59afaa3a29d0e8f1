"""Where the files of snapshots lie, and how they go."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jitsu_py.server.builder.folders import remove_tree, set_aside
from jitsu_py.server.store import snapshots as rows

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store import Store
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.snapshots import Snapshot


@dataclass(frozen=True)
class Files:
    """The files of all snapshots."""

    settings: Settings

    def archive(self, snapshot: Snapshot) -> Path:
        """The archive as uploaded."""
        return self.settings.home / "snapshots" / f"{snapshot.sha256}.tgz"

    def folder(self, app: App, snapshot: Snapshot) -> Path:
        """Where a ready snapshot lies, built."""
        return self.settings.builds_of(app.user, app.name) / snapshot.ref

    def log(self, app: App, snapshot: Snapshot) -> Path:
        """The file with the build's output; "~" is in no snapshot id, so it is never another one's folder."""
        return self.settings.builds_of(app.user, app.name) / f"{snapshot.ref}~log"

    def forget(self, store: Store, app: App, snapshot: Snapshot) -> None:
        """Delete a snapshot: its row, its build, and its archive unless another has the same."""
        with store.write() as connection:
            aside = self.set_aside(connection, app, snapshot)
        remove_tree(aside)

    def set_aside(self, connection: Connection, app: App, snapshot: Snapshot) -> Path:
        """Delete a snapshot within a transaction; its build lies in the folder returned, to be removed."""
        rows.remove(connection, snapshot.id)
        # While nobody else can write: a moment later there may be a new one of that id or archive.
        if rows.archive_users(connection, snapshot.sha256) == 0:
            self.archive(snapshot).unlink(missing_ok=True)
        self.log(app, snapshot).unlink(missing_ok=True)
        return set_aside(self.folder(app, snapshot), self.settings.home / "work")

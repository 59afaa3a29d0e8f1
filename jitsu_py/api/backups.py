"""The backups of a database: make, list, fetch, put back, remove."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.api import fields
from jitsu_py.api.databases import Database, Databases
from jitsu_py.api.downloads import save
from jitsu_py.api.uploads import Body, opened

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime
    from pathlib import Path

    from jitsu_py.api.transport import Transport

BACKUP_TIMEOUT = 900.0
"""Seconds that writing or putting back a backup may take."""


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy of a database's content, kept on the server."""

    id: str
    ctime: datetime | None
    """When it was made."""
    size: int
    """Bytes."""
    sha256: str
    """Hex, of the file."""
    server: str
    """The program that wrote it, and its version."""
    raw: Mapping[str, Any] = field(repr=False)
    """As the server sent it."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Backup:
        """Read one backup; only the id must be there."""
        return cls(
            id=fields.text(data, "id"),
            ctime=fields.maybe_time(data, "ctime"),
            size=fields.maybe_int(data, "size"),
            sha256=fields.maybe_text(data, "sha256"),
            server=fields.maybe_text(data, "server"),
            raw=data,
        )


class Backups:
    """The routes below `/databases/:user/:name/backups`, and `…/restore`."""

    def __init__(self, transport: Transport, user: str) -> None:
        self._transport = transport
        self._path = Databases(transport, user).path

    def list(self, name: str) -> list[Backup]:
        """Give the backups of a database, newest first."""
        reply = self._transport.call("GET", self._path(name, "backups"))
        return [Backup.parse(row) for row in fields.rows(reply, "backups")]

    def create(self, name: str) -> Backup:
        """Make a backup."""
        path = self._path(name, "backups")
        reply = self._transport.call("POST", path, {}, timeout=BACKUP_TIMEOUT)
        return Backup.parse(fields.inner(reply, "backup"))

    def fetch(
        self, name: str, backup: Backup, target: Path, advance: Callable[[int, int | None], object]
    ) -> Path:
        """Download a backup, for its owner's eyes only; `target` appears whole or not at all.

        Args:
            name: the database.
            backup: one of its backups.
            target: the file to write; replaced when it is there.
            advance: told the bytes just received and the whole length (None: unknown).
        """
        path = self._path(name, "backups", backup.id)
        what = f"the backup {backup.id}"
        return save(
            self._transport, path, target, sha256=backup.sha256, what=what, advance=advance, mode=0o600
        )

    def destroy(self, name: str, backup_id: str) -> None:
        """Remove a backup."""
        self._transport.call("DELETE", self._path(name, "backups", backup_id))

    def restore(self, name: str, backup_id: str) -> Database:
        """Replace the content of a database by that of one of its backups."""
        path, body = self._path(name, "restore"), {"backup": backup_id}
        return _read(self._transport.call("POST", path, body, timeout=BACKUP_TIMEOUT))

    def restore_file(self, name: str, file: Path, advance: Callable[[int], object]) -> Database:
        """Replace the content of a database by that of a backup's file; `advance` is told the bytes sent."""
        with opened(file) as source:
            path, body = self._path(name, "restore"), Body(source, advance)
            return _read(self._transport.upload(path, body, timeout=BACKUP_TIMEOUT))


def _read(reply: Any) -> Database:
    return Database.parse(fields.inner(reply, "database"))

"""Backups: made of a running database, kept beside its data, taken back whole or not at all."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

from jitsu_py.server.builder.folders import remove_tree
from jitsu_py.server.databases.kinds import RefusedError, UnreachableError, UnusableError
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.settings import write_private
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.server.databases.keeper import Keeper
    from jitsu_py.server.databases.kinds import Site
    from jitsu_py.server.store.databases import Database

ID: Final = re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}")

FOLDER: Final = "backups"
"""Below a database's folder."""


@dataclass(frozen=True)
class Backup:
    """A backup that is kept."""

    id: str
    ctime: float
    """Epoch seconds."""
    size: int
    """Bytes."""
    sha256: str
    server: str
    """What it was made of."""
    scheduled: bool
    """It was made by the schedule, which removes it one day."""
    file: str
    """Its name below the backups' folder."""


class Backups:
    """The backups of all databases. Every call wants the database's lock held."""

    def __init__(self, keeper: Keeper) -> None:
        self._keeper = keeper

    def listed(self, database: Database) -> list[Backup]:
        """What is kept of a database, newest first."""
        found = []
        for path in self._folder(database).glob("*.json"):
            try:
                found.append(Backup(**json.loads(path.read_bytes())))
            except (OSError, ValueError, TypeError):
                continue
        return sorted(found, key=lambda backup: (backup.ctime, backup.id), reverse=True)

    def get(self, database: Database, ref: str) -> Backup:
        """One of them.

        Raises:
            PlatformError: NOT_FOUND.
        """
        found = next((backup for backup in self.listed(database) if backup.id == ref), None)
        if found is None:
            raise PlatformError(Code.NOT_FOUND, f"{database.name} has no backup {ref[:80]}.")
        return found

    def path(self, database: Database, backup: Backup) -> Path:
        """The file of a backup."""
        return self._folder(database) / backup.file

    def remove(self, database: Database, backup: Backup) -> None:
        """Remove a backup."""
        self._folder(database).joinpath(f"{backup.id}.json").unlink(missing_ok=True)
        self.path(database, backup).unlink(missing_ok=True)

    async def make(self, database: Database, *, scheduled: bool = False) -> Backup:
        """Save a running database.

        Raises:
            PlatformError: UNAVAILABLE: it does not run; DISK_FULL.
        """
        kind, site, folder = self._keeper.kind(database), self._keeper.site(database), self._folder(database)
        now = time.time()
        ref = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now)) + f"-{os.urandom(3).hex()}"
        name = f"{ref}.{kind.suffix}"
        half = folder / f".{name}"
        try:
            await asyncio.to_thread(_check_room, site)
            folder.mkdir(mode=0o700, exist_ok=True)
            await kind.dump(site, half)
            digest, size = await asyncio.to_thread(_sealed, half)
            server = database.server or kind.suffix
            backup = Backup(ref, now, size, digest, server, scheduled, name)
            half.replace(folder / name)
            write_private(folder / f"{ref}.json", json.dumps(asdict(backup)).encode())
        except (UnreachableError, RefusedError, UnusableError) as error:
            message = f"{database.name} cannot be saved: {error}. It has to run for that."
            raise PlatformError(Code.UNAVAILABLE, message, blame=Blame.SYSTEM) from error
        except OSError as error:
            message = f"{database.name} cannot be saved: {error.strerror or error}. Free some space."
            raise PlatformError(Code.DISK_FULL, message, blame=Blame.SYSTEM) from error
        finally:
            half.unlink(missing_ok=True)
        return backup

    def prune(self, database: Database, keep: int) -> None:
        """Remove the oldest of those that the schedule made, beyond so many."""
        scheduled = [backup for backup in self.listed(database) if backup.scheduled]
        for backup in scheduled[keep:]:
            self.remove(database, backup)

    async def restore(self, database: Database, source: Path, port: int) -> None:
        """Replace the content of a database by that of a backup; what was there goes on until all is ready.

        Args:
            source: of a backup of this kind.
            port: free, for the server that reads it.

        Raises:
            PlatformError: BAD_REQUEST: it cannot be read, and nothing was changed; DISK_FULL; UNAVAILABLE.
        """
        instance, site = self._keeper.instance(database), self._keeper.site(database)
        aside = site.beside(site.folder / "restoring", port)
        try:
            await asyncio.to_thread(remove_tree, aside.folder)
            aside.make()
            program = await instance.launcher.find(instance.recorded)
            await instance.kind.restore(aside, program, source)
            await instance.stop()
            await asyncio.to_thread(_swap, aside.data, site)
            await asyncio.to_thread(self._keeper.change, database, server=program.label)
            instance.recorded = program.label
        except UnusableError as error:
            message = f"This backup cannot be taken back: {error}. {database.name} is as it was."
            raise PlatformError(Code.BAD_REQUEST, message) from error
        except OSError as error:
            message = f"This backup cannot be taken back: {error.strerror or error}. Free some space."
            raise PlatformError(Code.DISK_FULL, message, blame=Blame.SYSTEM) from error
        finally:
            if database.wanted == "running":
                instance.start()
            await asyncio.to_thread(remove_tree, aside.folder)
        await instance.settled()

    def _folder(self, database: Database) -> Path:
        return self._keeper.folder(database) / FOLDER


def _check_room(site: Site) -> None:
    if not site.has_room():
        raise OSError(None, "the disk is nearly full")


def recover(site: Site) -> None:
    """Put back the data of a database whose restore was cut off at its last step."""
    old = _old(site)
    if old.exists() and not site.data.exists():
        old.rename(site.data)
    remove_tree(old)
    remove_tree(site.folder / "restoring")


def _swap(made: Path, site: Site) -> None:
    old = _old(site)
    site.data.rename(old)
    made.rename(site.data)
    remove_tree(old)


def _old(site: Site) -> Path:
    return site.folder / "data.old"


def _sealed(path: Path) -> tuple[str, int]:
    """Have a file on the disk, for its owner alone; its SHA-256 and size."""
    path.chmod(0o600)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
        return digest, os.fstat(file.fileno()).st_size

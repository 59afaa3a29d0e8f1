"""Snapshots and the releases made of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store.schema import releases, snapshots
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row

State = Literal["building", "ready", "failed"]


@dataclass(frozen=True)
class Snapshot:
    """An uploaded archive and what became of it."""

    id: int
    app_id: int
    ref: str
    """The id that a person sees: `0.1.0-1`."""
    state: State
    md5: str
    sha256: str
    size: int
    """Bytes of the archive."""
    ctime: float
    seconds: float | None
    """How long the build took."""
    engine: str | None
    """Node's version."""
    node: str | None
    """Path of Node's executable."""
    command: str | None
    """The start command line."""
    release: str | None
    """The command line that is run once before its first start."""
    released: float | None
    """When that ended well."""
    error: dict[str, Any] | None
    """Of a failed one: the error body."""
    care: dict[str, Any] | None
    """What its package.json asks of the drones' keeper, as `care.Care` stores it."""


@dataclass(frozen=True)
class Release:
    """A snapshot with the environment it was started in."""

    id: int
    app_id: int
    snapshot_id: int
    env: bytes
    """Sealed."""
    ctime: float
    served: float | None
    """When its drones were first proved ready; None: never."""


def listed(connection: Connection, app_id: int) -> list[Snapshot]:
    """An app's snapshots, oldest first."""
    rows = connection.execute(select(snapshots).where(snapshots.c.app_id == app_id).order_by(snapshots.c.id))
    return [_snapshot(row) for row in rows]


def by_app(connection: Connection, app_ids: list[int]) -> dict[int, list[Snapshot]]:
    """The snapshots of several apps, each list oldest first."""
    found: dict[int, list[Snapshot]] = {app_id: [] for app_id in app_ids}
    query = select(snapshots).where(snapshots.c.app_id.in_(app_ids)).order_by(snapshots.c.id)
    for row in connection.execute(query):
        found[row.app_id].append(_snapshot(row))
    return found


def find(connection: Connection, app_id: int, ref: str) -> Snapshot | None:
    """An app's snapshot by the id that a person sees."""
    query = select(snapshots).where(snapshots.c.app_id == app_id, snapshots.c.ref == ref)
    row = connection.execute(query).one_or_none()
    return _snapshot(row) if row else None


def get(connection: Connection, app_id: int, ref: str) -> Snapshot:
    """An app's snapshot by the id that a person sees.

    Raises:
        PlatformError: NOT_FOUND.
    """
    snapshot = find(connection, app_id, ref)
    if snapshot is None:
        raise PlatformError(Code.NOT_FOUND, f"There is no snapshot {ref}.")
    return snapshot


def by_id(connection: Connection, snapshot_id: int) -> Snapshot:
    """The snapshot of a row id that is known to exist."""
    return _snapshot(connection.execute(select(snapshots).where(snapshots.c.id == snapshot_id)).one())


def create(connection: Connection, app_id: int, ref: str, *, md5: str, sha256: str, size: int) -> Snapshot:
    """Add a snapshot that is being built.

    Raises:
        PlatformError: SNAPSHOT_EXISTS; NOT_FOUND when the app was removed meanwhile.
    """
    values = {
        "app_id": app_id,
        "ref": ref,
        "state": "building",
        "md5": md5,
        "sha256": sha256,
        "size": size,
        "ctime": time.time(),
    }
    try:
        row = connection.execute(insert(snapshots).values(values).returning(snapshots)).one()
    except IntegrityError as error:
        if "FOREIGN KEY" in str(error.orig):
            raise PlatformError(Code.NOT_FOUND, "The app was removed meanwhile.") from error
        raise PlatformError(Code.SNAPSHOT_EXISTS, f"There is a snapshot {ref} already.") from error
    return _snapshot(row)


def change(connection: Connection, snapshot_id: int, **values: Any) -> None:
    """Set columns of a snapshot."""
    connection.execute(update(snapshots).where(snapshots.c.id == snapshot_id).values(**values))


def remove(connection: Connection, snapshot_id: int) -> None:
    """Delete a snapshot and its releases."""
    connection.execute(delete(snapshots).where(snapshots.c.id == snapshot_id))


def archive_users(connection: Connection, sha256: str) -> int:
    """How many snapshots are of the archive with this hash."""
    query = select(func.count()).where(snapshots.c.sha256 == sha256)
    return connection.execute(query).scalar_one()


def fail_interrupted(connection: Connection) -> list[Snapshot]:
    """Mark as failed what a server that died was building.

    Returns:
        Those snapshots.
    """
    error = PlatformError(
        Code.BUILD_INTERRUPTED,
        "The server stopped during this build. Deploy again.",
        blame=Blame.SYSTEM,
    ).body()
    query = update(snapshots).where(snapshots.c.state == "building").values(state="failed", error=error)
    return [_snapshot(row) for row in connection.execute(query.returning(snapshots))]


def release(connection: Connection, app_id: int, snapshot_id: int, env: bytes) -> Release:
    """Record that a snapshot is about to run with this environment.

    Raises:
        PlatformError: NOT_FOUND when app or snapshot were removed meanwhile.
    """
    values = {"app_id": app_id, "snapshot_id": snapshot_id, "env": env, "ctime": time.time()}
    try:
        row = connection.execute(insert(releases).values(values).returning(releases)).one()
    except IntegrityError as error:
        raise PlatformError(Code.NOT_FOUND, "The app or its snapshot was removed meanwhile.") from error
    return Release(**row._mapping)


def mark_served(connection: Connection, release_id: int) -> None:
    """Record that a release's drones were proved ready."""
    connection.execute(update(releases).where(releases.c.id == release_id).values(served=time.time()))


def last_served(connection: Connection, snapshot_id: int) -> Release | None:
    """The newest release of a snapshot that came up; None: it never did."""
    found = select(releases).where(releases.c.snapshot_id == snapshot_id, releases.c.served.is_not(None))
    row = connection.execute(found.order_by(releases.c.id.desc()).limit(1)).one_or_none()
    return Release(**row._mapping) if row else None


def release_by_id(connection: Connection, release_id: int | None) -> Release | None:
    """The release of a row id."""
    row = connection.execute(select(releases).where(releases.c.id == release_id)).one_or_none()
    return Release(**row._mapping) if row else None


def releases_of(connection: Connection, release_ids: list[int]) -> Mapping[int, Release]:
    """Those releases by their id."""
    rows = connection.execute(select(releases).where(releases.c.id.in_(release_ids)))
    return {row.id: Release(**row._mapping) for row in rows}


def served_of(connection: Connection, app_ids: list[int]) -> frozenset[int]:
    """The row ids of those snapshots of several apps that were proved ready at least once."""
    mine = releases.c.app_id.in_(app_ids) & releases.c.served.is_not(None)
    return frozenset(connection.execute(select(releases.c.snapshot_id).where(mine).distinct()).scalars())


def environments(connection: Connection, app_id: int) -> list[bytes]:
    """The sealed environments of an app's releases."""
    return list(connection.execute(select(releases.c.env).where(releases.c.app_id == app_id)).scalars())


def last_tried(connection: Connection, app_id: int) -> tuple[str, float] | None:
    """The snapshot that was put live last, also if it crashed at once; None: none was yet.

    Returns:
        The id that a person sees, and when it was first put live.
    """
    mine = releases.c.app_id == app_id
    newest = select(releases.c.snapshot_id).where(mine).order_by(releases.c.id.desc()).limit(1)
    query = (
        select(snapshots.c.ref, func.min(releases.c.ctime))
        .join(releases, releases.c.snapshot_id == snapshots.c.id)
        .where(mine, snapshots.c.id == newest.scalar_subquery())
        .group_by(snapshots.c.id)
    )
    row = connection.execute(query).one_or_none()
    return (row[0], row[1]) if row else None


def _snapshot(row: Row[Any]) -> Snapshot:
    return Snapshot(**row._mapping)


def served_before(connection: Connection, release: Release) -> int | None:
    """The snapshot that an app served before the one of a release; None: it served no other one."""
    query = (
        select(releases.c.snapshot_id)
        .where(
            releases.c.app_id == release.app_id,
            releases.c.id < release.id,
            releases.c.snapshot_id != release.snapshot_id,
            releases.c.served.is_not(None),
        )
        .order_by(releases.c.id.desc())
        .limit(1)
    )
    found: int | None = connection.execute(query).scalar_one_or_none()
    return found

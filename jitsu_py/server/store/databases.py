"""Databases: what is wanted of them, and which apps have them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store.schema import apps, attachments, databases, users
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection, Row, Select

Type = Literal["couch", "redis", "mongo", "mongohq", "redistogo"]

Wanted = Literal["running", "stopped"]


@dataclass(frozen=True)
class Database:
    """A database as it is wanted."""

    id: int
    user_id: int
    user: str
    name: str
    type: Type
    ref: str
    """Marks its processes; no other database has or had it."""
    wanted: Wanted
    port: int
    secret: bytes
    """Sealed: `password`, and `former` until a new password is in force."""
    memory: int
    """MiB that it may use."""
    server: str | None
    """What wrote its data last, such as "valkey-server 8.1.8"."""
    schedule: dict[str, Any] | None
    """`every` and `keep`; None: no backups by themselves."""
    ctime: float
    mtime: float

    @property
    def key(self) -> str:
        """`user/name`."""
        return f"{self.user}/{self.name}"


@dataclass(frozen=True)
class Attachment:
    """A database that an app has."""

    database: Database
    app_id: int
    app: str
    """The app's name."""
    alias: str | None
    """The prefix of its variable, if that is not the type's own."""


def listed(connection: Connection, user: str | None = None) -> list[Database]:
    """All databases, or a user's, by name."""
    query = _all().order_by(databases.c.name)
    if user is not None:
        query = query.where(users.c.name == user)
    return [_database(row) for row in connection.execute(query)]


def find(connection: Connection, user: str, name: str) -> Database | None:
    """The user's database of that name."""
    query = _all().where(users.c.name == user, databases.c.name == name)
    row = connection.execute(query).one_or_none()
    return _database(row) if row else None


def get(connection: Connection, user: str, name: str) -> Database:
    """The user's database of that name.

    Raises:
        PlatformError: NOT_FOUND.
    """
    found = find(connection, user, name)
    if found is None:
        raise PlatformError(Code.NOT_FOUND, f"There is no database {user}/{name}.")
    return found


def by_ref(connection: Connection, ref: str) -> Database | None:
    """The database with that mark."""
    row = connection.execute(_all().where(databases.c.ref == ref)).one_or_none()
    return _database(row) if row else None


def create(connection: Connection, user_id: int, name: str, **values: Any) -> None:
    """Add a database, wanted running.

    Args:
        values: `type`, `ref`, `port`, `secret`, `memory`.

    Raises:
        PlatformError: NAME_TAKEN.
    """
    now = time.time()
    row = {"user_id": user_id, "name": name, "wanted": "running", "ctime": now, "mtime": now, **values}
    try:
        connection.execute(insert(databases).values(row))
    except IntegrityError as error:
        raise PlatformError(
            Code.NAME_TAKEN, f"There is a database {name} already.", details={"name": name}
        ) from error


def change(connection: Connection, ref: str, **values: Any) -> None:
    """Set columns of a database; nothing happens when it is gone."""
    connection.execute(update(databases).where(databases.c.ref == ref).values(**values, mtime=time.time()))


def remove(connection: Connection, ref: str) -> None:
    """Delete a database; apps have it no longer."""
    connection.execute(delete(databases).where(databases.c.ref == ref))


def attached(
    connection: Connection, *, app_ids: Collection[int] | None = None, database_id: int | None = None
) -> list[Attachment]:
    """Who has what, by the apps' names and in the order in which it was attached.

    Args:
        app_ids: of these apps only.
        database_id: of this database only.
    """
    query = (
        _all()
        .add_columns(attachments.c.app_id, attachments.c.alias, apps.c.name.label("app"))
        .join(attachments, attachments.c.database_id == databases.c.id)
        .join(apps, apps.c.id == attachments.c.app_id)
        .order_by(apps.c.name, attachments.c.id)
    )
    if app_ids is not None:
        query = query.where(attachments.c.app_id.in_(app_ids))
    if database_id is not None:
        query = query.where(attachments.c.database_id == database_id)
    return [
        Attachment(_database(row), row.app_id, row.app, row.alias) for row in connection.execute(query).all()
    ]


def attach(connection: Connection, database_id: int, app_id: int, alias: str | None) -> None:
    """Give an app a database, or its variable another prefix."""
    detach(connection, database_id, app_id)
    values = {"database_id": database_id, "app_id": app_id, "alias": alias}
    connection.execute(insert(attachments).values(values))


def detach(connection: Connection, database_id: int, app_id: int) -> None:
    """Take a database away from an app, if it has it."""
    mine = (attachments.c.database_id == database_id) & (attachments.c.app_id == app_id)
    connection.execute(delete(attachments).where(mine))


def _all() -> Select[Any]:
    return select(databases, users.c.name.label("user")).join(users, users.c.id == databases.c.user_id)


def _database(row: Row[Any]) -> Database:
    columns = {column.name for column in databases.columns} | {"user"}
    return Database(**{key: value for key, value in row._mapping.items() if key in columns})

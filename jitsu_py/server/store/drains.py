"""Drains: where lines of apps are shipped to, and how far each has come."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from jitsu_py.server.store.schema import apps, drain_places, drains, users

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection, Row


@dataclass(frozen=True)
class Drain:
    """Where lines go."""

    id: int
    user_id: int
    user: str
    ref: str
    """The id that a person sees."""
    app_id: int | None
    """The app whose lines go there; None: those of all the user's apps."""
    app: str | None
    """Its name."""
    url: bytes
    """Sealed: an address may carry a password or a key."""
    redact: bool
    ctime: float


def listed(connection: Connection, user_id: int | None = None) -> list[Drain]:
    """All drains, or a user's, oldest first."""
    query = (
        select(drains, users.c.name.label("user"), apps.c.name.label("app"))
        .join(users, drains.c.user_id == users.c.id)
        .join(apps, drains.c.app_id == apps.c.id, isouter=True)
        .order_by(drains.c.id)
    )
    if user_id is not None:
        query = query.where(drains.c.user_id == user_id)
    return [_drain(row) for row in connection.execute(query)]


def add(connection: Connection, user_id: int, *, app_id: int | None, url: bytes, redact: bool) -> Drain:
    """Add a drain."""
    ref = f"d-{secrets.token_hex(4)}"
    values = {"user_id": user_id, "ref": ref, "app_id": app_id, "url": url, "redact": redact}
    connection.execute(insert(drains).values(**values, ctime=time.time()))
    return next(drain for drain in listed(connection, user_id) if drain.ref == ref)


def remove(connection: Connection, user_id: int, ref: str) -> bool:
    """Delete one; False when there is none of that id."""
    mine = (drains.c.user_id == user_id) & (drains.c.ref == ref)
    return connection.execute(delete(drains).where(mine)).rowcount > 0


def places(connection: Connection, drain_id: int) -> dict[int, int]:
    """Ids of the last lines that the receiver took, by app."""
    query = select(drain_places.c.app_id, drain_places.c.line).where(drain_places.c.drain_id == drain_id)
    return {row.app_id: row.line for row in connection.execute(query)}


def reached(connection: Connection, drain_id: int, lines: Mapping[int, int]) -> None:
    """Note how far a drain has come; what was removed meanwhile, drain or app, is left out."""
    if connection.execute(select(drains.c.id).where(drains.c.id == drain_id)).first() is None:
        return
    known = connection.execute(select(apps.c.id).where(apps.c.id.in_(lines))).scalars().all()
    mine = drain_places.c.drain_id == drain_id
    connection.execute(delete(drain_places).where(mine, drain_places.c.app_id.in_(known)))
    rows = [{"drain_id": drain_id, "app_id": app_id, "line": lines[app_id]} for app_id in known]
    if rows:
        connection.execute(insert(drain_places), rows)


def _drain(row: Row[tuple[object, ...]]) -> Drain:
    return Drain(**row._mapping)

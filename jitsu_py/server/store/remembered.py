"""Small facts that the platform found out once and keeps, such as the ports it took."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sqlalchemy import delete, insert, select

from jitsu_py.server.store.schema import remembered

if TYPE_CHECKING:
    from sqlalchemy import Connection


def recall(connection: Connection, key: str) -> str | None:
    """The value kept under the key."""
    return connection.execute(select(remembered.c.value).where(remembered.c.key == key)).scalar_one_or_none()


def remember(connection: Connection, key: str, value: str) -> None:
    """Keep a value under the key."""
    connection.execute(delete(remembered).where(remembered.c.key == key))
    connection.execute(insert(remembered).values(key=key, value=value))

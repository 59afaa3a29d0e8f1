"""What an account may have at most. Set by an administrator, kept by the API."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final, Literal

from sqlalchemy import func, select

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store.schema import apps, databases, snapshots, users
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Connection, Select

    from jitsu_py.server.store.apps import App

Limit = Literal["apps", "drones", "memory", "disk", "databases"]

UNITS: Final[dict[str, str]] = {"apps": "", "drones": "", "memory": " MiB", "disk": " MiB", "databases": ""}
"""Every limit, with its unit."""

UNBOUND: Final = 256
"""MiB that a drone without a limit of its own counts for, as jitsu 0.15.0 had it."""

MIB: Final = 2**20


def check_apps(connection: Connection, user_id: int) -> None:
    """Refuse one app more when there are as many apps as allowed, or as many drones: it has one.

    Its memory is looked at when it starts: until then it can be made smaller.

    Raises:
        PlatformError: LIMIT_REACHED.
    """
    held, drones = select(func.count()), select(func.sum(apps.c.drones))
    _check(connection, user_id, "apps", _number(connection, held.where(_mine(user_id))) + 1)
    _check(connection, user_id, "drones", _number(connection, drones.where(_mine(user_id))) + 1)


def check_databases(connection: Connection, user_id: int) -> None:
    """Refuse one database more when there are as many as allowed.

    Raises:
        PlatformError: LIMIT_REACHED.
    """
    held = select(func.count()).where(databases.c.user_id == user_id)
    _check(connection, user_id, "databases", _number(connection, held) + 1)


def check_database_memory(connection: Connection, user_id: int, name: str, memory: int) -> None:
    """Refuse to let a database have so much memory.

    Args:
        name: its own, there or not.
        memory: MiB.

    Raises:
        PlatformError: LIMIT_REACHED.
    """
    held = _drones_memory(connection, _mine(user_id)) + _databases_memory(connection, user_id, name)
    _check(connection, user_id, "memory", held + memory)


def check_size(
    connection: Connection, app: App, drones: int, ram: int | None, *, is_new: bool = False
) -> None:
    """Refuse to make an app so large; smaller than it is it may always be.

    Args:
        is_new: it never ran, so that what it has is still to come.

    Raises:
        PlatformError: LIMIT_REACHED.
    """
    others = _mine(app.user_id) & (apps.c.id != app.id)
    memory = _memory(drones, ram)
    if is_new or drones > app.drones:
        elsewhere = _number(connection, select(func.sum(apps.c.drones)).where(others))
        _check(connection, app.user_id, "drones", elsewhere + drones)
    if is_new or memory > _memory(app.drones, app.ram):
        held = _drones_memory(connection, others) + _databases_memory(connection, app.user_id)
        _check(connection, app.user_id, "memory", held + memory)


def check_disk(connection: Connection, user_id: int, size: int) -> None:
    """Refuse an archive for which there is no room.

    Args:
        size: bytes.

    Raises:
        PlatformError: LIMIT_REACHED.
    """
    query = select(func.sum(snapshots.c.size)).join(apps, apps.c.id == snapshots.c.app_id)
    held = _number(connection, query.where(_mine(user_id)))
    _check(connection, user_id, "disk", -(-(held + size) // MIB))


def used(connection: Connection) -> dict[int, dict[str, int]]:
    """What each account has of what can be limited, by its row's id; one that has nothing is left out."""
    each = func.coalesce(apps.c.ram, UNBOUND)
    sizes = select(apps.c.user_id, func.count(), func.sum(apps.c.drones), func.sum(apps.c.drones * each))
    kept = select(apps.c.user_id, func.sum(snapshots.c.size)).join(apps, apps.c.id == snapshots.c.app_id)
    stores = select(databases.c.user_id, func.count(), func.sum(databases.c.memory))
    found: defaultdict[int, dict[str, int]] = defaultdict(lambda: dict.fromkeys(UNITS, 0))
    for user, count, drones, memory in connection.execute(sizes.group_by(apps.c.user_id)):
        found[user] |= {"apps": count, "drones": drones, "memory": memory}
    for user, size in connection.execute(kept.group_by(apps.c.user_id)):
        found[user]["disk"] = -(-size // MIB)
    for user, count, memory in connection.execute(stores.group_by(databases.c.user_id)):
        found[user]["databases"] = count
        found[user]["memory"] += memory
    return dict(found)


def _check(connection: Connection, user_id: int, limit: Limit, wanted: int) -> None:
    limits = connection.execute(select(users.c.limits).where(users.c.id == user_id)).scalar_one_or_none()
    allowed = (limits or {}).get(limit)
    if allowed is not None and wanted > allowed:
        unit = UNITS[limit]
        raise PlatformError(
            Code.LIMIT_REACHED,
            f"This would make {wanted}{unit} of {limit}; your limit is {allowed}{unit}. "
            "Remove something, or ask the server's administrator for more.",
            details={"limit": limit, "allowed": allowed, "wanted": wanted},
        )


def _memory(drones: int, ram: int | None) -> int:
    return drones * (UNBOUND if ram is None else ram)


def _drones_memory(connection: Connection, of: ColumnElement[bool]) -> int:
    each = func.coalesce(apps.c.ram, UNBOUND)
    return _number(connection, select(func.sum(apps.c.drones * each)).where(of))


def _databases_memory(connection: Connection, user_id: int, but: str | None = None) -> int:
    others = (databases.c.user_id == user_id) & (databases.c.name != (but or ""))
    return _number(connection, select(func.sum(databases.c.memory)).where(others))


def _number(connection: Connection, query: Select[Any]) -> int:
    return int(connection.execute(query).scalar_one() or 0)


def _mine(user_id: int) -> ColumnElement[bool]:
    return apps.c.user_id == user_id

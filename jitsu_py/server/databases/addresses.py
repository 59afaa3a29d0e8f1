"""What programs connect with: addresses, the seed's facts of each type, the variables of apps. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, get_args

from jitsu_py.server.store.databases import Type

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.server.store.databases import Database

HOST: Final = "127.0.0.1"
"""Databases listen nowhere else."""

TYPES: Final[tuple[str, ...]] = get_args(Type)

_VARIABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "redis": ("REDIS_URL",),
    "redistogo": ("REDIS_URL", "REDISTOGO_URL"),
    "mongo": ("MONGO_URL",),
    "mongohq": ("MONGO_URL", "MONGOHQ_URL"),
    "couch": ("COUCH_URL",),
}


def account(database: Database) -> str:
    """The name with which one logs in to a database whose kind knows names."""
    return f"u{database.ref[:12]}"


def url(database: Database, password: str) -> str:
    """The address with which a program connects.

    Args:
        password: hexadecimal, so nothing in it needs to be escaped.
    """
    at = f"{HOST}:{database.port}"
    if database.type in ("redis", "redistogo"):
        return f"redis://:{password}@{at}"
    if database.type == "couch":
        return f"http://{account(database)}:{password}@{at}/{couch_name(database.name)}"
    return f"{_mongo(database, password)}/{mongo_name(database.name)}"


def metadata(database: Database, password: str | None) -> dict[str, Any]:
    """The facts of a database, by the keys that the clients of 2013–2015 print.

    Args:
        password: None: it is not to be shown, nor an address with it.
    """
    place: dict[str, Any] = {"host": HOST, "port": database.port}
    if database.type in ("redis", "redistogo"):
        return {**place, "password": password}
    named = {**place, "username": account(database), "password": password}
    if database.type == "couch":
        return {"id": couch_name(database.name), **named}
    shown = None if password is None else _mongo(database, password)
    facts = {**named, "dbname": mongo_name(database.name), "uri": shown}
    if database.type == "mongohq":
        facts["config"] = {"MONGOHQ_URL": None if password is None else url(database, password)}
    return facts


def mongo_name(name: str) -> str:
    """The name that a Mongo database of this name has inside its server, which keeps some for itself."""
    return f"{name}-db" if name in ("admin", "local", "config") else name


def couch_name(name: str) -> str:
    """The name that a Couch database of this name has inside its server: there it begins with a letter."""
    return f"db-{name}" if name[0].isdigit() or name.startswith("pouch__") else name


def variables(database: Database, alias: str | None) -> tuple[str, ...]:
    """The names under which an app finds a database's address.

    Args:
        alias: the prefix that was asked for; None: the type's own names.
    """
    return _VARIABLES[database.type] if alias is None else (f"{alias}_URL",)


def _mongo(database: Database, password: str) -> str:
    return f"mongodb://{account(database)}:{password}@{HOST}:{database.port}"

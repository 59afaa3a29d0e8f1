"""Apps and their databases."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from jitsu_py.server.databases.addresses import variables
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store import databases
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.databases import Database

PREFIX: Final = re.compile(r"[A-Z][A-Z0-9_]{0,31}")


def prefix(asked: str | None) -> str | None:
    """The prefix of a variable, in capitals.

    Raises:
        PlatformError: BAD_REQUEST.
    """
    if asked is None:
        return None
    if not asked.isascii() or not PREFIX.fullmatch(asked.upper()):
        raise PlatformError(
            Code.BAD_REQUEST,
            f"as cannot be used: {asked[:80]!r} is no prefix of a variable: a letter, then letters, digits "
            "and '_', 32 at most.",
            details={"field": "as"},
        )
    return asked.upper()


def attach(connection: Connection, database: Database, app: App, alias: str | None) -> None:
    """Give an app a database, or the variable of one that it has another name.

    Args:
        alias: prefix of the variable; None: the type's own names.

    Raises:
        PlatformError: NAME_TAKEN: the app has another database under that variable.
    """
    wanted = variables(database, alias)
    for other in databases.attached(connection, app_ids=[app.id]):
        shared = set(wanted) & set(variables(other.database, other.alias))
        if other.database.id != database.id and shared:
            name = sorted(shared)[0]
            raise PlatformError(
                Code.NAME_TAKEN,
                f"{app.name} has the database {other.database.name} as {name} already. "
                "Detach that one, or attach this one under another name (?as=CACHE makes CACHE_URL).",
                details={"variable": name, "database": other.database.name},
            )
    databases.attach(connection, database.id, app.id, alias)

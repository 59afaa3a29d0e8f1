"""The variables that apps have of their databases: computed when asked for, stored nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py.server.databases.addresses import url, variables
from jitsu_py.server.store import databases

if TYPE_CHECKING:
    from collections.abc import Collection

    from sqlalchemy import Connection

    from jitsu_py.server.store.sealing import Sealer


def of_apps(connection: Connection, sealer: Sealer, app_ids: Collection[int]) -> dict[int, dict[str, str]]:
    """What each of these apps gets, by the app's row id; an app without databases is left out."""
    found: dict[int, dict[str, str]] = {}
    for attachment in databases.attached(connection, app_ids=app_ids):
        database = attachment.database
        address = url(database, sealer.open(database.secret)["password"])
        names = variables(database, attachment.alias)
        found.setdefault(attachment.app_id, {}).update(dict.fromkeys(names, address))
    return found


def of_app(connection: Connection, sealer: Sealer, app_id: int) -> dict[str, str]:
    """What an app gets."""
    return of_apps(connection, sealer, [app_id]).get(app_id, {})

"""Variables that an app has of the databases attached to it: the platform adds them, nobody set them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.api.apps import App
    from jitsu_py.context import Context


def of(context: Context, app: App) -> dict[str, str]:
    """The databases' names by variable, of those whose value the database decides.

    One that the app has of its own, under the same name, comes first and is not among them.
    """
    if not app.databases:
        return {}
    found: dict[str, str] = {}
    for database in context.client.databases.list(app.user):
        for entry in database.apps if database.name in app.databases else ():
            for variable in entry.variables if entry.app == app.name else ():
                is_its_own = database.url and app.env.get(variable, database.url) != database.url
                if not is_its_own:
                    found[variable] = database.name
    return found


def own(context: Context, app: App) -> Mapping[str, str]:
    """The app's variables but those of its databases."""
    of_databases = of(context, app)
    return {key: value for key, value in app.env.items() if key not in of_databases}

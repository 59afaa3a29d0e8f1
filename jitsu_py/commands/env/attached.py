"""Variables that an app has of the databases attached to it: the platform adds them, nobody set them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py.errors import NotLoggedInError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.api.apps import App
    from jitsu_py.context import Context


def of(context: Context, app: App) -> dict[str, str]:
    """The databases' names by variable, of those whose value the database decides.

    One that the app has of its own, under the same name, comes first and is not among them. A token for one
    app may not ask for databases; what it is shown of the app has none of their variables.
    """
    if not app.databases:
        return {}
    found: dict[str, str] = {}
    try:
        listed = context.client.databases.list(app.user)
    except NotLoggedInError as error:
        if error.code != Code.FORBIDDEN:
            raise
        return {}
    for database in listed:
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

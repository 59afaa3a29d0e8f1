"""`jitsu databases attach`, `detach`, `rotate`: what apps are told of a database."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jitsu_py.commands.databases.group import FIELDS, databases, naming, show, starred
from jitsu_py.console.fields import data
from jitsu_py.context import Context, app_argument, pass_context
from jitsu_py.errors import NotFoundError, StartFailedError

if TYPE_CHECKING:
    from jitsu_py.api.apps import App
    from jitsu_py.api.databases import Database

F = TypeVar("F", bound=Callable[..., Any])


def _restart(command: F) -> F:
    return click.option(
        "--restart", is_flag=True, help="Restart the app if it runs, so that it sees it now."
    )(command)


@databases.command()
@click.argument("name")
@app_argument
@click.option("--as", "prefix", metavar="PREFIX", help="CACHE names the variable CACHE_URL.")
@_restart
@pass_context
def attach(
    context: Context, name: str, app: str | None, folder: str | None, prefix: str | None, restart: bool
) -> None:
    """Tell an app the address of a database, as REDIS_URL, MONGO_URL or COUCH_URL.

    A variable of that name that the app has of its own comes first.
    """
    of = _app(context, app, folder)
    client = context.client
    with context.console.waiting(f"Attaching {name} to {of.name}"), naming(context, name):
        database = starred(context, client.databases.attach(name, of.name, prefix or ""))
        env = client.apps.get(f"{of.user}/{of.name}").env
    told = next((one.variables for one in database.apps if one.app == of.name), ())
    where = " and ".join(told) or database.variable
    for variable in told:
        if database.url and env.get(variable, database.url) != database.url:
            mend = f"`jitsu env delete {of.name} {variable}`"
            context.console.warn(f"{of.name} has a {variable} of its own, which comes first: {mend}")
    _conclude(context, database, of, f"{of.name} is told of {database.name} in {where}", restart)


@databases.command()
@click.argument("name")
@app_argument
@_restart
@pass_context
def detach(context: Context, name: str, app: str | None, folder: str | None, restart: bool) -> None:
    """Tell an app no more of a database; the database stays as it is."""
    of = _app(context, app, folder)
    client = context.client
    with context.console.waiting(f"Detaching {name} from {of.name}"), naming(context, name):
        database = starred(context, client.databases.detach(name, of.name))
    _conclude(context, database, of, f"{of.name} is not told of {database.name} any more", restart)


@databases.command()
@click.argument("name")
@click.option("--restart", is_flag=True, help="Restart the attached apps, so that they know it now.")
@pass_context
def rotate(context: Context, name: str, restart: bool) -> None:
    """Give a database a new password, and print how to connect with it.

    The old one is void at once. Attached apps learn the new one when they start.
    """
    client = context.client
    going_on = f"the platform goes on; `jitsu databases get {name}` shows the password that counts"
    waiting = context.console.waiting(f"Changing the password of {name}")
    with waiting, naming(context, name), context.interruptible(going_on):
        database = starred(context, client.databases.rotate(name, restart=restart))
    context.console.say(f"{database.name} has a new password")
    if database.apps and not restart:
        names = [one.app for one in database.apps]
        commands = "; ".join(f"jitsu restart {one}" for one in names)
        context.console.warn(f"{', '.join(names)}: still with the old one until the next start ({commands})")
    show(context, database)


def _app(context: Context, app: str | None, folder: str | None) -> App:
    name = context.app_name(app, folder)
    client = context.client
    with context.console.waiting(f"Asking for {name}"), context.naming(name):
        return client.apps.get(name)


def _conclude(context: Context, database: Database, app: App, words: str, restart: bool) -> None:
    """Restart the app if asked to, and say since when it counts."""
    runs = app.state == "started"
    context.console.say(words)
    if runs and restart:
        _restarted(context, app)
    elif runs:
        context.console.say(f"{app.name} sees this after the next start: `jitsu restart {app.name}`")
    else:
        context.console.say(f"{app.name} sees this when it starts")
    if context.console.json:
        more = {"app": app.name, "restarted": runs and restart, "pending": runs and not restart}
        context.console.data(data(database, FIELDS) | more)


def _restarted(context: Context, app: App) -> None:
    client = context.client
    going_on = f"the platform goes on restarting {app.name}"
    with context.console.waiting(f"Restarting {app.name}"), context.interruptible(going_on):
        try:
            client.apps.restart(f"{app.user}/{app.name}")
        except (StartFailedError, NotFoundError) as error:
            error.hint = error.hint or f"`jitsu logs {app.name}` shows what it printed"
            raise
    context.console.say(f"{app.name} is restarted and sees it")

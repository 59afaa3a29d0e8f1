"""The group, how a database is shown, and which one is meant; the verbs are in the modules beside this."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

import click

from jitsu_py import grammar
from jitsu_py.commands.databases import snippets
from jitsu_py.console.fields import Field, age, data, iso, size
from jitsu_py.errors import JitsuError, NotFoundError, TimedOutError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitsu_py.api.client import Client
    from jitsu_py.api.databases import Database
    from jitsu_py.context import Context

PAUSE = 0.3
"""Seconds between two looks at a database that starts."""

LOOK = 1.0
"""Seconds between two looks at what the platform says of one that it is making."""

PATIENCE = 120.0
"""Seconds after which one that still starts is left to itself."""


def _apps(one: Database) -> str:
    return ", ".join(entry.app for entry in one.apps) or "-"


def schedule_data(one: Database) -> dict[str, object]:
    """When backups are made, as JSON has it."""
    return {"every": one.schedule.every or None, "keep": one.schedule.keep}


def told(one: Database) -> str:
    """When backups are made, in words."""
    every, keep = one.schedule.every, one.schedule.keep
    return f"{every}, {keep} kept" if every else "not by themselves"


FIELDS: list[Field[Database]] = [
    Field("name", "NAME", lambda one: one.name),
    Field("user", "USER", lambda one: one.user, listed=False),
    Field("type", "TYPE", lambda one: one.type),
    Field("state", "STATE", lambda one: one.state),
    Field("why", "WHY", lambda one: one.why or None, listed=False),
    Field("size", "SIZE", lambda one: one.size, human=size),
    Field("memory", "MEMORY", lambda one: one.memory, cell=lambda one: f"{one.memory} MiB", listed=False),
    Field(
        "apps",
        "APPS",
        lambda one: [{"name": entry.app, "variables": list(entry.variables)} for entry in one.apps],
        cell=_apps,
    ),
    Field("server", "SERVER", lambda one: one.server or None),
    Field("limits", "LIMITS", lambda one: one.limits or None, listed=False),
    Field("schedule", "BACKUPS", schedule_data, cell=told, listed=False),
    Field("ctime", "CREATED", lambda one: iso(one.ctime), human=age, plain=str),
]
"""What a list may show: no secrets."""

DETAILS: list[Field[Database]] = [
    *FIELDS,
    Field("host", "HOST", lambda one: one.host or None),
    Field("port", "PORT", lambda one: one.port or None),
    Field("username", "USERNAME", lambda one: one.username or None),
    Field("password", "PASSWORD", lambda one: one.password or None),
    Field("dbname", "DBNAME", lambda one: one.dbname or None),
    Field("url", "URL", lambda one: one.url or None),
]

SNIPPETS: Field[Database] = Field("snippets", "SNIPPETS", snippets.of)


@click.group(
    cls=grammar.Group,
    aliases={"ls": "list", "l": "list", "view": "get", "v": "get", "add": "create", "rm": "destroy"},
)
def databases() -> None:
    """The databases of apps: redis, mongo, couch."""


@contextmanager
def naming(context: Context, name: str) -> Iterator[None]:
    """Where the platform knows no such database, name the one that may be meant."""
    try:
        yield
    except NotFoundError as error:
        from difflib import get_close_matches

        owner, slash, last = name.rpartition("/")
        known = [one.name for one in context.client.databases.list(owner if slash else None)]
        if last not in known:
            near = get_close_matches(last, known, 1)
            error.hint = (
                f"did you mean {near[0]}?" if near else "`jitsu databases list` shows those there are"
            )
        raise


def found(context: Context, name: str) -> Database:
    """The database of that name, its secrets starred from now on wherever words go."""
    client = context.client
    with context.console.waiting(f"Asking for {name}"), naming(context, name):
        return starred(context, client.databases.get(name))


def starred(context: Context, database: Database) -> Database:
    """The database itself, after its secrets were named to the console."""
    context.console.hide(database.password)
    context.console.hide(database.url)
    return database


def settled(context: Context, database: Database) -> Database:
    """The database once it does not start any more: it runs, or it does not.

    Raises:
        TimedOutError: it takes too long; the platform goes on.
    """
    key, client = f"{database.user}/{database.name}", context.client
    deadline = time.monotonic() + PATIENCE
    while database.state == "starting":
        if time.monotonic() > deadline:
            raise TimedOutError(
                f"{database.name} did not start within {PATIENCE:g} seconds; the platform goes on with it",
                hint=f"`jitsu databases get {database.name}` tells how it went",
            )
        time.sleep(PAUSE)
        database = client.databases.get(key)
    return starred(context, database)


@contextmanager
def telling(context: Context, name: str) -> Iterator[None]:
    """While the block runs, pass on what the platform says of a database that starts, each sentence once."""
    over = threading.Event()
    # A client of its own: one serves one thread.
    client = context.connect(context.credential.username, context.credential.secret)
    teller = threading.Thread(target=_tell, args=(context, client, name, over), daemon=True)
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def _tell(context: Context, client: Client, name: str, over: threading.Event) -> None:
    said = ""
    while not over.wait(LOOK):
        with suppress(JitsuError):
            database = client.databases.get(name)
            if database.state == "starting" and database.why not in ("", said):
                said = database.why
                context.console.say(said)


def is_here(context: Context) -> bool:
    """Whether a database's own port is one of this machine's."""
    return context.target.embedded is not None


def show(context: Context, database: Database, *, url: bool = False) -> None:
    """Print all about a database and how to connect to it; or its URL alone."""
    if context.console.json:
        context.console.data(data(database, [*DETAILS, SNIPPETS]))
    elif url:
        context.console.raw(database.url)
    else:
        context.console.record(database, [field for field in DETAILS if field.get(database) is not None])
        if words := snippets.text(database, is_here=is_here(context)):
            context.console.answer(f"\n{words}")

"""`jitsu databases`: create, list, get, start, stop, resize, destroy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py.commands.databases.group import (
    FIELDS,
    databases,
    found,
    naming,
    settled,
    show,
    starred,
    telling,
)
from jitsu_py.context import Context, pass_context
from jitsu_py.errors import ConflictError, ServerRefusedError, UsageError

if TYPE_CHECKING:
    from jitsu_py.api.databases import Database

URL = click.option("--url", is_flag=True, help="Print the URL that connects, and nothing else.")


@databases.command()
@click.argument("kind", required=False, metavar="TYPE")
@click.argument("new", required=False, metavar="NAME")
@click.option(
    "--attach",
    metavar="[APP]",
    is_flag=False,
    flag_value="",
    help="Tell this app its address; without APP the one that package.json names.",
)
@click.option("--memory", metavar="MiB", type=click.IntRange(min=1), help="How much memory it may use.")
@URL
@pass_context
def create(
    context: Context, kind: str | None, new: str | None, attach: str | None, memory: int | None, url: bool
) -> None:
    """Create a database, and print how to connect to it.

    TYPE is redis, mongo or couch; the names of old work too: mongohq, redistogo, couchdb, r, m, c.
    """
    kind = _type(kind or context.console.questions.ask("Type: redis, mongo or couch", flag="TYPE"), new)
    name = new or context.console.questions.ask("Name of the database", flag="NAME")
    app = None if attach is None else context.app_name(attach or None).rpartition("/")[2]
    client = context.client
    going_on = f"the platform goes on; `jitsu databases get {name}` tells how it went"
    waiting = context.console.waiting(f"Creating {name}")
    with waiting, context.interruptible(going_on), telling(context, name):
        try:
            made = client.databases.create(kind, name, attach=app or "", memory=memory)
        except ConflictError as error:
            error.hint = f"choose another name; `jitsu databases get {name}` shows that one"
            raise
        made = settled(context, starred(context, made))
    _check(made)
    context.console.say(f"{made.name} is {made.state}, by {made.server or 'a server of the platform'}")
    if made.limits:
        context.console.warn(made.limits)
    if app:
        context.console.say(
            f"{app} finds it in {_variables(made, app)} when it starts: `jitsu restart {app}`"
        )
    show(context, made, url=url)


@databases.command("list")
@click.argument("user", required=False)
@pass_context
def list_databases(context: Context, user: str | None) -> None:
    """List the databases, with their states and sizes."""
    client = context.client
    with context.console.waiting("Asking for the databases"):
        listed = client.databases.list(user)
    context.console.table(
        listed, FIELDS, empty="No databases yet: `jitsu databases create redis NAME` makes one."
    )
    for one in listed:
        if one.why and not context.console.json:
            context.console.say(f"{one.name}: {one.why}")


@databases.command()
@click.argument("name")
@URL
@pass_context
def get(context: Context, name: str, url: bool) -> None:
    """Show everything about a database: state, address, password, how to connect."""
    database = found(context, name)
    if url and not database.url and not context.console.json:
        raise ServerRefusedError(
            f"the platform does not tell the address of {name}",
            hint="a token that may only read gets no secrets",
        )
    show(context, database, url=url)


@databases.command()
@click.argument("name")
@pass_context
def start(context: Context, name: str) -> None:
    """Start a database that was stopped."""
    client = context.client
    going_on = f"the platform goes on; `jitsu databases get {name}` tells how it went"
    waiting = context.console.waiting(f"Starting {name}")
    with waiting, naming(context, name), context.interruptible(going_on), telling(context, name):
        database = settled(context, client.databases.start(name))
    _check(database)
    _tell(context, database)


@databases.command()
@click.argument("name")
@pass_context
def stop(context: Context, name: str) -> None:
    """Stop a database; its data stays."""
    client = context.client
    with context.console.waiting(f"Stopping {name}"), naming(context, name):
        database = starred(context, client.databases.stop(name))
    _tell(context, database)


@databases.command()
@click.argument("name")
@click.argument("memory", metavar="MiB", type=click.IntRange(min=1))
@pass_context
def resize(context: Context, name: str, memory: int) -> None:
    """Let a database use another amount of memory.

    A redis has it at once; others are launched again for that.
    """
    client = context.client
    going_on = f"the platform goes on; `jitsu databases get {name}` tells how it went"
    waiting = context.console.waiting(f"Resizing {name}")
    with waiting, naming(context, name), context.interruptible(going_on):
        database = settled(context, client.databases.update(name, memory=memory))
    _check(database)
    context.console.say(f"{database.name} may use {database.memory} MiB")
    _tell(context, database)


@databases.command()
@click.argument("name")
@pass_context
def destroy(context: Context, name: str) -> None:
    """Remove a database with its data and backups.

    Its name has to be typed; --confirm stands for that in scripts.
    """
    database = found(context, name)
    used = f", which {', '.join(one.app for one in database.apps)} uses," if database.apps else ""
    question = f"This removes {database.name}{used} with all that is in it and its backups, for good."
    if not context.console.confirm_by_name(question, database.name):
        raise UsageError(f"that is not {database.name}; nothing was removed")
    client = context.client
    with context.console.waiting(f"Removing {database.name}"):
        client.databases.destroy(name)
    context.console.say(f"{database.name} is removed")
    if context.console.json:
        context.console.data({"name": database.name, "user": database.user, "destroyed": True})


def _type(given: str, name: str | None) -> str:
    """The type that a word means; raises UsageError with the nearest one."""
    from difflib import get_close_matches

    from jitsu_py.api.databases import ALIASES, TYPES

    word = given.lower()
    if (meant := ALIASES.get(word, word)) in TYPES:
        return meant
    if name and ALIASES.get(name.lower(), name.lower()) in TYPES:
        hint = f"the type comes first: jitsu databases create {name} {given}"
    elif near := get_close_matches(word, [*TYPES, *(alias for alias in ALIASES if len(alias) > 1)], 1):
        hint = f"did you mean {near[0]}?"
    else:
        hint = "there are redis, mongo and couch"
    raise UsageError(f"{given!r} is no type of database", hint=hint)


def _check(database: Database) -> None:
    """Refuse to call it done when the database does not run."""
    if database.state == "failed":
        raise ServerRefusedError(
            f"{database.name} does not run: {database.why or 'the platform does not say why'}",
            hint=f"`jitsu databases start {database.name}` tries again; what is missing, if anything is, "
            "`jitsu server doctor` says",
            code="database_failed",
        )


def _variables(database: Database, app: str) -> str:
    names = [name for one in database.apps if one.app == app for name in one.variables]
    return " and ".join(names) or database.variable


def _tell(context: Context, database: Database) -> None:
    context.console.say(f"{database.name} is {database.state}")
    if database.why and database.state not in {"running", "stopped"}:
        context.console.warn(database.why)
    if context.console.json:
        context.console.record(database, FIELDS)

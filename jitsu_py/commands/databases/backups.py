"""`jitsu databases backup`, `backups`, `restore`, `schedule`: copies of what is in a database."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from jitsu_py.commands.databases.group import FIELDS, databases, found, naming, schedule_data, starred, told
from jitsu_py.console.fields import Field, age, data, iso, size
from jitsu_py.context import Context, output_option, pass_context
from jitsu_py.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitsu_py.api.backups import Backup
    from jitsu_py.api.databases import Database

KEEP = 7
"""How many scheduled backups stay unless a number is given."""

BACKUP: list[Field[Backup]] = [
    Field("id", "BACKUP", lambda one: one.id),
    Field("ctime", "MADE", lambda one: iso(one.ctime), human=age, plain=str),
    Field("size", "SIZE", lambda one: one.size, human=size),
    Field("server", "SERVER", lambda one: one.server or None),
    Field("sha256", "SHA256", lambda one: one.sha256 or None, listed=False),
]


@databases.command()
@click.argument("name")
@output_option("Download it there too; a folder gets NAME-ID.backup.")
@click.option("--id", "known", metavar="ID", help="Download this one instead of making another.")
@pass_context
def backup(context: Context, name: str, output: Path | None, known: str | None) -> None:
    """Make a backup of a database; it is kept on the server.

    Its id is printed, with -o the file. `jitsu databases restore` takes either.
    """
    if known and output is None:
        output = Path()
    client = context.client
    going_on = f"the platform goes on; `jitsu databases backups {name}` shows whether it was made"
    with naming(context, name):
        if known:
            made = _chosen(client.backups.list(name), known, name)
        else:
            with context.console.waiting(f"Backing {name} up"), context.interruptible(going_on):
                made = client.backups.create(name)
    target = _fetched(context, name, made, output) if output is not None else None
    context.console.say(f"{name} is backed up: {made.id}, {size(made.size)}")
    answer = data(made, BACKUP) | {"database": name, "file": str(context.cwd / target) if target else None}
    context.console.answer(str(target) if target else made.id, answer)


@databases.command("backups")
@click.argument("name")
@click.option("--destroy", "unwanted", metavar="ID", help="Remove this one, after asking.")
@pass_context
def list_backups(context: Context, name: str, unwanted: str | None) -> None:
    """List the backups of a database, newest first."""
    client = context.client
    with context.console.waiting(f"Asking for the backups of {name}"), naming(context, name):
        listed = client.backups.list(name)
    if unwanted is not None:
        chosen = _chosen(listed, unwanted, name)
        if not context.console.confirm(
            f"This removes the backup {chosen.id} of {name}, for good. Remove it?"
        ):
            raise UsageError("nothing was removed")
        client.backups.destroy(name, chosen.id)
        context.console.say(f"the backup {chosen.id} of {name} is removed")
        listed = [one for one in listed if one.id != chosen.id]
    context.console.table(listed, BACKUP, empty=f"{name} has no backups: `jitsu databases backup {name}`.")


@databases.command()
@click.argument("name")
@click.argument("source", metavar="FILE|ID")
@pass_context
def restore(context: Context, name: str, source: str) -> None:
    """Replace what is in a database by a backup, after asking: a file, or the id of one on the server."""
    database, client = found(context, name), context.client
    file = context.cwd / source
    ids = [one.id for one in client.backups.list(name)]
    if source in ids and file.is_file():
        raise UsageError(f"{source} is a file here and a backup of {name}", hint=f"./{source} is the file")
    if source not in ids and not file.is_file():
        raise _unknown(ids, source, name)
    question = (
        f"This replaces all that is in {database.name} ({size(database.size)}) by {source}. Replace it?"
    )
    if not context.console.confirm(question):
        raise UsageError(f"{database.name} stays as it was")
    going_on = f"the platform may go on; `jitsu databases get {name}` tells how it went"
    with context.interruptible(going_on):
        restored = _restored(context, name, source, None if source in ids else file)
    context.console.say(f"{restored.name} holds what {source} held")
    if context.console.json:
        context.console.data(data(restored, FIELDS) | {"restored": source})


@databases.command()
@click.argument("name")
@click.argument("every", required=False, type=click.Choice(["hourly", "daily", "weekly", "off"]))
@click.option("--keep", metavar="N", type=click.IntRange(1, 1000), help=f"How many stay: {KEEP} at first.")
@pass_context
def schedule(context: Context, name: str, every: str | None, keep: int | None) -> None:
    """Have backups made by themselves, or say when they are made."""
    from jitsu_py.api.databases import Schedule

    database, client = found(context, name), context.client
    if every or keep:
        wanted = Schedule(
            "" if every == "off" else every or database.schedule.every, keep or database.schedule.keep or KEEP
        )
        with context.console.waiting(f"Changing {name}"):
            database = starred(context, client.databases.update(name, schedule=wanted))
    answer = {"name": database.name, "user": database.user, "schedule": schedule_data(database)}
    context.console.answer(f"backups of {database.name}: {told(database)}", answer)


def _fetched(context: Context, name: str, made: Backup, output: Path) -> Path:
    """Download a backup to where it is wanted; the path as it was given."""
    shown = output
    if (context.cwd / shown).is_dir():
        shown /= f"{name.rpartition('/')[2]}-{made.id}.backup"
    target = context.cwd / shown
    if target.exists() and not context.console.confirm(f"{shown} exists. Replace it?"):
        raise UsageError(f"{shown} stays as it was", hint=f"the backup is on the server: {made.id}")
    client = context.client
    try:
        with context.console.progress(f"Downloading {made.id}", made.size) as advance:
            client.backups.fetch(name, made, target, lambda got, _whole: advance(got))
    except OSError as error:
        raise UsageError(
            f"{shown} cannot be written: {error.strerror or error}",
            hint=f"the backup is on the server: {made.id}",
        ) from error
    return shown


def _restored(context: Context, name: str, source: str, file: Path | None) -> Database:
    client = context.client
    if file is None:
        with context.console.waiting(f"Putting {source} back"):
            return starred(context, client.backups.restore(name, source))
    try:
        with context.console.progress(f"Uploading {source}", file.stat().st_size) as advance:
            return starred(context, client.backups.restore_file(name, file, advance))
    except OSError as error:
        raise UsageError(f"{source} cannot be read: {error.strerror or error}") from error


def _chosen(listed: Sequence[Backup], wanted: str, name: str) -> Backup:
    for one in listed:
        if one.id == wanted:
            return one
    raise _unknown([one.id for one in listed], wanted, name)


def _unknown(ids: Sequence[str], wanted: str, name: str) -> NotFoundError:
    from difflib import get_close_matches

    near = get_close_matches(wanted, ids, 1)
    return NotFoundError(
        f"{wanted} is neither a file here nor a backup of {name}",
        hint=f"did you mean {near[0]}?" if near else f"`jitsu databases backups {name}` shows them",
    )

"""`jitsu snapshots`: the uploaded versions of an app."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from jitsu_py import grammar
from jitsu_py.commands.snapshots.choice import asked, listed_of, named, one_of, unknown
from jitsu_py.console.fields import Field, age, data, iso, size
from jitsu_py.context import Context, app_argument, output_option, pass_context
from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from jitsu_py.api.snapshots import Snapshot

FIELDS: list[Field[Snapshot]] = [
    Field("id", "SNAPSHOT", lambda one: one.id),
    Field("state", "STATE", lambda one: one.state),
    Field("active", "ACTIVE", lambda one: one.active),
    Field("running", "RUNNING", lambda one: one.running),
    Field("size", "SIZE", lambda one: one.size, human=size),
    Field("ctime", "UPLOADED", lambda one: iso(one.ctime), human=age, plain=str),
    Field("filename", "FILE", lambda one: one.filename, listed=False),
    Field("md5", "MD5", lambda one: one.md5, listed=False),
    Field("sha256", "SHA256", lambda one: one.sha256, listed=False),
]


def _cause(one: Snapshot) -> str:
    error = one.raw.get("error")
    return str(error.get("message")) if isinstance(error, dict) else "-"


def _contents(one: Snapshot) -> str:
    return f"{len(one.files)}, {size(sum(file.size for file in one.files))}"


DETAILS: list[Field[Snapshot]] = [
    *FIELDS,
    Field("engine", "NODE", lambda one: one.engine or None),
    Field("error", "ERROR", lambda one: one.raw.get("error"), cell=_cause),
    Field("files", "FILES", lambda one: [asdict(file) for file in one.files], cell=_contents),
]


@click.group(cls=grammar.Group, aliases={"rm": "destroy", "ls": "list"})
def snapshots() -> None:
    """The uploaded versions of an app."""


@snapshots.command("list")
@app_argument
@pass_context
def list_snapshots(context: Context, app: str | None, folder: str | None) -> None:
    """List the snapshots of an app, oldest first."""
    name = context.app_name(app, folder)
    client = context.client
    with context.console.waiting(f"Asking for the snapshots of {name}"), context.naming(name):
        found = client.snapshots.list(name)
    context.console.table(found, FIELDS, empty=f"{name} has no snapshots yet: `jitsu deploy` makes one.")


@snapshots.command()
@app_argument
@click.argument("snapshot", required=False)
@pass_context
def activate(context: Context, app: str | None, snapshot: str | None, folder: str | None) -> None:
    """Make a snapshot the one that the next start runs.

    A single word is a snapshot where the app of this folder has one of that id, else an app.
    """
    name, chosen = named(context, app, snapshot, folder)
    if chosen is None:
        ready = [one.id for one in listed_of(context, name) if one.state == "ready"]
        chosen = asked(context, name, ready)
    elif chosen not in {one.id for one in listed_of(context, name)}:
        raise unknown(name, chosen)
    context.client.snapshots.activate(name, chosen)
    context.console.say(f"{chosen} is active; `jitsu start {name}` runs it")
    context.console.answer(chosen, {"app": name, "id": chosen, "active": True})


@snapshots.command()
@app_argument
@click.option("--snapshot", metavar="ID", default="", help="Name the snapshot; else the version names it.")
@pass_context
def create(context: Context, app: str | None, folder: str | None, snapshot: str) -> None:
    """Pack and build a snapshot of this folder's app, and leave what runs as it is.

    Its id is printed on stdout, alone; `jitsu snapshots activate` and `jitsu start` put it live.
    """
    from jitsu_py.deploy import DeployOptions, build, plan, settle

    owner, _, name = app.rpartition("/") if app else ("", "", "")
    options = DeployOptions(
        folder=context.cwd / (folder or ""),
        user=owner,
        snapshot=snapshot,
        answers={"name": name} if name else {},
    )
    settle(options)
    client = context.client
    wanted = plan(client, options)
    if wanted.existing is None:
        with context.naming(wanted.key):
            client.apps.get(wanted.key)
    for note in wanted.notes:
        context.console.warn(note)
    made = build(wanted, client, context.console)
    context.console.say(f"{made} of {wanted.app} is built; `jitsu rollback {wanted.app} {made}` puts it live")
    context.console.answer(made, data(client.snapshots.get(wanted.key, made), DETAILS))


@snapshots.command()
@app_argument
@click.argument("snapshot", required=False)
@pass_context
def view(context: Context, app: str | None, snapshot: str | None, folder: str | None) -> None:
    """Show everything about a snapshot: the newest, unless one is named."""
    name, listed = one_of(context, app, snapshot, folder)
    client = context.client
    with context.console.waiting(f"Asking for {listed.id}"):
        found = client.snapshots.get(name, listed.id)
    context.console.record(found, DETAILS)


@snapshots.command()
@app_argument
@click.argument("snapshot", required=False)
@pass_context
def log(context: Context, app: str | None, snapshot: str | None, folder: str | None) -> None:
    """Print what the build of a snapshot printed: of the newest, unless one is named."""
    name, listed = one_of(context, app, snapshot, folder)
    client = context.client
    with context.console.waiting(f"Asking for the log of {listed.id}"):
        lines = client.snapshots.log(name, listed.id).splitlines()
    if context.console.json:
        context.console.data({"app": name, "id": listed.id, "lines": lines})
        return
    for line in lines:
        context.console.raw(line)
    if not lines:
        context.console.say(f"the build of {listed.id} printed nothing")


@snapshots.command()
@app_argument
@click.argument("snapshot", required=False)
@output_option("Write it there; else APP-ID.tgz here.")
@pass_context
def fetch(
    context: Context, app: str | None, snapshot: str | None, folder: str | None, output: Path | None
) -> None:
    """Download a snapshot's archive as it was uploaded: of the newest, unless one is named.

    The file appears whole or not at all.
    """
    name, listed = one_of(context, app, snapshot, folder)
    shown = output or Path()
    target = context.cwd / shown
    if output is None or target.is_dir():
        shown /= f"{name.rpartition('/')[2]}-{listed.id}.tgz"
        target = context.cwd / shown
    if target.exists() and not context.console.confirm(f"{shown} exists. Replace it?"):
        raise UsageError(f"{shown} stays as it was")
    client = context.client
    try:
        with context.console.progress(f"Downloading {listed.id}", listed.size) as advance:
            client.snapshots.fetch(name, listed.id, target, lambda got, _whole: advance(got))
    except OSError as error:
        raise UsageError(f"{shown} cannot be written: {error.strerror or error}") from error
    answer = {"app": name, "id": listed.id, "file": str(target), "size": listed.size, "sha256": listed.sha256}
    context.console.answer(str(shown), answer)


@snapshots.command()
@app_argument
@click.argument("snapshot", required=False)
@pass_context
def destroy(context: Context, app: str | None, snapshot: str | None, folder: str | None) -> None:
    """Remove a snapshot with its build.

    Its id has to be typed; --confirm stands for that in scripts.
    """
    name, chosen = named(context, app, snapshot, folder)
    if chosen is None:
        chosen = asked(context, name, [one.id for one in listed_of(context, name)])
    elif chosen not in {one.id for one in listed_of(context, name)}:
        raise unknown(name, chosen)
    if not context.console.confirm_by_name(f"This removes {chosen} of {name}, for good.", chosen):
        raise UsageError(f"that is not {chosen}; nothing was removed")
    client = context.client
    with context.console.waiting(f"Removing {chosen}"):
        client.snapshots.destroy(name, chosen)
    context.console.say(f"{chosen} of {name} is removed")
    if context.console.json:
        context.console.data({"app": name, "id": chosen, "destroyed": True})

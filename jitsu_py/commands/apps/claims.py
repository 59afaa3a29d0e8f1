"""`jitsu apps create`, `available` and `update`: an app's name, subdomain and settings."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py.commands.apps.group import FIELDS, apps
from jitsu_py.console.fields import Field, data, text
from jitsu_py.context import Context, app_argument, pass_context
from jitsu_py.errors import ConflictError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from jitsu_py.api.apps import Availability
    from jitsu_py.deploy.claims import Claim
    from jitsu_py.deploy.settings import Change


def _short(value: object) -> str:
    shown = text(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."


CHANGE: list[Field[Change]] = [
    Field("key", "KEY", lambda one: one.key),
    Field("old", "NOW", lambda one: one.old, human=_short, plain=text),
    Field("new", "NEW", lambda one: one.new, human=_short, plain=text),
]

AVAILABLE: list[Field[Availability]] = [
    Field("available", "AVAILABLE", lambda one: one.available),
    Field("appname", "NAME FREE", lambda one: one.name),
    Field("subdomain", "SUBDOMAIN FREE", lambda one: one.subdomain),
]


@apps.command()
@app_argument
@click.option("--subdomain", metavar="LABEL", help="Under which it answers; else the name makes one.")
@pass_context
def create(context: Context, app: str | None, folder: str | None, subdomain: str | None) -> None:
    """Claim an app's name and subdomain, without a snapshot.

    The app is APP, else what this folder's package.json says. `jitsu deploy` creates it by itself.
    """
    claim = _claimed(context, context.app_name(app, folder), app, folder, subdomain)
    client = context.client
    with context.console.waiting(f"Creating {claim.body['name']}"):
        made = client.apps.create(claim.body, claim.user)
    for note in claim.notes:
        context.console.warn(note)
    context.console.say(f"{made.name} is created; `jitsu deploy` in its folder puts it live")
    context.console.answer(made.url or made.name, data(made, FIELDS))


@apps.command()
@click.argument("name")
@click.option("--subdomain", metavar="LABEL", help="Ask for this subdomain; else the one of the name.")
@click.pass_context
@pass_context
def available(context: Context, ctx: click.Context, name: str, subdomain: str | None) -> None:
    """Tell whether an app of that name can be created: exit code 0 when it can, 5 when not."""
    asked = context.app_name(name)
    body = {"name": asked.rpartition("/")[2]} | ({"subdomain": subdomain} if subdomain else {})
    client = context.client
    with context.console.waiting(f"Asking for {asked}"):
        found = client.apps.available(body, asked.rpartition("/")[0] or None)
    taken = [what for what, free in (("name", found.name), ("subdomain", found.subdomain)) if not free]
    is_taken = f"the {' and the '.join(taken)} {'is' if len(taken) == 1 else 'are'} taken"
    words = f"{asked} is free" if found.available else f"{asked}: {is_taken}"
    context.console.answer(words, {"name": asked, **data(found, AVAILABLE)})
    if not found.available:
        ctx.exit(ConflictError.exit_code)


@apps.command()
@app_argument
@click.option("--dry-run", is_flag=True, help="Show what would change, and stop.")
@pass_context
def update(context: Context, app: str | None, folder: str | None, dry_run: bool) -> None:
    """Send what differs between this folder's package.json and its app, and show it.

    Nothing is packed or built. Host names count at once, the rest when drones start.
    """
    from jitsu_py.deploy.claims import difference

    name = context.app_name(app, folder)
    client = context.client
    with context.console.waiting(f"Asking for {name}"), context.naming(name):
        found = client.apps.get(name)
    body, changes = difference(context.cwd / (folder or ""), found)
    if body and not dry_run:
        with context.console.waiting(f"Changing {name}"):
            client.apps.update(f"{found.user}/{found.name}", body)
    _say_since_when(context, found.name, set(body), runs=found.state == "started", sent=not dry_run)
    if context.console.json:
        rows = [data(change, CHANGE) for change in changes]
        answer = {"app": found.name, "user": found.user, "changes": rows, "sent": bool(body) and not dry_run}
        context.console.data(answer)
    else:
        context.console.table(changes, CHANGE, empty="no changes")


def _claimed(
    context: Context, name: str, app: str | None, folder: str | None, subdomain: str | None
) -> Claim:
    """What to claim; where a subdomain that was asked for is taken, another one is asked for."""
    from jitsu_py.deploy.claims import claim

    place = context.cwd / (folder or "") if folder or not app else None
    while True:
        try:
            return claim(context.client, name, place, subdomain)
        except ConflictError as error:
            if error.code != Code.SUBDOMAIN_TAKEN or not context.console.interactive:
                raise
            question = f"{error.message[:1].upper()}{error.message[1:]}. Another subdomain"
            free = error.details.get("free")
            subdomain = context.console.questions.ask(question, flag="--subdomain", default=free)


def _say_since_when(context: Context, name: str, keys: set[str], *, runs: bool, sent: bool) -> None:
    if not keys:
        return
    if not sent:
        context.console.say("this would change; nothing was sent")
    elif runs and keys - {"subdomain", "domains", "version", "description"}:
        context.console.say(f"{name} is changed; its drones see it after `jitsu restart {name}`")
    else:
        context.console.say(f"{name} is changed")

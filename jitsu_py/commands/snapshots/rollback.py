"""`jitsu rollback`: an earlier snapshot goes live."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py.commands.snapshots.choice import named, unknown
from jitsu_py.context import Context, app_argument, pass_context
from jitsu_py.errors import NotFoundError

if TYPE_CHECKING:
    from jitsu_py.api.apps import App


@click.command()
@app_argument
@click.argument("snapshot", required=False)
@click.option("--with-env", is_flag=True, help="Bring back the environment in which it last served, too.")
@pass_context
def rollback(
    context: Context, app: str | None, snapshot: str | None, folder: str | None, with_env: bool
) -> None:
    """Put an earlier snapshot live: the one before what runs, unless one is named.

    Without a name it is the newest before that which ever served: one that never came up is passed over.
    What serves before goes on serving until the other one is proved ready. Nothing is removed. The
    environment stays as it is now, unless --with-env asks for that of then.
    """
    from jitsu_py.deploy import START_TIMEOUT
    from jitsu_py.deploy.starting import Start

    name, chosen = named(context, app, snapshot, folder)
    client = context.client
    with context.console.waiting(f"Asking for {name}"), context.naming(name):
        found = client.apps.get(name)
    now = found.running or found.active
    chosen = chosen or _before(found, now)
    if chosen not in {one.id for one in found.snapshots}:
        raise unknown(found.name, chosen)
    context.console.say(f"Rolling {found.name} back from {now or 'nothing'} to {chosen}")
    key = f"{found.user}/{found.name}"
    going_on = f"the platform may go on starting {chosen}; `jitsu view {name}` tells how it went"
    with context.interruptible(going_on):
        if not with_env:
            client.snapshots.activate(key, chosen)
        start = Start(client, key, chosen, context.console, found.active, START_TIMEOUT, False, with_env)
        started = start.run()
    if with_env:
        context.console.say(_environment(found, started))
    context.console.say(f"{chosen} serves{f'; {now} is kept' if now not in {'', chosen} else ''}")
    answer = {"app": found.name, "user": found.user, "from": now or None, "to": chosen, "url": started.url}
    context.console.answer(started.url, answer)


def _before(app: App, now: str) -> str:
    """The newest snapshot that is ready, has served and is older than what runs."""
    ids = [one.id for one in app.snapshots]
    older = app.snapshots[: ids.index(now)] if now in ids else app.snapshots
    served = [one.id for one in older if one.state == "ready" and one.served]
    if not served:
        raise NotFoundError(
            f"{app.name} has no snapshot that ever served{f' before {now}' if now else ''}",
            hint=f"`jitsu snapshots list {app.name}` shows what there is; "
            f"`jitsu rollback {app.name} SNAPSHOT` tries a certain one",
        )
    return served[-1]


def _environment(before: App, after: App) -> str:
    """Which variables a rollback changed; names only."""
    names = before.env.keys() | after.env.keys()
    changed = sorted(name for name in names if before.env.get(name) != after.env.get(name))
    if not changed:
        return "the environment was the same then"
    return f"the environment of then is back; other than before: {', '.join(changed)}"

"""An app's variables changed: only what differs is sent, and what came of it said."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from jitsu_py.commands.env import attached
from jitsu_py.console.fields import Field, data
from jitsu_py.errors import StartFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.api.apps import App
    from jitsu_py.context import Context


@dataclass(frozen=True)
class Changed:
    """What a command did to an app's variables."""

    app: App
    set: tuple[str, ...]
    """Keys with a new value."""
    deleted: tuple[str, ...]
    """Keys that are gone."""
    restarted: bool
    pending: bool
    """Whether running drones still have the variables of before."""


CHANGED: list[Field[Changed]] = [
    Field("app", "APP", lambda one: one.app.name),
    Field("user", "USER", lambda one: one.app.user),
    Field("set", "SET", lambda one: list(one.set)),
    Field("deleted", "DELETED", lambda one: list(one.deleted)),
    Field("restarted", "RESTARTED", lambda one: one.restarted),
    Field("pending", "PENDING", lambda one: one.pending),
]


def change(context: Context, app: App, wanted: Mapping[str, str], restart: bool) -> None:
    """Send what differs, restart if asked to, and say since when it counts.

    Args:
        app: as it was read.
        wanted: all variables that it is to have of its own.
        restart: whether a running app is to see them at once.
    """
    had = attached.own(context, app)
    new = tuple(sorted(key for key, value in wanted.items() if had.get(key) != value))
    gone = tuple(sorted(key for key in had if key not in wanted))
    name, client = f"{app.user}/{app.name}", context.client
    if new or gone:
        # Only what differs is sent: somebody else may be changing other variables at this moment.
        changes = {key: wanted.get(key) for key in (*new, *gone)}
        with context.console.waiting(f"Changing the variables of {app.name}"):
            app = client.apps.change_env(name, changes)
    runs = app.state == "started"
    if restart and runs:
        _restarted(context, app)
    changed = Changed(app, new, gone, restart and runs, runs and bool(new or gone) and not restart)
    _show(context, changed)


def _restarted(context: Context, app: App) -> None:
    client = context.client
    going_on = f"the variables are kept, and the platform goes on restarting {app.name}"
    with context.console.waiting(f"Restarting {app.name}"), context.interruptible(going_on):
        try:
            client.apps.restart(f"{app.user}/{app.name}")
        except StartFailedError as error:
            error.hint = error.hint or "the variables are kept: mend them with `jitsu env set --restart`"
            raise


def _show(context: Context, changed: Changed) -> None:
    done = [f"set: {', '.join(changed.set)}"] if changed.set else []
    done += [f"deleted: {', '.join(changed.deleted)}"] if changed.deleted else []
    context.console.say("; ".join(done) or "no changes")
    name = changed.app.name
    if changed.restarted:
        context.console.say(f"{name} is restarted and sees them")
    elif changed.pending:
        context.console.say(f"{name} sees this after the next start: `jitsu restart {name}`")
    elif done:
        context.console.say(f"{name} sees this when it starts")
    if context.console.json:
        context.console.data(data(changed, CHANGED))

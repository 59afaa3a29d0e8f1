"""`jitsu apps`: list, view, start, stop, restart, browse, destroy; the same verbs stand at the top level."""

from __future__ import annotations

import sys
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from jitsu_py.commands.apps.figures import DRONE
from jitsu_py.commands.apps.group import FIELDS, apps, show
from jitsu_py.console.fields import Field, data
from jitsu_py.context import Context, app_argument, pass_context
from jitsu_py.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from jitsu_py.api.apps import App

VIEW: list[Field[App]] = [
    *FIELDS,
    Field(
        "processes",
        "PROCESSES",
        lambda app: [data(one, DRONE) for one in app.processes],
        human=lambda rows: "\n".join(_in_short(row) for row in rows) or "-",
    ),
]


@apps.command("list")
@click.argument("user", required=False)
@pass_context
def list_apps(context: Context, user: str | None) -> None:
    """List the apps."""
    client = context.client
    with context.console.waiting("Asking for the apps"):
        found = client.apps.list(user)
    context.console.table(found, FIELDS, empty="No apps yet: `jitsu deploy` in an app's folder makes one.")


@apps.command()
@app_argument
@pass_context
def view(context: Context, app: str | None, folder: str | None) -> None:
    """Show everything about an app."""
    name = context.app_name(app, folder)
    client = context.client
    with context.console.waiting(f"Asking for {name}"), context.naming(name):
        found = client.apps.get(name)
        with suppress(NotFoundError):  # a server of before does not know its drones
            found = replace(found, processes=client.apps.drones(name))
    context.console.record(found, VIEW)


@apps.command()
@app_argument
@pass_context
def start(context: Context, app: str | None, folder: str | None) -> None:
    """Start an app."""
    name = context.app_name(app, folder)
    client = context.client
    going_on = f"the platform goes on starting {name}; `jitsu view {name}` tells how it went"
    with context.console.waiting(f"Starting {name}"), context.naming(name), context.interruptible(going_on):
        found = client.apps.start_told(name, context.console.line)
    show(context, found, f"{name} is started")


@apps.command()
@app_argument
@pass_context
def stop(context: Context, app: str | None, folder: str | None) -> None:
    """Stop an app."""
    name = context.app_name(app, folder)
    client = context.client
    going_on = f"the platform goes on stopping {name}; `jitsu view {name}` tells how it went"
    with context.console.waiting(f"Stopping {name}"), context.naming(name), context.interruptible(going_on):
        found = client.apps.stop(name)
    show(context, found, f"{name} is stopped")


@apps.command()
@app_argument
@pass_context
def restart(context: Context, app: str | None, folder: str | None) -> None:
    """Replace an app's drones by new ones."""
    name = context.app_name(app, folder)
    client = context.client
    going_on = f"the platform goes on restarting {name}; `jitsu view {name}` tells how it went"
    with context.console.waiting(f"Restarting {name}"), context.naming(name), context.interruptible(going_on):
        found = client.apps.restart(name)
    show(context, found, f"{name} is restarted")


@apps.command()
@app_argument
@pass_context
def destroy(context: Context, app: str | None, folder: str | None) -> None:
    """Remove an app with all its snapshots and logs.

    The app's name has to be typed; --confirm stands for that in scripts.
    """
    name = context.app_name(app, folder)
    client = context.client
    with context.naming(name):
        found = client.apps.get(name)
    question = f"This removes {found.name} with {len(found.snapshots)} snapshot(s) and its logs, for good."
    if not context.console.confirm_by_name(question, found.name):
        raise UsageError(f"that is not {found.name}; nothing was removed")
    with context.console.waiting(f"Removing {name}"):
        client.apps.destroy(name)
    context.console.say(f"{name} is removed")
    if context.console.json:
        context.console.data({"name": found.name, "user": found.user, "destroyed": True})


@apps.command()
@app_argument
@pass_context
def browse(context: Context, app: str | None, folder: str | None) -> None:
    """Open an app in a browser, and print its URL."""
    name = context.app_name(app, folder)
    client = context.client
    with context.console.waiting(f"Asking for {name}"), context.naming(name):
        found = client.apps.get(name)
    if not found.url:
        raise NotFoundError(f"the platform names no URL of {name}", hint=f"`jitsu view {name}`")
    if found.state != "started":
        context.console.warn(f"{name} is {found.state or 'not started'}: `jitsu start {name}`")
    is_open = _has_browser(context) and click.launch(found.url) == 0
    answer = {"app": found.name, "user": found.user, "url": found.url, "opened": is_open}
    context.console.answer(found.url, answer)


def _in_short(drone: dict[str, Any]) -> str:
    """A drone on one line; `jitsu apps drones` shows all of it."""
    shown = {field.name: field.human(drone[field.name]) for field in DRONE}
    bound = " of {memoryLimit}" if drone["memoryLimit"] else ""
    return (
        "{number}: {id} {state}, pid {pid}, port {port}, started {started}, {memory}" + bound + ", {cpu}"
    ).format_map(shown)


def _has_browser(context: Context) -> bool:
    """Whether a person sits here with a screen: a browser of a bare terminal would take that over."""
    if not context.console.interactive:
        return False
    if sys.platform in {"darwin", "win32"}:
        return True
    return any(context.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))

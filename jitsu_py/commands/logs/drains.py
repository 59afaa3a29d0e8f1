"""`jitsu logs drains`: have lines shipped to a syslog or HTTPS receiver."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py import grammar
from jitsu_py.console.fields import Field, age, data, iso
from jitsu_py.context import Context, app_argument, pass_context
from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from jitsu_py.api.drains import Drain

FIELDS: list[Field[Drain]] = [
    Field("id", "ID", lambda drain: drain.id),
    Field("app", "APP", lambda drain: drain.app or None, human=lambda app: app or "all"),
    Field("url", "ADDRESS", lambda drain: drain.url),
    Field("state", "STATE", lambda drain: drain.state),
    Field("waiting", "WAITING", lambda drain: drain.waiting),
    Field("shipped", "SHIPPED", lambda drain: drain.shipped, listed=False),
    Field("skipped", "SKIPPED", lambda drain: drain.skipped, listed=False),
    Field("redact", "REDACTED", lambda drain: drain.redact, listed=False),
    Field("error", "LAST ERROR", lambda drain: drain.error or None),
    Field("ctime", "ADDED", lambda drain: iso(drain.ctime), human=age, listed=False),
]


@click.group(cls=grammar.Group, aliases={"ls": "list", "rm": "remove"})
def drains() -> None:
    """Where lines are shipped to.

    Lines arrive at least once, in an app's order. A receiver that is slow or away costs the app nothing: it
    goes on from the kept log where it stopped, and is told of lines that retention removed meanwhile. Syslog
    has no answers: there a line counts as taken when the connection has lived on for five seconds.
    """


@drains.command()
@click.argument("url", metavar="URL")
@app_argument
@click.option("--all", "every", is_flag=True, help="The lines of all apps, those to come included.")
@click.option("--redact", is_flag=True, help="Star the values of the app's variables in its lines.")
@pass_context
def add(context: Context, url: str, app: str | None, folder: str | None, every: bool, redact: bool) -> None:
    """Ship what an app prints from now on.

    URL is syslog+tls://HOST[:PORT] or syslog+tcp:// (RFC 5424, octet counting), or https:// for JSON objects,
    one a line. Who may ship to private addresses, server.toml says ([logs] drains).
    """
    if every and app:
        raise UsageError("--all is about all apps", hint=f"jitsu logs drains add URL {app}, or --all")
    name = None if every else context.app_name(app, folder)
    if name and "/" in name:
        owner, _, name = name.partition("/")
        if owner.lower() != context.client.username.lower():
            raise UsageError(f"{owner} is somebody else: drains are for apps of your own")
    client = context.client
    with context.console.waiting("Adding the drain"), context.naming(name or ""):
        drain, warning = client.drains.add(url, name, redact=redact)
    if warning:
        context.console.warn(warning)
    context.console.say("`jitsu logs drains list` tells whether lines arrive")
    context.console.answer(drain.id, data(drain, FIELDS))


@drains.command("list")
@pass_context
def list_drains(context: Context) -> None:
    """List the drains: how each fares, and its last error."""
    with context.console.waiting("Asking for the drains"):
        found = context.client.drains.list()
    context.console.table(found, FIELDS, empty="None yet: `jitsu logs drains add URL`.")


@drains.command()
@click.argument("ref", metavar="ID")
@pass_context
def remove(context: Context, ref: str) -> None:
    """Ship nothing more to an address."""
    with context.console.waiting(f"Removing {ref}"):
        context.client.drains.remove(ref)
    context.console.say(f"{ref} is removed")
    if context.console.json:
        context.console.data({"id": ref, "removed": True})

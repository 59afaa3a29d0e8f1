"""The group, and how an app is shown; the verbs are in the modules beside this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py import grammar
from jitsu_py.console.fields import Field, age, iso

if TYPE_CHECKING:
    from jitsu_py.api.apps import App
    from jitsu_py.context import Context

FIELDS: list[Field[App]] = [
    Field("name", "NAME", lambda app: app.name),
    Field("user", "USER", lambda app: app.user, listed=False),
    Field("state", "STATE", lambda app: app.state, cell=lambda app: app.condition),
    Field("condition", "CONDITION", lambda app: app.condition, listed=False),
    Field("url", "URL", lambda app: app.url or None),
    Field("urls", "URLS", lambda app: list(app.urls), listed=False),
    Field("subdomain", "SUBDOMAIN", lambda app: app.subdomain, listed=False),
    Field("domains", "DOMAINS", lambda app: list(app.domains), listed=False),
    Field("drones", "DRONES", lambda app: app.drones, cell=lambda app: f"{app.drones}/{app.max_drones}"),
    Field("maxDrones", "WANTED", lambda app: app.max_drones, listed=False),
    Field("running", "SNAPSHOT", lambda app: app.running or None),
    Field("active", "ACTIVE", lambda app: app.active or None, listed=False),
    Field("version", "VERSION", lambda app: app.version, listed=False),
    Field("description", "DESCRIPTION", lambda app: app.description, listed=False),
    Field("engines", "ENGINES", lambda app: dict(app.engines), listed=False),
    Field("cloud", "CLOUD", lambda app: [cloud.body() for cloud in app.cloud], listed=False),
    Field("snapshots", "SNAPSHOTS", lambda app: [one.id for one in app.snapshots], listed=False),
    Field("databases", "DATABASES", lambda app: list(app.databases), listed=False),
    Field("ctime", "CREATED", lambda app: iso(app.ctime), human=age, plain=str, listed=False),
    Field("mtime", "CHANGED", lambda app: iso(app.mtime), human=age, plain=str, listed=False),
]
"""An app's variables are left out: they hold secrets, and `jitsu env` shows them when asked to."""


class Apps(grammar.Group):
    """The verbs of apps, and `deploy`, which the root knows by the same name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The verbs' names."""
        return ["deploy", *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The verb of that name or alias."""
        name = self.aliases.get(cmd_name, cmd_name)
        root = ctx.find_root()
        if name == "deploy" and isinstance(root.command, click.Group) and root.command is not self:
            return root.command.get_command(root, name)
        return super().get_command(ctx, name)


@click.group(
    cls=Apps,
    aliases={
        "d": "deploy",
        "push": "deploy",
        "publish": "deploy",
        "ls": "list",
        "l": "list",
        "v": "view",
        "scale": "setdrones",
        "open": "browse",
    },
)
def apps() -> None:
    """Everything about apps."""


def show(context: Context, app: App, words: str) -> None:
    """Say what an app is now; the answer is where it can be reached, where it can."""
    context.console.say(words)
    if context.console.json:
        context.console.record(app, FIELDS)
    elif app.state == "started" and app.url:
        context.console.answer(app.url)

"""`jitsu server engines`: the versions of Node that apps find on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py import embedded, grammar
from jitsu_py.commands.server.door import platform
from jitsu_py.console.fields import Field, data, size
from jitsu_py.context import Context, pass_context

if TYPE_CHECKING:
    from jitsu_py.server.engines import Kept


def _users(users: list[str]) -> str:
    """The first of the snapshots; a platform can have hundreds."""
    return f"{users[0]} and {len(users) - 1} more" if len(users) > 1 else "".join(users) or "-"


FIELDS: list[Field[Kept]] = [
    Field("version", "VERSION", lambda one: one.version),
    Field("from", "FROM", lambda one: "npm" if one.fetched else "this machine"),
    Field("size", "SIZE", lambda one: one.bytes if one.fetched else None, human=size),
    Field("usedBy", "USED BY", lambda one: list(one.used_by), human=_users),
    Field("node", "PROGRAM", lambda one: str(one.node)),
]


@click.group(cls=grammar.Group, aliases={"ls": "list", "fetch": "add"})
def engines() -> None:
    """The versions of Node that apps find on this machine."""


@engines.command("list")
@pass_context
def list_engines(context: Context) -> None:
    """List the Nodes that need no download, with the snapshots built for them."""
    with platform(), context.console.waiting("Looking for Nodes"):
        from jitsu_py.server.engines import listed

        found = listed(embedded.home())
    context.console.table(found, FIELDS, empty="No Node is here yet.")


@engines.command()
@click.argument("wanted", metavar="VERSION")
@pass_context
def add(context: Context, wanted: str) -> None:
    """Fetch a Node ahead of the first app that asks for it.

    VERSION is what package.json would say: 20, ^18.17, 0.10.x. Where one that will do is here, nothing is
    fetched. The version is printed on stdout.
    """
    with platform(), context.console.waiting(f"Looking for Node {wanted}"):
        from jitsu_py.server.engines import add as fetch

        kept = fetch(embedded.home(), wanted, context.console.step)
    context.console.say(f"Node {kept.version} is here: {kept.node}")
    context.console.answer(kept.version, data(kept, FIELDS))


@engines.command()
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and stop.")
@pass_context
def prune(context: Context, dry_run: bool) -> None:
    """Remove the fetched Nodes that no snapshot was built for.

    One that was fetched within the last hour stays: a build may be about to use it.
    """
    with platform(), context.console.waiting("Looking for Nodes that nobody uses"):
        from jitsu_py.server.engines import prune as remove

        gone = remove(embedded.home(), dry_run=dry_run)
    context.console.table(gone, FIELDS, empty="Nothing to remove.")
    if gone:
        what = "would be freed" if dry_run else "freed"
        context.console.say(f"{size(sum(one.bytes for one in gone))} {what}.")

"""`jitsu server prune`: room on the platform's disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py import embedded
from jitsu_py.commands.server.door import platform
from jitsu_py.console.fields import Field, size
from jitsu_py.context import Context, pass_context

if TYPE_CHECKING:
    from jitsu_py.server.pruning import Surplus

FIELDS: list[Field[Surplus]] = [
    Field("kind", "KIND", lambda one: one.kind),
    Field("name", "NAME", lambda one: one.name),
    Field("size", "SIZE", lambda one: one.bytes, human=size),
    Field("why", "WHY", lambda one: one.why),
]


@click.command()
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and stop.")
@pass_context
def prune(context: Context, dry_run: bool) -> None:
    """Remove what no app needs any more: old snapshots, dependencies, downloads, Nodes.

    The newest snapshots of each app stay, as many as [builds] keep in server.toml says; the active one, the
    one that runs and the one before it always do.
    """
    with platform(), context.console.waiting("Looking for what nobody needs"):
        from jitsu_py.server.pruning import prune as remove

        gone = remove(embedded.home(), dry_run=dry_run)
    context.console.table(gone, FIELDS, empty="Nothing to remove.")
    if gone:
        what = "would be freed" if dry_run else "freed"
        context.console.say(f"{size(sum(one.bytes for one in gone))} {what}.")

"""`jitsu logs`: what apps printed, and what they print now; the group and what shows lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py import grammar
from jitsu_py.commands.logs import following
from jitsu_py.commands.logs.drains import drains
from jitsu_py.commands.logs.questions import LINES, filters, parse, wanted
from jitsu_py.commands.logs.showing import show
from jitsu_py.context import Context, pass_context

if TYPE_CHECKING:
    from collections.abc import Sequence


class Logs(grammar.Group):
    """A group whose verb may be left out: `logs shop` is `logs app shop`, `logs -f shop` its tail."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the verb first, wherever it stands."""
        at = self._first_word(args)
        if at is not None and args[at] in self.commands:
            args = [args[at], *args[:at], *args[at + 1 :]]
        elif not {"-h", "--help"} & set(args):
            args = ["app", *args]
        return super().parse_args(ctx, args)

    def _first_word(self, args: list[str]) -> int | None:
        """Where the first word stands that is neither a flag nor a flag's value."""
        params = [*self.params, *self.commands["app"].params]
        options = [param for param in params if isinstance(param, click.Option)]
        valued = {name for option in options if not option.is_flag for name in option.opts}
        is_value = False
        for at, word in enumerate(args):
            if not is_value and (not word.startswith("-") or word == "-"):
                return at
            is_value = not is_value and word in valued
        return None


_folder = click.option(
    "--dir",
    "folder",
    metavar="FOLDER",
    type=click.Path(),
    help="Folder whose package.json names the app.",
)


@click.group(cls=Logs, commands={"drains": drains})
def logs() -> None:
    """Show what an app printed.

    `jitsu logs [APP] [N]` is `jitsu logs app`, with -f `jitsu logs tail`. An app whose name is a verb's is
    USER/NAME.
    """


@logs.command()
@click.argument("words", nargs=-1, metavar="[APP] [N]")
@_folder
@click.option("-f", "--follow", is_flag=True, help="Go on with what it prints now: `jitsu logs tail`.")
@filters
@pass_context
def app(
    context: Context,
    words: Sequence[str],
    folder: str | None,
    follow: bool,
    raw: bool,
    **wishes: str | bool | None,
) -> None:
    """Show the newest N lines (100) of an app, the oldest of them first.

    They are those of the snapshot that was put live last, also if it crashed; with --since, --snapshot or
    another filter, those of all snapshots.
    """
    if follow:
        following.one(context, words, folder, raw, wanted(wishes))
        return
    given, rows = parse(words, LINES)
    name, client = context.app_name(given, folder), context.client
    with context.console.waiting(f"Asking for the log of {name}"), context.naming(name):
        lines = client.logs.query(name, rows, newest="1", **wanted(wishes))
    kind = " of that kind" if any(wishes.values()) else ""
    show(context, lines, raw, f"{name} has printed nothing{kind} yet.")


@logs.command("all")
@click.argument("rows", metavar="[N]", type=click.IntRange(min=1), required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what they print now, until ^C.")
@filters
@pass_context
def all_apps(
    context: Context, rows: int | None, follow: bool, raw: bool, **wishes: str | bool | None
) -> None:
    """Show the newest N lines (100) of all apps together, the oldest of them first."""
    if follow:
        following.every(context, rows, raw, wanted(wishes))
        return
    client = context.client
    with context.console.waiting("Asking for the logs"):
        lines = client.logs.query_all(rows=rows or LINES, **wanted(wishes))
    show(context, lines, raw, "No app has printed anything yet.", with_app=True)


@logs.command()
@click.argument("words", nargs=-1, metavar="[APP] [N]")
@_folder
@filters
@pass_context
def tail(
    context: Context, words: Sequence[str], folder: str | None, raw: bool, **wishes: str | bool | None
) -> None:
    """Follow what an app prints, from its newest N lines (10) on, until ^C.

    A lost connection is taken up again where it broke. With --json, an object a line.
    """
    following.one(context, words, folder, raw, wanted(wishes))

"""`jitsu logs`: what apps printed, and what they print now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jitsu_py import grammar
from jitsu_py.console.fields import Field, data, iso
from jitsu_py.context import Context, pass_context
from jitsu_py.errors import InterruptedByUserError, UsageError

if TYPE_CHECKING:
    from jitsu_py.api.logs import LogLine

F = TypeVar("F", bound=Callable[..., Any])

LINES = 100
"""How many lines are shown unless a number says otherwise."""

HISTORY = 10
"""How many lines of the past a tail begins with."""

UNITS = {"s": "SECONDS", "m": "MINUTES", "h": "HOURS", "d": "DAYS"}

FIELDS: list[Field[LogLine]] = [
    Field("time", "TIME", lambda line: iso(line.time)),
    Field("app", "APP", lambda line: line.app),
    Field("drone", "DRONE", lambda line: line.drone),
    Field("snapshot", "SNAPSHOT", lambda line: line.snapshot),
    Field("stream", "STREAM", lambda line: line.stream),
    Field("text", "TEXT", lambda line: line.text),
]


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


def _filters(command: F) -> F:
    """Let a command take what narrows a log down."""
    options = [
        click.option("--since", metavar="WHEN", help="Only lines from then on: 15m, 2h, 3d, or a time."),
        click.option("--until", metavar="WHEN", help="Only lines before then."),
        click.option("--grep", metavar="TEXT", help="Only lines that hold this text."),
        click.option(
            "--stream",
            type=click.Choice(["stdout", "stderr", "system"]),
            help="Only what was printed there; system: what the platform says.",
        ),
        click.option("--drone", metavar="ID", help="Only lines of this process."),
        click.option("--snapshot", metavar="ID", help="Only lines of this snapshot."),
        click.option("--raw", is_flag=True, help="The lines alone, without time and drone."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def _folder(command: F) -> F:
    return click.option(
        "--dir",
        "folder",
        metavar="FOLDER",
        type=click.Path(),
        help="Folder whose package.json names the app.",
    )(command)


@click.group(cls=Logs)
def logs() -> None:
    """Show what an app printed.

    `jitsu logs [APP] [N]` is `jitsu logs app`, with -f `jitsu logs tail`. An app whose name is a verb's is
    USER/NAME.
    """


@logs.command()
@click.argument("words", nargs=-1, metavar="[APP] [N]")
@_folder
@click.option("-f", "--follow", is_flag=True, help="Go on with what it prints now: `jitsu logs tail`.")
@_filters
@pass_context
def app(
    context: Context, words: Sequence[str], folder: str | None, follow: bool, raw: bool, **wishes: str | None
) -> None:
    """Show the newest N lines (100) of an app, the oldest of them first."""
    if follow:
        _follow(context, words, folder, raw, _wanted(wishes))
        return
    given, rows = _parse(words, LINES)
    name, client = context.app_name(given, folder), context.client
    with context.console.waiting(f"Asking for the log of {name}"), context.naming(name):
        lines = client.logs.query(name, rows, **_wanted(wishes))
    _show(
        context,
        lines,
        raw,
        f"{name} has printed nothing{' of that kind' if any(wishes.values()) else ''} yet.",
    )


@logs.command("all")
@click.argument("rows", metavar="[N]", type=click.IntRange(min=1), default=LINES)
@_filters
@pass_context
def all_apps(context: Context, rows: int, raw: bool, **wishes: str | None) -> None:
    """Show the newest N lines (100) of all apps together, the oldest of them first."""
    client = context.client
    with context.console.waiting("Asking for the logs"):
        lines = client.logs.query_all(rows=rows, **_wanted(wishes))
    _show(context, lines, raw, "No app has printed anything yet.", with_app=True)


@logs.command()
@click.argument("words", nargs=-1, metavar="[APP] [N]")
@_folder
@_filters
@pass_context
def tail(context: Context, words: Sequence[str], folder: str | None, raw: bool, **wishes: str | None) -> None:
    """Follow what an app prints, from its newest N lines (10) on, until ^C.

    A lost connection is taken up again where it broke. With --json, an object a line.
    """
    _follow(context, words, folder, raw, _wanted(wishes))


def _follow(
    context: Context, words: Sequence[str], folder: str | None, raw: bool, wanted: dict[str, str]
) -> None:
    import json

    from jitsu_py.api.following import follow

    given, rows = _parse(words, HISTORY)
    name, client = context.app_name(given, folder), context.client
    try:
        with context.naming(name):
            for line in follow(client, name, rows, context.console, wanted):
                if context.console.json:
                    context.console.raw(json.dumps(data(line, FIELDS)))
                else:
                    context.console.raw(_shown(line, raw))
    except KeyboardInterrupt:
        # That is how a tail ends: nothing went wrong that would need a word.
        click.get_current_context().exit(InterruptedByUserError.exit_code)


def _show(
    context: Context, lines: Iterable[LogLine], raw: bool, empty: str, *, with_app: bool = False
) -> None:
    found = list(lines)
    if context.console.json:
        context.console.data([data(line, FIELDS) for line in found])
        return
    for line in found:
        context.console.raw(_shown(line, raw, with_app=with_app))
    if not found:
        context.console.say(empty)


def _shown(line: LogLine, raw: bool, *, with_app: bool = False) -> str:
    if raw:
        return line.text
    app_name = f"{line.app} " if with_app else ""
    return f"{iso(line.time) or '-'} {app_name}{_origin(line)}  {line.text}"


def _origin(line: LogLine) -> str:
    return (
        " ".join(word for word in (line.drone, line.stream if line.stream != "stdout" else "") if word) or "-"
    )


def _parse(words: Sequence[str], usual: int) -> tuple[str | None, int]:
    """The app, if one is named, and how many lines; a number alone is how many."""
    rest, rows = list(words), usual
    if rest and rest[-1].isdecimal():
        rows = int(rest.pop())
    if len(rest) > 1:
        raise UsageError(f"{rest[-1]!r} is no number of lines", hint="jitsu logs [APP] [N]")
    if rows < 1:
        raise UsageError("the number of lines should be 1 or more", hint="jitsu logs [APP] [N]")
    return (rest[0] if rest else None), rows


def _wanted(wishes: dict[str, str | None]) -> dict[str, str]:
    """What the platform is to be asked for."""
    found = {key: value for key, value in wishes.items() if value}
    return found | {key: _moment(found[key]) for key in ("since", "until") if key in found}


def _moment(given: str) -> str:
    """A moment as the platform reads it: `2h` by its own clock, a time without a zone by ours."""
    import re
    from datetime import datetime

    if span := re.fullmatch(r"(\d{1,6})([smhdw])", given):
        number, unit = int(span[1]), span[2]
        return f"NOW-{number * 7}DAYS" if unit == "w" else f"NOW-{number}{UNITS[unit]}"
    try:
        moment = datetime.fromisoformat(given)
    except ValueError:
        return given  # date maths, or wrong: the platform says where
    return (moment if moment.tzinfo else moment.astimezone()).isoformat(timespec="seconds")

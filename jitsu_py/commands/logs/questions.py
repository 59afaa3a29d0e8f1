"""What is asked of a log: how many lines, of when, of what kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

from jitsu_py.errors import UsageError

F = TypeVar("F", bound=Callable[..., Any])

LINES = 100
"""How many lines are shown unless a number says otherwise."""

UNITS = {"s": "SECONDS", "m": "MINUTES", "h": "HOURS", "d": "DAYS"}


def filters(command: F) -> F:
    """Let a command take what narrows a log down, and how it is shown."""
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
        click.option("--redact", is_flag=True, help="Star the values of the app's variables in its lines."),
        click.option(
            "--raw", is_flag=True, help="The lines alone; in a pipe byte for byte, colours and all."
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def parse(words: Sequence[str], usual: int) -> tuple[str | None, int]:
    """The app, if one is named, and how many lines; a number alone is how many."""
    rest, rows = list(words), usual
    if rest and rest[-1].isdecimal():
        rows = int(rest.pop())
    if len(rest) > 1:
        raise UsageError(f"{rest[-1]!r} is no number of lines", hint="jitsu logs [APP] [N]")
    if rows < 1:
        raise UsageError("the number of lines should be 1 or more", hint="jitsu logs [APP] [N]")
    return (rest[0] if rest else None), rows


def wanted(wishes: Mapping[str, str | bool | None]) -> dict[str, str]:
    """What the platform is to be asked for."""
    found = {key: "1" if value is True else value for key, value in wishes.items() if value}
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
    except ValueError as error:
        if re.match(r"NOW|\d{4}-", given):
            return given  # date maths, or wrong: the platform says where
        hint = "for instance 15m, 2h, 3d, 2026-01-31T12:00 or NOW-1DAY"
        raise UsageError(f"{given!r} is no time", hint=hint) from error
    return (moment if moment.tzinfo else moment.astimezone()).isoformat(timespec="seconds")

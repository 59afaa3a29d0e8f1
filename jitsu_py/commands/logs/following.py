"""Logs as they come: of one app, or of all."""

from __future__ import annotations

import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from jitsu_py.commands.logs.questions import parse
from jitsu_py.commands.logs.showing import FIELDS, show_line
from jitsu_py.console.fields import data
from jitsu_py.errors import InterruptedByUserError, ReaderLeftError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from jitsu_py.api.logs import LogLine
    from jitsu_py.context import Context

HISTORY = 10
"""How many lines of the past it begins with."""


def one(
    context: Context, words: Sequence[str], folder: str | None, raw: bool, wanted: Mapping[str, str]
) -> None:
    """Show the lines of an app until ^C, or until nobody reads them."""
    from jitsu_py.api.following import follow

    given, rows = parse(words, HISTORY)
    name, client = context.app_name(given, folder), context.client
    with _until_enough(context), context.naming(name):
        _show(context, follow(client, name, rows, context.console, wanted), raw)


def every(context: Context, rows: int | None, raw: bool, wanted: Mapping[str, str]) -> None:
    """Show the lines of all apps until ^C, or until nobody reads them."""
    from jitsu_py.api.following import follow

    client = context.client
    with _until_enough(context):
        lines = follow(client, None, rows or HISTORY, context.console, wanted)
        _show(context, lines, raw, with_app=True)


@contextmanager
def _until_enough(context: Context) -> Iterator[None]:
    """Both ends of a tail are no errors: ^C, and a reader such as `head` that has left."""
    try:
        with context.console.while_read():
            yield
    except ReaderLeftError:
        click.get_current_context().exit(0)
    except KeyboardInterrupt:
        click.get_current_context().exit(InterruptedByUserError.exit_code)


def _show(context: Context, lines: Iterable[LogLine], raw: bool, *, with_app: bool = False) -> None:
    for line in lines:
        if context.console.json:
            context.console.raw(json.dumps(data(line, FIELDS)))
        else:
            show_line(context, line, raw, with_app=with_app)

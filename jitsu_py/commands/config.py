"""`jitsu config`: the settings, each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import click

from jitsu_py import grammar
from jitsu_py.console.fields import Field, text
from jitsu_py.context import Context, pass_context
from jitsu_py.errors import NotFoundError


@dataclass(frozen=True)
class Row:
    """A setting as the list shows it."""

    key: str
    value: Any
    source: str
    summary: str


FIELDS: list[Field[Row]] = [
    Field("key", "KEY", lambda row: row.key),
    Field("value", "VALUE", lambda row: row.value),
    Field("source", "SOURCE", lambda row: row.source),
    Field("summary", "MEANING", lambda row: row.summary, listed=False),
]


@click.group(
    cls=grammar.Group, aliases={"ls": "list", "rm": "delete", "unset": "delete"}, invoke_without_command=True
)
@click.pass_context
def config(ctx: click.Context) -> None:
    """The settings, each with its source."""
    if ctx.invoked_subcommand is None:
        ctx.invoke(list_settings)


@config.command("list")
@pass_context
def list_settings(context: Context) -> None:
    """List all settings, their values and where these come from."""
    rows = _rows(context)
    context.console.say(f"file: {context.settings.file}")
    context.console.table(rows, FIELDS, empty="")


@config.command()
@click.argument("key")
@pass_context
def get(context: Context, key: str) -> None:
    """Print the value of a setting."""
    from jitsu_py.settings import unknown_key
    from jitsu_py.settings.keys import KEYS

    if key not in KEYS:
        raise unknown_key(key)
    row = next(row for row in _rows(context) if row.key == key)
    if row.value is None and not context.console.json:
        raise NotFoundError(f"{key} is not set", hint=f"jitsu config set {key} VALUE")
    context.console.answer(text(row.value), {"key": key, "value": row.value, "source": row.source})


@config.command("set")
@click.argument("key")
@click.argument("value")
@pass_context
def set_setting(context: Context, key: str, value: str) -> None:
    """Keep a setting in the user's file (with --profile, in that profile)."""
    _save(context, key, value)


@config.command()
@click.argument("key")
@pass_context
def delete(context: Context, key: str) -> None:
    """Take a setting out of the user's file."""
    _save(context, key, None)


def _save(context: Context, key: str, value: str | None) -> None:
    from jitsu_py import settings

    # The settings are not resolved here: a file with a fault in it must be mendable.
    file = settings.config_file(context.environ)
    profile = context.flags.get("profile") or context.environ.get("JITSU_PROFILE")
    settings.save(file, profile, key, value)
    context.console.say(f"{key} {'deleted from' if value is None else 'kept in'} {file}")


def _rows(context: Context) -> list[Row]:
    from jitsu_py.settings.keys import KEYS

    found = {key: getattr(context.settings, key) for key in KEYS}
    return [Row(key, one.value, one.source, KEYS[key].summary) for key, one in found.items()]

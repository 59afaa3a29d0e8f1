"""`jitsu server users limit`: what an account has and may have; and how an account is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from jitsu_py import embedded
from jitsu_py.commands.server.door import platform
from jitsu_py.console.fields import Field, age
from jitsu_py.context import Context, pass_context

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jitsu_py.server.administration import Account

LIMITS = {"apps": "", "drones": "", "memory": " MiB", "disk": " MiB", "databases": ""}
"""What can be limited, with its unit."""

NO_LIMIT = -1


def _state(one: Account) -> str:
    states = {"leaving": one.leaving, "locked": one.locked, "not confirmed": not one.confirmed}
    return next((name for name, holds in states.items() if holds), "active")


def _limited(name: str) -> Field[Account]:
    """What an account has of something, and may have: "2 of 5", "120 MiB"."""

    def human(value: dict[str, int | None]) -> str:
        allowed = value["limit"]
        return f"{value['used']}{'' if allowed is None else f' of {allowed}'}{LIMITS[name]}"

    def get(one: Account) -> dict[str, int | None]:
        return {"used": one.used[name], "limit": one.limits.get(name)}

    return Field(name, name.upper(), get, human=human)


FIELDS: list[Field[Account]] = [
    Field("username", "USER", lambda one: one.name),
    Field("email", "E-MAIL", lambda one: one.email),
    Field("state", "STATE", _state),
    Field("confirmed", "confirmed", lambda one: one.confirmed, listed=False),
    Field("locked", "locked", lambda one: one.locked, listed=False),
    *map(_limited, LIMITS),
    Field("ctime", "CREATED", lambda one: _moment(one.ctime), human=age),
]


class Bound(click.types.IntParamType):
    """A limit: a whole number, or `none` for no limit."""

    name = "limit"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """The number, or NO_LIMIT; a usage error for what is neither."""
        word = str(value).strip().lower()
        if word == "none":
            return NO_LIMIT
        if not word.isascii() or not word.isdecimal() or len(word) > 12:
            self.fail(f"{value!r} is neither a whole number nor none", param, ctx)
        return int(word)


def _flags(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, unit in reversed(LIMITS.items()):
        summary = f"{name.capitalize()} at most{unit and f' ({unit.strip()})'}; `none` takes the limit away."
        command = click.option(f"--{name}", type=Bound(), metavar="N", help=summary)(command)
    return command


@click.command()
@click.argument("username")
@_flags
@pass_context
def limit(context: Context, username: str, **given: int | None) -> None:
    """Show what an account has and may have, or set it: apps, databases, drones, memory and disk.

    What is there already stays; what would go beyond is refused, with a sentence that names the limit.
    """
    wanted = {key: None if value == NO_LIMIT else value for key, value in given.items() if value is not None}
    with platform():
        from jitsu_py.server import administration

        if wanted:
            found = administration.limit(embedded.home(), username, wanted)
        else:
            found = administration.one(embedded.home(), username)
    context.console.record(found, FIELDS)
    for sentence in _beyond(found):
        context.console.warn(sentence)


def _beyond(account: Account) -> Iterator[str]:
    """A sentence for each limit below what there is already."""
    for name, allowed in account.limits.items():
        if account.used[name] > allowed:
            yield f"{account.name} has {account.used[name]}{LIMITS[name]} of {name} already; they stay"


def _moment(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

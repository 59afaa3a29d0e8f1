"""`jitsu tokens`: what scripts and machines log in with. A token is shown once, when it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py import grammar
from jitsu_py.console.fields import Field, age, iso
from jitsu_py.context import Context, pass_context
from jitsu_py.errors import NotFoundError, UsageError
from jitsu_py.proof import as_owner, password_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from jitsu_py.api.tokens import Token

UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def _ever(value: str | None) -> str:
    return age(value) if value else "never"


FIELDS: list[Field[Token]] = [
    Field("name", "NAME", lambda one: one.name),
    Field("prefix", "BEGINS WITH", lambda one: one.prefix),
    Field("scope", "SCOPE", lambda one: one.scope or None),
    Field("app", "APP", lambda one: one.app or None),
    Field("ctime", "CREATED", lambda one: iso(one.ctime), human=age),
    Field("lastUsed", "LAST USED", lambda one: iso(one.last_used), human=_ever),
    Field("expires", "EXPIRES", lambda one: iso(one.expires), human=_ever),
]


@click.group(cls=grammar.Group, aliases={"ls": "list", "rm": "destroy"})
def tokens() -> None:
    """The tokens that scripts log in with."""


@tokens.command("list")
@click.argument("user", required=False)
@password_option
@pass_context
def list_tokens(context: Context, user: str | None, password_stdin: bool) -> None:
    """List the tokens of the account, never the secrets themselves."""
    _check_user(context, user)
    client = as_owner(context, from_stdin=password_stdin)
    with context.console.waiting("Asking for the tokens"):
        found = client.tokens.list()
    context.console.table(found, FIELDS, empty="No tokens yet: `jitsu tokens create NAME` makes one.")


@tokens.command()
@click.argument("words", nargs=-1, metavar="[NAME]")
@click.option("--expires", metavar="WHEN", help="When it ends: 90d, 12h, or an ISO date; else never.")
@click.option(
    "--scope",
    metavar="WHAT",
    type=click.Choice(["full", "deploy", "read"]),
    help="What it may do: full, deploy or read.",
)
@click.option("--app", metavar="APP", help="The one app it is good for; else all.")
@password_option
@pass_context
def create(
    context: Context,
    words: Sequence[str],
    expires: str | None,
    scope: str | None,
    app: str | None,
    password_stdin: bool,
) -> None:
    """Make a token and print it, this once, alone on stdout.

    A token of the same name becomes void, after asking.
    """
    name = _name(context, words)
    end = iso(_moment(expires)) if expires else None
    client = as_owner(context, from_stdin=password_stdin)
    if name and name in {one.name for one in client.tokens.list()}:
        question = f"There is a token {name}; whoever uses it is locked out. Replace it?"
        if not context.console.confirm(question):
            raise UsageError(f"{name} stays as it was")
    with context.console.waiting("Making a token"):
        made = client.tokens.create(name, expires=end or "", scope=scope or "", app=app or "")
    words_of_it = "replaces the one before, which is void" if made.replaced else "is shown this once"
    context.console.say(f"token {made.name} {words_of_it}; keep it where secrets are kept")
    answer = {"name": made.name, "token": made.token, "replaced": made.replaced, "expires": end}
    context.console.answer(made.token, answer)


@tokens.command()
@click.argument("words", nargs=-1, required=True, metavar="NAME")
@password_option
@pass_context
def destroy(context: Context, words: Sequence[str], password_stdin: bool) -> None:
    """Make a token void, at once.

    Its name has to be typed; --confirm stands for that in scripts.
    """
    name = _name(context, words)
    client = as_owner(context, from_stdin=password_stdin)
    known = [one.name for one in client.tokens.list()]
    if name not in known:
        from difflib import get_close_matches

        near = get_close_matches(name, known, 1)
        raise NotFoundError(
            f"there is no token {name}",
            hint=f"did you mean {near[0]}?" if near else "`jitsu tokens list` shows them",
        )
    if not context.console.confirm_by_name(f"Whoever uses the token {name} is locked out.", name):
        raise UsageError(f"that is not {name}; nothing was removed")
    with context.console.waiting(f"Removing {name}"):
        client.tokens.destroy(name)
    context.console.say(f"token {name} is void")
    if context.console.json:
        context.console.data({"name": name, "destroyed": True})


def _name(context: Context, words: Sequence[str]) -> str:
    """The token's name; before it, as of old, the user's may stand."""
    if len(words) > 2:
        raise UsageError("too many words", hint="one NAME; quotes hold blanks together")
    if len(words) == 2:
        _check_user(context, words[0])
    return words[-1] if words else ""


def _check_user(context: Context, user: str | None) -> None:
    if user and user.lower() != context.credential.username.lower():
        raise UsageError(
            f"you are {context.credential.username}, and tokens are one's own",
            hint=f"JITSU_USERNAME={user} with that account's password",
        )


def _moment(given: str) -> datetime:
    """When `90d` or an ISO time is.

    Raises:
        UsageError: it is neither, or lies in the past.
    """
    import re
    from datetime import UTC, datetime, timedelta

    now = datetime.now(UTC)
    try:
        if span := re.fullmatch(r"(\d{1,6})([smhdw])", given):
            moment = now + timedelta(**{UNITS[span[2]]: int(span[1])})
        else:
            moment = datetime.fromisoformat(given)
            moment = moment if moment.tzinfo else moment.astimezone()
    except (ValueError, OverflowError) as error:
        raise UsageError(f"{given!r} is no time", hint="for instance 90d, 12h or 2030-01-31") from error
    if moment <= now:
        raise UsageError(f"{given} lies in the past")
    return moment

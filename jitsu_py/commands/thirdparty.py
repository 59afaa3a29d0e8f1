"""`jitsu thirdparty`: tokens for other services that the platform keeps, sealed, and never gives back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py import grammar
from jitsu_py.console.fields import Field, age, data, iso
from jitsu_py.context import Context, pass_context
from jitsu_py.errors import UsageError
from jitsu_py.proof import as_owner

if TYPE_CHECKING:
    from jitsu_py.api.thirdparty import Entrusted

FIELDS: list[Field[Entrusted]] = [
    Field("id", "ID", lambda one: one.id),
    Field("provider", "PROVIDER", lambda one: one.provider),
    Field("url", "FOR", lambda one: one.url),
    Field("ctime", "ADDED", lambda one: iso(one.ctime), human=age),
]


@click.group(cls=grammar.Group, aliases={"ls": "list", "rm": "remove"})
def thirdparty() -> None:
    """Tokens for GitHub, npm and the like: builds fetch private packages with them."""


@thirdparty.command("list")
@pass_context
def list_entrusted(context: Context) -> None:
    """List them, never the secrets."""
    client = as_owner(context)
    with context.console.waiting("Asking for the tokens"):
        found = client.thirdparty.list()
    context.console.table(found, FIELDS, empty="None yet: `jitsu thirdparty add github`.")


@thirdparty.command()
@click.argument("provider")
@click.option("--id", "ref", metavar="ID", default="", help="Its name; else one is made up.")
@click.option("--url", metavar="URL", default="", help="Where it is for: https://npm.example.com.")
@click.option("--token-stdin", is_flag=True, help="Read the secret from stdin.")
@pass_context
def add(context: Context, provider: str, ref: str, url: str, token_stdin: bool) -> None:
    """Entrust a token to the platform; the secret is asked for, unseen, or read from stdin.

    Your builds open with it: github, private repositories on GitHub and its registry; npm, private packages,
    of another registry with --url; git, repositories of the host that --url names, with a token or
    user:password.
    """
    if token_stdin:
        token = context.console.read_secret()
        if not token:
            raise UsageError("--token-stdin was given, but stdin held no token")
    else:
        token = context.console.questions.ask_secret(f"Token for {provider}", flag="--token-stdin")
        context.console.hide(token)
    client = as_owner(context)
    with context.console.waiting("Keeping the token"):
        kept = client.thirdparty.add(provider, token, ref, url)
    context.console.say(f"kept, sealed; `jitsu thirdparty remove {kept.id}` takes it back")
    context.console.answer(kept.id, data(kept, FIELDS))


@thirdparty.command()
@click.argument("ref", metavar="ID")
@pass_context
def remove(context: Context, ref: str) -> None:
    """Have a token forgotten."""
    client = as_owner(context)
    with context.console.waiting(f"Removing {ref}"):
        client.thirdparty.remove(ref)
    context.console.say(f"{ref} is forgotten")
    if context.console.json:
        context.console.data({"id": ref, "removed": True})

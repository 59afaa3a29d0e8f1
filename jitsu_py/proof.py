"""Proving to be the owner of an account: what a token may not do, a password may."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitsu_py.api.client import Client
    from jitsu_py.context import Context

F = TypeVar("F", bound="Callable[..., Any]")


def password_option(command: F) -> F:
    """Let a command take `--password-stdin`, to be given to `as_owner`."""
    return click.option(
        "--password-stdin", is_flag=True, help="Read the account's password from stdin, to prove ownership."
    )(command)


def as_owner(context: Context, *, from_stdin: bool = False) -> Client:
    """The API as the owner of the account: as we are where that suffices, else with the password.

    Raises:
        UsageError: the password is needed and nobody can be asked.
    """
    if from_stdin:
        name = context.settings.username.value or context.credential.username
        password = context.console.read_secret()
        if not password:
            raise UsageError("--password-stdin was given, but stdin held no password")
        return context.connect(name, password)
    client = context.client
    with context.console.waiting("Asking the platform"):
        known = client.users.auth()
    if known.via != "token":
        return client
    question = f"Password of {known.user} (a token may not do this)"
    return context.connect(
        known.user, context.console.questions.ask_secret(question, flag="--password-stdin")
    )

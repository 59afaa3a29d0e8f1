"""`jitsu users login, logout, whoami`: who we are to the platform."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from jitsu_py.commands.users.group import users
from jitsu_py.console.fields import Field, data
from jitsu_py.context import Context, pass_context
from jitsu_py.credentials import Credential
from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True)
class Account:
    """The account in use."""

    username: str
    host: str
    embedded: bool
    """Whether the host is the platform on this machine."""
    source: str
    """Where its secret is kept or was found."""


FIELDS: list[Field[Account]] = [
    Field("username", "user", lambda account: account.username),
    Field("host", "host", lambda account: account.host),
    Field("embedded", "on this machine", lambda account: account.embedded),
    Field("source", "known from", lambda account: account.source),
]


@users.command()
@pass_context
def whoami(context: Context) -> None:
    """Say which account is in use."""
    client = context.client
    with context.console.waiting("Asking the platform"):
        name = client.users.auth().user
    target, source = context.target, context.credential.source
    account = Account(name, target.host, target.embedded is not None, source)
    context.console.answer(name, data(account, FIELDS))


@users.command()
@click.argument("username", required=False)
@click.option("--token-stdin", is_flag=True, help="Read a token from stdin instead of asking for a password.")
@pass_context
def login(context: Context, username: str | None, token_stdin: bool) -> None:
    """Log in and keep a token on this machine.

    Asks for the password, makes a token with it and keeps that one: in the keyring, or in a file only you can
    read where no keyring answers. Without a terminal, give a token: in JITSU_TOKEN, or on stdin with
    --token-stdin.
    """
    host = context.settings.host.value
    if host is None:
        _no_need(context, {"username": None, "host": None, "embedded": True, "source": "the local token"})
        return
    name = username or context.settings.username.value
    token = _token(context, token_stdin)
    kept = context.identity.log_in(host, name) if token is None else _keep(context, host, name, token)
    account = Account(kept.username, host, False, kept.source)
    _warn_of_other_name(context, kept.username)
    context.console.say(f"logged in to {host}; the token is kept in: {kept.source}")
    context.console.answer(kept.username, data(account, FIELDS))


@users.command()
@pass_context
def logout(context: Context) -> None:
    """Forget the token on this machine."""
    host = context.settings.host.value
    if host is None:
        _no_need(context, {"host": None, "username": None, "forgotten": False})
        return
    name = context.settings.username.value or context.vault.username(host)
    gone = name is not None and context.vault.forget(host, name)
    context.console.say(f"logged out from {host}" if gone else f"no login was kept for {host}")
    if context.environ.get("JITSU_TOKEN"):
        context.console.warn("JITSU_TOKEN is set and goes on to be used")
    old = context.settings.old
    if old and old.host == host and (old.token or old.password):
        context.console.warn(f"{old.path} still says who you are to {host}: delete it to be logged out")
    if context.console.json:
        context.console.data({"host": host, "username": name, "forgotten": gone})


def _no_need(context: Context, answer: Mapping[str, Any]) -> None:
    """Say that the platform on this machine knows its owner; the answer is for --json."""
    context.console.say("No login is needed: no host is set, and the platform on this machine knows you.")
    context.console.say("`jitsu host URL` names another platform.")
    if context.console.json:
        context.console.data(answer)


def _token(context: Context, from_stdin: bool) -> str | None:
    """The token that was given, or None where a password is to be asked for."""
    if from_stdin:
        token = context.console.read_secret()
        if not token:
            raise UsageError("--token-stdin was given, but stdin held no token")
        return token
    return context.environ.get("JITSU_TOKEN", "").strip() or None


def _keep(context: Context, host: str, name: str | None, token: str) -> Credential:
    """Try a token that was made elsewhere, and keep it when the platform takes it."""
    if name is None:
        name = context.console.questions.ask("Username", flag="it behind `login`, or JITSU_USERNAME")
    user = context.connect(name, token).users.auth().user
    return Credential(user, token, context.vault.keep(host, user, token))


def _warn_of_other_name(context: Context, name: str) -> None:
    setting = context.settings.username
    if setting.value not in {None, name}:
        context.console.warn(
            f"{setting.source} says {setting.value}: that account goes on to be used, not {name}"
        )

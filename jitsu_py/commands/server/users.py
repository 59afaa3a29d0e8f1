"""`jitsu server users`: the accounts of the platform on this machine, for whoever owns its state folder.

A server need not run; one that does obeys with its next request.
"""

from __future__ import annotations

import click

from jitsu_py import embedded, grammar
from jitsu_py.commands.server.door import platform
from jitsu_py.commands.server.limits import FIELDS, limit
from jitsu_py.context import Context, pass_context
from jitsu_py.errors import UsageError


@click.group(cls=grammar.Group, aliases={"ls": "list", "destroy": "remove", "rm": "remove"}, commands=[limit])
def users() -> None:
    """The accounts of the platform on this machine.

    For the owner of its state folder, whether it runs or not.
    """


@users.command("list")
@pass_context
def list_users(context: Context) -> None:
    """List the accounts, with what each has and may have."""
    with platform(), context.console.waiting("Looking at the accounts"):
        from jitsu_py.server import administration

        found = administration.listed(embedded.home())
    context.console.table(found, FIELDS, empty="No accounts yet: the first start makes this machine's own.")


@users.command()
@click.argument("email", metavar="ADDRESS")
@pass_context
def invite(context: Context, email: str) -> None:
    """Let somebody with this e-mail address sign up, and tell them by mail."""
    with platform():
        from jitsu_py.server import administration

        administration.invite(embedded.home(), email)
    context.console.say(f"{email} may sign up; a mail says how.")
    if context.console.json:
        context.console.data({"email": email.lower(), "invited": True})


@users.command()
@click.argument("username")
@click.option("--email", metavar="ADDRESS", help="Where the mail with the code goes.")
@pass_context
def create(context: Context, username: str, email: str | None) -> None:
    """Make an account, and mail its owner the code that confirms it.

    The code is printed on stdout too, for a platform without a mail server.
    """
    address = email or context.console.questions.ask("E-mail", flag="--email")
    with platform():
        from jitsu_py.server import administration

        code = administration.create(embedded.home(), username, address)
        host = administration.host(embedded.home())
    name = username.lower()
    context.console.say(
        f"{name} is there; its owner types `jitsu host {host}` and `jitsu users confirm {name} CODE`:"
    )
    context.console.answer(code, {"username": name, "email": address.lower(), "code": code})


@users.command()
@click.argument("username")
@pass_context
def confirm(context: Context, username: str) -> None:
    """Confirm an account without its code; one without a password gets a code to set it, on stdout."""
    with platform():
        from jitsu_py.server import administration

        shake = administration.confirm(embedded.home(), username)
        host = administration.host(embedded.home())
    name = username.lower()
    context.console.say(f"{name} is confirmed.")
    if shake:
        context.console.say(
            f"Its owner sets a password with `jitsu host {host}` and `jitsu forgot {name} CODE`:"
        )
    if context.console.json:
        context.console.data({"username": name, "confirmed": True, "code": shake})
    elif shake:
        context.console.answer(shake)


@users.command()
@click.argument("username")
@pass_context
def lock(context: Context, username: str) -> None:
    """Keep somebody from logging in, with tokens too; the apps go on."""
    _lock(context, username, locked=True)


@users.command()
@click.argument("username")
@pass_context
def unlock(context: Context, username: str) -> None:
    """Let somebody log in again."""
    _lock(context, username, locked=False)


@users.command()
@click.argument("username")
@pass_context
def remove(context: Context, username: str) -> None:
    """Remove an account with all its apps: at once, or when the platform starts next.

    Its name has to be typed; --confirm stands for that in scripts.
    """
    with platform() as run:
        from jitsu_py.server import administration

        found = administration.one(embedded.home(), username)
        question = f"This removes {found.name} with {found.used['apps']} app(s), for good."
        if not context.console.confirm_by_name(question, found.name):
            raise UsageError(f"that is not {found.name}; nothing was removed")
        administration.remove(embedded.home(), found.name)
        is_running = run.is_held(embedded.home())
    when = "" if is_running else " when the platform starts next"
    context.console.say(f"{found.name} is removed{when}." if when else f"{found.name} is being removed.")
    if context.console.json:
        context.console.data({"username": found.name, "leaving": True})


def _lock(context: Context, username: str, *, locked: bool) -> None:
    with platform():
        from jitsu_py.server import administration

        administration.lock(embedded.home(), username, locked=locked)
    name = username.lower()
    context.console.say(f"{name} may {'not log in any more' if locked else 'log in again'}.")
    if context.console.json:
        context.console.data({"username": name, "locked": locked})


@users.command("rotate-key")
@pass_context
def rotate_key(context: Context) -> None:
    """Seal the secrets of all accounts with a new key; the platform must be stopped.

    Variables of apps and tokens for other services are sealed with `secret.key` of the state folder. A copy
    of the old key opens nothing afterwards.
    """
    with platform(), context.console.waiting("Sealing with a new key"):
        from jitsu_py.server import administration

        count = administration.rotate_key(embedded.home())
    context.console.say(f"{count} secret(s) sealed with a new key.")
    if context.console.json:
        context.console.data({"resealed": count})

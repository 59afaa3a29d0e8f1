"""`jitsu users create, confirm, available, forgot, changepassword, update, destroy`: accounts themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from jitsu_py.commands.users.group import users
from jitsu_py.console.fields import Field, iso
from jitsu_py.context import Context, pass_context
from jitsu_py.errors import ConflictError, UsageError
from jitsu_py.proof import as_owner, password_option

if TYPE_CHECKING:
    from jitsu_py.api.client import Client
    from jitsu_py.api.users import Profile

FIELDS: list[Field[Profile]] = [
    Field("username", "user", lambda one: one.username),
    Field("email", "e-mail", lambda one: one.email or None),
    Field("confirmed", "confirmed", lambda one: one.confirmed),
    Field("hasPassword", "has a password", lambda one: one.has_password),
    Field("ctime", "created", lambda one: iso(one.ctime)),
]

new_password = click.option("--password-stdin", is_flag=True, help="Read the new password from stdin.")


@users.command()
@click.argument("username", required=False)
@click.option("--email", metavar="ADDRESS", help="Where the mail with the code goes.")
@new_password
@pass_context
def create(context: Context, username: str | None, email: str | None, password_stdin: bool) -> None:
    """Sign up; a mail brings the code for `jitsu users confirm`."""
    name = _username(context, username)
    address = email or context.console.questions.ask("E-mail", flag="--email")
    password = _new_password(context, password_stdin)
    client = _nobody(context, name)
    with context.console.waiting(f"Signing up {name}"):
        client.users.create(name, address, password)
    context.console.say(f"a mail to {address} brings a code: `jitsu users confirm {name} CODE`")
    context.console.answer(name, {"username": name, "email": address, "confirmed": False})


@users.command()
@click.argument("username", required=False)
@click.argument("code", required=False)
@new_password
@pass_context
def confirm(context: Context, username: str | None, code: str | None, password_stdin: bool) -> None:
    """Give back the code from a mail: it confirms an account, or a new address."""
    name, given = _username(context, username), _code(context, code)
    password = _new_password(context, stdin=True) if password_stdin else ""
    client = _nobody(context, name)
    with context.console.waiting(f"Confirming {name}"):
        found = client.users.confirm(name, given)
    forgot = " ".join(filter(None, ("jitsu forgot", name, found.shake)))
    later = f"{name} is confirmed; `{forgot}` sets its password"
    if found.shake and not password and context.console.interactive:
        try:
            password = _new_password(context, stdin=False)
        except BaseException:
            context.console.say(later)  # the code from the mail is used up
            raise
    if found.shake and password:
        client.users.reset(name, found.shake, password)
    is_complete = found.has_password or bool(password)
    context.console.say(f"{name} is confirmed; `jitsu login {name}` logs in" if is_complete else later)
    code = None if is_complete else found.shake
    context.console.answer(
        name, {"username": name, "confirmed": True, "hasPassword": is_complete, "code": code}
    )


@users.command()
@click.argument("username")
@click.pass_context
@pass_context
def available(context: Context, ctx: click.Context, username: str) -> None:
    """Tell whether somebody could sign up with that name: exit code 0 when so, 5 when not."""
    client = _nobody(context, username)
    with context.console.waiting(f"Asking for {username}"):
        is_free = client.users.available(username)
    words = f"{username} is {'free' if is_free else 'taken, or no name'}"
    context.console.answer(words, {"username": username, "available": is_free})
    if not is_free:
        ctx.exit(ConflictError.exit_code)


@users.command()
@click.argument("username", required=False)
@click.argument("code", required=False)
@new_password
@pass_context
def forgot(context: Context, username: str | None, code: str | None, password_stdin: bool) -> None:
    """Have a code mailed, or set a new password with it.

    `jitsu forgot NAME` sends the mail; `jitsu forgot NAME CODE` asks for the new password.
    """
    name = _username(context, username)
    if code is None:
        client = _nobody(context, name)
        with context.console.waiting("Asking for a mail"):
            client.users.forgot(name)
        context.console.say(f"if there is such an account, a mail brings a code: `jitsu forgot {name} CODE`")
        if context.console.json:
            context.console.data({"username": name, "asked": True})
        return
    password = _new_password(context, password_stdin)
    client = _nobody(context, name)
    with context.console.waiting("Setting the password"):
        client.users.reset(name, code, password)
    context.console.say(f"the password of {name} is set; `jitsu login {name}` logs in")
    if context.console.json:
        context.console.data({"username": name, "changed": True})


@users.command()
@click.option("--password-stdin", is_flag=True, help="Read from stdin: the old password, then the new one.")
@click.option("--revoke-tokens", is_flag=True, help="Make all tokens of the account void.")
@pass_context
def changepassword(context: Context, password_stdin: bool, revoke_tokens: bool) -> None:
    """Change the password of the account."""
    if password_stdin:
        old, _, new = context.console.read_secret().partition("\n")
        if not new.strip():
            raise UsageError("--password-stdin wants two lines: the old password and the new one")
        name = context.settings.username.value or context.credential.username
        client, password = context.connect(name, old.rstrip("\r")), new.strip()
        context.console.hide(password)
    else:
        client, password = as_owner(context), _new_password(context, stdin=False)
    with context.console.waiting("Changing the password"):
        changed = client.users.update(password=password, revoke_tokens=revoke_tokens)
    context.console.say(f"the password of {changed.username} is changed")
    if revoke_tokens:
        context.console.say(f"all tokens are void: `jitsu login {changed.username}` logs in again")
    if context.console.json:
        context.console.record(changed, FIELDS)


@users.command()
@click.option("--email", metavar="ADDRESS", help="The new address; a mail there brings the code.")
@password_option
@pass_context
def update(context: Context, email: str | None, password_stdin: bool) -> None:
    """Change the e-mail of the account; it counts when its code is given back."""
    address = email or context.console.questions.ask("New e-mail", flag="--email")
    client = as_owner(context, from_stdin=password_stdin)
    with context.console.waiting("Changing the account"):
        changed = client.users.update(email=address)
    if changed.email != address:
        next_step = f"`jitsu users confirm {changed.username} CODE`"
        context.console.say(f"a mail to {address} brings a code: {next_step}")
    context.console.record(changed, FIELDS)


@users.command()
@password_option
@pass_context
def destroy(context: Context, password_stdin: bool) -> None:
    """Remove the account with all its apps.

    Its name has to be typed; --confirm stands for that in scripts.
    """
    client = as_owner(context, from_stdin=password_stdin)
    apps = client.apps.list()
    question = f"This removes {client.username} with {len(apps)} app(s), for good."
    if not context.console.confirm_by_name(question, client.username):
        raise UsageError(f"that is not {client.username}; nothing was removed")
    with context.console.waiting(f"Removing {client.username}"):
        client.users.destroy()
    context.console.say(f"{client.username} is removed")
    if context.console.json:
        context.console.data({"username": client.username, "destroyed": True})


def _nobody(context: Context, name: str) -> Client:
    """The API without a login."""
    return context.connect(name, "")


def _username(context: Context, given: str | None) -> str:
    name = given or context.console.questions.ask("Username", flag="it behind the command")
    return name.lower()


def _code(context: Context, given: str | None) -> str:
    return given or context.console.questions.ask("Code from the mail", flag="it behind the username")


def _new_password(context: Context, stdin: bool) -> str:
    """A new password: from stdin, or typed twice, unseen."""
    if stdin:
        password = context.console.read_secret()
        if not password:
            raise UsageError("--password-stdin was given, but stdin held no password")
        return password
    questions = context.console.questions
    while True:
        password = questions.ask_secret("New password", flag="--password-stdin")
        if questions.ask_secret("Again", flag="--password-stdin") == password:
            context.console.hide(password)
            return password
        context.console.say("they differ; once more")

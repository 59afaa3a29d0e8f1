"""`jitsu env`: the environment variables of an app. Values stay hidden unless asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from jitsu_py import grammar
from jitsu_py.commands.env import attached
from jitsu_py.commands.env.changing import change
from jitsu_py.commands.env.words import assignments, file_of, keys_of, one_app
from jitsu_py.console.fields import Field
from jitsu_py.context import Context, app_argument, pass_context
from jitsu_py.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from jitsu_py.api.apps import App

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Variable:
    """A variable as the list shows it."""

    key: str
    value: str | None
    """None: hidden."""
    database: str | None = None
    """Which database it comes from; None: somebody has set it."""


VARIABLE: list[Field[Variable]] = [
    Field("key", "KEY", lambda one: one.key),
    Field("value", "VALUE", lambda one: one.value, cell=lambda one: one.value or _nothing(one)),
    Field("hidden", "HIDDEN", lambda one: one.value is None, listed=False),
    Field("database", "DATABASE", lambda one: one.database, listed=False),
]

WITH_DATABASE = [*VARIABLE[:-1], replace(VARIABLE[-1], listed=True)]
"""For an app that has one."""


def _which(command: F) -> F:
    """Let a command whose words are variables take the app as a flag."""
    folder = click.option(
        "--dir",
        "folder",
        metavar="FOLDER",
        type=click.Path(),
        help="Folder whose package.json names the app.",
    )
    return folder(
        click.option("-a", "--app", metavar="APP", help="The app; else package.json names it.")(command)
    )


def _restart(command: F) -> F:
    return click.option("--restart", is_flag=True, help="Restart a running app, so that it sees them now.")(
        command
    )


@click.group(cls=grammar.Group, aliases={"ls": "list", "rm": "delete", "unset": "delete"})
def env() -> None:
    """The environment variables of an app."""


@env.command("list")
@app_argument
@click.option("--show", is_flag=True, help="Show the values, which may be secrets.")
@pass_context
def list_variables(context: Context, app: str | None, folder: str | None, show: bool) -> None:
    """List the variables of an app, those of its databases too."""
    found = _found(context, app, folder)
    of = attached.of(context, found)
    rows = [Variable(key, value if show else None, of.get(key)) for key, value in sorted(found.env.items())]
    fields = WITH_DATABASE if of else VARIABLE
    context.console.table(rows, fields, empty=f"{found.name} has no variables: `jitsu env set KEY=VALUE`.")
    if rows and not show and not context.console.json:
        context.console.say("--show shows the values.")


@env.command()
@click.argument("words", nargs=-1, required=True, metavar="[APP] KEY")
@_which
@pass_context
def get(context: Context, words: Sequence[str], app: str | None, folder: str | None) -> None:
    """Print the value of a variable, as it is."""
    name, keys = keys_of(words, app, folder)
    if len(keys) != 1:
        raise UsageError("name one variable", hint="jitsu env get [APP] KEY")
    found = _found(context, name, folder)
    value = found.env[_known(found, keys[0])]
    if context.console.json:
        context.console.data({"app": found.name, "user": found.user, "key": keys[0], "value": value})
    else:
        context.console.raw(value)


@env.command("set")
@click.argument("words", nargs=-1, metavar="[APP] KEY=VALUE... | [APP] KEY VALUE")
@_which
@click.option("--stdin", is_flag=True, help="Read them, or the value of the one KEY, from stdin.")
@click.option(
    "--from-file",
    "files",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Read them from a .env or .json file; may be repeated.",
)
@_restart
@pass_context
def set_variables(
    context: Context,
    words: Sequence[str],
    app: str | None,
    folder: str | None,
    stdin: bool,
    files: Sequence[Path],
    restart: bool,
) -> None:
    """Set variables of an app; the others stay.

    A KEY alone asks for its value, unseen; what stands on a command line stays in the shell's history.
    """
    from jitsu_py.project import variables

    name, pairs, unsaid = assignments(words, elsewhere=bool(files), stdin=stdin)
    new: dict[str, str] = {}
    for file in files:
        new |= variables.read(context.cwd / file)
    if stdin or unsaid:
        new |= _unseen(context, unsaid, stdin)
    new |= {key: variables.checked(key, value) for key, value in pairs.items()}
    found = _found(context, one_app(app, name), folder)
    change(context, found, {**attached.own(context, found), **new}, restart)


@env.command()
@click.argument("words", nargs=-1, required=True, metavar="[APP] KEY")
@_which
@_restart
@pass_context
def delete(
    context: Context, words: Sequence[str], app: str | None, folder: str | None, restart: bool
) -> None:
    """Delete a variable of an app; with --app or --dir, several."""
    name, keys = keys_of(words, app, folder)
    found = _found(context, name, folder)
    gone = {_known(found, key) for key in keys}
    of = attached.of(context, found)
    for key in gone & of.keys():
        raise UsageError(
            f"{key} comes from the database {of[key]}", hint=f"jitsu databases detach {of[key]} {found.name}"
        )
    kept = {key: value for key, value in found.env.items() if key not in gone | of.keys()}
    change(context, found, kept, restart)


@env.command()
@app_argument
@_restart
@pass_context
def clear(context: Context, app: str | None, folder: str | None, restart: bool) -> None:
    """Delete all variables of an app, after asking; those of its databases stay."""
    found = _found(context, app, folder)
    own = attached.own(context, found)
    question = f"This deletes {_counted(own)} of {found.name}. Delete them?"
    if own and not context.console.confirm(question):
        raise UsageError("nothing was deleted")
    change(context, found, {}, restart)


@env.command()
@click.argument("words", nargs=-1, metavar="[APP] [FILE]")
@_which
@pass_context
def save(context: Context, words: Sequence[str], app: str | None, folder: str | None) -> None:
    """Write all variables of an app, but those of its databases, to FILE, env.json unless named.

    A name that ends in .json gets JSON, another one lines as in .env. Only you may read the file.
    """
    from jitsu_py.project import variables

    name, file = file_of(words, app, folder)
    found = _found(context, name, folder)
    target = context.cwd / file
    if target.exists() and not context.console.confirm(f"{file} exists. Replace it?"):
        raise UsageError(f"{file} stays as it was")
    own = attached.own(context, found)
    variables.write(target, own)
    context.console.say(f"{_counted(own)} of {found.name} written; keep the file out of repositories")
    context.console.answer(
        str(file), {"app": found.name, "user": found.user, "file": str(target), "keys": sorted(own)}
    )


@env.command()
@click.argument("words", nargs=-1, metavar="[APP] [FILE]")
@_which
@_restart
@pass_context
def load(context: Context, words: Sequence[str], app: str | None, folder: str | None, restart: bool) -> None:
    """Replace all variables of an app by those of FILE, env.json unless named.

    Asks before one changes or goes. `jitsu env set --from-file` leaves the others as they are.
    """
    from jitsu_py.project import variables

    name, file = file_of(words, app, folder)
    new = variables.read(context.cwd / file)
    found = _found(context, name, folder)
    own = attached.own(context, found)
    lost = [key for key, value in own.items() if new.get(key) != value]
    question = f"This changes or deletes {', '.join(sorted(lost))} of {found.name}. Go on?"
    if lost and not context.console.confirm(question):
        raise UsageError("nothing was changed")
    change(context, found, new, restart)


def _found(context: Context, app: str | None, folder: str | None) -> App:
    name = context.app_name(app, folder)
    client = context.client
    with context.console.waiting(f"Asking for {name}"), context.naming(name):
        return client.apps.get(name)


def _unseen(context: Context, key: str | None, stdin: bool) -> dict[str, str]:
    """Variables that do not stand on the command line."""
    from jitsu_py.project import variables

    if not stdin:
        assert key is not None
        answer = context.console.questions.ask_secret(f"Value of {key}", flag="KEY=VALUE, or --stdin")
        return {key: variables.checked(key, answer)}
    text = context.console.read_text(variables.LIMIT)
    if key is None:
        return variables.parse(text, "stdin")
    # What `echo` and here-documents end with belongs to no value.
    return {key: variables.checked(key, text.removesuffix("\n").removesuffix("\r"))}


def _known(app: App, key: str) -> str:
    if key not in app.env:
        from difflib import get_close_matches

        near = get_close_matches(key, app.env, 1)
        hint = f"did you mean {near[0]}?" if near else f"`jitsu env list {app.name}` shows its variables"
        raise NotFoundError(f"{app.name} has no variable {key}", hint=hint)
    return key


def _counted(variables: Mapping[str, str]) -> str:
    return f"{len(variables)} variable{'' if len(variables) == 1 else 's'}"


def _nothing(one: Variable) -> str:
    return "(hidden)" if one.value is None else "-"

"""`jitsu databases connect`: the client's shell, or a port of this machine that leads to the database."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import click

from jitsu_py.commands.databases.clients import INSTALL, Shell, program_of, shell
from jitsu_py.commands.databases.group import databases, found, is_here
from jitsu_py.context import Context, pass_context
from jitsu_py.errors import InterruptedByUserError, ServerRefusedError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitsu_py.api.databases import Database


@databases.command()
@click.argument("name")
@click.option(
    "--port",
    metavar="N",
    type=click.IntRange(0, 65535),
    help="Only open this port here, leading to the database, until ^C; 0: any that is free.",
)
@pass_context
def connect(context: Context, name: str, port: int | None) -> None:
    """Open the shell of the database's own client: redis-cli, valkey-cli, mongosh.

    Where the database is on another machine, or with --port, what is sent goes through the platform's API:
    its port need not be open to the network.
    """
    database = _reachable(context, name)
    if port is not None or (context.console.json and not is_here(context)):
        _lead(context, database, port or 0)
    elif context.console.json:
        context.console.data(_facts(database, database.url, database.port))
    else:
        _open_shell(context, database)


def _reachable(context: Context, name: str) -> Database:
    database = found(context, name)
    if not database.url:
        raise ServerRefusedError(
            f"the platform does not tell the address of {name}",
            hint="a token that may only read gets no secrets",
        )
    if database.state in {"stopped", "failed"}:
        why = f": {database.why}" if database.why else ""
        raise ServerRefusedError(
            f"{database.name} is {database.state}{why}",
            hint=f"`jitsu databases start {name}`",
            code="not_running",
        )
    return database


@contextmanager
def _tunnel(context: Context, database: Database, port: int) -> Iterator[int]:
    key = f"{database.user}/{database.name}"
    tunnel = context.client.databases.tunnel(key, port, context.console.warn)
    with context.console.waiting(f"Opening a way to {database.name}"):
        tunnel.__enter__()
    try:
        yield tunnel.port
    finally:
        tunnel.__exit__()


def _open_shell(context: Context, database: Database) -> None:
    program = program_of(database)
    if program is None:
        if is_here(context):
            context.console.raw(database.url)
        raise _missing(context, database)
    if is_here(context):
        _run(context, shell(program, database, database.url, database.port))
        return
    with _tunnel(context, database, 0) as at:
        _run(context, shell(program, database, _moved(database.url, at), at))


def _lead(context: Context, database: Database, port: int) -> None:
    """Hold a port open until ^C."""
    try:
        with _tunnel(context, database, port) as at:
            url = _moved(database.url, at)
            context.console.say(f"{database.name} is reached at 127.0.0.1:{at} until ^C")
            context.console.answer(url, _facts(database, url, at))
            threading.Event().wait()
    except KeyboardInterrupt:
        # That is how it ends: nothing went wrong that would need a word.
        click.get_current_context().exit(InterruptedByUserError.exit_code)


def _run(context: Context, program: Shell) -> None:
    """Run a shell, whose exit code becomes ours; ^C is its own affair."""
    import signal
    import subprocess

    context.console.say(f"{Path(program.words[0]).name}: ^D ends it")
    # A handler, unlike SIG_IGN, is not inherited by the shell.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        done = subprocess.run(program.words, env={**context.environ, **program.environment}, check=False)
    finally:
        signal.signal(signal.SIGINT, before)
    if done.returncode:
        click.get_current_context().exit(done.returncode if done.returncode > 0 else 128 - done.returncode)


def _facts(database: Database, url: str, port: int) -> dict[str, object]:
    return {
        "name": database.name,
        "user": database.user,
        "type": database.type,
        "host": "127.0.0.1",
        "port": port,
        "url": url,
    }


def _missing(context: Context, database: Database) -> UsageError:
    if database.kind == "couch":
        return UsageError(INSTALL["couch"], hint=_elsewhere(context, database), code="no_client")
    return UsageError(
        f"no client for {database.kind} is installed here: {INSTALL[database.kind]}",
        hint=_elsewhere(context, database),
        code="no_client",
    )


def _elsewhere(context: Context, database: Database) -> str:
    if is_here(context):
        return f"`jitsu databases get {database.name}` shows how to connect"
    return f"`jitsu databases connect {database.name} --port 0` opens a way for other programs"


def _moved(url: str, port: int) -> str:
    """A URL whose host and port are those of a tunnel's end here."""
    parts = urlsplit(url)
    login, at, _ = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{login}{at}127.0.0.1:{port}"))

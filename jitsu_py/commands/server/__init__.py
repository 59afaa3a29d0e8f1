"""`jitsu server`: the platform on this machine. Its code is loaded inside the callbacks, nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from jitsu_py import embedded, grammar
from jitsu_py.commands.server.authority import authority
from jitsu_py.commands.server.door import platform
from jitsu_py.commands.server.engines import engines
from jitsu_py.commands.server.install import install, uninstall
from jitsu_py.commands.server.prune import prune
from jitsu_py.commands.server.users import users
from jitsu_py.console.fields import Field, age, data
from jitsu_py.context import Context, pass_context
from jitsu_py.errors import ServerRefusedError, UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitsu_py.server.findings import Finding
    from jitsu_py.server.run import Status

LOG_LINES = 100

FIELDS: list[Field[Status]] = [
    Field("api", "API", lambda one: one.api),
    Field("router", "apps", lambda one: one.router),
    Field("user", "user", lambda one: one.user),
    Field("pid", "pid", lambda one: one.pid),
    Field("version", "version", lambda one: one.version),
    Field("started", "started", lambda one: _moment(one.started), human=age, plain=str),
    Field("home", "folder", lambda _one: str(embedded.home())),
]

FINDING: list[Field[Finding]] = [
    Field("check", "CHECK", lambda one: one.check),
    Field("state", "STATE", lambda one: one.state),
    Field("found", "FOUND", lambda one: one.found),
    Field("hint", "WHAT TO DO", lambda one: one.hint),
]


@click.group(cls=grammar.Group, commands=[authority, engines, install, prune, uninstall, users])
def server() -> None:
    """The platform on this machine."""


def _ports(command: Callable[..., Any]) -> Callable[..., Any]:
    port = click.IntRange(1, 65535)
    router = click.option("--router-port", type=port, metavar="PORT", help="Serve the apps on this port.")
    return router(
        click.option("--api-port", type=port, metavar="PORT", help="Serve the API on this port.")(command)
    )


@server.command()
@_ports
@pass_context
def start(context: Context, api_port: int | None, router_port: int | None) -> None:
    """Start the platform in the background, unless it runs."""
    with platform() as run, context.console.waiting("Starting the platform"):
        status = run.start(embedded.home(), api_port=api_port, router_port=router_port)
    context.console.say("The platform runs." if status.is_new else "The platform runs already.")
    _show(context, status)


@server.command()
@pass_context
def stop(context: Context) -> None:
    """Stop the platform and the apps it runs."""
    with platform() as run, context.console.waiting("Stopping the platform"):
        stopped = run.stop(embedded.home())
    context.console.say("The platform is stopped." if stopped else "The platform did not run.")
    if context.console.json:
        context.console.data({"stopped": stopped})


@server.command()
@pass_context
def restart(context: Context) -> None:
    """Replace the platform by a new process; the apps go on serving."""
    with platform() as run, context.console.waiting("Restarting the platform"):
        status = run.restart(embedded.home())
    context.console.say("The platform runs anew.")
    _show(context, status)


@server.command()
@pass_context
def status(context: Context) -> None:
    """Say whether and where the platform runs."""
    with platform() as run:
        found = run.status(embedded.home())
    if found is None:
        raise UnreachableError(
            f"the platform of {embedded.home()} does not run",
            hint="`jitsu server start` starts it",
            code="not_running",
        )
    context.console.record(found, FIELDS)


@server.command("run")
@_ports
@pass_context
def run_here(context: Context, api_port: int | None, router_port: int | None) -> None:
    """Run the platform in the foreground, until ^C."""
    with platform() as run:
        context.console.say(f"Starting the platform of {embedded.home()}; ^C stops it.")
        run.serve(embedded.home(), api_port=api_port, router_port=router_port)


@server.command()
@click.argument("lines", type=click.IntRange(min=1), default=LOG_LINES, metavar="[N]")
@pass_context
def logs(context: Context, lines: int) -> None:
    """Print the newest N lines (100) of the platform's own log."""
    from collections import deque

    with platform() as run:
        file = run.log_file(embedded.home())
    try:
        with file.open(encoding="utf-8", errors="replace") as opened:
            newest = [line.rstrip("\n") for line in deque(opened, lines)]
    except (FileNotFoundError, NotADirectoryError):
        newest = []
    if context.console.json:
        context.console.data(newest)
        return
    for line in newest:
        context.console.raw(line)
    if not newest:
        context.console.say(f"{file} is empty.")


@server.command()
@click.pass_context
@pass_context
def doctor(context: Context, ctx: click.Context) -> None:
    """Check whether this machine has what the platform needs, and say what to do.

    Exit code 0 when it can run, 11 when something has to be done first. Nothing is changed.
    """
    with context.console.waiting("Examining this machine"):
        found = _examined()
    is_fine = all(one.state != "failed" for one in found)
    if context.console.json:
        context.console.data({"ok": is_fine, "checks": [data(one, FINDING) for one in found]})
    else:
        context.console.table(found, FINDING, empty="")
        context.console.say("The platform can run here." if is_fine else "Something has to be done first.")
    if not is_fine:
        ctx.exit(ServerRefusedError.exit_code)


def _examined() -> list[Finding]:
    try:
        with platform():
            from jitsu_py.server.doctor import examine

            return examine(embedded.home())
    except UnreachableError as error:
        raise ServerRefusedError(error.message, hint=error.hint, code="not_installed") from error


def _show(context: Context, status: Status) -> None:
    context.console.answer(status.api, data(status, FIELDS))
    context.console.say(f"Apps answer at {status.router}.")


def _moment(seconds: float) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")

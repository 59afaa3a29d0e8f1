"""`jitsu server install | uninstall`: the platform as a service of systemd."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import click

from jitsu_py import embedded
from jitsu_py.commands.server.door import platform
from jitsu_py.console.fields import Field, data
from jitsu_py.context import Context, pass_context

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.server.installation import Installed, Scope

FIELDS: list[Field[Installed]] = [
    Field("unit", "UNIT", lambda one: str(one.unit)),
    Field("user", "USER", lambda one: one.user),
    Field("home", "FOLDER", lambda one: str(one.home)),
    Field("system", "SYSTEM", lambda one: one.is_system),
]


def _is_root() -> bool:
    return os.geteuid() == 0 if sys.platform != "win32" else False


_scope = click.option(
    "--scope",
    type=click.Choice(["system", "user"]),
    default=lambda: "system" if _is_root() else "user",
    show_default="system for root",
    help="A service of the whole machine, or your own.",
)


def _home(scope: Scope) -> Path:
    """The state folder: a service of the system has one of its own, unless another is named."""
    from jitsu_py.server.installation import SYSTEM_HOME

    is_own = scope == "user" or os.environ.get("JITSU_HOME")
    return embedded.home() if is_own else SYSTEM_HOME


@click.command()
@_scope
@click.option("--user", metavar="NAME", default="", help="The service runs as this user; made when missing.")
@click.option("--print", "shown", is_flag=True, help="Print the unit, and change nothing.")
@click.option("--no-start", is_flag=True, help="Leave the start to the next boot.")
@pass_context
def install(context: Context, scope: Scope, user: str, shown: bool, no_start: bool) -> None:
    """Have systemd keep the platform running, from boot on.

    Root makes a service of the whole machine, with the user jitsu and the folder /var/lib/jitsu; anybody
    else a service of their own, for their own platform. Apps that run go on serving.
    """
    with platform():
        from jitsu_py.server import installation

        if shown:
            made, text = installation.planned(_home(scope), scope, user)
            context.console.answer(text.rstrip(), {**data(made, FIELDS), "text": text})
            return
        step = context.console.step
        made = installation.install(_home(scope), scope, user, step, begin=not no_start)
    flag = "" if made.is_system else "--user "
    context.console.say(f"systemd keeps the platform running: `systemctl {flag}status jitsu`")
    context.console.answer(str(made.unit), data(made, FIELDS))


@click.command()
@_scope
@pass_context
def uninstall(context: Context, scope: Scope) -> None:
    """Take the service away again, and stop the platform; its folder stays."""
    with platform():
        from jitsu_py.server import installation

        gone = installation.uninstall(_home(scope), scope, context.console.step)
    if gone is None:
        context.console.say("There is no service of the platform.")
    else:
        context.console.say(f"The service is gone; its apps and data stay in {gone.home}.")
    if context.console.json:
        context.console.data({"removed": gone is not None})

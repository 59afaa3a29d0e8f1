"""`jitsu apps setdrones` and `cloud`: how much of an app runs, and where."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

import click

from jitsu_py.commands.apps.group import apps
from jitsu_py.console.fields import Field, size
from jitsu_py.context import Context, pass_context
from jitsu_py.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from jitsu_py.api.apps import Cloud


MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class Place:
    """Where apps can run."""

    provider: str
    datacenter: str
    endpoint: str
    """Base URL of the API that serves it."""


CLOUD: list[Field[Cloud]] = [
    Field("provider", "PROVIDER", lambda one: one.provider),
    Field("datacenter", "DATACENTER", lambda one: one.datacenter),
    Field("drones", "DRONES", lambda one: one.drones),
    Field("ram", "RAM", lambda one: one.ram, human=lambda value: f"{value} MiB" if value else "default"),
]

PLACE: list[Field[Place]] = [
    Field("provider", "PROVIDER", lambda one: one.provider),
    Field("datacenter", "DATACENTER", lambda one: one.datacenter),
    Field("endpoint", "ENDPOINT", lambda one: one.endpoint),
]

folder_option = click.option(
    "--dir", "folder", metavar="FOLDER", type=click.Path(), help="Folder whose package.json names the app."
)


@apps.command()
@click.argument("words", nargs=-1, required=True, metavar="[APP] N")
@folder_option
@pass_context
def setdrones(context: Context, words: Sequence[str], folder: str | None) -> None:
    """Run N processes of an app; a started one is brought up or down at once."""
    if len(words) > 2 or not words[-1].isdecimal():
        raise UsageError("how many drones?", hint="jitsu scale [APP] N")
    drones = int(words[-1])
    if drones < 1:
        raise UsageError("an app has at least one drone", hint="`jitsu stop` ends all of them")
    name = context.app_name(words[0] if len(words) == 2 else None, folder)
    _resize(context, name, lambda now: replace(now, drones=drones))


@apps.command()
@click.argument("words", nargs=-1, metavar="[list] | [APP] [PROVIDER DATACENTER [N]]")
@folder_option
@click.option("--drones", metavar="N", type=click.IntRange(min=1), help="How many processes to run.")
@click.option("--ram", metavar="MiB", type=click.IntRange(min=1), help="How much memory each may use.")
@pass_context
def cloud(
    context: Context, words: Sequence[str], folder: str | None, drones: int | None, ram: int | None
) -> None:
    """Show or change where an app runs and how much of it; `cloud list` shows where apps can run."""
    if list(words) == ["list"]:
        _list_places(context)
        return
    if len(words) >= 3 and words[-1].isdecimal():
        drones, words = _count(words[-1], drones), words[:-1]
    app, provider, datacenter = _parse(words)
    name = context.app_name(app, folder)
    given: dict[str, Any] = {"provider": provider, "datacenter": datacenter, "drones": drones, "ram": ram}
    wishes = {key: value for key, value in given.items() if value is not None}
    if wishes:
        _resize(context, name, lambda now: replace(now, **wishes))
        return
    client = context.client
    with context.console.waiting(f"Asking for the cloud of {name}"), context.naming(name):
        found = client.apps.cloud(name)
    context.console.table(found, CLOUD, empty=f"{name} runs nowhere.")


def _resize(context: Context, name: str, change: Callable[[Cloud], Cloud]) -> None:
    """Change how an app runs in its one place, and show what came of it."""
    client = context.client
    with context.console.waiting(f"Asking for {name}"), context.naming(name):
        now = client.apps.cloud(name)
    if len(now) != 1:
        raise UsageError(f"{name} runs in {len(now)} places; one is what can be changed here")
    wanted = change(now[0])
    if wanted == now[0]:
        context.console.say("no changes")
    else:
        going_on = f"the platform goes on; `jitsu view {name}` tells how it went"
        with context.console.waiting(f"Scaling {name}"), context.interruptible(going_on):
            now = client.apps.set_cloud(name, [wanted])
        if wanted.ram:
            _tell_exceptions(context, name, wanted.ram * MIB)
    context.console.table(now, CLOUD, empty="")


def _tell_exceptions(context: Context, name: str, limit: int) -> None:
    """Say which drones go on with another bound, since they use more than the new one."""
    with suppress(NotFoundError):  # a server of before does not know its drones
        for drone in context.client.apps.drones(name):
            held = drone.raw.get("memoryLimit", limit)
            if drone.pid is not None and held != limit:
                kept = "it has no bound" if held is None else f"it keeps to {size(held)}"
                until = f"until `jitsu restart {name}`"
                context.console.warn(f"drone {drone.number} uses {size(drone.memory)}: {kept} {until}")


def _list_places(context: Context) -> None:
    client = context.client
    with context.console.waiting("Asking for the datacenters"):
        found = client.system.endpoints()
    places = [Place(one, name, url) for one, centers in found.items() for name, url in centers.items()]
    context.console.table(places, PLACE, empty="The platform names no datacenter.")


def _count(word: str, flag: int | None) -> int:
    """How many drones a last word asks for, as of old; --drones says the same by today's habit."""
    if int(word) < 1 or flag not in (None, int(word)):
        raise UsageError("how many drones?", hint="jitsu cloud [APP] PROVIDER DATACENTER [N]")
    return int(word)


def _parse(words: Sequence[str]) -> tuple[str | None, str | None, str | None]:
    """The app, if one is named, and provider and datacenter, if these are."""
    if len(words) > 3:
        raise UsageError("too many words", hint="jitsu cloud [APP] [PROVIDER DATACENTER [N]]")
    if len(words) >= 2:
        return (words[0] if len(words) == 3 else None), words[-2], words[-1]
    return (words[0] if words else None), None, None

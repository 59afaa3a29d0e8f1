"""`jitsu apps metrics` and `apps drones`: what visitors get of an app, and what it uses."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py.commands.apps.group import apps
from jitsu_py.console.fields import Field, age, iso, size
from jitsu_py.context import Context, app_argument, pass_context

if TYPE_CHECKING:
    from jitsu_py.api.figures import Drone, Requests


def _status(name: str) -> Field[Requests]:
    return Field(name, name.upper() if name == "none" else name, lambda one: one.statuses.get(name, 0))


def _time(name: str) -> Field[Requests]:
    return Field(name, name, lambda one: one.latency.get(name), _milliseconds)


def _milliseconds(value: int | None) -> str:
    return "-" if value is None else f"{value} ms"


METRICS: list[Field[Requests]] = [
    Field("drone", "DRONE", lambda one: one.drone or None, human=lambda value: value or "all"),
    Field("requests", "REQUESTS", lambda one: one.requests),
    *map(_status, ("2xx", "3xx", "4xx", "5xx", "none")),
    *map(_time, ("p50", "p90", "p99")),
]

DRONE: list[Field[Drone]] = [
    Field("number", "N", lambda one: one.number),
    Field("id", "DRONE", lambda one: one.id),
    Field("state", "STATE", lambda one: one.state),
    Field("snapshot", "SNAPSHOT", lambda one: one.snapshot),
    Field("pid", "PID", lambda one: one.pid),
    Field("port", "PORT", lambda one: one.port),
    Field("started", "STARTED", lambda one: iso(one.started), human=age, plain=str),
    Field("restarts", "RESTARTS", lambda one: one.restarts),
    Field("memory", "MEMORY", lambda one: one.memory, human=size),
    Field("memoryLimit", "LIMIT", lambda one: one.memory_limit, human=size),
    Field("cpu", "CPU", lambda one: one.cpu, human=lambda value: "-" if value is None else f"{value:g} %"),
    Field("cpuSeconds", "CPU TIME", lambda one: one.cpu_seconds, listed=False),
    Field("requests", "REQUESTS", lambda one: one.requests),
]


@apps.command()
@app_argument
@pass_context
def metrics(context: Context, app: str | None, folder: str | None) -> None:
    """Show how many requests an app got, and how it answered: as a whole and by drone."""
    name = context.app_name(app, folder)
    client = context.client
    with context.console.waiting(f"Asking for the figures of {name}"), context.naming(name):
        found = client.apps.metrics(name)
    context.console.say(f"since {age(iso(found.since))}")
    context.console.table([found.whole, *found.drones], METRICS, empty="")


@apps.command()
@app_argument
@pass_context
def drones(context: Context, app: str | None, folder: str | None) -> None:
    """Show the processes of an app and what each uses."""
    name = context.app_name(app, folder)
    client = context.client
    with context.console.waiting(f"Asking for the drones of {name}"), context.naming(name):
        found = client.apps.drones(name)
    context.console.table(found, DRONE, empty=f"{name} has no drones: `jitsu start {name}`")

"""Where visitors are to be led, given what is wanted and which drones there are. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py.server import care
from jitsu_py.server.drones import Drone, DroneState
from jitsu_py.server.router import Page, Route, Target
from jitsu_py.wire import Condition

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitsu_py.server.store.apps import App


def wanted_route(app: App, drones: Sequence[Drone], *, is_failing: bool, domain: str) -> Route:
    """The route of an app.

    A drone that is just being launched again stays a target: on the same port, so visitors are held until
    it is back.

    Args:
        drones: of the app's release, without those not yet proved and those being retired.
        is_failing: its last start failed and is tried again later.
        domain: the app answers at its subdomain of it.
    """
    is_crashing = is_failing or any(drone.state is DroneState.BACKING_OFF for drone in drones)
    numbers = {drone.id: number for number, drone in enumerate(drones, 1)}
    serving = [
        drone
        for drone in drones
        if app.state == "started" and drone.state not in {DroneState.BACKING_OFF, DroneState.STOPPING}
    ]
    # Better a sick drone than none.
    sound = [drone for drone in serving if drone.state is not DroneState.SICK] or serving
    targets = tuple(Target(drone.id, drone.port, numbers[drone.id]) for drone in sound)
    down = Page.CRASHING if is_crashing else Page.STARTING
    page = Page.STOPPED if app.state == "stopped" else down
    return Route(
        app=app.key,
        hosts=hosts_of(app, domain),
        release=str(app.release_id),
        targets=targets,
        page=page,
        secure=care.is_secure(app.manifest),
    )


def hosts_of(app: App, domain: str) -> tuple[str, ...]:
    """The host names at which an app answers."""
    return (f"{app.subdomain}.{domain}", *app.domains)


def condition(app: App, drones: Sequence[Drone], *, is_failing: bool) -> Condition:
    """How an app fares.

    Args:
        drones: of the app's release, without those being retired.
        is_failing: its last start failed and is tried again later.
    """
    if app.state == "stopped":
        return Condition.STOPPED
    states = {drone.state for drone in drones}
    if DroneState.SICK in states:
        return Condition.UNHEALTHY
    if is_failing or any(drone.crashing for drone in drones):
        return Condition.CRASHING
    return Condition.STARTED if DroneState.READY in states else Condition.STARTING

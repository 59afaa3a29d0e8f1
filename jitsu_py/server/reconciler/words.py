"""What happens to drones and apps, as lines of an app's log. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py.server.drones import DroneEvent, DroneState, EventKind
from jitsu_py.server.drones.engine import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitsu_py.server.drones import Drone


def of_drone(event: DroneEvent, *, adopted: bool = False) -> str:
    """News about a drone.

    Args:
        adopted: it ran before this server did.
    """
    words = {
        EventKind.LAUNCHED: "goes on under the new server"
        if adopted
        else f"launched on port {event.drone.port}",
        EventKind.READY: "ready",
        EventKind.SICK: f"sick: {event.why}; it is replaced",
        EventKind.WELL: "passes its health check again",
        EventKind.EXITED: _ending(event.drone),
        EventKind.BACKING_OFF: f"crashes again and again; launched again in {event.delay:g} s",
        EventKind.STOPPED: "stopped",
    }
    return words[event.kind]


def _ending(drone: Drone) -> str:
    """How its process ended: crashed, where nobody had asked it to."""
    ending = drone.last_exit
    if ending is None:
        return "ended"
    if drone.state is DroneState.STOPPING or (ending.code is None and ending.signal is None):
        return f"ended {ending.words()}"
    if ending.code == 0:
        return "ended by itself with exit code 0; it is launched again"
    if ending.signal == "SIGKILL" and not ending.out_of_memory:
        return "crashed by SIGKILL, which the platform did not send: perhaps the machine was out of memory"
    return f"crashed {ending.words()}"


def bounded(before: int | None, after: int | None) -> str:
    """An app's drones may use other memory than before; MiB."""
    was, now = (f"{ram} MiB" if ram else "all there is" for ram in (before, after))
    return f"memory of each drone: {now}, before: {was}"


def uses_more(drone: Drone) -> str:
    """A drone runs that used more than it may from now on."""
    bound = "has no bound" if drone.memory is None else f"keeps to {drone.memory // MIB} MiB"
    return f"uses more than that, and {bound} until it is launched again"


def routed(snapshot: str, drones: int, hosts: Sequence[str]) -> str:
    """Visitors are led to other drones than before."""
    count = "1 drone" if drones == 1 else f"{drones} drones"
    return f"routed: {', '.join(hosts)} to {count} of snapshot {snapshot}"

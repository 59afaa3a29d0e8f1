"""Drones: the app's processes. What is to run (`DroneSpec`), who runs it (`Engine`), who keeps it running.

`Supervisor` starts, watches, restarts and stops; `LocalEngine` makes real processes of this machine;
`carapace.js` is loaded into every Node of a drone and maps the port; `PortPool` hands out the ports.
"""

from jitsu_py.server.drones.engine import DroneSpec, Engine, Exit, Found, Process
from jitsu_py.server.drones.failures import BootFailed
from jitsu_py.server.drones.local import LocalEngine
from jitsu_py.server.drones.ports import PortPool
from jitsu_py.server.drones.priority import step_aside
from jitsu_py.server.drones.quarters import Quarters
from jitsu_py.server.drones.state import Drone, DroneEvent, DroneState, EventKind
from jitsu_py.server.drones.supervisor import Supervisor
from jitsu_py.server.drones.usage import Usage, usage

__all__ = [
    "BootFailed",
    "Drone",
    "DroneEvent",
    "DroneSpec",
    "DroneState",
    "Engine",
    "EventKind",
    "Exit",
    "Found",
    "LocalEngine",
    "PortPool",
    "Process",
    "Quarters",
    "Supervisor",
    "Usage",
    "step_aside",
    "usage",
]

"""`jitsu apps`: parted by what the verbs do; here is what the table of commands names."""

from __future__ import annotations

from jitsu_py.commands.apps.certs import certs
from jitsu_py.commands.apps.claims import available, create, update
from jitsu_py.commands.apps.figures import drones, metrics
from jitsu_py.commands.apps.group import apps
from jitsu_py.commands.apps.size import cloud, setdrones
from jitsu_py.commands.apps.verbs import browse, destroy, list_apps, restart, start, stop, view

__all__ = [
    "apps",
    "available",
    "browse",
    "certs",
    "cloud",
    "create",
    "destroy",
    "drones",
    "list_apps",
    "metrics",
    "restart",
    "setdrones",
    "start",
    "stop",
    "update",
    "view",
]

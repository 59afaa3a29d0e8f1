"""The environment of a drone: nothing of the server's, the app's own variables, and the platform's marks."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from jitsu_py.server.drones.install import node_options

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.server.drones.engine import DroneSpec
    from jitsu_py.server.drones.install import DroneFolder

MARK = "JITSU_STATE"
"""The state folder of the platform a process belongs to."""

DRONE = "JITSU_DRONE"
APP = "JITSU_APP"
SNAPSHOT = "JITSU_SNAPSHOT"
PORT = "JITSU_PORT"
READY = "JITSU_READY"

SYSTEM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def drone_environment(
    spec: DroneSpec, folder: DroneFolder, state: Path, version: tuple[int, int]
) -> dict[str, str]:
    """All variables of a drone.

    The app's own win over the defaults; PORT stays the platform's, PATH and NODE_OPTIONS are put together.

    Args:
        spec: the drone.
        folder: its own folder.
        state: the platform's state folder, resolved.
        version: of its Node, major and minor.
    """
    app = {name: value for name, value in spec.env.items() if _is_usable(name, value)}
    first = f"{folder.bin}:{spec.node.parent}:{spec.folder / 'node_modules' / '.bin'}"
    environment = {
        "HOME": str(folder.home),
        "TMPDIR": str(folder.tmp),
        "LANG": "C.UTF-8",
        "NODE_ENV": "production",
        **app,
        "PATH": f"{first}:{app.get('PATH') or SYSTEM_PATH}",
        "PORT": str(spec.port),
        DRONE: spec.id,
        APP: spec.app,
        SNAPSHOT: spec.snapshot,
        MARK: str(state),
        PORT: str(spec.port),
        READY: str(folder.report),
    }
    options = node_options(app.get("NODE_OPTIONS", ""), folder.carapace, version)
    return environment | {"NODE_OPTIONS": options} if options else environment


def marks_of(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables by which a drone's processes are found again."""
    return {name: environment[name] for name in (DRONE, APP, SNAPSHOT, MARK, PORT)}


def _is_usable(name: str, value: str) -> bool:
    # execve() refuses these; one bad variable is no reason to refuse the app.
    if not name or "=" in name or "\0" in name + value:
        return False
    try:
        os.fsencode(name + value)
    except UnicodeEncodeError:
        return False
    return True

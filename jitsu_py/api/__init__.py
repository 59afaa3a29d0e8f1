"""The thin HTTP layer: prints nothing, asks nothing, usable as a library.

    from jitsu_py.api import Client

    with Client("http://127.0.0.1:9002", "ada", token) as client:
        for app in client.apps.list():
            print(app.name, app.state)

The dataclasses live beside the routes that give them (`apps.App`, `snapshots.Snapshot` …); importing
those costs no HTTP library, which only `transport` loads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jitsu_py.api.client import Client

__all__ = ["Client"]


def __getattr__(name: str) -> Any:
    if name != "Client":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from jitsu_py.api.client import Client

    return Client

"""The list of a user's apps, ready to send: kept until the store or the drones change.

A thousand apps take some 50 ms to be read, opened and written as JSON; programs that watch a server ask for
the same list again and again.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jitsu_py.server.routes.views import app_view
from jitsu_py.server.store import apps

if TYPE_CHECKING:
    from jitsu_py.server.platform import Platform
    from jitsu_py.server.store.apps import App

KEPT: Final = 32 * 2**20
"""Bytes of lists that are kept; those asked for longest ago go first."""

Drones = tuple[tuple[str, int | str | None], ...]


@dataclass(frozen=True)
class _Kept:
    version: int
    """Of the store, before it was read."""
    started: list[App]
    drones: Drones
    body: bytes


class AppLists:
    """The lists of all users."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._kept: OrderedDict[tuple[str, bool], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def body(self, user: str, *, secrets: bool) -> bytes:
        """The JSON of the user's apps.

        Args:
            secrets: whether it may show the passwords of their databases.
        """
        version = self._platform.store.version()
        kept = self._kept.get((user, secrets))
        if kept is not None and kept.version == version and kept.drones == self._drones(kept.started):
            return kept.body
        made = self._made(user, version, secrets=secrets)
        self._keep((user, secrets), made)
        return made.body

    def _made(self, user: str, version: int, *, secrets: bool) -> _Kept:
        with self._platform.store.read() as connection:
            listed = apps.listed(connection, user)
        started = [app for app in listed if app.state == "started"]
        drones = self._drones(started)
        views = [app_view(described, secrets=secrets) for described in self._platform.descriptions.of(listed)]
        body = json.dumps({"apps": views}, ensure_ascii=False, separators=(",", ":")).encode()
        return _Kept(version, started, drones, body)

    def _drones(self, started: list[App]) -> Drones:
        reconciler = self._platform.reconciler
        found = (drone for app in started for drone in reconciler.drones(app))
        conditions = ((app.key, reconciler.condition(app).value) for app in started)
        urls = ("certificates", self._platform.certificates.edition)
        return (*((drone.id, drone.pid) for drone in found), *conditions, urls)

    def _keep(self, key: tuple[str, bool], made: _Kept) -> None:
        with self._lock:
            self._kept.pop(key, None)
            self._kept[key] = made
            while sum(len(kept.body) for kept in self._kept.values()) > KEPT:
                self._kept.popitem(last=False)

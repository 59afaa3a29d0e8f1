"""How apps fare, in figures: what the router counted, and what their drones use."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jitsu_py.server.drones import Drone, Usage, usage
from jitsu_py.server.router import AccessLog, Tally, Traffic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitsu_py.server.reconciler import Reconciler
    from jitsu_py.server.store.apps import App

__all__ = ["Measured", "Measures", "Tally", "Traffic"]

_WATCHED: Final = 0.2
"""Seconds over which the share of a processor is measured."""


@dataclass(frozen=True)
class Measured:
    """A drone with its figures."""

    drone: Drone
    number: int
    """By which `x-drone` names it."""
    usage: Usage | None
    """None: no process of it runs."""
    share: float | None
    """Of one processor, over the last moment; 1.0: it keeps one busy."""
    tally: Tally
    """Of its requests."""


class Measures:
    """The figures of all apps.

    Args:
        reconciler: knows the drones.
        access: has counted the requests.
    """

    def __init__(self, reconciler: Reconciler, access: AccessLog) -> None:
        self._reconciler = reconciler
        self._access = access

    @property
    def since(self) -> float:
        """When the counting of requests began, epoch seconds: with this server."""
        return self._access.since

    async def traffic(self, app: App) -> Traffic:
        """What the router counted of an app, up to now."""
        await asyncio.to_thread(self._access.collect)
        return self._access.of(app.key)

    async def drones(self, app: App) -> list[Measured]:
        """An app's drones with their figures, in the order of their launch."""
        drones = self._reconciler.drones(app)
        pids = _pids(drones)
        before, began = await asyncio.to_thread(usage, pids), time.monotonic()
        if pids:
            await asyncio.sleep(_WATCHED)
        after = await asyncio.to_thread(usage, pids)
        spent = time.monotonic() - began
        traffic = await self.traffic(app)
        found = []
        for number, drone in enumerate(drones, 1):
            then, now = before.get(drone.pid or 0), after.get(drone.pid or 0)
            share = max(0.0, now.cpu - then.cpu) / spent if now and then else None
            found.append(Measured(drone, number, now, share, traffic.drones.get(drone.id, Tally())))
        return found

    async def of_all(self, apps: Sequence[App]) -> list[tuple[App, Traffic, list[Measured]]]:
        """What was counted of apps, and their drones; without shares of a processor, which take a moment."""
        await asyncio.to_thread(self._access.collect)
        drones = [self._reconciler.drones(app) for app in apps]
        used = await asyncio.to_thread(usage, _pids([one for some in drones for one in some]))
        found = []
        for app, some in zip(apps, drones, strict=True):
            traffic = self._access.of(app.key)
            measured = [
                Measured(one, number, used.get(one.pid or 0), None, traffic.drones.get(one.id, Tally()))
                for number, one in enumerate(some, 1)
            ]
            found.append((app, traffic, measured))
        return found


def _pids(drones: Sequence[Drone]) -> list[int]:
    return [drone.pid for drone in drones if drone.pid is not None]

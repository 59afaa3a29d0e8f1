"""How apps fare, in figures: by app, by drone, and all of them for Prometheus."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response

from jitsu_py.server.auth import Authenticator
from jitsu_py.server.measures import Measured, Measures, Tally
from jitsu_py.server.routes.exposition import CONTENT_TYPE, exposition
from jitsu_py.server.routes.requests import AnyCaller, Owner, ThePlatform
from jitsu_py.server.store import apps
from jitsu_py.server.times import iso

router = APIRouter(tags=["apps"])

QUANTILES = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
"""Parts of the requests by the name of the time within which they were answered."""


def _measures(request: Request) -> Measures:
    measures: Measures = request.app.state.measures
    return measures


TheMeasures = Annotated[Measures, Depends(_measures)]


@router.get("/apps/{user}/{app}/drones")
async def list_drones(
    user: str, app: str, platform: ThePlatform, measures: TheMeasures, _owner: Owner
) -> dict[str, Any]:
    """The processes of an app, in the order of their launch, with what they use now."""
    found = await asyncio.to_thread(platform.app, user, app)
    return {"drones": [drone_view(one) for one in await measures.drones(found)]}


@router.get("/apps/{user}/{app}/metrics")
async def get_metrics(
    user: str, app: str, platform: ThePlatform, measures: TheMeasures, _owner: Owner
) -> dict[str, Any]:
    """What the router counted of an app since this server runs, as a whole and by drone."""
    found = await asyncio.to_thread(platform.app, user, app)
    traffic = await measures.traffic(found)
    drones = [{"id": drone, **tally_view(tally)} for drone, tally in traffic.drones.items()]
    return {"since": iso(measures.since), **tally_view(traffic.whole), "drones": drones}


@router.get("/metrics", tags=["system"])
async def prometheus(
    request: Request, caller: AnyCaller, platform: ThePlatform, measures: TheMeasures
) -> Response:
    """The caller's apps for Prometheus; to the account that the platform belongs to, everybody's."""
    authenticator: Authenticator = request.app.state.authenticator
    is_keeper = caller.user.name == authenticator.local_user
    only = caller.token.app if caller.token else None
    with platform.store.read() as connection:
        listed = [
            app
            for app in apps.listed(connection)
            if (is_keeper or app.user == caller.user.name)
            and (only is None or (app.user, app.name) == (caller.user.name, only))
        ]
    return Response(exposition(await measures.of_all(listed)), media_type=CONTENT_TYPE)


def drone_view(measured: Measured) -> dict[str, Any]:
    """A drone."""
    drone, used = measured.drone, measured.usage
    return {
        "id": drone.id,
        "number": measured.number,
        "state": drone.state.value,
        "snapshot": drone.snapshot,
        "pid": drone.pid,
        "port": drone.port,
        "started": None if drone.started is None else iso(drone.started),
        "restarts": drone.restarts,
        "memory": used.memory if used else None,
        "memoryLimit": drone.memory,
        "cpu": None if measured.share is None else round(measured.share * 100, 1),
        "cpuSeconds": round(used.cpu, 2) if used else None,
        "processes": used.processes if used else 0,
        "requests": measured.tally.requests,
    }


def tally_view(tally: Tally) -> dict[str, Any]:
    """Requests that were counted; times in milliseconds, null where there were none."""
    return {
        "requests": tally.requests,
        "statuses": tally.classes(),
        "latency": {name: tally.quantile(part) for name, part in QUANTILES.items()},
    }

"""Applications: seed section "Applications", and the paths of the old clients."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response, StreamingResponse

from jitsu_py import wire
from jitsu_py.server import limits, manifests
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.routes.requests import Body, Lister, Owner, TheLists, ThePlatform, read_json
from jitsu_py.server.routes.starting import start_told
from jitsu_py.server.routes.views import app_view, cloud_view
from jitsu_py.server.store import apps
from jitsu_py.wire import Code

router = APIRouter(tags=["apps"])


@router.get("/apps/{user}")
def list_apps(user: str, platform: ThePlatform, lists: TheLists, lister: Lister) -> Response:
    """Every app of the user, by name; to a token that is good for one app, that one."""
    if lister.token is not None and lister.token.app is not None:
        return JSONResponse({"apps": _only(platform, lister, lister.token.app)})
    return Response(lists.body(user.lower(), secrets=lister.is_full), media_type="application/json")


@router.post("/apps/{user}", status_code=201)
async def create_app(platform: ThePlatform, owner: Owner, body: Body) -> dict[str, Any]:
    """Make an app of the package.json in the body."""
    return await _create(platform, owner, body, None)


@router.post("/apps/{user}/{app}", status_code=201)
async def create_named_app(app: str, platform: ThePlatform, owner: Owner, body: Body) -> dict[str, Any]:
    """Make an app of that name."""
    return await _create(platform, owner, body, app)


@router.put("/apps/{user}")
async def update_app(user: str, platform: ThePlatform, owner: Owner, body: Body) -> dict[str, Any]:
    """Change the app that the package.json in the body names."""
    return await _update(owner, manifests.app_name(body.get("name")), platform, body)


@router.get("/apps/{user}/{app}")
def get_app(user: str, app: str, platform: ThePlatform, owner: Owner) -> dict[str, Any]:
    """One app."""
    return _shown(platform, owner, app)


@router.put("/apps/{user}/{app}")
async def update_named_app(
    user: str, app: str, platform: ThePlatform, owner: Owner, body: Body
) -> dict[str, Any]:
    """Change an app: the top-level keys sent replace those stored."""
    return await _update(owner, app, platform, body)


@router.patch("/apps/{user}/{app}/env")
def change_env(user: str, app: str, platform: ThePlatform, owner: Owner, body: Body) -> dict[str, Any]:
    """Set variables of an app, or with null delete them; those not sent stay."""
    platform.change_env(platform.app(user, app), body)
    return _shown(platform, owner, app)


@router.delete("/apps/{user}/{app}")
async def destroy_app(user: str, app: str, platform: ThePlatform, _owner: Owner) -> dict[str, Any]:
    """Stop the app and remove all of it."""
    found = await asyncio.to_thread(platform.app, user, app)
    await platform.destroy(found)
    return {"ok": True, "id": found.key}


@router.post("/apps/{user}/{app}/start", response_model=None)
async def start_app(
    user: str, app: str, request: Request, platform: ThePlatform, owner: Owner
) -> Response | dict[str, Any]:
    """Bring up the active snapshot; answers when it is proved ready and has the traffic.

    To a client that accepts events it answers at once with those of the start: `line` for what its release
    command prints, `ping`, and in the end `done` with the app, or `failed`. Said again with the same
    `Idempotency-Key`, as after a lost connection, it is answered with what came of the start before.
    """
    key = request.headers.get(wire.ORDER_KEY, "")
    if len(key) > wire.ORDER_KEY_LENGTH:
        message = f"{wire.ORDER_KEY} has more than {wire.ORDER_KEY_LENGTH} characters."
        raise PlatformError(Code.BAD_REQUEST, message)
    found = await asyncio.to_thread(platform.app, user, app)
    if wire.NDJSON in request.headers.get("accept", ""):
        events = start_told(platform, found, key, partial(_shown, platform, owner, app))
        return StreamingResponse(events, media_type=wire.NDJSON)
    await asyncio.shield(platform.begin_start(found, key))
    return await asyncio.to_thread(_shown, platform, owner, app)


@router.post("/apps/{user}/{app}/stop")
async def stop_app(user: str, app: str, platform: ThePlatform, owner: Owner) -> dict[str, Any]:
    """End the app's drones; answers when they are gone."""
    await platform.reconciler.stop(await asyncio.to_thread(platform.app, user, app))
    return await asyncio.to_thread(_shown, platform, owner, app)


@router.post("/apps/{user}/{app}/restart")
async def restart_app(user: str, app: str, platform: ThePlatform, owner: Owner) -> dict[str, Any]:
    """Replace the app's drones without a gap."""
    await platform.restart(await asyncio.to_thread(platform.app, user, app))
    return await asyncio.to_thread(_shown, platform, owner, app)


@router.post("/apps/{user}/{app}/rollback")
async def roll_app_back(
    user: str, app: str, platform: ThePlatform, owner: Owner, body: Body
) -> dict[str, Any]:
    """Put an earlier snapshot live; with `env`, in the environment in which it last served."""
    found = await asyncio.to_thread(platform.app, user, app)
    ref, with_env = body.get("snapshot"), body.get("env", False)
    if not isinstance(ref, str) or not ref:
        raise PlatformError(Code.BAD_REQUEST, f"snapshot is the id of a snapshot, not {ref!r}.")
    if not isinstance(with_env, bool):
        raise PlatformError(Code.BAD_REQUEST, f"env is true or false, not {with_env!r}.")
    await platform.roll_back(found, ref, with_env=with_env)
    return await asyncio.to_thread(_shown, platform, owner, app)


@router.post("/apps/{user}/{app}/available")
def app_available(user: str, app: str, platform: ThePlatform, _owner: Owner, body: Body) -> dict[str, bool]:
    """Whether name and subdomain are free; a subdomain of the app itself counts as free."""
    asked = manifests.changes({**body, "name": app})
    name = asked.name or app
    subdomain = asked.subdomain or manifests.default_subdomain(user.lower(), name)
    with platform.store.read() as connection:
        is_new = apps.find(connection, user.lower(), name) is None
        holder = apps.subdomain_owner(connection, subdomain)
    is_free = holder in {None, f"{user.lower()}/{name}"}
    return {"available": is_new and is_free, "appname": is_new, "subdomain": is_free}


@router.get("/apps/{user}/{app}/cloud")
def get_cloud(user: str, app: str, platform: ThePlatform, _owner: Owner) -> list[dict[str, Any]]:
    """Where and how large the app runs."""
    return cloud_view(platform.app(user, app))


@router.post("/apps/{user}/{app}/cloud")
async def set_cloud(
    user: str, app: str, request: Request, platform: ThePlatform, _owner: Owner
) -> list[dict[str, Any]]:
    """Scale the app; started, it is brought up or down at once."""
    found = await asyncio.to_thread(platform.app, user, app)
    drones, ram = _wanted_cloud(await _cloud_body(request))
    ram = found.ram if ram is None else ram
    with platform.store.read() as connection:
        limits.check_size(connection, found, drones, ram)
    await platform.reconciler.scale(found, drones, ram)
    return cloud_view(await asyncio.to_thread(platform.app, user, app))


async def _create(
    platform: ThePlatform, owner: Owner, body: dict[str, Any], name: str | None
) -> dict[str, Any]:
    app = await asyncio.to_thread(platform.create, owner.user, body, name)
    # From now on its address says that it is stopped, not that nobody lives there.
    await platform.reconciler.routes_changed()
    return await asyncio.to_thread(_shown, platform, owner, app.name)


async def _update(owner: Owner, name: str, platform: ThePlatform, body: dict[str, Any]) -> dict[str, Any]:
    app = await asyncio.to_thread(platform.app, owner.user.name, name)
    await platform.update(app, body)
    return await asyncio.to_thread(_shown, platform, owner, name)


def _only(platform: ThePlatform, lister: Lister, name: str) -> list[dict[str, Any]]:
    """The one app of that name; empty: there is none."""
    with platform.store.read() as connection:
        found = apps.find(connection, lister.user.name, name)
    described = platform.descriptions.of([found] if found else [])
    return [app_view(one, secrets=lister.is_full) for one in described]


def _shown(platform: ThePlatform, owner: Owner, name: str) -> dict[str, Any]:
    described = platform.described(owner.user.name, name)
    return {"app": app_view(described, secrets=owner.is_full)}


async def _cloud_body(request: Request) -> Any:
    value = await read_json(request)
    return value[0] if isinstance(value, list) and len(value) == 1 else value


def _wanted_cloud(entry: Any) -> tuple[int, int | None]:
    if not isinstance(entry, dict):
        raise PlatformError(
            Code.BAD_REQUEST, 'The body must be a list of one entry, such as [{"drones": 2}].'
        )
    drones, ram = entry.get("drones", 1), entry.get("ram")
    if isinstance(drones, bool) or not isinstance(drones, int) or drones not in wire.DRONES:
        most = wire.DRONES[-1]
        raise PlatformError(Code.BAD_REQUEST, f"drones is a whole number from 1 to {most}, not {drones!r}.")
    if ram is not None and (isinstance(ram, bool) or not isinstance(ram, int) or ram not in wire.RAM):
        raise PlatformError(Code.BAD_REQUEST, f"ram is a number of MiB from {wire.RAM[0]} on, not {ram!r}.")
    for key in ("provider", "datacenter"):
        if entry.get(key) not in (None, "", "local"):
            told = "GET /endpoints (`jitsu cloud list`) names those there are"
            raise PlatformError(Code.BAD_REQUEST, f"There is no {key} {entry[key]!r} here; {told}.")
    return drones, ram

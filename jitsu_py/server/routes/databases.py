"""Databases: seed section "Databases", and what else can be done with them."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter, Request

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.routes.requests import Body, DatabaseOwner, ThePlatform, TrustedOwner
from jitsu_py.server.routes.views import database_view
from jitsu_py.wire import Code

router = APIRouter(tags=["databases"])

CHANGES = ("memory", "schedule")


@router.get("/databases/{user}")
def list_databases(platform: ThePlatform, owner: DatabaseOwner) -> dict[str, Any]:
    """Every database of the user, by name; passwords only for the full scope."""
    listed = platform.databases.listed(owner.user.name)
    shown = [platform.databases.describe(database) for database in listed]
    return {"databases": [database_view(described, secrets=owner.is_full) for described in shown]}


@router.post("/databases/{user}/{name}", status_code=201)
async def create_database(
    name: str, platform: ThePlatform, owner: DatabaseOwner, body: Body
) -> dict[str, Any]:
    """Make a database; answers when it works."""
    await platform.databases.create(owner.user, name, body)
    return await _shown(platform, owner, name)


@router.get("/databases/{user}/{name}")
async def get_database(name: str, platform: ThePlatform, owner: DatabaseOwner) -> dict[str, Any]:
    """One database."""
    return await _shown(platform, owner, name)


@router.put("/databases/{user}/{name}")
async def update_database(
    name: str, platform: ThePlatform, owner: DatabaseOwner, body: Body
) -> dict[str, Any]:
    """Set how much memory it may use, or when it is saved by itself."""
    database = await asyncio.to_thread(platform.databases.get, owner.user.name, name)
    if unknown := [key for key in body if key not in CHANGES]:
        raise PlatformError(
            Code.BAD_REQUEST, f"{unknown[0][:80]!r} cannot be changed; {' and '.join(CHANGES)} can."
        )
    if "schedule" in body:
        await platform.databases.reschedule(database, body["schedule"])
    if "memory" in body:
        await platform.databases.resize(database, body["memory"])
    return await _shown(platform, owner, name)


@router.delete("/databases/{user}/{name}")
async def destroy_database(name: str, platform: ThePlatform, owner: DatabaseOwner) -> dict[str, Any]:
    """Remove a database with its data and backups."""
    database = await asyncio.to_thread(platform.databases.get, owner.user.name, name)
    await platform.databases.destroy(database)
    return {"ok": True, "id": database.key}


@router.put("/databases/{user}/{name}/apps/{app}")
async def attach_database(
    name: str, app: str, request: Request, platform: ThePlatform, owner: DatabaseOwner
) -> dict[str, Any]:
    """Give an app the database: its address is in the app's environment from the next start on."""
    database = await asyncio.to_thread(platform.databases.get, owner.user.name, name)
    found = await asyncio.to_thread(platform.app, owner.user.name, app)
    asked = request.query_params.get("as")
    await asyncio.to_thread(platform.databases.attach, database, found, asked)
    return await _shown(platform, owner, name)


@router.delete("/databases/{user}/{name}/apps/{app}")
async def detach_database(name: str, app: str, platform: ThePlatform, owner: DatabaseOwner) -> dict[str, Any]:
    """Take the database away from an app, from its next start on."""
    database = await asyncio.to_thread(platform.databases.get, owner.user.name, name)
    found = await asyncio.to_thread(platform.app, owner.user.name, app)
    await asyncio.to_thread(platform.databases.detach, database, found)
    return await _shown(platform, owner, name)


@router.post("/databases/{user}/{name}/rotate")
async def rotate_password(
    name: str, request: Request, platform: ThePlatform, owner: TrustedOwner
) -> dict[str, Any]:
    """Give the database a new password; apps get it at their next start, with `restart` at once."""
    database = await asyncio.to_thread(platform.databases.get, owner.user.name, name)
    await platform.databases.rotate(database)
    if request.query_params.get("restart") in ("true", "1", ""):
        await platform.restart_apps(database)
    return await _shown(platform, owner, name)


@router.post("/databases/{user}/{name}/start")
async def start_database(name: str, platform: ThePlatform, owner: DatabaseOwner) -> dict[str, Any]:
    """Have the database run; answers when it does."""
    await platform.databases.start(await asyncio.to_thread(platform.databases.get, owner.user.name, name))
    return await _shown(platform, owner, name)


@router.post("/databases/{user}/{name}/stop")
async def stop_database(name: str, platform: ThePlatform, owner: DatabaseOwner) -> dict[str, Any]:
    """End the database's server; its data are kept."""
    await platform.databases.stop(await asyncio.to_thread(platform.databases.get, owner.user.name, name))
    return await _shown(platform, owner, name)


async def _shown(platform: ThePlatform, owner: DatabaseOwner, name: str) -> dict[str, Any]:
    database = await asyncio.to_thread(platform.databases.get, owner.user.name, name)
    described = await asyncio.to_thread(platform.databases.describe, database)
    return {"database": database_view(described, secrets=owner.is_full)}

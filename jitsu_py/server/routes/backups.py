"""Backups of databases."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse
from starlette.requests import ClientDisconnect

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.routes.requests import (
    DatabaseOwner,
    ThePlatform,
    TrustedOwner,
    read_json,
)
from jitsu_py.server.routes.views import backup_view, database_view
from jitsu_py.wire import Blame, Code

router = APIRouter(tags=["databases"])

BINARY = "application/octet-stream"


@router.post("/databases/{user}/{name}/backups", status_code=201)
async def save_database(name: str, platform: ThePlatform, owner: DatabaseOwner) -> dict[str, Any]:
    """Make a backup."""
    database = await asyncio.to_thread(platform.databases.get, owner.user.name, name)
    return {"backup": backup_view(await platform.databases.save(database))}


@router.get("/databases/{user}/{name}/backups")
def list_backups(name: str, platform: ThePlatform, owner: DatabaseOwner) -> dict[str, Any]:
    """The backups that are kept, newest first."""
    database = platform.databases.get(owner.user.name, name)
    return {"backups": [backup_view(backup) for backup in platform.databases.backups.listed(database)]}


@router.get("/databases/{user}/{name}/backups/{ref}")
def download_backup(name: str, ref: str, platform: ThePlatform, owner: TrustedOwner) -> FileResponse:
    """A backup's file."""
    database = platform.databases.get(owner.user.name, name)
    backup = platform.databases.backups.get(database, ref)
    path = platform.databases.backups.path(database, backup)
    return FileResponse(path, media_type=BINARY, filename=f"{name}-{backup.file}")


@router.delete("/databases/{user}/{name}/backups/{ref}")
def destroy_backup(name: str, ref: str, platform: ThePlatform, owner: DatabaseOwner) -> dict[str, Any]:
    """Remove a backup."""
    database = platform.databases.get(owner.user.name, name)
    platform.databases.backups.remove(database, platform.databases.backups.get(database, ref))
    return {"ok": True, "id": ref}


@router.post("/databases/{user}/{name}/restore")
async def restore_database(
    name: str, request: Request, platform: ThePlatform, owner: TrustedOwner
) -> dict[str, Any]:
    """Replace the content by that of a backup: `{"backup": id}`, or the file itself."""
    database = await asyncio.to_thread(platform.databases.get, owner.user.name, name)
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() == BINARY:
        async with _received(request, platform) as path:
            await platform.databases.restore(database, path)
    else:
        body = await read_json(request)
        ref = body.get("backup") if isinstance(body, dict) else None
        if not isinstance(ref, str):
            message = f'Send {{"backup": id}} as JSON, or a backup\'s file as {BINARY}.'
            raise PlatformError(Code.BAD_REQUEST, message)
        kept = platform.databases.backups
        backup = await asyncio.to_thread(kept.get, database, ref)
        await platform.databases.restore(database, kept.path(database, backup))
    database = await asyncio.to_thread(platform.databases.get, owner.user.name, name)
    described = await asyncio.to_thread(platform.databases.describe, database)
    return {"database": database_view(described, secrets=owner.is_full)}


@contextlib.asynccontextmanager
async def _received(request: Request, platform: ThePlatform) -> AsyncIterator[Path]:
    """The body in a file of the work folder, gone afterwards."""
    path: Path = platform.settings.home / "work" / f"restore-{secrets.token_hex(8)}"
    most = int(platform.settings.databases.restore)
    received = 0
    try:
        path.touch(mode=0o600)
        with path.open("wb") as file:
            async for chunk in request.stream():
                received += len(chunk)
                if received > most:
                    raise PlatformError(Code.TOO_LARGE, f"A backup has at most {most} bytes here.")
                await asyncio.to_thread(file.write, chunk)
        yield path
    except ClientDisconnect as error:
        raise PlatformError(Code.INCOMPLETE, "The body ended early; nothing was changed.") from error
    except OSError as error:
        message = f"The backup cannot be received: {error.strerror or error}. Nothing was changed."
        raise PlatformError(Code.DISK_FULL, message, blame=Blame.SYSTEM) from error
    finally:
        path.unlink(missing_ok=True)

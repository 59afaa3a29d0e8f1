"""Snapshots: seed section "Snapshots", the uploads of the old clients, and the streamed build of ours."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

from fastapi import APIRouter, Request
from fastapi.responses import FileResponse, JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.requests import ClientDisconnect

from jitsu_py import wire
from jitsu_py.server import limits
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.routes.requests import Owner, ThePlatform
from jitsu_py.server.routes.views import app_view, snapshot_view
from jitsu_py.server.snapshots import Build, Upload, too_large
from jitsu_py.server.store import snapshots as rows
from jitsu_py.server.store.apps import App
from jitsu_py.wire import Code, Event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from jitsu_py.server.platform import Platform
    from jitsu_py.server.store.snapshots import Snapshot

router = APIRouter(tags=["snapshots"])

ID = re.compile(wire.SNAPSHOT_ID)


@router.get("/apps/{user}/{app}/snapshots")
def list_snapshots(user: str, app: str, platform: ThePlatform, _owner: Owner) -> dict[str, Any]:
    """The app's snapshots, oldest first."""
    described = platform.described(user, app)
    shown = [snapshot_view(snapshot, described) for snapshot in described.snapshots]
    return {"snapshots": shown}


@router.post("/apps/{user}/{app}/snapshots/{ref}")
async def upload_snapshot(
    user: str, app: str, ref: str, request: Request, platform: ThePlatform, owner: Owner
) -> Response:
    """Take an archive and build it.

    Answers with the build's events as they happen to a client that accepts them, else with its log.
    `?cache=no`: dependencies are installed anew.
    """
    is_ours = wire.NDJSON in request.headers.get("accept", "")
    found = await asyncio.to_thread(platform.app, user, app)
    if not is_ours:
        await _make_way(platform, found, ref)
    await asyncio.to_thread(_check_new, platform, found, ref)
    upload = await _receive(request, platform, owner)
    contents = await platform.snapshots.inspect(upload, found)
    fresh = request.query_params.get("cache") == "no"
    build = await platform.snapshots.begin(found, ref, upload, contents, fresh=fresh)
    if is_ours:
        return StreamingResponse(_events(platform, found, ref, build), media_type=wire.NDJSON)
    return await _at_the_end(platform, found, ref, build)


@router.get("/apps/{user}/{app}/snapshots/{ref}.tgz")
def download_snapshot(user: str, app: str, ref: str, platform: ThePlatform, _owner: Owner) -> FileResponse:
    """The archive as uploaded, byte for byte."""
    found = platform.app(user, app)
    snapshot = platform.snapshot(found, ref)
    name = f"{found.user}-{found.name}-{ref}.tgz"
    return FileResponse(
        platform.snapshots.archive(snapshot), media_type="application/octet-stream", filename=name
    )


@router.get("/apps/{user}/{app}/snapshots/{ref}")
async def get_snapshot(user: str, app: str, ref: str, platform: ThePlatform, _owner: Owner) -> dict[str, Any]:
    """One snapshot with the files in its archive."""
    found = await asyncio.to_thread(platform.app, user, app)
    view, snapshot = await asyncio.to_thread(_view, platform, found, ref)
    contents = await platform.snapshots.contents(snapshot)
    view["files"] = [{"path": file.path, "size": file.size, "mode": file.mode} for file in contents.files]
    view["log"] = f"/apps/{found.user}/{found.name}/snapshots/{ref}/log"
    return {"snapshot": view}


@router.get("/apps/{user}/{app}/snapshots/{ref}/log")
def get_build_log(user: str, app: str, ref: str, platform: ThePlatform, _owner: Owner) -> Response:
    """What the build printed."""
    found = platform.app(user, app)
    return _log(platform, found, platform.snapshot(found, ref))


@router.post("/apps/{user}/{app}/snapshots/{ref}/activate")
def activate_snapshot(user: str, app: str, ref: str, platform: ThePlatform, owner: Owner) -> dict[str, Any]:
    """Make it the snapshot that the next start takes."""
    found = platform.app(user, app)
    platform.snapshots.activate(found, platform.snapshot(found, ref))
    return {"app": app_view(platform.described(user, app), secrets=owner.is_full)}


@router.delete("/apps/{user}/{app}/snapshots/{ref}")
async def destroy_snapshot(
    user: str, app: str, ref: str, platform: ThePlatform, _owner: Owner
) -> dict[str, Any]:
    """Remove a snapshot that is neither active nor running."""
    found = await asyncio.to_thread(platform.app, user, app)
    snapshot = await asyncio.to_thread(platform.snapshot, found, ref)
    described = await asyncio.to_thread(platform.described, user, app)
    if described.running == snapshot.id:
        raise PlatformError(Code.SNAPSHOT_ACTIVE, f"{ref} is running. Start another snapshot first.")
    await platform.snapshots.remove(found, snapshot)
    return {"ok": True, "id": ref}


@router.post("/apps/{user}/snapshots/{ref}")
async def deploy_snapshot(
    user: str, ref: str, request: Request, platform: ThePlatform, owner: Owner
) -> Response:
    """The seed's "Activate / Deploy a snapshot".

    With an archive: create or update the app that its package.json names, build, activate, start. With an
    empty body: `ref` names a snapshot of the user's, which is activated and started.
    """
    upload = await _receive(request, platform, owner)
    if upload.size == 0:
        upload.path.unlink(missing_ok=True)
        app, snapshot = await asyncio.to_thread(_by_any_name, platform, user.lower(), ref)
    else:
        app, snapshot = await _deployed(platform, owner, ref, upload)
    await asyncio.to_thread(platform.snapshots.activate, app, snapshot)
    await platform.start(app)
    shown = await asyncio.to_thread(platform.described, app.user, app.name)
    return JSONResponse({"app": app_view(shown, secrets=owner.is_full)}, status_code=200)


async def _deployed(platform: Platform, owner: Owner, ref: str, upload: Upload) -> tuple[App, Snapshot]:
    contents = await platform.snapshots.inspect(upload)
    try:
        app = await asyncio.to_thread(_claimed, platform, owner, contents.manifest)
        _check_new(platform, app, ref)
    except BaseException:
        upload.path.unlink(missing_ok=True)
        raise
    if app.manifest:
        await platform.update(app, contents.manifest)
    build = await platform.snapshots.begin(app, ref, upload, contents)
    verdict = await build.verdict()
    if verdict["event"] == Event.FAILED:
        raise PlatformError(
            Code(verdict["error"]),
            verdict["message"],
            blame=wire.Blame(verdict["blame"]),
            details=verdict.get("details"),
        )
    return app, await asyncio.to_thread(platform.snapshot, app, ref)


def _claimed(platform: Platform, owner: Owner, manifest: dict[str, Any]) -> App:
    name = str(manifest.get("name", "")).rpartition("/")[2]
    try:
        return platform.app(owner.user.name, name)
    except PlatformError:
        return platform.create(owner.user, manifest)


def _by_any_name(platform: Platform, user: str, ref: str) -> tuple[App, Snapshot]:
    """The snapshot that is called `<app>-<snapshot>`, or by an id that only one app of the user's has."""
    from jitsu_py.server.store import apps

    with platform.store.read() as connection:
        listed = apps.listed(connection, user)
        of_apps = rows.by_app(connection, [app.id for app in listed])
    pairs = [(app, snapshot) for app in listed for snapshot in of_apps[app.id]]
    exact = [pair for pair in pairs if f"{pair[0].name}-{pair[1].ref}" == ref]
    matches = exact or [pair for pair in pairs if pair[1].ref == ref]
    if not matches:
        raise PlatformError(Code.NOT_FOUND, f"There is no snapshot {ref}.")
    if len(matches) > 1:
        names = ", ".join(f"{app.name}-{snapshot.ref}" for app, snapshot in matches)
        raise PlatformError(Code.BAD_REQUEST, f"Several apps have a snapshot {ref}. Name one of {names}.")
    return matches[0]


def _check_new(platform: Platform, app: App, ref: str) -> None:
    """Refuse an id that is wrong or taken, before the archive is sent."""
    if not ID.fullmatch(ref) or ref in {".", ".."}:
        raise PlatformError(
            Code.BAD_REQUEST, f"{ref!r} is no snapshot id: letters, digits and . + _ -, at most 128."
        )
    with platform.store.read() as connection:
        if rows.find(connection, app.id, ref) is not None:
            raise PlatformError(
                Code.SNAPSHOT_EXISTS, f"{app.key} has a snapshot {ref} already.", details={"snapshot": ref}
            )


async def _make_way(platform: Platform, app: App, ref: str) -> None:
    """Remove a failed snapshot of that id.

    An old client names the next try as the one that failed, since the app's version did not change.
    """

    def failed() -> Snapshot | None:
        with platform.store.read() as connection:
            found = rows.find(connection, app.id, ref)
        return found if found is not None and found.state == "failed" else None

    if (snapshot := await asyncio.to_thread(failed)) is not None:
        await platform.snapshots.remove(app, snapshot)


async def _receive(request: Request, platform: Platform, owner: Owner) -> Upload:
    length = request.headers.get("content-length", "")
    if length.isdigit() and int(length) > platform.settings.builds.archive:
        raise too_large(platform.settings.builds.archive)
    try:
        upload = await platform.snapshots.receive(request.stream(), sha256=request.headers.get(wire.SHA256))
    except ClientDisconnect as error:
        raise PlatformError(Code.INCOMPLETE, "The archive ended early.") from error
    try:
        with platform.store.read() as connection:
            limits.check_disk(connection, owner.user.id, upload.size)
    except BaseException:
        upload.path.unlink(missing_ok=True)
        raise
    return upload


async def _events(platform: Platform, app: App, ref: str, build: Build) -> AsyncIterator[bytes]:
    async for event in build.follow():
        shown = event
        if event["event"] == Event.DONE:
            view, _ = await asyncio.to_thread(_view, platform, app, ref)
            shown = {**event, "snapshot": view}
        yield json.dumps(shown, separators=(",", ":")).encode() + b"\n"


async def _at_the_end(platform: Platform, app: App, ref: str, build: Build) -> Response:
    verdict = await build.verdict()
    if verdict["event"] == Event.FAILED:
        body = {key: value for key, value in verdict.items() if key not in {"event", "time"}}
        return JSONResponse(body, status_code=400)
    snapshot = await asyncio.to_thread(platform.snapshot, app, ref)
    return await asyncio.to_thread(_log, platform, app, snapshot)


def _log(platform: Platform, app: App, snapshot: Snapshot) -> Response:
    """A build's output, read at once: the app may be removed before the answer is sent."""
    try:
        text = platform.snapshots.log(app, snapshot).read_bytes()
    except FileNotFoundError:
        text = b""
    return PlainTextResponse(text)


def _view(platform: Platform, app: App, ref: str) -> tuple[dict[str, Any], Snapshot]:
    described = platform.described(app.user, app.name)
    snapshot = platform.snapshot(app, ref)
    return snapshot_view(snapshot, described), snapshot

"""Certificates of an app's domains: people's own, and how those that the platform gets fare."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from fastapi import APIRouter

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.platform import Platform
from jitsu_py.server.routes.requests import Body, Owner, ThePlatform
from jitsu_py.server.routes.views import certificate_view
from jitsu_py.server.store.apps import App
from jitsu_py.wire import Code

router = APIRouter(tags=["apps"])

NO_HTTPS = "this server has no HTTPS yet: its server.toml names no port for it ([router] https)"


@router.get("/apps/{user}/{app}/certs")
def list_certificates(user: str, app: str, platform: ThePlatform, _owner: Owner) -> dict[str, Any]:
    """The certificate of each of the app's hosts, never its key."""
    found = platform.app(user, app)
    return {"certificates": _views(platform, found, platform.descriptions.hosts(found))}


@router.put("/apps/{user}/{app}/certs/{ref}")
async def add_certificate(
    user: str, app: str, ref: str, platform: ThePlatform, _owner: Owner, body: Body
) -> dict[str, Any]:
    """Keep a certificate of one's own for a host of the app, its key sealed; shown to visitors at once."""
    answer = await asyncio.to_thread(_added, platform, user, app, ref, body)
    await platform.certificates.show()
    return answer


@router.delete("/apps/{user}/{app}/certs/{ref}")
async def remove_certificate(
    user: str, app: str, ref: str, platform: ThePlatform, _owner: Owner
) -> dict[str, Any]:
    """Forget a certificate of one's own; visitors are not shown it any more."""
    found = await asyncio.to_thread(platform.app, user, app)
    await asyncio.to_thread(platform.certificates.remove, found, ref.lower())
    await platform.certificates.show()
    return {"ok": True, "id": ref.lower()}


@router.post("/apps/{user}/{app}/certs/{ref}/retry")
def retry_certificate(user: str, app: str, ref: str, platform: ThePlatform, _owner: Owner) -> dict[str, Any]:
    """Ask the authority again for a host that waits after a failure, now."""
    found, host = _placed(platform, user, app, ref)
    platform.certificates.try_again(host)
    return {"certificate": _views(platform, found, [host])[0]}


def _added(platform: Platform, user: str, app: str, ref: str, body: Body) -> dict[str, Any]:
    found, host = _placed(platform, user, app, ref)
    doubt = platform.certificates.add(found, host, _text(body, "certificate"), _text(body, "key"))
    warning = doubt if platform.certificates.is_on else NO_HTTPS
    return {"certificate": _views(platform, found, [host])[0], "warning": warning}


def _placed(platform: Platform, user: str, app: str, ref: str) -> tuple[App, str]:
    found, host = platform.app(user, app), ref.lower().rstrip(".")
    hosts = platform.descriptions.hosts(found)
    if host not in hosts:
        has = ", ".join(hosts)
        hint = f'add it to "domains" in package.json, then `jitsu apps update {app}`'
        raise PlatformError(
            Code.NOT_FOUND, f"{host} is no host of {app}, which has {has}.", details={"hint": hint}
        )
    return found, host


def _views(platform: Platform, app: App, hosts: Sequence[str]) -> list[dict[str, Any]]:
    return [certificate_view(held) for held in platform.certificates.held(hosts, app)]


def _text(body: dict[str, Any], field: str) -> str:
    value = body.get(field)
    if not isinstance(value, str) or not value.strip() or not value.isascii():
        raise PlatformError(Code.BAD_REQUEST, f"{field} is missing: PEM, as text.", details={"field": field})
    return value

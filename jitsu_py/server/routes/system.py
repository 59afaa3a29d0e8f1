"""The service itself: its name, its health, and where drones can run."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from jitsu_py import __version__
from jitsu_py.server.routes.requests import AnyCaller, ThePlatform
from jitsu_py.server.routes.views import DATACENTER, PROVIDER

router = APIRouter(tags=["system"])  # the first to be searched: `/auth` is asked for before everything


@router.get("/")
def root(platform: ThePlatform, request: Request) -> dict[str, Any]:
    """What answers here."""
    api = platform.address.seen(request.url.hostname)
    return {
        "service": "jitsu",
        "version": __version__,
        "router": platform.descriptions.url(platform.settings.router.domain),
        "links": {"health": f"{api}/health", "docs": f"{api}/docs", "openapi": f"{api}/openapi.json"},
    }


@router.get("/health")
async def health() -> dict[str, str]:
    """For probes: 200 while the server answers."""
    return {"status": "ok"}


@router.get("/endpoints")
def endpoints(platform: ThePlatform, request: Request) -> dict[str, Any]:
    """Every datacenter, with the address of the API that serves it."""
    return {"endpoints": {PROVIDER: {DATACENTER: platform.address.seen(request.url.hostname)}}}


@router.get("/auth", tags=["users"])
async def auth(caller: AnyCaller) -> JSONResponse:
    """Who the caller is, and by what proof."""
    return JSONResponse({"authorized": True, "user": caller.user.name, "via": caller.via})

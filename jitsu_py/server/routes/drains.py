"""Drains: where the lines of apps are shipped to.

They have a noun of their own: below `/logs/:user` an app named "drains" would be in their way.
"""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter

from jitsu_py.server.drains import Address, Drains, covered, parse, resolve, shown
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.platform import Platform
from jitsu_py.server.routes.requests import Body, Owner, TheDrains, ThePlatform
from jitsu_py.server.store import drains
from jitsu_py.server.store.drains import Drain
from jitsu_py.server.times import iso
from jitsu_py.wire import Code

router = APIRouter(tags=["logs"])

MOST = 20
"""Of one account."""


@router.get("/drains/{user}")
def list_drains(platform: ThePlatform, shipping: TheDrains, owner: Owner) -> dict[str, Any]:
    """The account's drains with how they fare, oldest first; never what an address carries of secrets."""
    with platform.store.read() as connection:
        listed = drains.listed(connection, owner.user.id)
    return {"drains": [_view(platform, shipping, drain) for drain in listed]}


@router.post("/drains/{user}", status_code=201)
async def add_drain(platform: ThePlatform, shipping: TheDrains, owner: Owner, body: Body) -> dict[str, Any]:
    """Ship what an app prints from now on to an address, or what all apps print."""
    if shipping.are_off:
        raise PlatformError(Code.FORBIDDEN, 'This server ships no logs: [logs] drains is "off".')
    address, redact = parse(body.get("url")), body.get("redact", False)
    if not isinstance(redact, bool):
        raise PlatformError(Code.BAD_REQUEST, "redact is true or false.", details={"field": "redact"})
    await _reachable(address, anywhere=shipping.may_go_anywhere(owner.user.name))
    drain = await asyncio.to_thread(_keep, platform, owner, address, body.get("app"), redact)
    shipping.changed()
    view = await asyncio.to_thread(_view, platform, shipping, drain)
    return {"drain": view, "warning": address.warning}


@router.delete("/drains/{user}/{ref}")
def remove_drain(ref: str, platform: ThePlatform, owner: Owner) -> dict[str, Any]:
    """Ship nothing more to an address; the server notices within a second."""
    with platform.store.write() as connection:
        if not drains.remove(connection, owner.user.id, ref):
            raise PlatformError(Code.NOT_FOUND, f"There is no drain {ref}.")
    return {"ok": True, "id": ref}


async def _reachable(address: Address, *, anywhere: bool) -> None:
    try:
        async with asyncio.timeout(10):
            await resolve(address.host, address.port, anywhere=anywhere)
    except OSError as error:
        why = error.strerror or str(error) or "no answer in time"
        words = f"The host {address.host} of url cannot be resolved: {why}."
        raise PlatformError(Code.BAD_REQUEST, words, details={"field": "url"}) from error


def _keep(platform: Platform, owner: Owner, address: Address, app: object, redact: bool) -> Drain:
    """Store a drain that begins with the lines to come."""
    if app is not None and not isinstance(app, str):
        raise PlatformError(Code.BAD_REQUEST, "app is an app's name.", details={"field": "app"})
    app_id = platform.app(owner.user.name, app).id if app is not None else None
    sealed = platform.store.sealer.seal({"url": address.url})
    with platform.store.write() as connection:
        if len(drains.listed(connection, owner.user.id)) >= MOST:
            raise PlatformError(Code.LIMIT_REACHED, f"There are {MOST} drains already. Remove some first.")
        drain = drains.add(connection, owner.user.id, app_id=app_id, url=sealed, redact=redact)
        known = covered(connection, drain)
        drains.reached(connection, drain.id, {one.id: platform.logbook.end(one.key) for one in known})
    return drain


def _view(platform: Platform, shipping: Drains, drain: Drain) -> dict[str, Any]:
    state = shipping.state(drain)
    with platform.store.read() as connection:
        known = covered(connection, drain)
        places = (state.places if state else {}) or drains.places(connection, drain.id)
    waiting = sum(max(platform.logbook.end(app.key) - places.get(app.id, 0), 0) for app in known)
    if state is None:
        word = "off" if shipping.are_off else "starting"
    else:
        word = "failing" if state.error else "shipping" if waiting else "waiting"
    return {
        "id": drain.ref,
        "url": shown(parse(platform.store.sealer.open(drain.url)["url"])),
        "app": drain.app,
        "redact": drain.redact,
        "state": word,
        "error": state.error if state else "",
        "shipped": state.shipped if state else 0,
        "skipped": state.skipped if state else 0,
        "waiting": waiting,
        "ctime": iso(drain.ctime),
    }

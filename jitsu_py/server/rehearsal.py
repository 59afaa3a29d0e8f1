"""A request that nobody made: what the API's framework puts off until the first one is done before that."""

from __future__ import annotations

import base64
import logging
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from starlette.types import ASGIApp

NOBODYS: Final = "-"
"""A name that no app has."""

log = logging.getLogger(__name__)


async def rehearse(app: ASGIApp, user: str, token: str) -> None:
    """Ask for an app that is not there; a fault of this is only logged.

    Args:
        app: the API.
        user: who asks.
        token: in whose name.
    """
    path = f"/apps/{quote(user)}/{NOBODYS}"
    credentials = base64.b64encode(f"{user}:{token}".encode())
    scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": "GET",
        "scheme": "http",
        "path": f"/apps/{user}/{NOBODYS}",
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [(b"host", b"localhost"), (b"authorization", b"Basic " + credentials)],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
        "state": {},
    }
    try:
        await app(scope, _receive, _send)
    except Exception:
        log.exception("the rehearsal failed")


async def _receive() -> dict[str, Any]:
    return {"type": "http.request", "body": b"", "more_body": False}


async def _send(_message: MutableMapping[str, Any]) -> None:
    return

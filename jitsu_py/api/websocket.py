"""A web socket to the server, opened as the transport opens its connections: same trust, same proxy."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import TYPE_CHECKING

from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidProxy, InvalidStatus, ProxyError

from jitsu_py.api.failures import failure
from jitsu_py.api.mishaps import by_proxy, lost, stranger, timed_out, unreachable
from jitsu_py.api.trust import untrusted
from jitsu_py.errors import UnreachableError, UsageError
from jitsu_py.wire import POWERED_BY, REQUEST_ID, TUNNEL_MESSAGE

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

    from jitsu_py.api.way import Way
    from jitsu_py.errors import JitsuError

PING_SECONDS = 20.0
"""How often a ping keeps what lies between from forgetting an idle connection. None has to be answered in
time: whoever reads slowly answers late."""


class _Straight(connect):
    """Follows no redirect: credentials are for the server that was named."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


async def opened(way: Way, path: str) -> ClientConnection:
    """A web socket at `path`, quoted, from the root of the API.

    Raises:
        JitsuError: of the class that fits; see `failures` and `mishaps`.
    """
    try:
        return await _Straight(
            way.host.replace("http", "ws", 1) + path,
            additional_headers=way.headers,
            user_agent_header=None,
            compression=None,
            max_size=TUNNEL_MESSAGE,
            open_timeout=way.timeout,
            close_timeout=5,
            ping_interval=PING_SECONDS,
            ping_timeout=None,
            proxy=way.proxy,
            ssl=_trusting(way.bundle) if way.host.startswith("https:") else None,
        )
    except ImportError as error:
        raise UsageError("a SOCKS proxy needs another package", hint="pip install python-socks") from error
    except (InvalidHandshake, InvalidProxy, EOFError, OSError) as error:
        raise _mishap(error, way) from error


def _mishap(error: Exception, way: Way) -> JitsuError:
    """Make ours of what the library raised."""
    match error:
        case InvalidStatus():
            return _refusal(way.host, error)
        case ProxyError() | InvalidProxy():
            return by_proxy(way.host, "it does not let a web socket through")
        case ssl.SSLError():
            return untrusted(way.host, [error])
        case TimeoutError():
            return timed_out(way.host, way.timeout)
        case OSError():
            return unreachable(way.host, (error.strerror or str(error) or "no connection").lower()[:200])
    return lost(way.host, "no web socket came about")


def _refusal(host: str, error: InvalidStatus) -> JitsuError:
    """What the server says in its error body, or that something before it knows no web sockets."""
    response = error.response
    status, location = response.status_code, response.headers.get("Location", "")
    if 300 <= status < 400:
        return stranger(host, status, location)
    try:
        body = json.loads(response.body or b"")
    except ValueError:
        body = None
    if status >= 400 and POWERED_BY in response.headers and isinstance(body, dict):
        return failure(body, status=status, request_id=response.headers.get(REQUEST_ID, "")[:200])
    return UnreachableError(
        f"{host} takes no web sockets (it answered {status})",
        hint="a proxy before it has to pass them on: the headers Upgrade and Connection",
        code="no_web_sockets",
    )


def _trusting(bundle: str | None) -> ssl.SSLContext:
    if bundle is None:
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return context
    is_folder = Path(bundle).is_dir()
    return ssl.create_default_context(
        cafile=None if is_folder else bundle, capath=bundle if is_folder else None
    )

"""The HTTP application: routers, middleware, error answers, lifespan. No logic."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
import time
import uuid
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from jitsu_py import __version__, wire
from jitsu_py.server.address import LOOPBACK
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.openapi import describe
from jitsu_py.server.routes import (
    apps,
    backups,
    certs,
    databases,
    drains,
    figures,
    logs,
    snapshots,
    system,
    thirdparty,
    tokens,
    tunnel,
    users,
)
from jitsu_py.server.routes.listing import AppLists
from jitsu_py.server.routes.replies import refusal
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from fastapi.responses import JSONResponse
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from jitsu_py.server.accounts import Accounts
    from jitsu_py.server.auth import Authenticator
    from jitsu_py.server.departures import Departures
    from jitsu_py.server.drains import Drains
    from jitsu_py.server.measures import Measures
    from jitsu_py.server.platform import Platform

log = logging.getLogger(__name__)

POWERED_BY = f"Nodejitsu (jitsu-py {__version__})"

STATUS_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 413: Code.TOO_LARGE}
"""Codes for what Starlette refuses by itself; the rest is a bad request."""


def create_app(
    platform: Platform,
    authenticator: Authenticator,
    accounts: Accounts,
    departures: Departures,
    shipping: Drains,
    measures: Measures,
    background: Callable[[], AbstractAsyncContextManager[None]],
) -> FastAPI:
    """The application that serves a platform.

    Args:
        background: what runs beside it, from before the first request until after the last.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with background():
            yield

    app = FastAPI(
        title="jitsu",
        version=__version__,
        description="The Nodejitsu JSON API.",
        lifespan=lifespan,
        redirect_slashes=False,
    )
    app.state.platform = platform
    app.state.authenticator = authenticator
    app.state.accounts = accounts
    app.state.lists = AppLists(platform)
    app.state.departures = departures
    app.state.drains = shipping
    app.state.measures = measures
    # Snapshots before apps: `/apps/{user}/snapshots/{id}` must not be read as an app's action.
    for module in (
        system,
        snapshots,
        apps,
        figures,
        users,
        tokens,
        thirdparty,
        databases,
        backups,
        certs,
        tunnel,
        logs,
        drains,
    ):
        app.include_router(module.router)
    describe(app)
    app.add_exception_handler(PlatformError, _platform_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_middleware(
        Envelope, is_local=platform.settings.api.address in LOOPBACK, host=platform.settings.api.host
    )
    return app


async def _platform_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PlatformError)
    return refusal(error)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = STATUS_CODES.get(error.status_code, Code.BAD_REQUEST)
    what = f"{request.method} {request.url.path}"
    message = f"There is no {what}." if code in STATUS_CODES.values() else f"{what}: {error.detail}."
    answer = refusal(PlatformError(code, message), status=error.status_code)
    if error.status_code == 405:
        answer.headers["allow"] = ", ".join(_methods(request))
    return answer


def _methods(request: Request) -> list[str]:
    """The methods that the path of a request has."""
    paths: dict[str, dict[str, Any]] = request.app.openapi()["paths"]
    matching = [
        operations
        for path, operations in paths.items()
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)), request.url.path)
    ]
    return sorted({method.upper() for operations in matching for method in operations})


async def _validation_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    first: dict[str, Any] = dict(error.errors()[0])
    where = ".".join(str(part) for part in first.get("loc", ()))
    return refusal(PlatformError(Code.BAD_REQUEST, f"{where}: {first.get('msg', 'is wrong')}."))


class Envelope:
    """Gives every response its name and its request's id, logs it, and turns a fault into a 500.

    On a loopback address it also refuses hosts and origins of elsewhere, so that no web page can reach the
    API by a name that it made point here.

    Args:
        is_local: the API listens on a loopback address.
        host: its own name behind the router, which is no host of elsewhere; empty: it has none.
    """

    def __init__(self, app: ASGIApp, *, is_local: bool, host: str = "") -> None:
        self._app = app
        self._host = host
        self._is_local = is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI request on."""
        if scope["type"] not in {"http", "websocket"}:
            await self._app(scope, receive, send)
            return
        # The seed writes `/logs/:user-id/`; a redirect would lose the body of a POST in most clients.
        scope["path"] = scope["path"].rstrip("/") or "/"
        request_id, began = uuid.uuid4().hex[:16], time.perf_counter()
        method = scope.get("method", "WEBSOCKET")
        reply = _Enveloped(scope, receive, send, request_id)
        try:
            if (refused := self._refused(scope)) is not None:
                await refusal(refused)(scope, receive, reply)
            else:
                await self._app(scope, receive, reply)
        except asyncio.CancelledError:
            # Uvicorn's grace at the end of the server is over.
            if not reply.status:
                words = "The server stopped before this request was done."
                stopped = PlatformError(Code.UNAVAILABLE, words, blame=Blame.SYSTEM)
                await refusal(stopped)(scope, receive, reply)
        except Exception:
            log.exception("%s %s %s failed", request_id, method, scope["path"])
            if reply.status:
                raise
            fault = "The platform failed at this request; its log (jitsu server logs) says more."
            await refusal(PlatformError(Code.INTERNAL, fault, blame=Blame.SYSTEM))(scope, receive, reply)
        finally:
            spent = (time.perf_counter() - began) * 1000
            log.info("%s %s %s %d %.1f ms", request_id, method, scope["path"], reply.status, spent)

    def _refused(self, scope: Scope) -> PlatformError | None:
        headers = Headers(scope=scope)
        refused = _foreign(headers, self._host) if self._is_local else None
        # Of other sites' requests a browser shows them no answer, but lets them talk by web socket.
        return refused or (_cross_site(headers) if scope["type"] == "websocket" else None)


class _Enveloped:
    """Sends what the application answers, with the name and id, and knows its status."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self.status = 0
        """0: nothing was answered yet."""

    async def __call__(self, message: Message) -> None:
        """Send an ASGI message."""
        kind = message["type"]
        if kind in {"http.response.start", "websocket.http.response.start", "websocket.accept"}:
            self.status = message.get("status", 101)
            message.setdefault("headers", [])
            headers = MutableHeaders(scope=message)
            headers[wire.POWERED_BY] = POWERED_BY
            headers[wire.REQUEST_ID] = self._request_id
        if kind == "websocket.close" and not self.status:
            # Starlette's way to say that there is no such web socket.
            words = f"There is no web socket at {self._scope['path']}."
            await refusal(PlatformError(Code.NOT_FOUND, words))(self._scope, self._receive, self)
            return
        await self._send(message)


def _foreign(headers: Headers, own: str) -> PlatformError | None:
    host = _hostname(headers.get("host", ""))
    if host not in {"127.0.0.1", "localhost", "[::1]", "", own} and not host.endswith(".localhost"):
        return PlatformError(Code.FORBIDDEN, f"This server answers on this machine only, not as {host}.")
    return _cross_site(headers)


def _cross_site(headers: Headers) -> PlatformError | None:
    origin, host = headers.get("origin"), _hostname(headers.get("host", ""))
    if origin is not None and _hostname(origin.partition("://")[2]) != host:
        return PlatformError(Code.FORBIDDEN, "This server takes no requests from other sites.")
    return None


def _hostname(host: str) -> str:
    return (
        host[: host.index("]") + 1]
        if host.startswith("[") and "]" in host
        else host.partition(":")[0].lower()
    )

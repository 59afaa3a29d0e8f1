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
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException

from jitsu_py import __version__, wire
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.openapi import describe
from jitsu_py.server.routes import apps, logs, snapshots, system, thirdparty, tokens, users
from jitsu_py.server.routes.listing import AppLists
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from jitsu_py.server.accounts import Accounts
    from jitsu_py.server.auth import Authenticator
    from jitsu_py.server.departures import Departures
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
    # Snapshots before apps: `/apps/{user}/snapshots/{id}` must not be read as an app's action.
    for module in (system, snapshots, apps, users, tokens, thirdparty, logs):
        app.include_router(module.router)
    describe(app)
    app.add_exception_handler(PlatformError, _platform_error)
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_middleware(Envelope, is_local=platform.settings.api.address in {"127.0.0.1", "::1", "localhost"})
    return app


async def _platform_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, PlatformError)
    return _answer(error)


async def _http_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    code = STATUS_CODES.get(error.status_code, Code.BAD_REQUEST)
    what = f"{request.method} {request.url.path}"
    message = f"There is no {what}." if code in STATUS_CODES.values() else f"{what}: {error.detail}."
    answer = _answer(PlatformError(code, message), status=error.status_code)
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
    return _answer(PlatformError(Code.BAD_REQUEST, f"{where}: {first.get('msg', 'is wrong')}."))


def _answer(error: PlatformError, status: int | None = None) -> JSONResponse:
    headers = {"www-authenticate": 'Basic realm="jitsu"'} if error.code is Code.UNAUTHORIZED else None
    return JSONResponse(error.body(), status_code=status or error.status, headers=headers)


class Envelope:
    """Gives every response its name and its request's id, logs it, and turns a fault into a 500.

    On a loopback address it also refuses hosts and origins of elsewhere, so that no web page can reach the
    API by a name that it made point here.
    """

    def __init__(self, app: ASGIApp, *, is_local: bool) -> None:
        self._app = app
        self._is_local = is_local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass an ASGI request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        # The seed writes `/logs/:user-id/`; a redirect would lose the body of a POST in most clients.
        scope["path"] = scope["path"].rstrip("/") or "/"
        request_id, began, status = uuid.uuid4().hex[:16], time.perf_counter(), 0

        async def enveloped(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers[wire.POWERED_BY] = POWERED_BY
                headers[wire.REQUEST_ID] = request_id
            await send(message)

        try:
            if self._is_local and (refusal := _foreign(Headers(scope=scope))) is not None:
                await _answer(refusal)(scope, receive, enveloped)
            else:
                await self._app(scope, receive, enveloped)
        except asyncio.CancelledError:
            # Uvicorn's grace at the end of the server is over.
            if not status:
                words = "The server stopped before this request was done."
                stopped = PlatformError(Code.UNAVAILABLE, words, blame=Blame.SYSTEM)
                await _answer(stopped)(scope, receive, enveloped)
        except Exception:
            log.exception("%s %s %s failed", request_id, scope["method"], scope["path"])
            if status:
                raise
            fault = "The platform failed at this request; its log (jitsu server logs) says more."
            await _answer(PlatformError(Code.INTERNAL, fault, blame=Blame.SYSTEM))(scope, receive, enveloped)
        finally:
            spent = (time.perf_counter() - began) * 1000
            log.info("%s %s %s %d %.1f ms", request_id, scope["method"], scope["path"], status, spent)


def _foreign(headers: Headers) -> PlatformError | None:
    host = _hostname(headers.get("host", ""))
    origin = headers.get("origin")
    if host not in {"127.0.0.1", "localhost", "[::1]", ""} and not host.endswith(".localhost"):
        return PlatformError(Code.FORBIDDEN, f"This server answers on this machine only, not as {host}.")
    if origin is not None and _hostname(origin.partition("://")[2]) != host:
        return PlatformError(Code.FORBIDDEN, "This server takes no requests from other sites.")
    return None


def _hostname(host: str) -> str:
    return (
        host[: host.index("]") + 1]
        if host.startswith("[") and "]" in host
        else host.partition(":")[0].lower()
    )

"""What routes take from a request: the platform, the caller, the JSON body."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Annotated, Any

from fastapi import Depends, Request
from starlette.requests import ClientDisconnect

from jitsu_py import wire
from jitsu_py.server import sentjson
from jitsu_py.server.accounts import Accounts
from jitsu_py.server.auth import Authenticator, Caller, may, may_manage_account
from jitsu_py.server.departures import Departures
from jitsu_py.server.drains import Drains
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.notes import actor
from jitsu_py.server.platform import Platform
from jitsu_py.server.routes.listing import AppLists
from jitsu_py.wire import Code

BODY_TIME = 30.0
"""Seconds in which a JSON body must have arrived."""


def _platform(request: Request) -> Platform:
    platform: Platform = request.app.state.platform
    return platform


async def _caller(request: Request) -> Caller:
    authenticator: Authenticator = request.app.state.authenticator
    return await authenticator.check(
        request.headers.get("authorization"),
        peer=request.client.host if request.client else "",
        forwarded="x-forwarded-for" in request.headers,
    )


def _accounts(request: Request) -> Accounts:
    accounts: Accounts = request.app.state.accounts
    return accounts


def _lists(request: Request) -> AppLists:
    lists: AppLists = request.app.state.lists
    return lists


def _departures(request: Request) -> Departures:
    departures: Departures = request.app.state.departures
    return departures


def _drains(request: Request) -> Drains:
    drains: Drains = request.app.state.drains
    return drains


def _gate(request: Request) -> Callable[[str], AbstractAsyncContextManager[None]]:
    authenticator: Authenticator = request.app.state.authenticator
    peer = request.client.host if request.client else ""

    @contextlib.asynccontextmanager
    async def gate(user: str) -> AsyncIterator[None]:
        try:
            yield
        except PlatformError:
            await authenticator.guesses.failed(user.lower(), peer)
            raise

    return gate


async def _owner(request: Request, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    path = request.path_params
    # The seed reads logs by POST.
    method = "GET" if request.url.path.startswith("/logs/") else request.method
    may(caller, method, path["user"], path.get("app"))
    actor.set(f"{caller.user.name} (token {caller.token.name})" if caller.token else caller.user.name)
    return caller


async def _lister(request: Request, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    may(caller, request.method, request.path_params["user"], caller.token.app if caller.token else None)
    return caller


async def _keeper(request: Request, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    # A token for one app has no say in what other apps may share.
    may(caller, request.method, request.path_params["user"], None)
    return caller


async def _trusted(caller: Annotated[Caller, Depends(_keeper)]) -> Caller:
    if not caller.is_full:
        raise PlatformError(
            Code.FORBIDDEN,
            "This shows what is in a database, or its password: a token needs the scope full for it.",
        )
    return caller


async def _account(request: Request, caller: Annotated[Caller, Depends(_caller)]) -> Caller:
    may_manage_account(caller, request.path_params["user"])
    return caller


async def _body(request: Request) -> dict[str, Any]:
    value = await read_json(request)
    if not isinstance(value, dict):
        raise PlatformError(Code.BAD_REQUEST, "The body must be a JSON object.")
    return value


async def read_json(request: Request) -> Any:
    """The JSON value sent, whatever its content type; {} when nothing was sent.

    Raises:
        PlatformError: TOO_LARGE, at once; BAD_REQUEST; INCOMPLETE; STALLED when it does not arrive in time.
    """
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length[:20]) > wire.JSON_LIMIT:
        raise _too_large()
    try:
        async with asyncio.timeout(BODY_TIME):
            raw = await _received(request)
    except TimeoutError as error:
        raise PlatformError(Code.STALLED, f"The body did not arrive within {BODY_TIME:g} s.") from error
    except ClientDisconnect as error:
        raise PlatformError(Code.INCOMPLETE, "The body ended early.") from error
    try:
        return sentjson.loads(raw or b"{}")
    except ValueError as error:
        raise PlatformError(Code.BAD_REQUEST, f"The body is no JSON that can be used: {error}.") from error


async def _received(request: Request) -> bytes:
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > wire.JSON_LIMIT:
            raise _too_large()
    return bytes(raw)


def _too_large() -> PlatformError:
    return PlatformError(Code.TOO_LARGE, f"A JSON body has at most {wire.JSON_LIMIT // 1024} KiB.")


ThePlatform = Annotated[Platform, Depends(_platform)]
"""The platform that this server runs."""

AnyCaller = Annotated[Caller, Depends(_caller)]
"""Somebody who has proved who they are."""

Owner = Annotated[Caller, Depends(_owner)]
"""The caller, who may do this to what belongs to the user (and app) of the path."""

Lister = Annotated[Caller, Depends(_lister)]
"""The caller, who may see what of the user of the path its token is good for: all apps, or one."""

DatabaseOwner = Annotated[Caller, Depends(_keeper)]
"""The caller, who may do this to databases of the user of the path; by a token of the right scope, too."""

TrustedOwner = Annotated[Caller, Depends(_trusted)]
"""The same, who may also see passwords and content."""

Account = Annotated[Caller, Depends(_account)]
"""The caller, who may manage the account of the path: not by a token."""

TheAccounts = Annotated[Accounts, Depends(_accounts)]
"""What people do with their accounts."""

TheLists = Annotated[AppLists, Depends(_lists)]
"""The lists of apps, ready to send."""

TheDepartures = Annotated[Departures, Depends(_departures)]
"""Removes accounts."""

TheDrains = Annotated[Drains, Depends(_drains)]
"""Ships lines of logs."""

Gate = Annotated[Callable[[str], AbstractAsyncContextManager[None]], Depends(_gate)]
"""Around a guess at a code for a user: a wrong one is slowed down."""

Body = Annotated[dict[str, Any], Depends(_body)]
"""The JSON object sent, whatever its content type; {} when nothing was sent."""

"""API tokens: seed section "Users", from "Get User API Tokens" on. A token may use none of this."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from typing import Any, cast

from fastapi import APIRouter

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.routes.requests import Account, Body, ThePlatform
from jitsu_py.server.routes.views import token_view
from jitsu_py.server.store import tokens
from jitsu_py.wire import Code

router = APIRouter(tags=["tokens"])

SCOPES = ("full", "deploy", "read")
MOST = 1000
"""Tokens of one account."""

ANSWERED = frozenset({"operation", "ok", "apiTokens", "tokens", "id"})
"""Keys of the answers beside which a token's name stands: none can be called so."""


@router.get("/users/{user}/tokens")
def list_tokens(platform: ThePlatform, account: Account) -> dict[str, Any]:
    """The account's tokens; never their secrets."""
    with platform.store.read() as connection:
        listed = tokens.listed(connection, account.user.id)
    return {
        "apiTokens": {token.name: f"{token.prefix}…" for token in listed},
        "tokens": [token_view(token) for token in listed],
    }


@router.put("/users/{user}/tokens", status_code=201)
@router.post("/users/{user}/tokens", status_code=201)
def create_token(platform: ThePlatform, account: Account, body: Body) -> dict[str, Any]:
    """Make a token with a generated name."""
    return _issue(platform, account, f"token-{secrets.token_hex(4)}", body)


@router.put("/users/{user}/tokens/{name}", status_code=201)
def create_named_token(name: str, platform: ThePlatform, account: Account, body: Body) -> dict[str, Any]:
    """Make a token of that name; one that has the name already is void."""
    return _issue(platform, account, name, body)


@router.delete("/users/{user}/tokens/{name}")
def destroy_token(name: str, platform: ThePlatform, account: Account) -> dict[str, Any]:
    """Void a token, at once."""
    with platform.store.write() as connection:
        if not tokens.revoke(connection, account.user.id, name):
            raise PlatformError(Code.NOT_FOUND, f"There is no token {name}.")
    return {"ok": True, "id": name}


def _issue(platform: ThePlatform, account: Account, name: str, body: dict[str, Any]) -> dict[str, Any]:
    if not name or len(name) > 128 or not name.isprintable() or name in ANSWERED:
        raise PlatformError(
            Code.BAD_REQUEST, f"{name[:140]!r} is no name of a token: 1 to 128 printable characters."
        )
    scope, app = body.get("scope") or "full", body.get("app")
    if scope not in SCOPES:
        raise PlatformError(Code.BAD_REQUEST, f"scope is one of {', '.join(SCOPES)}, not {scope!r}.")
    if app is not None and not isinstance(app, str):
        raise PlatformError(Code.BAD_REQUEST, f"app is the name of an app, not {app!r}.")
    expires = _expires(body.get("expires"))
    with platform.store.write() as connection:
        if len(tokens.listed(connection, account.user.id)) >= MOST:
            raise PlatformError(Code.LIMIT_REACHED, f"There are {MOST} tokens already. Destroy some first.")
        issued = tokens.issue(
            connection,
            account.user.id,
            name,
            scope=cast(tokens.Scope, scope),
            app=app,
            expires=expires,
        )
    return {"operation": issued.operation, issued.name: issued.secret}


def _expires(value: object) -> float | None:
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(str(value))
        seconds = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError) as error:
        raise PlatformError(Code.BAD_REQUEST, f"expires is an ISO 8601 time, not {value!r}.") from error
    if seconds <= datetime.now(UTC).timestamp():
        raise PlatformError(Code.BAD_REQUEST, f"expires lies in the past: {value}.")
    return seconds

"""Tokens for other services, entrusted to the platform: seed section "Users", "Third Party Tokens"."""

from __future__ import annotations

import re
import secrets
from typing import Any

from fastapi import APIRouter

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.routes.requests import Account, Body, ThePlatform
from jitsu_py.server.routes.views import entrusted_view
from jitsu_py.server.store import thirdparty
from jitsu_py.wire import Code

router = APIRouter(tags=["thirdparty"])

LONGEST_URL = 2048
PLACE = re.compile(r"https?://[A-Za-z0-9.\[\]:_-]+(?:/[A-Za-z0-9._~@%/-]*)?")
"""Where a token is for: scheme, host and perhaps a path; no user, no query."""

LONGEST_TOKEN = 16 * 1024
MOST = 100
"""Of one account."""


@router.get("/users/{user}/thirdparty")
def list_thirdparty(platform: ThePlatform, account: Account) -> dict[str, Any]:
    """The account's third-party tokens; never their secrets."""
    with platform.store.read() as connection:
        listed = thirdparty.listed(connection, account.user.id, platform.store.sealer)
    return {"thirdPartyTokens": {entry.ref: entrusted_view(entry) for entry in listed}}


@router.post("/users/{user}/thirdparty", status_code=201)
def add_thirdparty(platform: ThePlatform, account: Account, body: Body) -> dict[str, Any]:
    """Keep a token for a provider, sealed."""
    facts, provider, ref = _checked(body)
    with platform.store.write() as connection:
        if thirdparty.count(connection, account.user.id) >= MOST:
            raise PlatformError(Code.LIMIT_REACHED, f"There are {MOST} already. Delete some first.")
        kept = thirdparty.add(connection, account.user.id, ref, provider, facts, platform.store.sealer)
    return {"ok": True, "thirdPartyToken": entrusted_view(kept)}


@router.delete("/users/{user}/thirdparty/{ref}")
def destroy_thirdparty(ref: str, platform: ThePlatform, account: Account) -> dict[str, Any]:
    """Forget a third-party token."""
    with platform.store.write() as connection:
        if not thirdparty.remove(connection, account.user.id, ref):
            raise PlatformError(Code.NOT_FOUND, f"There is no third-party token {ref}.")
    return {"ok": True, "id": ref}


def _checked(body: dict[str, Any]) -> tuple[dict[str, str], str, str]:
    for field in ("token", "provider"):
        if body.get(field) in (None, ""):
            raise _wrong(field, "is missing")
    token, provider = body["token"], body["provider"]
    if not isinstance(token, str) or len(token) > LONGEST_TOKEN or not token.isprintable():
        raise _wrong("token", f"is a string of at most {LONGEST_TOKEN} printable characters")
    if not isinstance(provider, str) or provider not in thirdparty.HOMES:
        raise _wrong("provider", f"is one of {', '.join(thirdparty.HOMES)}, not {provider!r}")
    url = _place(body, provider)
    ref = body.get("id") or f"{provider}-{secrets.token_hex(4)}"
    if not isinstance(ref, str) or len(ref) > 128 or not ref.isprintable() or "/" in ref:
        raise _wrong("id", "is a string of 1 to 128 printable characters without a slash")
    return {"token": token, "url": url}, provider, ref


def _place(body: dict[str, Any], provider: str) -> str:
    """Where the token is for."""
    url = body.get("url") or thirdparty.HOMES[provider]
    if not url:
        raise _wrong("url", f"is missing: a {provider} token is for one host, e.g. https://git.example.com")
    if not isinstance(url, str) or len(url) > LONGEST_URL or not PLACE.fullmatch(url):
        raise _wrong("url", "is an address like https://npm.example.com, without user and query")
    return url.rstrip("/")


def _wrong(field: str, why: str) -> PlatformError:
    return PlatformError(Code.BAD_REQUEST, f"{field} {why}.", details={"field": field})

"""Tokens for other services, entrusted to the platform: seed section "Users", "Third Party Tokens"."""

from __future__ import annotations

import secrets
from typing import Any

from fastapi import APIRouter

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.routes.requests import Account, Body, ThePlatform
from jitsu_py.server.routes.views import entrusted_view
from jitsu_py.server.store import thirdparty
from jitsu_py.wire import Code

router = APIRouter(tags=["thirdparty"])

PROVIDERS = ("github",)
LONGEST_TOKEN = 16 * 1024
MOST = 100
"""Of one account."""


@router.get("/users/{user}/thirdparty")
def list_thirdparty(platform: ThePlatform, account: Account) -> dict[str, Any]:
    """The account's third-party tokens; never their secrets."""
    with platform.store.read() as connection:
        listed = thirdparty.listed(connection, account.user.id)
    return {"thirdPartyTokens": {entry.ref: entrusted_view(entry) for entry in listed}}


@router.post("/users/{user}/thirdparty", status_code=201)
def add_thirdparty(platform: ThePlatform, account: Account, body: Body) -> dict[str, Any]:
    """Keep a token for a provider, sealed."""
    token, provider, ref = _checked(body)
    with platform.store.write() as connection:
        if len(thirdparty.listed(connection, account.user.id)) >= MOST:
            raise PlatformError(Code.LIMIT_REACHED, f"There are {MOST} already. Delete some first.")
        sealed = platform.store.sealer.seal({"token": token})
        kept = thirdparty.add(connection, account.user.id, ref, provider, sealed)
    return {"ok": True, "thirdPartyToken": entrusted_view(kept)}


@router.delete("/users/{user}/thirdparty/{ref}")
def destroy_thirdparty(ref: str, platform: ThePlatform, account: Account) -> dict[str, Any]:
    """Forget a third-party token."""
    with platform.store.write() as connection:
        if not thirdparty.remove(connection, account.user.id, ref):
            raise PlatformError(Code.NOT_FOUND, f"There is no third-party token {ref}.")
    return {"ok": True, "id": ref}


def _checked(body: dict[str, Any]) -> tuple[str, str, str]:
    for field in ("token", "provider"):
        if body.get(field) in (None, ""):
            raise _wrong(field, "is missing")
    token, provider = body["token"], body["provider"]
    if not isinstance(token, str) or len(token) > LONGEST_TOKEN:
        raise _wrong("token", f"is a string of at most {LONGEST_TOKEN} characters")
    if provider not in PROVIDERS:
        raise _wrong("provider", f"is one of {', '.join(PROVIDERS)}, not {provider!r}")
    ref = body.get("id") or f"{provider}-{secrets.token_hex(4)}"
    if not isinstance(ref, str) or len(ref) > 128 or not ref.isprintable() or "/" in ref:
        raise _wrong("id", "is a string of 1 to 128 printable characters without a slash")
    return token, provider, ref


def _wrong(field: str, why: str) -> PlatformError:
    return PlatformError(Code.BAD_REQUEST, f"{field} {why}.", details={"field": field})

"""Accounts: seed section "Users", and the paths of the old clients."""

from __future__ import annotations

import asyncio
from typing import Any

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from jitsu_py.server.routes.requests import (
    Account,
    Body,
    Gate,
    TheAccounts,
    TheDepartures,
    ThePlatform,
)
from jitsu_py.server.routes.views import user_view
from jitsu_py.server.store import users

router = APIRouter(tags=["users"])


@router.post("/users/email/taken")
def email_taken(accounts: TheAccounts, body: Body) -> dict[str, bool]:
    """Whether an account has the address in the body."""
    return {"taken": accounts.email_taken(body)}


@router.get("/users/{user}/available")
def user_available(user: str, accounts: TheAccounts) -> dict[str, bool]:
    """Whether somebody could sign up with that name."""
    return {"available": accounts.available(user)}


@router.post("/users/{user}")
async def create_user(user: str, accounts: TheAccounts, gate: Gate, body: Body) -> JSONResponse:
    """Sign up; or confirm, when there is an `inviteCode` in the body."""
    if "inviteCode" in body:
        return await _confirm(user, accounts, gate, body)
    made = await asyncio.to_thread(accounts.sign_up, user, body)
    return JSONResponse({"ok": True, "user": user_view(made)}, status_code=201)


@router.post("/users/{user}/confirm")
async def confirm_user(user: str, accounts: TheAccounts, gate: Gate, body: Body) -> JSONResponse:
    """Confirm an account, or its new address, with the code from the mail."""
    return await _confirm(user, accounts, gate, body)


@router.post("/users/{user}/forgot")
async def forgot_password(user: str, accounts: TheAccounts, gate: Gate, body: Body) -> dict[str, Any]:
    """Have a code mailed; or set a new password with it, when there is a `shake` in the body."""
    if "shake" not in body and "new-password" not in body:
        accounts.forget(user)
        return {"ok": True, "message": "If there is such an account, a mail with a code is on its way."}
    async with gate(user):
        await asyncio.to_thread(accounts.reset, user, body)
    return {"ok": True, "message": "The new password is set."}


@router.get("/users/{user}")
def get_user(account: Account, platform: ThePlatform) -> dict[str, Any]:
    """The caller's profile."""
    return _shown(platform, account.user.name)


@router.put("/users/{user}")
def update_user(platform: ThePlatform, accounts: TheAccounts, account: Account, body: Body) -> dict[str, Any]:
    """Set a new password or e-mail; the latter counts from when it is confirmed."""
    accounts.update(account.user, body)
    return _shown(platform, account.user.name)


@router.delete("/users/{user}")
async def destroy_user(accounts: TheAccounts, departures: TheDepartures, account: Account) -> dict[str, Any]:
    """Remove the account with all its apps."""
    await asyncio.to_thread(accounts.doom, account.user)
    await departures.remove(account.user)
    return {"ok": True, "id": account.user.name}


async def _confirm(user: str, accounts: TheAccounts, gate: Gate, body: dict[str, Any]) -> JSONResponse:
    async with gate(user):
        confirmed = await asyncio.to_thread(accounts.confirm, user, body.get("inviteCode"))
    answer: dict[str, Any] = {"message": "Confirmed.", "hasPassword": confirmed.has_password}
    if confirmed.shake is not None:
        answer["shake"] = confirmed.shake
    return JSONResponse(answer)


def _shown(platform: ThePlatform, name: str) -> dict[str, Any]:
    with platform.store.read() as connection:
        return {"user": user_view(users.get(connection, name))}

"""Codes that go out by mail: stored as digests, good once, for a while, for one purpose."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from sqlalchemy import delete, insert

from jitsu_py.server.store.schema import codes
from jitsu_py.server.store.tokens import digest

if TYPE_CHECKING:
    from sqlalchemy import Connection

Purpose = Literal["confirm", "password", "email"]

LASTS: Final[dict[Purpose, float]] = {"confirm": 14 * 86400.0, "password": 3600.0, "email": 86400.0}
"""Seconds for which a code is good."""


@dataclass(frozen=True)
class Sent:
    """What a code that fits stands for."""

    purpose: Purpose
    email: str | None
    """For `email`: the address that it confirms."""


def issue(connection: Connection, user_id: int, purpose: Purpose, *, email: str | None = None) -> str:
    """Make a code; older ones for the same purpose are void.

    Returns:
        24 letters and digits: jitsu 0.15.0 takes nothing else.
    """
    revoke(connection, user_id, purpose)
    code, now = secrets.token_hex(12), time.time()
    connection.execute(
        insert(codes).values(
            user_id=user_id,
            purpose=purpose,
            digest=digest(code),
            email=email,
            ctime=now,
            expires=now + LASTS[purpose],
        )
    )
    return code


def redeem(connection: Connection, user_id: int, code: str, purposes: tuple[Purpose, ...]) -> Sent | None:
    """Use a code up; None when it is no good (any more)."""
    mine = (codes.c.user_id == user_id) & (codes.c.digest == digest(code)) & codes.c.purpose.in_(purposes)
    query = delete(codes).where(mine, codes.c.expires > time.time()).returning(codes.c.purpose, codes.c.email)
    row = connection.execute(query).one_or_none()
    return Sent(row.purpose, row.email) if row else None


def revoke(connection: Connection, user_id: int, purpose: Purpose) -> None:
    """Void the account's codes for a purpose."""
    connection.execute(delete(codes).where(codes.c.user_id == user_id, codes.c.purpose == purpose))

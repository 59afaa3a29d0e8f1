"""Tokens for other services that people entrust to the platform: sealed, never given back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store.schema import thirdparty, users
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from sqlalchemy import Connection


HOMES: Final = {"github": "https://github.com", "npm": "https://registry.npmjs.org", "git": ""}
"""The providers, each with where its tokens are for unless told; empty: it has to be told."""


@dataclass(frozen=True)
class Entrusted:
    """What is shown of such a token."""

    ref: str
    provider: str
    ctime: float


def listed(connection: Connection, user_id: int) -> list[Entrusted]:
    """The account's, oldest first."""
    query = select(thirdparty).where(thirdparty.c.user_id == user_id).order_by(thirdparty.c.id)
    return [Entrusted(row.ref, row.provider, row.ctime) for row in connection.execute(query)]


def add(connection: Connection, user_id: int, ref: str, provider: str, sealed: bytes) -> Entrusted:
    """Keep a sealed token.

    Raises:
        PlatformError: NAME_TAKEN.
    """
    kept = Entrusted(ref, provider, time.time())
    values = {"user_id": user_id, "ref": ref, "provider": provider, "token": sealed, "ctime": kept.ctime}
    try:
        connection.execute(insert(thirdparty).values(values))
    except IntegrityError as error:
        raise PlatformError(Code.NAME_TAKEN, f"There is a third-party token {ref} already.") from error
    return kept


def sealed(connection: Connection, user_id: int, provider: str) -> bytes | None:
    """The newest sealed token for a provider; for the platform's own use."""
    mine = (thirdparty.c.user_id == user_id) & (thirdparty.c.provider == provider)
    query = select(thirdparty.c.token).where(mine).order_by(thirdparty.c.id.desc()).limit(1)
    return connection.execute(query).scalar_one_or_none()


def entrusted(connection: Connection, user: str) -> list[tuple[str, bytes]]:
    """Provider and sealed token of all that an account entrusted, the newest last; for builds."""
    query = (
        select(thirdparty.c.provider, thirdparty.c.token)
        .join(users, users.c.id == thirdparty.c.user_id)
        .where(users.c.name == user)
        .order_by(thirdparty.c.id)
    )
    return [(row.provider, row.token) for row in connection.execute(query)]


def remove(connection: Connection, user_id: int, ref: str) -> bool:
    """Delete one; False when there is none of that id."""
    mine = (thirdparty.c.user_id == user_id) & (thirdparty.c.ref == ref)
    return connection.execute(delete(thirdparty).where(mine)).rowcount > 0

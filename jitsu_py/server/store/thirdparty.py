"""Tokens for other services that people entrust to the platform: sealed, never given back."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.exc import IntegrityError

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store.schema import thirdparty, users
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from jitsu_py.server.store.sealing import Sealer

HOMES: Final = {"github": "https://github.com", "npm": "https://registry.npmjs.org", "git": ""}
"""The providers, each with where its tokens are for unless told; empty: it has to be told."""


@dataclass(frozen=True)
class Entrusted:
    """What is shown of such a token."""

    ref: str
    provider: str
    ctime: float
    url: str
    """Where it is for; "" when what was sealed cannot be opened with this key."""


def listed(connection: Connection, user_id: int, sealer: Sealer) -> list[Entrusted]:
    """The account's, oldest first."""
    query = select(thirdparty).where(thirdparty.c.user_id == user_id).order_by(thirdparty.c.id)
    return [
        Entrusted(row.ref, row.provider, row.ctime, _url(sealer, row.provider, row.token))
        for row in connection.execute(query)
    ]


def count(connection: Connection, user_id: int) -> int:
    """How many the account has."""
    query = select(func.count()).select_from(thirdparty).where(thirdparty.c.user_id == user_id)
    return connection.execute(query).scalar_one()


def url_of(provider: str, facts: Mapping[str, str]) -> str:
    """Where a token is for.

    Args:
        provider: as in `HOMES`.
        facts: what was sealed; of before that, without a place of its own.
    """
    return facts.get("url") or HOMES.get(provider, "")


def _url(sealer: Sealer, provider: str, sealed: bytes) -> str:
    try:
        return url_of(provider, sealer.open(sealed))
    except PlatformError:
        # It can still be seen, and removed.
        return ""


def add(
    connection: Connection, user_id: int, ref: str, provider: str, facts: dict[str, str], sealer: Sealer
) -> Entrusted:
    """Keep a token, sealed.

    Args:
        connection: of a transaction that writes.
        user_id: row id of the account.
        ref: its id.
        provider: as in `HOMES`.
        facts: `token` and `url`.
        sealer: seals them.

    Raises:
        PlatformError: NAME_TAKEN.
    """
    kept = Entrusted(ref, provider, time.time(), url_of(provider, facts))
    values = {
        "user_id": user_id,
        "ref": ref,
        "provider": provider,
        "token": sealer.seal(facts),
        "ctime": kept.ctime,
    }
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

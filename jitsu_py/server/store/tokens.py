"""API tokens: stored as digests, shown once."""

from __future__ import annotations

import hashlib
import secrets
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sqlalchemy import delete, insert, select, update

from jitsu_py.server.store.schema import tokens

if TYPE_CHECKING:
    from sqlalchemy import Connection, Row

USED_EVERY = 60.0
"""Seconds: `last_used` is written no more often than this, so that a request is seldom a write."""

Scope = Literal["full", "deploy", "read"]


@dataclass(frozen=True)
class Token:
    """A token without its secret."""

    id: int
    user_id: int
    name: str
    prefix: str
    """The token's first characters, to recognise it by."""
    scope: Scope
    app: str | None
    """The one app it is good for; None: all."""
    ctime: float
    last_used: float | None
    expires: float | None

    def expired(self, now: float) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= now


@dataclass(frozen=True)
class Issued:
    """A token just made: the only time that it is shown."""

    name: str
    secret: str
    operation: Literal["insert", "update"]

    def __repr__(self) -> str:
        return f"Issued({self.name!r}, {self.operation!r})"


def issue(
    connection: Connection,
    user_id: int,
    name: str,
    *,
    scope: Scope = "full",
    app: str | None = None,
    expires: float | None = None,
) -> Issued:
    """Make a token; one of the same name is void from now on."""
    secret = "jitsu_" + secrets.token_urlsafe(32)
    replaced = revoke(connection, user_id, name)
    connection.execute(
        insert(tokens).values(
            user_id=user_id,
            name=name,
            digest=digest(secret),
            prefix=secret[:12],
            scope=scope,
            app=app,
            ctime=time.time(),
            expires=expires,
        )
    )
    return Issued(name, secret, "update" if replaced else "insert")


def revoke(connection: Connection, user_id: int, name: str) -> bool:
    """Delete a token; False when there is none of that name."""
    mine = (tokens.c.user_id == user_id) & (tokens.c.name == name)
    return connection.execute(delete(tokens).where(mine)).rowcount > 0


def revoke_all(connection: Connection, user_id: int) -> None:
    """Delete every token of the user."""
    connection.execute(delete(tokens).where(tokens.c.user_id == user_id))


def listed(connection: Connection, user_id: int) -> list[Token]:
    """The user's tokens, oldest first."""
    rows = connection.execute(select(tokens).where(tokens.c.user_id == user_id).order_by(tokens.c.id))
    return [_token(row) for row in rows]


def find(connection: Connection, user_id: int, secret: str) -> Token | None:
    """The user's token with this secret, expired or not."""
    mine = (tokens.c.user_id == user_id) & (tokens.c.digest == digest(secret))
    row = connection.execute(select(tokens).where(mine)).one_or_none()
    return _token(row) if row else None


def used(connection: Connection, token: Token) -> None:
    """Record that the token was used just now."""
    connection.execute(update(tokens).where(tokens.c.id == token.id).values(last_used=time.time()))


def digest(secret: str) -> str:
    """What is stored of a token. It has 256 random bits, so a plain hash is enough and fast."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def _token(row: Row[tuple[object, ...]]) -> Token:
    values = dict(row._mapping)
    del values["digest"]
    return Token(**values)

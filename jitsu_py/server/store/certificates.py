"""Certificates for HTTPS, their keys sealed, and the tries to get one that failed."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from sqlalchemy.dialects.sqlite import insert

from jitsu_py.server.store.schema import certificates, orders

if TYPE_CHECKING:
    from sqlalchemy import Connection

OWN = "own"
"""Source of a certificate that somebody brought."""


@dataclass(frozen=True)
class Stored:
    """A certificate for one host."""

    host: str
    source: str
    """`own`, `acme` or `local`."""
    app_id: int | None
    """Whose it is, of source `own`."""
    chain: str
    """PEM, the leaf first."""
    key: bytes = field(repr=False)
    """Sealed {pem}."""
    begins: float
    """Seconds since the epoch; so the next."""
    ends: float
    issuer: str
    """In words."""


@dataclass(frozen=True)
class Trouble:
    """The last try to get a certificate for a host failed."""

    host: str
    failures: int
    """One after the other."""
    again: float
    """When it is tried again, seconds since the epoch."""
    error: str


def listed(connection: Connection) -> list[Stored]:
    """All of them."""
    return [
        Stored(row.host, row.source, row.app_id, row.chain, row.key, row.begins, row.ends, row.issuer)
        for row in connection.execute(select(certificates).order_by(certificates.c.id))
    ]


def keep(connection: Connection, new: Stored) -> None:
    """Keep a certificate in place of the one of the same host and source; its troubles are over."""
    values = {
        "app_id": new.app_id,
        "chain": new.chain,
        "key": new.key,
        "begins": new.begins,
        "ends": new.ends,
        "issuer": new.issuer,
        "ctime": time.time(),
    }
    kept = insert(certificates).values(host=new.host, source=new.source, **values)
    connection.execute(kept.on_conflict_do_update(index_elements=["host", "source"], set_=values))
    connection.execute(delete(orders).where(orders.c.host == new.host))


def remove(connection: Connection, host: str, source: str) -> bool:
    """Forget one; False: there is none."""
    mine = (certificates.c.host == host) & (certificates.c.source == source)
    return connection.execute(delete(certificates).where(mine)).rowcount > 0


def troubles(connection: Connection) -> dict[str, Trouble]:
    """By host."""
    return {
        row.host: Trouble(row.host, row.failures, row.again, row.error)
        for row in connection.execute(select(orders))
    }


def failed(connection: Connection, trouble: Trouble) -> None:
    """Note that a try failed."""
    values = {"failures": trouble.failures, "again": trouble.again, "error": trouble.error}
    noted = insert(orders).values(host=trouble.host, **values)
    connection.execute(noted.on_conflict_do_update(index_elements=["host"], set_=values))


def try_again(connection: Connection, host: str) -> None:
    """Forget that a host was in trouble."""
    connection.execute(delete(orders).where(orders.c.host == host))

"""Applications: what is wanted of them."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError

from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store.schema import apps, domains, users
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection, Row

Wanted = Literal["started", "stopped"]


@dataclass(frozen=True)
class App:
    """An application as it is wanted."""

    id: int
    user_id: int
    user: str
    name: str
    subdomain: str
    domains: tuple[str, ...]
    state: Wanted
    drones: int
    """Wanted while started."""
    ram: int | None
    """MiB a drone; None: no limit."""
    manifest: dict[str, Any]
    """package.json as sent, less name, subdomain, domains and env."""
    env: bytes
    """Sealed."""
    active_id: int | None
    """The snapshot that the next start takes."""
    release_id: int | None
    """What serves, or served last."""
    ctime: float
    mtime: float

    @property
    def key(self) -> str:
        """`user/name`."""
        return f"{self.user}/{self.name}"


def listed(connection: Connection, user: str | None = None) -> list[App]:
    """All apps, or a user's, by name."""
    query = select(apps, users.c.name.label("user")).join(users).order_by(apps.c.name)
    if user is not None:
        query = query.where(users.c.name == user)
    rows = connection.execute(query).all()
    hosts: dict[int, list[str]] = {}
    for row in connection.execute(select(domains).order_by(domains.c.host)):
        hosts.setdefault(row.app_id, []).append(row.host)
    return [_app(row, hosts.get(row.id, ())) for row in rows]


def find(connection: Connection, user: str, name: str) -> App | None:
    """The user's app of that name."""
    query = select(apps, users.c.name.label("user")).join(users)
    row = connection.execute(query.where(users.c.name == user, apps.c.name == name)).one_or_none()
    return _app(row, _hosts(connection, row.id)) if row else None


def get(connection: Connection, user: str, name: str) -> App:
    """The user's app of that name.

    Raises:
        PlatformError: NOT_FOUND.
    """
    app = find(connection, user, name)
    if app is None:
        raise PlatformError(Code.NOT_FOUND, f"There is no app {user}/{name}.")
    return app


def subdomain_owner(connection: Connection, subdomain: str) -> str | None:
    """`user/name` of the app that has the subdomain."""
    query = select(users.c.name, apps.c.name).select_from(apps).join(users)
    row = connection.execute(query.where(apps.c.subdomain == subdomain)).one_or_none()
    return f"{row[0]}/{row[1]}" if row else None


def create(
    connection: Connection, user_id: int, name: str, *, subdomain: str, manifest: dict[str, Any], env: bytes
) -> int:
    """Add an app, stopped, without a snapshot.

    Returns:
        Its id.

    Raises:
        PlatformError: NAME_TAKEN, SUBDOMAIN_TAKEN.
    """
    now = time.time()
    values = {
        "user_id": user_id,
        "name": name,
        "subdomain": subdomain,
        "state": "stopped",
        "drones": 1,
        "manifest": manifest,
        "env": env,
        "ctime": now,
        "mtime": now,
    }
    try:
        app_id: int = connection.execute(insert(apps).values(values).returning(apps.c.id)).scalar_one()
    except IntegrityError as error:
        raise _taken(error, name, subdomain) from error
    return app_id


def change(connection: Connection, app_id: int, **values: Any) -> None:
    """Set columns of an app.

    Raises:
        PlatformError: SUBDOMAIN_TAKEN.
    """
    try:
        connection.execute(update(apps).where(apps.c.id == app_id).values(**values, mtime=time.time()))
    except IntegrityError as error:
        raise _taken(error, "", values.get("subdomain", "")) from error


def set_domains(connection: Connection, app_id: int, hosts: Iterable[str]) -> None:
    """Replace an app's own domains.

    Raises:
        PlatformError: DOMAIN_TAKEN, naming it.
    """
    connection.execute(delete(domains).where(domains.c.app_id == app_id))
    for host in hosts:
        try:
            connection.execute(insert(domains).values(host=host, app_id=app_id))
        except IntegrityError as error:
            raise PlatformError(Code.DOMAIN_TAKEN, f"The domain {host} belongs to another app.") from error


def remove(connection: Connection, app_id: int) -> None:
    """Delete an app with its snapshots, releases and domains."""
    connection.execute(delete(apps).where(apps.c.id == app_id))


def _hosts(connection: Connection, app_id: int) -> list[str]:
    query = select(domains.c.host).where(domains.c.app_id == app_id).order_by(domains.c.host)
    return list(connection.execute(query).scalars())


def _app(row: Row[Any], hosts: Iterable[str]) -> App:
    return App(**row._mapping, domains=tuple(hosts))


def _taken(error: IntegrityError, name: str, subdomain: str) -> PlatformError:
    if "subdomain" in str(error.orig):
        return PlatformError(
            Code.SUBDOMAIN_TAKEN,
            f"The subdomain {subdomain} belongs to another app. Set another subdomain in package.json.",
            details={"subdomain": subdomain},
        )
    return PlatformError(Code.NAME_TAKEN, f"There is an app {name} already.", details={"name": name})

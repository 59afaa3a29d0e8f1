"""Apps, snapshots and tokens in the API's shapes (api.md; what the clients of 2013–2015 read)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from jitsu_py.server.databases.addresses import metadata, url, variables
from jitsu_py.server.redaction import unchanged
from jitsu_py.server.times import iso

if TYPE_CHECKING:
    from jitsu_py.server.certificates import Held
    from jitsu_py.server.databases.backups import Backup
    from jitsu_py.server.databases.databases import Described as DescribedDatabase
    from jitsu_py.server.descriptions import Described
    from jitsu_py.server.logbook import Line
    from jitsu_py.server.redaction import Hide
    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.snapshots import Snapshot
    from jitsu_py.server.store.thirdparty import Entrusted
    from jitsu_py.server.store.tokens import Token
    from jitsu_py.server.store.users import User

PROVIDER = "local"
DATACENTER = "local"

NO_SCHEDULE = {"every": None, "keep": 7}
"""Of a database that is not saved by itself."""


def app_view(described: Described, *, secrets: bool = True) -> dict[str, Any]:
    """An app.

    Args:
        secrets: whether its variables may show the passwords of its databases.
    """
    app = described.app
    shown = [snapshot_view(snapshot, described) for snapshot in described.snapshots]
    view: dict[str, Any] = {
        "version": "0.0.0",  # jitsu 0.15.0 compares versions before a deploy and ends without one
        **app.manifest,
        "_id": app.key,
        "name": app.name,
        "user": app.user,
        "resource": "App",
        "state": app.state,
        "condition": described.condition.value,
        "subdomain": app.subdomain,
        "domains": list(app.domains),
        "urls": described.urls,
        "env": {**(described.shared if secrets else {}), **described.env},
        "drones": described.drones,
        "maxDrones": app.drones,
        "config": {"cloud": cloud_view(app)},
        "cloud": cloud_view(app),  # here nodejitsu-api's `apps.list` looks for it
        "snapshots": shown,
        "databases": described.databases,
        "databaseVariables": sorted(described.shared),
        "ctime": iso(app.ctime),
        "mtime": iso(app.mtime),
    }
    for snapshot in shown:
        view.update({key: snapshot for key in ("active", "running") if snapshot[key]})
    return view


def cloud_view(app: App) -> list[dict[str, Any]]:
    """Where and how large an app runs."""
    return [{"provider": PROVIDER, "datacenter": DATACENTER, "drones": app.drones, "ram": app.ram}]


def snapshot_view(snapshot: Snapshot, described: Described) -> dict[str, Any]:
    """A snapshot in a list.

    Args:
        described: its app.
    """
    app = described.app
    view: dict[str, Any] = {
        "id": snapshot.ref,
        "filename": f"{app.user}-{app.name}-{snapshot.ref}.tgz",
        "ctime": iso(snapshot.ctime),
        "md5": snapshot.md5,
        "sha256": snapshot.sha256,
        "size": snapshot.size,
        "state": snapshot.state,
        "active": snapshot.id == app.active_id,
        "running": snapshot.id == described.running,
        "served": snapshot.id in described.served,
    }
    if snapshot.error is not None:
        view["error"] = snapshot.error
    if snapshot.engine is not None:
        view["engine"] = snapshot.engine
        view["seconds"] = snapshot.seconds
    return view


def database_view(described: DescribedDatabase, *, secrets: bool) -> dict[str, Any]:
    """A database.

    Args:
        secrets: whether its password may be seen, and the addresses that have it in them.
    """
    database = described.database
    password = described.password if secrets else None
    why = described.condition.why
    return {
        "id": f"{database.user}-{database.name}",
        "name": database.name,
        "type": database.type,
        "user": database.user,
        "resource": "Database",
        "metadata": metadata(database, password),
        "url": None if password is None else url(database, password),
        "state": described.condition.state,
        "why": f"{why[0].upper()}{why[1:]}." if why else None,
        "size": described.size,
        "memory": database.memory,
        "server": database.server,
        "limits": described.limits,
        "apps": [
            {"name": one.app, "variables": list(variables(database, one.alias))} for one in described.attached
        ],
        "schedule": database.schedule or NO_SCHEDULE,
        "ctime": iso(database.ctime),
        "mtime": iso(database.mtime),
    }


def backup_view(backup: Backup) -> dict[str, Any]:
    """A backup of a database."""
    return {
        "id": backup.id,
        "ctime": iso(backup.ctime),
        "size": backup.size,
        "sha256": backup.sha256,
        "server": backup.server,
        "scheduled": backup.scheduled,
    }


def token_view(token: Token) -> dict[str, Any]:
    """A token without its secret."""
    return {
        "name": token.name,
        "prefix": token.prefix,
        "scope": token.scope,
        "app": token.app,
        "ctime": iso(token.ctime),
        "lastUsed": iso(token.last_used) if token.last_used else None,
        "expires": iso(token.expires) if token.expires else None,
    }


def user_view(user: User) -> dict[str, Any]:
    """A profile; never a hash."""
    return {
        "username": user.name,
        "email": user.email,
        "confirmed": user.confirmed,
        "hasPassword": user.password is not None,
        "limits": user.limits or {},
        "ctime": iso(user.ctime),
        "mtime": iso(user.mtime),
        "resource": "User",
    }


def entrusted_view(kept: Entrusted) -> dict[str, Any]:
    """A third-party token without its secret."""
    return {"id": kept.ref, "provider": kept.provider, "url": kept.url, "ctime": iso(kept.ctime)}


def line_view(line: Line, app: App, host: str, hide: Hide = unchanged) -> dict[str, Any]:
    """A log line as the old clients read it; `time` in epoch seconds; `hide` is done to its text."""
    return {
        "id": line.id,
        "time": line.time,
        "service": f"logs/{line.stream}",
        "description": hide(line.text),
        "host": host,
        "metric": 1,
        "meta": {
            "app": {"user": app.user, "name": app.name},
            "key": f"logs/{app.key}",
            "drone": line.drone,
            "snapshot": line.snapshot,
        },
    }


def entry_view(line: Line, app: App, hide: Hide = unchanged) -> dict[str, Any]:
    """A log line as the seed's queries give it; `hide` is done to its text."""
    return {
        "id": line.id,
        "timestamp": iso(line.time),
        "isjson": True,
        "inputid": line.drone or app.key,
        "json": {
            "app": app.name,
            "user": app.user,
            "message": hide(line.text),
            "level": "error" if line.stream == "stderr" else "info",
            "event": f"drone:{line.stream}",
            "drone": line.drone,
            "snapshot": line.snapshot,
        },
    }


def certificate_view(held: Held) -> dict[str, Any]:
    """How a host stands with HTTPS; `again` is when the authority is asked again after an error."""
    trouble = held.trouble
    state = "valid" if held.ends > time.time() else "expired" if held.source else "none"
    return {
        "host": held.host,
        "state": "waiting" if state == "none" and trouble is not None else state,
        "source": held.source,
        "issuer": held.issuer,
        "begins": iso(held.begins) if held.source else None,
        "ends": iso(held.ends) if held.source else None,
        "error": trouble.error if trouble is not None else "",
        "again": iso(trouble.again) if trouble is not None else None,
    }

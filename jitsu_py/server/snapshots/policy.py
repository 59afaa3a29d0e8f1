"""Which snapshots of an app are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from jitsu_py.server.store import snapshots as rows

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from jitsu_py.server.store.apps import App
    from jitsu_py.server.store.snapshots import Snapshot


def surplus(connection: Connection, app: App, keep: int) -> list[Snapshot]:
    """The snapshots of an app beyond the newest that are kept, oldest first.

    Never the active one, the one that runs or is to run, the one that served before it (`jitsu rollback` goes
    back there), or one that is being built.

    Args:
        app: as it is stored now.
        keep: how many of the newest are kept.
    """
    release = rows.release_by_id(connection, app.release_id)
    spared = {app.active_id}
    if release is not None:
        spared |= {release.snapshot_id, rows.served_before(connection, release)}
    of_app = rows.listed(connection, app.id)
    return [one for one in of_app[:-keep] if one.id not in spared and one.state != "building"]

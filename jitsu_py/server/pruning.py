"""What of a state folder nobody needs any more, by policy: look, and remove it.

What `jitsu server prune` calls; the server may be running or not. Kept are: of each app the newest snapshots
(`[builds] keep`), always the active one, the running one, the one before it and those being built; dependency
trees that a build used within `TREE_DAYS`; package managers that one used as lately, or that a snapshot may
call; their downloads up to `[builds] cache`; Nodes that a snapshot was built for.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server import engines
from jitsu_py.server.builder.build import DOWNLOADS
from jitsu_py.server.builder.folders import remove_tree, set_aside
from jitsu_py.server.builder.manager_fetch import idle_managers
from jitsu_py.server.builder.space import taken
from jitsu_py.server.builder.trees import APPS, ENTRY
from jitsu_py.server.settings import engines_of, load, prepare
from jitsu_py.server.snapshots.files import Files
from jitsu_py.server.snapshots.policy import surplus
from jitsu_py.server.store import apps, load_sealer, open_store, users
from jitsu_py.server.store import snapshots as rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from jitsu_py.server.settings import Settings
    from jitsu_py.server.store import Store

TREE_DAYS: Final = 30.0
"""A dependency tree that no build used for so long is for an app that has moved on."""

DAY: Final = 86400.0


@dataclass(frozen=True)
class Surplus:
    """Something that nobody needs."""

    kind: str
    """snapshot, dependencies, downloads, manager, engine."""
    name: str
    """Of a snapshot `user/app id`, of a manager package and version, of an engine its version, of the others
    the folder's."""
    bytes: int
    """That it takes; files that it shares with others count."""
    why: str


def prune(home: Path, *, dry_run: bool = False) -> list[Surplus]:
    """Remove what nobody needs.

    Args:
        home: the state folder.
        dry_run: only tell.

    Returns:
        What is removed, or would be.

    Raises:
        PlatformError: the state folder cannot be used.
    """
    prepare(home)
    settings = load(home)
    store = open_store(home, load_sealer(home))
    try:
        found = _snapshots(store, settings, dry_run=dry_run)
        busy = _busy(store)
        known = _names(store)
        nodes = _nodes(store)
    finally:
        store.close()
    found += _folders(_trees(home), home, dry_run=dry_run)
    found += _folders(_downloads(home, settings.builds.cache, known, busy), home, dry_run=dry_run)
    found += _folders(_managers(home, nodes), home, dry_run=dry_run)
    gone = engines.prune(home, dry_run=dry_run)
    return found + [Surplus("engine", one.version, one.bytes, "no snapshot was built for it") for one in gone]


def _snapshots(store: Store, settings: Settings, *, dry_run: bool) -> list[Surplus]:
    files, found, aside = Files(settings), [], []
    why = f"older than the app's newest {settings.builds.keep}"
    # What is surplus is decided and removed in one transaction: a server may be at work.
    with store.read() if dry_run else store.write() as connection:
        for app in apps.listed(connection):
            for one in surplus(connection, app, settings.builds.keep):
                size = one.size + taken(files.folder(app, one)).bytes
                found.append(Surplus("snapshot", f"{app.key} {one.ref}", size, why))
                if not dry_run:
                    aside.append(files.set_aside(connection, app, one))
    for folder in aside:
        remove_tree(folder)
    return found


def _trees(home: Path) -> Iterator[tuple[Surplus, Path]]:
    oldest = time.time() - TREE_DAYS * DAY
    for entry in sorted((home / "cache" / "trees").glob(f"*/{ENTRY}")):
        folder = entry.parent
        if folder.name != APPS and entry.stat().st_mtime < oldest:
            why = f"no build used them for {TREE_DAYS:.0f} days"
            yield Surplus("dependencies", folder.name[:12], taken(folder).bytes, why), folder


def _managers(home: Path, nodes: list[Path]) -> Iterator[tuple[Surplus, Path]]:
    for folder in idle_managers(engines_of(home), nodes, time.time() - TREE_DAYS * DAY):
        why = f"no snapshot may call it, and no build used it for {TREE_DAYS:.0f} days"
        yield Surplus("manager", f"{folder.parent.name} {folder.name}", taken(folder).bytes, why), folder


def _downloads(home: Path, limit: int, known: set[str], busy: set[str]) -> Iterator[tuple[Surplus, Path]]:
    for folder in sorted((home / "cache" / DOWNLOADS).glob("*")):
        if folder.name in busy:
            continue
        size = taken(folder).bytes
        if folder.name not in known:
            yield Surplus("downloads", folder.name, size, "the account is gone"), folder
        elif size > limit:
            yield Surplus("downloads", folder.name, size, "more than [builds] cache allows"), folder


def _folders(found: Iterator[tuple[Surplus, Path]], home: Path, *, dry_run: bool) -> list[Surplus]:
    told = []
    for one, folder in found:
        told.append(one)
        if not dry_run:
            # Gone at once for whoever looks; not half there while it is being removed.
            remove_tree(set_aside(folder, home / "work"))
    return told


def _busy(store: Store) -> set[str]:
    """Users who have a build under way."""
    with store.read() as connection:
        listed = apps.listed(connection)
        return {app.user for app in listed if _is_building(connection, app.id)}


def _is_building(connection: Connection, app_id: int) -> bool:
    return any(one.state == "building" for one in rows.listed(connection, app_id))


def _nodes(store: Store) -> list[Path]:
    """What the snapshots run on."""
    with store.read() as connection:
        listed = [one for app in apps.listed(connection) for one in rows.listed(connection, app.id)]
    return [Path(one.node) for one in listed if one.node is not None]


def _names(store: Store) -> set[str]:
    with store.read() as connection:
        return {user.name for user in users.listed(connection)}

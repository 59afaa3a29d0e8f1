"""Former drones: how many connections they still carry, and how they are taken out of HAProxy."""

from __future__ import annotations

import asyncio
import csv
import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from . import runtime
from .slots import both

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from .slots import Table


@dataclass(frozen=True)
class OldSession:
    """A request, download or WebSocket in a worker that a reload replaced."""

    worker: int
    """The worker's pid."""
    number: str
    """HAProxy's name of it, `0x` and hexadecimal digits."""
    drone: str
    """The drone's name."""


_CUT: Final = 2.0
"""Seconds that HAProxy gets to end connections that were cut."""


async def busy(socket: Path, table: Table, names: Collection[str]) -> set[str]:
    """Which former drones of these names carry a request, a download or a WebSocket in the current worker."""
    places = table.former(names)
    vacated = set(table.vacated())
    inside = {slot: list(table.servers[slot]) for slot, _ in places}  # the table may change meanwhile
    backends = [backend for slot in sorted({slot for slot, _ in places}) for backend in both(slot)]
    if not backends:
        return set()
    async with runtime.session(socket) as session:
        replies = await session.ask(f"show stat {backend} 6 -1" for backend in backends)
    counts = {(backend, name): count for reply in replies for backend, name, count in _counts(reply)}
    found = set()
    for slot, name in places:
        for backend in both(slot):
            carried = counts.get((backend, name), 0)
            # A request between two tries sits in the backend and on no drone.
            on_drones = sum(counts.get((backend, each), 0) for each in inside[slot])
            between = counts.get((backend, "BACKEND"), 0) - on_drones if slot in vacated else 0
            if carried > 0 or between > 0:
                found.add(name)
    return found


async def busy_in_old_workers(master: Path, names: Collection[str]) -> list[OldSession]:
    """What workers that a reload replaced still carry for drones of these names.

    Such a worker's backends are disabled: it tells of its sessions, and of nothing else.
    """
    found: list[OldSession] = []
    async with runtime.session(master) as session:
        (said,) = await session.ask(["show proc"])
        for worker in runtime.old_workers(said):
            (reply,) = await session.ask([f"@!{worker} show sess"])
            lines = re.findall(r"^(0x[0-9a-f]+): .* srv=(\S+)", reply, re.MULTILINE)
            found += [OldSession(worker, number, name) for number, name in lines if name in names]
    return found


async def cut_in_old_workers(master: Path, names: Collection[str]) -> None:
    """End what drones of these names carry in workers that a reload replaced."""
    if names:
        carried = await busy_in_old_workers(master, names)
        async with runtime.session(master) as session:
            await session.ask(f"@!{each.worker} shutdown session {each.number}" for each in carried)


async def delete(socket: Path, table: Table, places: Iterable[tuple[int, str]]) -> None:
    """Take drones out of HAProxy and of the table, cutting what they carry."""
    waiting = list(places)
    deadline = time.monotonic() + _CUT
    async with runtime.session(socket) as session:
        while waiting and time.monotonic() < deadline:
            names = [f"{backend}/{name}" for slot, name in waiting for backend in both(slot)]
            replies = await session.ask(command for name in names for command in _removal(name))
            gone = {name for name, reply in zip(names, replies[2::3], strict=True) if is_gone(reply)}
            for slot, name in waiting:
                if all(f"{backend}/{name}" in gone for backend in both(slot)):
                    table.remove(slot, name)
            waiting = [(slot, name) for slot, name in waiting if name in table.servers.get(slot, {})]
            if waiting:
                await asyncio.sleep(0.02)


def is_gone(reply: str) -> bool:
    """What `del server` said means that the server is not there any more."""
    return reply in ("Server deleted.", "No such server.") or reply.startswith("No such")


def _removal(server: str) -> tuple[str, str, str]:
    return (
        f"set server {server} state maint",
        f"shutdown sessions server {server}",
        f"del server {server}",
    )


def _counts(stat: str) -> Iterator[tuple[str, str, int]]:
    for row in csv.DictReader(stat.removeprefix("# ").splitlines()):
        if (row.get("scur") or "").isdigit():
            yield row["pxname"], row["svname"], int(row["scur"])

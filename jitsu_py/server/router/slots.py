"""Which app sits in which slot of HAProxy, and what must change so that the wanted routes hold.

HAProxy cannot make backends at run time, so its configuration declares a pool of empty ones. A *slot* is
two of them: `s7` for requests that may be sent twice (GET, HEAD, OPTIONS), `s7w` for all others. A release
occupies a slot. A switch fills a free slot, then turns the app's hosts to it in one transaction of the
map; requests under way in the old slot end there. Pure: it reads and returns values, it talks to nobody.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from .routes import Route, Target

MAP: Final = "hosts.map"
"""The map file's name in the run folder, by which the runtime socket knows the map too."""

APPLIED: Final = "/applied"
"""Key in the map, no possible host: there once routes were applied. Before, an unknown host is a 503."""

_SLOT_ENTRY = re.compile(r"s(\d+)\|([^|]*)\|([^|]*)(?:\|\d+)?")


@dataclass(frozen=True)
class Server:
    """A drone in a slot."""

    port: int
    """On 127.0.0.1."""
    ready: bool = True
    """False: it gets no new request."""


@dataclass
class Table:
    """HAProxy's actual state, as last read from it or written to it."""

    size: int
    """Slots that the running configuration declares: s1 … s<size>."""
    hosts: dict[str, str] = field(default_factory=dict)
    """Host -> entry of the map: `s7|user/name|release|number of drones`, or `stopped|user/name|`.

    Also `s7/2` and `s7/r1-0a` -> the drone that a visitor picks so.
    """
    servers: dict[int, dict[str, Server]] = field(default_factory=dict)
    """Slot -> drone's name -> drone. A slot without drones is not in it."""

    def running(self) -> dict[tuple[str, str], int]:
        """(app, release), quoted as in the map -> the slot that the map leads to."""
        found = (_SLOT_ENTRY.fullmatch(entry) for entry in set(self.hosts.values()))
        return {(match[2], match[3]): int(match[1]) for match in found if match}

    def free(self) -> deque[int]:
        """Slots that hold no drone and that no host leads to, lowest first."""
        taken = set(self.running().values()) | self.servers.keys()
        return deque(slot for slot in range(1, self.size + 1) if slot not in taken)

    def vacated(self) -> list[int]:
        """Slots that hold former drones only."""
        return sorted(self.servers.keys() - set(self.running().values()))

    def former(self, names: Collection[str]) -> list[tuple[int, str]]:
        """Where drones of these names are that get no new request: (slot, name)."""
        running = set(self.running().values())
        return [
            (slot, name)
            for slot, servers in self.servers.items()
            for name, server in servers.items()
            if name in names and (slot not in running or not server.ready)
        ]

    def remove(self, slot: int, name: str) -> None:
        """Forget a drone that HAProxy has deleted."""
        self.servers[slot].pop(name, None)
        if not self.servers[slot]:
            del self.servers[slot]


@dataclass(frozen=True)
class Plan:
    """How to get from the table to the wanted routes. Order: `before`, the hosts, `after`."""

    before: tuple[str, ...]
    """Commands that bring drones in."""
    hosts: Mapping[str, str]
    """The map's whole new content."""
    after: tuple[str, ...]
    """Commands that take requests away from drones no longer wanted."""
    servers: Mapping[int, Mapping[str, Server]]
    """The table's drones afterwards."""
    missing: int
    """Slots that the pool lacks; unless 0, the plan must not be carried out."""


def plan(table: Table, routes: Sequence[Route]) -> Plan:
    """Decide what to change. Of two apps that name one host, the earlier gets it."""
    running, free, missing = table.running(), table.free(), 0
    servers = {slot: dict(inside) for slot, inside in table.servers.items()}
    hosts, before, after = {APPLIED: "yes"}, list[str](), list[str]()
    for route in routes:
        named = [host for host in route.hosts if host not in hosts]
        if not named:
            continue
        entry = f"{route.page.value}|{label(route.app)}|"
        if route.targets:
            key = label(route.app), quote(route.release, safe="")
            slot = running.get(key) or (free.popleft() if free else 0)
            missing += not slot
            entry = f"s{slot}|{key[0]}|{key[1]}|{len(route.targets)}"
            hosts.update(_picks(slot, route.targets))
            inside = servers.setdefault(slot, {})
            before += _arrivals(slot, inside, route.targets)
            after += _departures(slot, inside, route.targets)
        hosts.update(dict.fromkeys(named, entry))
    return Plan(tuple(before), hosts, tuple(after), servers, missing)


def label(app: str) -> str:
    """`user/name` in characters that are safe in the map, in HTML and in JSON."""
    return quote(app, safe="/@")


def both(slot: int) -> tuple[str, str]:
    """The names of a slot's two backends."""
    return f"s{slot}", f"s{slot}w"


def map_commands(hosts: Mapping[str, str], version: str) -> Iterator[str]:
    """Commands that replace the whole map at once, after `prepare map` gave a version."""
    for host, entry in hosts.items():
        yield f"add map @{version} {MAP} {host} {entry}"
    yield f"commit map @{version} {MAP}"


def read_servers(said: str) -> dict[int, dict[str, Server]]:
    """Read the answer to `show servers state` (HAProxy management guide, its format 1)."""
    servers: dict[int, dict[str, Server]] = {}
    for line in said.splitlines():
        words = line.split()
        if len(words) > 18 and words[1].startswith("s") and words[1][1:].isdigit():
            server = Server(int(words[18]), ready=words[6] == "0")
            servers.setdefault(int(words[1][1:]), {})[words[3]] = server
    return servers


def read_map(said: str) -> dict[str, str]:
    """Read the answer to `show map`: lines of id, key, value."""
    entries = (line.split(" ", 2) for line in said.splitlines())
    return {entry[1]: entry[2] for entry in entries if len(entry) == 3}


def _picks(slot: int, targets: Iterable[Target]) -> Iterator[tuple[str, str]]:
    for target in targets:
        yield f"s{slot}/{target.name}", target.name
        if target.number:
            yield f"s{slot}/{target.number}", target.name


def _arrivals(slot: int, inside: dict[str, Server], targets: Iterable[Target]) -> Iterator[str]:
    for target in targets:
        known = inside.get(target.name)
        if known == Server(target.port):
            continue
        for backend in both(slot):
            server = f"{backend}/{target.name}"
            if known is None:
                yield f"add server {server} 127.0.0.1:{target.port}"
            elif known.port != target.port:
                yield f"set server {server} addr 127.0.0.1 port {target.port}"
            yield f"set server {server} state ready"
        inside[target.name] = Server(target.port)


def _departures(slot: int, inside: dict[str, Server], targets: Iterable[Target]) -> Iterator[str]:
    wanted = {target.name for target in targets}
    for name, server in inside.items():
        if name not in wanted and server.ready:
            inside[name] = Server(server.port, ready=False)
            yield from (f"set server {backend}/{name} state drain" for backend in both(slot))

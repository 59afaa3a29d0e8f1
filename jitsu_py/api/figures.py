"""Figures of an app: its processes, and what the router counted."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.api import fields

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime


@dataclass(frozen=True, slots=True)
class Drone:
    """One process of an app, with all that it started."""

    id: str
    number: int
    """By which the header `x-drone` of a request picks it."""
    state: str
    """`ready`, `booting`, `sick`, `backing-off`, `stopping` or `exited`."""
    snapshot: str
    """Id of the one that it runs."""
    pid: int | None
    port: int
    """On the server's 127.0.0.1."""
    started: datetime | None
    """When its process started; None: none runs."""
    restarts: int
    """How often it was launched again after it ended by itself."""
    memory: int | None
    """Resident bytes."""
    memory_limit: int | None
    """Bytes that it may use, just now; None: no bound."""
    cpu: float | None
    """Percent of one processor, just now."""
    cpu_seconds: float | None
    """Processor time so far, seconds."""
    requests: int
    """Since the server runs."""
    raw: Mapping[str, Any] = field(repr=False)
    """As the server sent it."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Drone:
        """Read one drone; its id must be there."""
        return cls(
            id=fields.text(data, "id"),
            number=fields.maybe_int(data, "number"),
            state=fields.maybe_text(data, "state"),
            snapshot=fields.maybe_text(data, "snapshot"),
            pid=fields.maybe_int(data, "pid") or None,
            port=fields.maybe_int(data, "port"),
            started=fields.maybe_time(data, "started"),
            restarts=fields.maybe_int(data, "restarts"),
            memory=fields.maybe_int(data, "memory") or None,
            memory_limit=fields.maybe_int(data, "memoryLimit") or None,
            cpu=_number(data.get("cpu")),
            cpu_seconds=_number(data.get("cpuSeconds")),
            requests=fields.maybe_int(data, "requests"),
            raw=data,
        )


@dataclass(frozen=True, slots=True)
class Requests:
    """Requests that were counted."""

    drone: str
    """The id of the drone that answered them; empty: all of the app, the router's own pages too."""
    requests: int
    statuses: Mapping[str, int]
    """Requests by class: `1xx` to `5xx`, and `none` where the visitor left before an answer."""
    latency: Mapping[str, int | None]
    """`p50`, `p90`, `p99`: milliseconds within which that part was answered; None: there were none."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Requests:
        """Read the counts of an app or a drone."""
        statuses = fields.mapping(data.get("statuses"), "the statuses")
        latency = fields.mapping(data.get("latency"), "the latency")
        return cls(
            drone=fields.maybe_text(data, "id"),
            requests=fields.maybe_int(data, "requests"),
            statuses={str(name): fields.maybe_int(statuses, name) for name in statuses},
            latency={str(name): _whole(latency[name]) for name in latency},
        )


@dataclass(frozen=True, slots=True)
class Metrics:
    """What the router counted of an app."""

    since: datetime | None
    """When the counting began."""
    whole: Requests
    drones: tuple[Requests, ...]

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> Metrics:
        """Read what the server says."""
        return cls(
            since=fields.maybe_time(data, "since"),
            whole=Requests.parse({**data, "id": ""}),
            drones=tuple(Requests.parse(row) for row in fields.rows(data, "drones")),
        )


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None

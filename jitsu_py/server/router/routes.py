"""What the platform wants of the router: which hosts lead to which drones."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HOST_LIMIT: Final = 255
"""Longest host name, characters (RFC 1035 allows 253 without the final dot)."""

_HOST = re.compile(r"[a-z0-9_*](?:[a-z0-9._-]*[a-z0-9_])?")
_NAME = re.compile(r"[A-Za-z0-9._:-]{1,128}")


class Page(StrEnum):
    """What a visitor of an app without a ready drone sees."""

    STOPPED = "stopped"
    STARTING = "starting"
    CRASHING = "crashing"


@dataclass(frozen=True)
class Target:
    """A ready drone."""

    name: str
    """The drone's id, unique on this machine: letters, digits and `._:-`."""
    port: int
    """The port it listens on, on 127.0.0.1."""
    number: int = 0
    """By which `x-drone` may name it among its release's drones; 0: by its id only."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"{self.name!r} cannot name a drone in the router.")
        if not 0 < self.port < 65536:
            raise ValueError(f"{self.port} is no port.")


@dataclass(frozen=True)
class Route:
    """One app: its hosts, and the drones that answer there."""

    app: str
    """`user/name`."""
    hosts: tuple[str, ...]
    """Exact host names, lower-case, without port and final dot."""
    release: str
    """Changes with every switch to other drones. A release's drones come and go; two releases never mix."""
    targets: tuple[Target, ...]
    """The ready drones; empty: visitors see `page`."""
    page: Page
    """What a visitor sees while there is no target."""
    secure: bool = False
    """Visitors are to come by HTTPS, where there is a certificate for the host."""

    def __post_init__(self) -> None:
        for host in self.hosts:
            if len(host) > HOST_LIMIT or not _HOST.fullmatch(host):
                raise ValueError(f"{host!r} is no host name.")
        if len({target.name for target in self.targets}) != len(self.targets):
            raise ValueError(f"{self.app} has two drones of one name.")

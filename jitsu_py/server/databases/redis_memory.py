"""How a Redis is off for memory: what it uses of it, and whether it refuses writes that want more.

A server below its bound still refuses what does not fit, a large value, and says so to nobody but its client.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.databases.kinds import MIB, Health

if TYPE_CHECKING:
    from collections.abc import Mapping

    from jitsu_py.server.databases.kinds import Site

REFUSING: Final = 10.0
"""Seconds for which one that refused a write shows as full."""

NEARLY: Final = 0.9
"""The part of its memory from which on it is said how much of it is used."""


class Refusals:
    """Remembers of each server how many writes it has refused, and when that was last seen to grow."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._moments: dict[str, float] = {}

    def health(self, site: Site, facts: Mapping[str, Any], *, bounded: bool) -> Health:
        """What there is to say of a server's memory.

        Args:
            facts: what it answered to INFO.
            bounded: whether its bound was that of its memory since it was looked at last; when it was to take
                no writes at all, what it refused says nothing.
        """
        used = int(facts["used_memory"])
        said = f"{-(-used // MIB)} of its {site.memory} MiB of memory are used"
        is_refusing = self._is_refusing(site.ref, facts, bounded=bounded)
        if used >= site.memory * MIB:
            return Health(f"its {site.memory} MiB of memory are used up, so it refuses writes")
        if is_refusing:
            return Health(f"it has just refused a write that does not fit: {said}")
        nearly = used >= NEARLY * site.memory * MIB
        return Health(remark=f"{said}, so it may refuse larger writes" if nearly else None)

    def _is_refusing(self, ref: str, facts: Mapping[str, Any], *, bounded: bool) -> bool:
        count = int(facts.get("errorstat_OOM", {}).get("count", 0))
        if bounded and count > self._counts.get(ref, count):
            self._moments[ref] = time.monotonic()
        self._counts[ref] = count
        return time.monotonic() - self._moments.get(ref, -REFUSING) < REFUSING

"""Holds the processes of databases within their memory, by control groups where there are some."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from jitsu_py.server.confinement import Limits
from jitsu_py.server.databases.kinds import MIB
from jitsu_py.server.drones.regrouping import regroup

if TYPE_CHECKING:
    from collections.abc import Container

    from jitsu_py.server.confinement import Confinement, Confiner

GROUPS: Final = "database-"
"""How the names of databases' control groups begin; the database's mark follows."""


class Holder:
    """Makes what holds the databases of one state folder."""

    def __init__(self, confiner: Confiner) -> None:
        self._confiner = confiner

    def hold(self, ref: str, memory: int) -> Confinement:
        """What holds a database that is about to be launched; what is left of it ends.

        Args:
            ref: its mark.
            memory: MiB that its processes may take together.
        """
        # A group counts those that it has killed: the next launch needs one that has killed nobody.
        self._confiner.sweep(f"{GROUPS}{ref}")
        return self._made(ref, memory)

    def hold_again(self, ref: str, memory: int, leader: int) -> Confinement:
        """What holds a database that runs already.

        Args:
            leader: its leading process.
        """
        hold = self._made(ref, None)
        if hold.is_grouped:
            regroup(hold, leader)
        hold.bound(memory * MIB)
        return hold

    def sweep(self, keep: Container[str]) -> None:
        """End what is left of databases.

        Args:
            keep: marks of those that stay.
        """
        self._confiner.sweep(GROUPS, keep)

    def _made(self, ref: str, memory: int | None) -> Confinement:
        limits = Limits(memory=None if memory is None else memory * MIB, open_files=None)
        return self._confiner.confine(f"{GROUPS}{ref}", limits)

"""Puts what an earlier server launched without control groups into one."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from jitsu_py.server.drones import census

if TYPE_CHECKING:
    from jitsu_py.server.confinement import Confinement


def regroup(hold: Confinement, leader: int) -> None:
    """Have a control group hold a leading process and all of its process group, unless it does.

    Args:
        hold: with a group.
        leader: id of the leading process.
    """
    if leader not in hold.pids():
        for process in census.group(leader):
            with suppress(OSError):
                hold.attach(process.pid)

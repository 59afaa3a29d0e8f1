"""What a process has to hold programs with; another one's, told by it, may differ from ours."""

from __future__ import annotations

import os
from dataclasses import dataclass

from jitsu_py.server.confinement.bubblewrap import find_sandbox
from jitsu_py.server.confinement.cgroups import find_hierarchy


@dataclass(frozen=True)
class Means:
    """What a server has to hold its programs with."""

    is_root: bool
    sandbox: str
    """bubblewrap's path; empty: there is none that works."""
    why: str
    """Why there is none."""
    groups: int
    """The version of the control groups that it may make; 0: it may make none."""


def find_means(*, sandboxed: bool = True) -> Means:
    """What this process has.

    Args:
        sandboxed: False: no sandbox is wanted, and none is tried.
    """
    found, hierarchy = find_sandbox() if sandboxed else None, find_hierarchy()
    return Means(
        os.geteuid() == 0,
        found.program if found else "",
        found.why if found else "",
        hierarchy.version if hierarchy else 0,
    )

"""Which folders of a project are mounts: another disk, or a folder from elsewhere bound to that place."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

TABLE: Final = Path("/proc/self/mountinfo")
"""Every mount that this process sees, a line each; proc_pid_mountinfo(5). Only Linux has it."""

PLACE: Final = 4
"""Which word of a line is the mount point, from 0."""


def below(folder: str) -> frozenset[str]:
    """Return the mount points below a folder, as paths from it.

    Where the system has no table of mounts the answer is empty: then only the device number, which a bind
    mount of the same disk shares with its surroundings, tells a mount.
    """
    try:
        table = TABLE.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:
        return frozenset()
    start = f"{os.path.realpath(folder).rstrip('/')}/"
    places = (_plain(line.split(" ", PLACE + 1)[PLACE]) for line in table.splitlines())
    return frozenset(place.removeprefix(start) for place in places if place.startswith(start))


def _plain(place: str) -> str:
    """Undo the kernel's `\\040` for a space and the like."""
    return re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), place)

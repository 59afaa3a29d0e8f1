"""Control groups: bounds that the kernel keeps, version 1 and version 2, where we may make some.

Which hierarchy is looked for from its root downwards, so that it is the same one for every server of a state
folder, whatever session starts it. Sources: the kernel's admin-guide/cgroup-v1 and cgroup-v2.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.confinement.groups import PAUSE, Group, read_words, removed, write

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONTROLLERS: Final = ("memory", "pids", "cpu")
"""Those that we use; without the first two there are no groups."""

NEEDED: Final = ("memory", "pids")

MOUNTS: Final = Path("/proc/self/mountinfo")
OWN: Final = Path("/proc/self/cgroup")


@dataclass(frozen=True)
class Hierarchy:
    """Where groups can be made on this machine."""

    version: int
    """1 or 2."""
    roots: Mapping[str, Path]
    """For each controller the folder that our parent group is made in; of version 2 the same one for all."""

    def group(self, parent: str, name: str, *, weighed: bool = True) -> Group:
        """A group, there or not.

        Args:
            parent: name of the group that all of a state folder lie in.
            name: its own, in it.
            weighed: whether it has a share of the processors of its own. In version 2 it has anyway; in
                version 1 its processes then count each by itself, by their niceness.
        """
        folders = {
            controller: root / parent / name
            for controller, root in self.roots.items()
            if weighed or self.version == 2 or controller != "cpu"
        }
        return Group(self.version, folders)

    def prepare(self, parent: str) -> None:
        """Make the group that others lie in.

        Raises:
            OSError: it cannot be made.
        """
        for root in set(self.roots.values()):
            (root / parent).mkdir(exist_ok=True)
            if self.version == 2:
                write(root / parent / "cgroup.subtree_control", " ".join(f"+{one}" for one in self.roots))

    def names(self, parent: str) -> list[str]:
        """The groups in it."""
        found = set()
        for root in self.roots.values():
            with suppress(OSError):
                found |= {path.name for path in (root / parent).iterdir() if path.is_dir()}
        return sorted(found)

    def forget(self, parent: str, patience: float = 0.0) -> bool:
        """Remove the group that others lie in, if none does; whether it is gone.

        Args:
            parent: its name.
            patience: seconds. The kernel takes its time over what lay in it, and refuses until then.
        """
        until = time.monotonic() + patience
        left = {root / parent for root in self.roots.values()}
        while left := {folder for folder in left if not removed(folder)}:
            if self.names(parent) or time.monotonic() >= until:
                return False
            time.sleep(PAUSE)
        return True


@lru_cache(maxsize=1)
def find_hierarchy() -> Hierarchy | None:
    """Where this process may make groups; None: nowhere. Asked of the machine once."""
    return hierarchy_of(MOUNTS, OWN)


def hierarchy_of(mounts: Path, own: Path) -> Hierarchy | None:
    """Find where groups can be made.

    Args:
        mounts: as /proc/self/mountinfo.
        own: as /proc/self/cgroup.
    """
    try:
        mounted = list(_mounted(mounts.read_text("utf-8", "replace")))
        paths = dict(_own_paths(own.read_text("utf-8", "replace")))
    except OSError:
        return None
    first = {name: root for controllers, root in mounted for name in controllers if name in CONTROLLERS}
    ones = {name: found for name, root in first.items() if (found := _writable(root, paths.get(name, "/")))}
    if all(name in ones for name in NEEDED):
        return Hierarchy(1, ones)
    for controllers, root in mounted:
        if not controllers and (found := _delegated(root, paths.get("", "/"))):
            granted = read_words(found / "cgroup.subtree_control")
            return Hierarchy(2, {name: found for name in CONTROLLERS if name in granted})
    return None


def _mounted(text: str) -> Iterator[tuple[tuple[str, ...], Path]]:
    """Controllers and folder of each mounted hierarchy; of version 2 no controllers."""
    for line in text.splitlines():
        before, _, after = line.partition(" - ")
        kind, _, rest = after.partition(" ")
        if kind == "cgroup":
            yield tuple(rest.rpartition(" ")[2].split(",")), Path(before.split()[4])
        elif kind == "cgroup2":
            yield (), Path(before.split()[4])


def _own_paths(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            yield controller, path


def _downwards(root: Path, own: str) -> list[Path]:
    """The folders from the root to our own group; within a container the path may not be there."""
    ways = [root]
    for part in own.strip("/").split("/"):
        if part and (ways[-1] / part).is_dir():
            ways.append(ways[-1] / part)
    return ways


def _writable(root: Path, own: str) -> Path | None:
    return next((way for way in _downwards(root, own) if os.access(way, os.W_OK | os.X_OK)), None)


def _delegated(root: Path, own: str) -> Path | None:
    """The first folder of version 2 that we may make groups with bounds in."""
    for way in _downwards(root, own):
        if not os.access(way, os.W_OK | os.X_OK) or not set(NEEDED) <= read_words(way / "cgroup.controllers"):
            continue
        control = way / "cgroup.subtree_control"
        # The needed ones together: a group with processes of its own is refused those of memory, but not
        # those of the processes' count alone, and then takes no more groups at all.
        for wanted in (NEEDED, CONTROLLERS):
            if missing := [name for name in wanted if name not in read_words(control)]:
                with suppress(OSError):
                    # Refused where the group has processes of its own, unless it is the machine's root.
                    write(control, " ".join(f"+{name}" for name in missing))
            if not set(NEEDED) <= read_words(control):
                break
        else:
            return way
    return None

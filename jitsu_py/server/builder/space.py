"""Whether a snapshot fits on the disk with its dependencies, before anything of it is unpacked."""

from __future__ import annotations

import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from jitsu_py.server.builder.unpack import Contents

MIB: Final = 1024 * 1024

BLOCK: Final = 4096
"""Bytes that a file system gives out at a time."""

RESERVED: Final = 64 * MIB
"""Bytes that stay free for the platform itself: its database, its logs, what running apps write."""

RESERVED_INODES: Final = 1000

PACKAGE_BYTES: Final = 64 * 1024
PACKAGE_INODES: Final = 12
"""What an installed package takes at the least, on average: most apps' take more, few take less."""

AMPLE_BYTES: Final = 8 * 1024**3
AMPLE_INODES: Final = 500_000
"""With so much left beyond the app's own files nobody needs to know what the dependencies take."""


@dataclass(frozen=True)
class Space:
    """Room on a disk."""

    bytes: int
    inodes: int | None
    """Files and folders; None: as many as there are bytes for (Btrfs)."""


def needed(contents: Contents) -> Space:
    """What a snapshot takes when it is unpacked, by the list of its files; dependencies come on top."""
    folders = {"/".join(parts[:depth]) for parts in _folders(contents) for depth in range(1, len(parts) + 1)}
    blocks = sum(-(-file.size // BLOCK) for file in contents.files) + len(folders)
    return Space(blocks * BLOCK, len(contents.files) + len(folders))


def expected(contents: Contents, there: Space, last: Path | None) -> tuple[Space, str]:
    """What a snapshot is expected to take with all that is installed, and in words how that is known.

    Args:
        contents: what it holds.
        there: what is free; where that is ample nothing is measured.
        last: the folder of the app's last snapshot that was built; None: there is none.
    """
    own = needed(contents)
    if _is_ample(own, there):
        return own, "unpacked"
    if last is not None and (found := taken(last)).bytes > own.bytes:
        inodes = max(found.inodes or 0, own.inodes or 0)
        return Space(found.bytes, inodes), "with its dependencies, as its last build did"
    if contents.locked:
        dependencies = Space(contents.locked * PACKAGE_BYTES, contents.locked * PACKAGE_INODES)
        whole = Space(own.bytes + dependencies.bytes, (own.inodes or 0) + (dependencies.inodes or 0))
        return whole, f"or more, with the {contents.locked:,} packages of its lockfile"
    return own, "unpacked"


def _is_ample(own: Space, there: Space) -> bool:
    few = there.inodes is not None and there.inodes - (own.inodes or 0) < AMPLE_INODES
    return there.bytes - own.bytes >= AMPLE_BYTES and not few


def taken(folder: Path) -> Space:
    """What a folder takes on its disk, with all that is in it."""
    size, count, waiting = 0, 0, [str(folder)]
    while waiting:
        with suppress(OSError), os.scandir(waiting.pop()) as entries:
            for entry in entries:
                count += 1
                size += entry.stat(follow_symlinks=False).st_blocks * 512
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(entry.path)
    return Space(size, count)


def _folders(contents: Contents) -> set[tuple[str, ...]]:
    return {tuple(file.path.split("/")[:-1]) for file in contents.files}


def free(folder: Path) -> Space:
    """What is free on a folder's disk for who runs the server."""
    status = os.statvfs(folder)
    return Space(status.f_bavail * status.f_frsize, status.f_favail if status.f_files else None)


def unclaimed(there: Space, promised: Sequence[Space], work: Path) -> Space:
    """What is free beside what builds under way will still take.

    Args:
        there: what is free on the disk.
        promised: what each of them is expected to take in all.
        work: the folder that they are made in: what lies there is taken already.
    """
    whole = Space(sum(one.bytes for one in promised), sum(one.inodes or 0 for one in promised))
    if not promised or _is_ample(whole, there):
        return there
    has = taken(work)
    inodes = max(0, (whole.inodes or 0) - (has.inodes or 0))
    return Space(
        max(0, there.bytes - max(0, whole.bytes - has.bytes)),
        None if there.inodes is None else max(0, there.inodes - inodes),
    )


def check_space(need: Space, there: Space, how: str = "unpacked", but: str = "") -> None:
    """Refuse what would fill the disk.

    Args:
        need: what a snapshot takes.
        there: what is free.
        how: goes on after the bytes that it takes.
        but: goes on after what is free.

    Raises:
        PlatformError: DISK_FULL, with both figures.
    """
    if need.bytes + RESERVED > there.bytes:
        raise _full(
            f"The snapshot takes {_mib(need.bytes)} MiB {how}, and the server's disk has "
            f"{_mib(there.bytes)} MiB free{but}; {RESERVED // MIB} MiB have to stay free.",
            need,
            there,
        )
    if there.inodes is not None and (need.inodes or 0) + RESERVED_INODES > there.inodes:
        raise _full(
            f"The snapshot has {need.inodes:,} files and folders, and the server's disk has room for "
            f"{there.inodes:,}{but}; room for {RESERVED_INODES:,} has to stay.",
            need,
            there,
        )


def _mib(size: int) -> str:
    return f"{-(-size // MIB):,}"


def _full(message: str, need: Space, there: Space) -> PlatformError:
    return PlatformError(
        Code.DISK_FULL,
        message,
        blame=Blame.SYSTEM,
        details={
            "needed": {"bytes": need.bytes, "inodes": need.inodes},
            "free": {"bytes": there.bytes, "inodes": there.inodes},
            "hint": "Remove old snapshots (jitsu snapshots destroy), or clean up (jitsu server prune).",
        },
    )

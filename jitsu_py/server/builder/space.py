"""Whether a snapshot fits on the disk, before anything of it is unpacked."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.server.builder.unpack import Contents

MIB: Final = 1024 * 1024

BLOCK: Final = 4096
"""Bytes that a file system gives out at a time."""

RESERVED: Final = 64 * MIB
"""Bytes that stay free for the platform itself: its database, its logs, what running apps write."""

RESERVED_INODES: Final = 1000


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


def _folders(contents: Contents) -> set[tuple[str, ...]]:
    return {tuple(file.path.split("/")[:-1]) for file in contents.files}


def free(folder: Path) -> Space:
    """What is free on a folder's disk for who runs the server."""
    status = os.statvfs(folder)
    return Space(status.f_bavail * status.f_frsize, status.f_favail if status.f_files else None)


def check_space(need: Space, there: Space) -> None:
    """Refuse what would fill the disk.

    Raises:
        PlatformError: DISK_FULL, with both figures.
    """
    if need.bytes + RESERVED > there.bytes:
        raise _full(
            f"The snapshot takes {_mib(need.bytes)} MiB unpacked, and the server's disk has "
            f"{_mib(there.bytes)} MiB free, of which {RESERVED // MIB} MiB stay free.",
            need,
            there,
        )
    if there.inodes is not None and (need.inodes or 0) + RESERVED_INODES > there.inodes:
        raise _full(
            f"The snapshot has {need.inodes:,} files and folders, and the server's disk has room for "
            f"{there.inodes:,}, of which {RESERVED_INODES:,} stay free.",
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
            "hint": "Remove old snapshots (jitsu snapshots destroy) or free some space on the server.",
        },
    )

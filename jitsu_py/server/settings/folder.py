"""The state folder: made, proved to be writable, and files in it that are its owner's alone."""

from __future__ import annotations

import os
from importlib import resources
from typing import TYPE_CHECKING

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from pathlib import Path

FILE = "server.toml"
"""In the state folder; the one beside this module, with every default in a comment, is what it begins as."""

LOG_FILE = "logs/_server/server.log"
"""The platform's own log; "_server" is no user's name."""

OUTPUT_FILE = "logs/_server/output.log"
"""What the server process prints besides: normally nothing."""

PROBE = 256 * 1024
"""Bytes that a server needs at least to start."""

FOLDERS = ("snapshots", "builds", "cache", "logs", "engines", "databases", "outbox", "run", "work")
"""Below the state folder; all 0700."""


def engines_of(home: Path) -> Path:
    """Where the Nodes of a state folder lie, a folder each, by version."""
    return home / "engines" / "node"


def prepare(home: Path) -> None:
    """Make the state folder with its sub-folders, for its owner alone.

    Raises:
        PlatformError: it cannot be made or written: a file in its way, a read-only or full disk.
    """
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        home.chmod(0o700)
        for name in FOLDERS:
            (home / name).mkdir(mode=0o700, exist_ok=True)
        if not (home / FILE).exists():
            write_private(home / FILE, resources.files(__package__).joinpath(FILE).read_bytes())
        probe = home / "run" / f"probe.{os.urandom(4).hex()}"
        write_private(probe, b"x" * PROBE)
        probe.unlink()
    except OSError as error:
        raise PlatformError(
            Code.DISK_FULL,
            f"The state folder {home} cannot be written: {error.strerror or error}. "
            "Free some space, mend its permissions, or point JITSU_HOME at another folder.",
        ) from error


def write_private(path: Path, data: bytes) -> None:
    """Write a file of its owner's alone: 0600 from its first byte, whole or not at all.

    What root writes into somebody else's folder is theirs: a service's user is to read it.
    """
    beside = path.with_name(f".{path.name}.{os.urandom(4).hex()}")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            if os.geteuid() == 0:
                folder = path.parent.stat()
                os.fchown(handle, folder.st_uid, folder.st_gid)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException:
        beside.unlink(missing_ok=True)
        raise

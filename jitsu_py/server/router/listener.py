"""The router's listening socket."""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import time
from pathlib import Path
from typing import Final

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

from .processes import holder

_PATIENCE: Final = 1.0
"""Seconds for an HAProxy of ours that was told to leave the port."""

_PIDFD_GETFD: Final = 438
"""Number of the system call, the same on every architecture; Linux 5.6."""

_BACKLOG: Final = 4096
"""Visitors that may wait while HAProxy is being started."""


async def take(address: str, port: int) -> socket.socket:
    """Listen on a port that nobody else shares.

    Raises:
        PlatformError: UNAVAILABLE: it is taken, or not ours to take.
    """
    deadline = time.monotonic() + _PATIENCE
    while True:
        try:
            return _listening(address, port)
        except OSError as error:
            if time.monotonic() > deadline:
                raise _refused(address, port, error) from error
            await asyncio.sleep(0.02)


def _listening(address: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((address, port))
        opened.listen(_BACKLOG)
    except BaseException:
        opened.close()
        raise
    return opened


def _refused(address: str, port: int, error: OSError) -> PlatformError:
    who = holder(port)
    by = f" It is held by {who}." if who else ""
    why = os.strerror(error.errno) if error.errno else str(error)
    said = f"The router cannot listen on port {port} of {address}: {why}.{by}"
    return PlatformError(Code.UNAVAILABLE, said, blame=Blame.SYSTEM, details={"port": port, "holder": who})


def held_by(pid: int, address: str, port: int) -> socket.socket | None:
    """Get our own hold of the listening socket of a process, so that it outlives that process.

    Linux, by `pidfd_getfd`, which the kernel allows where one process may trace the other: those of one user,
    unless a security module (Yama's `ptrace_scope`, as on Ubuntu) keeps it to parents.

    Returns:
        The socket; None: the system does not give it.
    """
    try:
        process = os.pidfd_open(pid)
    except (OSError, AttributeError):
        return None
    try:
        for link in sorted(Path(f"/proc/{pid}/fd").iterdir()):
            found = _copied(process, link)
            if found is not None and _is_it(found, address, port):
                return found
            if found is not None:
                found.close()
    except OSError:
        return None
    finally:
        os.close(process)
    return None


def _copied(process: int, link: Path) -> socket.socket | None:
    """A descriptor of another process, as a socket of ours; None: it is none, or not ours to have."""
    if not str(link.readlink()).startswith("socket:"):
        return None
    copy = ctypes.CDLL(None).syscall(_PIDFD_GETFD, process, int(link.name), 0)
    return socket.socket(fileno=copy) if copy >= 0 else None


def _is_it(found: socket.socket, address: str, port: int) -> bool:
    try:
        listens = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        return bool(listens) and tuple(found.getsockname()[:2]) == (address, port)
    except OSError:
        return False

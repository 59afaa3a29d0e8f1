"""The router's listening socket."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import Final

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

from .processes import holder

_PATIENCE: Final = 1.0
"""Seconds for an HAProxy of ours that was told to leave the port."""

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

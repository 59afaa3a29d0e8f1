"""Downloads that a lost connection only interrupts."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from jitsu_py.api.failures import CONNECTION_LOST
from jitsu_py.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from jitsu_py.api.transport import Transport

INTERRUPTIONS = (CONNECTION_LOST, UnreachableError.code)
"""Codes of what may pass: the connection broke, the server is being restarted."""

PAUSES = (0.2, 1.0, 3.0)
"""Seconds before each try that follows one without a byte; after the last of them it is given up."""


def resumed(transport: Transport, path: str) -> Iterator[tuple[bytes, int | None]]:
    """Give the bytes at `path`, each time with the length of the whole (None: unknown).

    What is there must not change meanwhile: the second connection goes on where the first one broke.

    Raises:
        UnreachableError: the connection broke, and new ones brought nothing more.
    """
    got, idle = 0, 0
    while True:
        try:
            start = got
            for chunk, length in transport.download(path, start):
                got, idle = got + len(chunk), 0
                yield chunk, None if length is None else start + length
            return
        except UnreachableError as error:
            # Before the first byte there is nothing to go on from, and who is not there is said at once.
            if not got or error.code not in INTERRUPTIONS or idle == len(PAUSES):
                raise
            time.sleep(PAUSES[idle])
            idle += 1

"""Downloads that a lost connection only interrupts, and that leave a whole file or none."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

from jitsu_py.api import fields
from jitsu_py.api.failures import CONNECTION_LOST
from jitsu_py.errors import UnreachableError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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


def save(
    transport: Transport,
    path: str,
    target: Path,
    *,
    sha256: str,
    what: str,
    advance: Callable[[int, int | None], object],
    mode: int = 0o666,
) -> Path:
    """Download what is at `path`; `target` appears whole or not at all, and replaces what is there.

    Args:
        path: from the root of the API, quoted.
        sha256: hex, what it must be; empty: not checked.
        what: names it in the error.
        advance: told the bytes just received and the whole length (None: unknown).
        mode: who may read and write it, beside what the umask takes away.
    """
    part = target.with_name(f"{target.name}.part-{os.getpid()}")
    digest = hashlib.sha256()
    try:
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            for chunk, length in resumed(transport, path):
                file.write(chunk)
                digest.update(chunk)
                advance(len(chunk), length)
        if sha256 not in ("", digest.hexdigest()):
            raise fields.bad_reply(f"{what} is not what is kept there (SHA-256)")
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return target

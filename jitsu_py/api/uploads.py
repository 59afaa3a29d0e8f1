"""An archive on its way to the server, and what the server says while it builds it."""

from __future__ import annotations

import os
from collections import deque
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from jitsu_py.api.failures import CONNECTION_LOST, OUTPUT_LINES, failure
from jitsu_py.errors import BuildFailedError, ProjectError, UnreachableError
from jitsu_py.wire import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from jitsu_py.api.events import BuildEvent

ARCHIVE = "application/x-gzip"
"""Content type of an archive."""

CHUNK = 256 * 1024
"""Bytes sent at a time."""


def opened(archive: Path | BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Open a path; an open file is lent and stays open."""
    return archive.open("rb") if isinstance(archive, Path) else nullcontext(archive)


class Body:
    """The bytes of an open file from where it stands: chunks to send, counts for the progress bar."""

    def __init__(self, file: BinaryIO, advance: Callable[[int], object]) -> None:
        self._file = file
        self._advance = advance
        start = file.tell()
        self._length = file.seek(0, os.SEEK_END) - start
        file.seek(start)
        self.sent = 0

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._file.read(min(CHUNK, self._length - self.sent)):
            yield chunk
            self.sent += len(chunk)
            self._advance(len(chunk))
        if self.sent < self._length:
            # Sent short, it would leave the server waiting for the rest.
            raise ProjectError("the file became shorter while it was being sent", hint="try again")


class Build:
    """What a build said so far, and how it ended."""

    def __init__(self, on_event: Callable[[BuildEvent], object]) -> None:
        self._on_event = on_event
        self._last: deque[str] = deque(maxlen=OUTPUT_LINES)
        self.lines = 0

    def take(self, event: BuildEvent, request_id: str) -> Mapping[str, Any] | None:
        """Pass an event on; give it when it is the verdict.

        Raises:
            JitsuError: the verdict is a failure; its `output` is what the build printed last.
        """
        self._on_event(event)
        if event.kind == Event.LINE:
            self.lines += 1
            self._last.append(event.text)
        if event.kind == Event.FAILED:
            error = failure(event.raw, request_id=request_id, kind=BuildFailedError)
            error.output = error.output or tuple(self._last)
            raise error
        return event.raw if event.kind == Event.DONE else None

    def lost(self, message: str, body: Body, request_id: str) -> UnreachableError:
        """Make the error for a connection that broke before the verdict: the server goes on."""
        return UnreachableError(
            message,
            hint="the server goes on building what it has received: `jitsu snapshots list` shows it",
            code=CONNECTION_LOST,
            request_id=request_id,
            details={"sent": body.sent, "length": len(body), "lines": self.lines},
        )

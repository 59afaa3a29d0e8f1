"""Connections within bounds: a head that is too long, too slow, or no HTTP, is answered and closed.

Uvicorn bounds none of this when it parses with httptools, so one who opens connections and never finishes
a request could hold all that this process can have.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, ClassVar, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import POWERED_BY, Code

if TYPE_CHECKING:
    import asyncio

HEAD_LIMIT: Final = 64 * 1024
"""Bytes of a request's line and headers."""

HEAD_TIME: Final = 15.0
"""Seconds from a connection's or request's first sign until its head must be complete."""

WAITING: Final = 500
"""Connections that may wait for their head at a time; of more, the oldest is closed."""

_REASONS: Final = {400: "Bad Request", 408: "Request Timeout", 431: "Request Header Fields Too Large"}


class Bounded(HttpToolsProtocol):
    """A connection that has a limited time and length for each request's head."""

    powered_by: ClassVar[str]
    waiting: ClassVar[OrderedDict[Bounded, None]]
    """Connections without a complete head, oldest first."""

    def __init__(self, *arguments: Any, **more: Any) -> None:
        super().__init__(*arguments, **more)
        self._head = 0  # bytes so far
        self._timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_done()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._timer is not None:
            self._head += len(data)
        super().data_received(data)
        if self._timer is not None and self._head > HEAD_LIMIT:
            self._too_long()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._timer is None:
            self._expect_head()

    def on_headers_complete(self) -> None:
        length = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        self._head_done()
        if length > HEAD_LIMIT:
            self._too_long()
        if not self.transport.is_closing():
            super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, Code.BAD_REQUEST, "This is no HTTP request that can be read.")

    def _expect_head(self) -> None:
        self._head = 0
        self._timer = self.loop.call_later(HEAD_TIME, self._too_slow)
        self.waiting[self] = None
        if len(self.waiting) > WAITING:
            oldest, _ = self.waiting.popitem(last=False)
            oldest.transport.close()

    def _head_done(self) -> None:
        self.waiting.pop(self, None)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_slow(self) -> None:
        self._refuse(408, Code.INCOMPLETE, f"The request did not arrive within {HEAD_TIME:g} s.")

    def _too_long(self) -> None:
        message = f"A request's address and headers have at most {HEAD_LIMIT // 1024} KiB."
        self._refuse(431, Code.TOO_LARGE, message)

    def _refuse(self, status: int, code: Code, message: str) -> None:
        self._head_done()
        if self.transport.is_closing():
            return
        body = json.dumps(PlatformError(code, message).body()).encode()
        head = (
            f"HTTP/1.1 {status} {_REASONS[status]}\r\n{POWERED_BY}: {self.powered_by}\r\n"
            "content-type: application/json\r\nconnection: close\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()


def bounded(powered_by: str) -> type[Bounded]:
    """The protocol of one server.

    Args:
        powered_by: what every answer calls the server, also one that no application gives.
    """
    return type("BoundedProtocol", (Bounded,), {"powered_by": powered_by, "waiting": OrderedDict()})

"""A real HTTP server on loopback whose every answer a test decides, down to the last byte."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

POWERED = {"x-powered-by": "Nodejitsu (jitsu-py 0)", "x-request-id": "req-1"}


@dataclass
class Request:
    """What arrived."""

    method: str
    path: str
    headers: dict[str, str]
    """Names in lower case."""
    rest: Callable[[], bytes] = field(repr=False)
    """Reads the body; once."""
    body: bytes = b""

    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class Reply:
    """What to answer."""

    status: int = 200
    body: bytes | Iterable[bytes] = b""
    """Bytes go with a length; an iterable goes in chunks, each sent at once."""
    headers: dict[str, str] = field(default_factory=lambda: dict(POWERED))
    length: int | None = None
    """A length to claim instead of the true one; an iterable then goes bare, each item sent at once."""
    cut: bool = False
    """Close the connection without the last chunk."""


def answer(value: Any, status: int = 200, **headers: str) -> Reply:
    """A JSON answer of our kind of server."""
    return Reply(
        status, json.dumps(value).encode(), {**POWERED, "content-type": "application/json", **headers}
    )


def events(*wanted: dict[str, Any], cut: bool = False) -> Reply:
    """A build's stream."""
    lines = [json.dumps(event).encode() + b"\n" for event in wanted]
    return Reply(200, lines, {**POWERED, "content-type": "application/x-ndjson"}, cut=cut)


Respond = Callable[[Request], Reply | None]
"""Decides the answer; None: close the connection without one."""


class Server(ThreadingHTTPServer):
    """Keeps the requests it got; `respond` answers them."""

    daemon_threads = True
    block_on_close = False

    def __init__(self, respond: Respond) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.respond = respond
        self.requests: list[Request] = []
        self.connections = 0
        self.lazy = False
        """Leave bodies unread: `respond` reads them, or does not."""

    @property
    def url(self) -> str:
        """Base URL."""
        return f"http://127.0.0.1:{self.server_port}"

    def paths(self) -> list[str]:
        """`METHOD /path` of every request, in order."""
        return [f"{request.method} {request.path}" for request in self.requests]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what many tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def setup(self) -> None:
        super().setup()
        self.server.connections += 1

    def log_message(self, *args: object) -> None:
        pass

    def _answer(self) -> None:
        request = Request(
            self.command,
            self.path,
            {name.lower(): value for name, value in self.headers.items()},
            lambda: self.rfile.read(int(self.headers.get("content-length", 0))),
        )
        self.server.requests.append(request)
        if not self.server.lazy:
            request.body = request.rest()
        reply = self.server.respond(request)
        if reply is None:
            self.close_connection = True
            return
        self._send(reply)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer  # noqa: N815

    def _send(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if isinstance(reply.body, bytes):
            length = len(reply.body) if reply.length is None else reply.length
            self.send_header("content-length", str(length))
            self.end_headers()
            self.wfile.write(reply.body)
            self.close_connection = self.close_connection or length != len(reply.body)
            return
        chunked = reply.length is None
        way = ("transfer-encoding", "chunked") if chunked else ("content-length", str(reply.length))
        self.send_header(*way)
        self.end_headers()
        for chunk in reply.body:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk) if chunked else chunk)
            self.wfile.flush()
        if reply.cut or not chunked:
            self.close_connection = True
        else:
            self.wfile.write(b"0\r\n\r\n")


@contextmanager
def serving(respond: Respond) -> Iterator[Server]:
    """Run a server for the length of a block."""
    server = Server(respond)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

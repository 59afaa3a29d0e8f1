"""Receivers of logs on loopback: syslog over TCP or TLS, as strict as RFC 5424 and RFC 6587."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MESSAGE = re.compile(
    rb"<(?P<priority>\d{1,3})>1 (?P<time>\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (?P<host>[!-~]{1,255}) "
    rb"(?P<app>[!-~]{1,48}) (?P<drone>[!-~]{1,128}) (?P<stream>[!-~]{1,32}) "
    rb'\[jitsu@32473(?P<facts>(?: [a-z]+="(?:[^"\\\]]|\\["\\\]])*")*)\] (?P<text>.*)',
    re.DOTALL,
)

FACT = re.compile(rb'([a-z]+)="((?:[^"\\\]]|\\["\\\]])*)"')


@dataclass(frozen=True)
class Message:
    """One that was received."""

    priority: int
    app: str
    drone: str
    stream: str
    facts: dict[str, str]
    text: str

    @classmethod
    def parse(cls, raw: bytes) -> Message:
        """Read one; fails where it is not as the standard wants it."""
        found = MESSAGE.fullmatch(raw)
        assert found, raw[:300]
        facts = {
            name.decode(): re.sub(rb"\\(.)", rb"\1", value).decode()
            for name, value in FACT.findall(found["facts"])
        }
        words = [found[name].decode() for name in ("app", "drone", "stream")]
        return cls(int(found["priority"]), words[0], words[1], words[2], facts, found["text"].decode())


class SyslogReceiver:
    """Listens on loopback and keeps what it gets.

    Args:
        certificate: file with certificate and key; None: no TLS.
        breaks_after: messages after which each connection is reset, what else arrived thrown away.
        closes_when_idle: whether each connection is closed in order when a batch is over.
        reads: whether it reads at all.
        cut: whether who sends may end in the middle of a message.
        port: 0: a free one.
    """

    def __init__(
        self,
        certificate: Path | None = None,
        *,
        breaks_after: int | None = None,
        closes_when_idle: bool = False,
        reads: bool = True,
        cut: bool = False,
        port: int = 0,
    ) -> None:
        self.messages: list[Message] = []
        self.connections = 0
        self._breaks_after, self._closes_when_idle, self._reads = breaks_after, closes_when_idle, reads
        self._cut = cut
        self._context = None
        if certificate:
            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._context.load_cert_chain(certificate)
        self._listener = socket.create_server(("127.0.0.1", port))
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        """Where it listens."""
        port: int = self._listener.getsockname()[1]
        return port

    @property
    def texts(self) -> list[str]:
        """What the messages say, without the platform's own."""
        return [message.text for message in self.messages if message.stream != "system"]

    def __enter__(self) -> SyslogReceiver:
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join(30)

    def _accept(self) -> None:
        while not self._over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.callback(connection.close)
            connection.settimeout(10)
            if self._context:
                connection = stack.enter_context(self._context.wrap_socket(connection, server_side=True))
            connection.settimeout(0.2)
            self._read(connection)

    def _read(self, connection: socket.socket) -> None:
        rest, count = b"", 0
        while not self._over.is_set():
            if not self._reads:
                time.sleep(0.05)
                continue
            try:
                got = connection.recv(65536)
            except TimeoutError:
                if self._closes_when_idle and count and not rest:
                    return
                continue
            if not got:
                assert self._cut or rest == b"", "half a message"
                return
            rest += got
            while (framed := _first(rest)) is not None:
                message, rest = framed
                self.messages.append(Message.parse(message))
                count += 1
                if count == self._breaks_after:
                    # Lingering for no time: what was not read is thrown away, and the other side is told.
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    return


def _first(data: bytes) -> tuple[bytes, bytes] | None:
    """The first whole message and what follows."""
    length, space, rest = data.partition(b" ")
    if not space:
        assert len(length) < 10, length
        return None
    size = int(length)
    return (rest[:size], rest[size:]) if len(rest) >= size else None


def wait_until(true: Callable[[], bool], what: str = "it never came to that", seconds: float = 30) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.02)

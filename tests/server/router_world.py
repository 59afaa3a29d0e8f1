"""A small real world for the router's tests: HAProxy, upstreams that answer with their name, visitors."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from jitsu_py.server.router import Page, Route, Router, Target, find_haproxy

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

HOST = "hello.localhost"
"""Where the app of most tests lives."""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def route(release: str, *targets: Target, app: str = "alice/hello", hosts: Sequence[str] = (HOST,)) -> Route:
    """A route, by default of alice's app."""
    return Route(app, tuple(hosts), release, targets, Page.STOPPED)


@contextlib.asynccontextmanager
async def router_in(run: Path, port: int, *, slots: int = 128) -> AsyncIterator[Router]:
    """A started, watched router; ended with its HAProxy."""
    haproxy = find_haproxy()
    assert haproxy is not None
    router = Router(haproxy, run, port=port, slots=slots)
    await router.start()
    watching = asyncio.create_task(router.watch())
    try:
        yield router
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        await router.close(leave_running=False)


@contextlib.asynccontextmanager
async def drone(name: str, port: int = 0, *, breaks: int = 0) -> AsyncIterator[Target]:
    """An HTTP server: `/` answers its name and the request, `/long` a byte each 0.1 s for 5 s.

    Args:
        breaks: so many requests are cut off unanswered before it behaves.
    """
    left = breaks
    open_now: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        open_now.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if left:
                    left -= 1
                    break
                if head.split()[1] == b"/long":
                    await _download(writer)
                    continue
                body = name.encode() + b"\n" + head
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
                await writer.drain()
        writer.close()
        open_now.discard(writer)

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=256 * 1024)
    try:
        yield Target(name, server.sockets[0].getsockname()[1])
    finally:
        server.close()
        # A connection that was just accepted has no writer yet; one that is cut needs a turn to close.
        await asyncio.sleep(0.02)
        for writer in list(open_now):
            writer.transport.abort()
        await asyncio.sleep(0.02)


async def _download(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 50\r\n\r\n")
    for _ in range(50):
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.1)


@dataclass(frozen=True)
class Answer:
    """What a visitor got."""

    status: int
    headers: dict[str, str]
    body: str

    @property
    def name(self) -> str:
        """The drone that answered."""
        return self.body.partition("\n")[0]


async def ask(
    port: int,
    host: str = HOST,
    path: str = "/",
    *,
    method: str = "GET",
    headers: str = "",
    timeout: float = 15,
) -> Answer:
    """One request on a connection of its own."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=256 * 1024)
    try:
        async with asyncio.timeout(timeout):
            return await ask_on(reader, writer, host, path, method=method, headers=headers)
    finally:
        writer.close()


async def ask_on(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    host: str = HOST,
    path: str = "/",
    *,
    method: str = "GET",
    headers: str = "",
) -> Answer:
    """One request on an open connection.

    Raises:
        asyncio.IncompleteReadError: the answer broke off.
    """
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}\r\n".encode("latin-1"))
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *lines = head.strip().split("\r\n")
    found = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    length = 0 if method == "HEAD" else int(found.get("content-length", 0))
    return Answer(int(first.split()[1]), found, (await reader.readexactly(length)).decode("latin-1"))


@dataclass
class Load:
    """Visitors without end, some on one connection, some on a new one for each request."""

    port: int
    pause: float = 0.005
    """Seconds between a visitor's requests."""
    answers: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def running(self, visitors: int = 8, method: str = "GET") -> AsyncIterator[Load]:
        """Half of the visitors keep their connection."""
        tasks = [asyncio.create_task(self._visit(at % 2 == 0, method)) for at in range(visitors)]
        try:
            yield self
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _visit(self, keeps: bool, method: str) -> None:
        while True:
            try:
                await self._connection(1000 if keeps else 1, method)
            except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
                self.failures.append(repr(error))

    async def _connection(self, requests: int, method: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for _ in range(requests):
                async with asyncio.timeout(10):
                    answer = await ask_on(reader, writer, method=method)
                (self.answers if answer.status == 200 else self.failures).append(answer.name)
                await asyncio.sleep(self.pause)
                if answer.headers.get("connection") == "close":
                    break
        finally:
            writer.close()

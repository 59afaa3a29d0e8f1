"""A port of this machine that leads to a database of the server's: each connection to it a web socket.

Binary messages are what is sent. A side that will send no more says so by the text `wire.TUNNEL_END`, since
a web socket, unlike a TCP connection, cannot be half closed.
"""

from __future__ import annotations

import asyncio
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Self

from websockets.exceptions import ConnectionClosed

from jitsu_py.api.websocket import opened
from jitsu_py.errors import ConflictError, JitsuError
from jitsu_py.wire import TUNNEL_END

if TYPE_CHECKING:
    from collections.abc import Callable

    from websockets.asyncio.client import ClientConnection

    from jitsu_py.api.way import Way

CHUNK = 64 * 1024
"""Bytes read at a time."""


class Tunnel:
    """Listens on loopback and passes what comes on to the server; a context manager.

    Entering it raises a ConflictError where the port is taken, or what keeps the server from letting us
    through, which is tried once.

    Args:
        way: to the server.
        path: of the tunnel's route, quoted.
        port: to listen on; 0: any that is free.
        warn: told why a later connection did not come about; by another thread.
    """

    def __init__(self, way: Way, path: str, port: int, warn: Callable[[str], None]) -> None:
        self._way = way
        self._path = path
        self._wanted = port
        self._warn = warn
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._under_way: set[asyncio.Task[None]] = set()
        self.port = 0
        """Where it listens, once entered."""

    def __enter__(self) -> Self:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._open(), self._loop).result()
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(self, *_error: object) -> None:
        self._end()

    def _end(self) -> None:
        asyncio.run_coroutine_threadsafe(self._close(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self) -> None:
        probe = await opened(self._way, self._path)
        await probe.close()
        try:
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", self._wanted)
        except OSError as error:
            raise ConflictError(
                f"port {self._wanted} cannot be taken: {error.strerror or error}",
                hint="name another one with --port, or --port 0 for any that is free",
                code="port_taken",
            ) from error
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A task of its own: asyncio would complain of a handler that is cancelled.
        task = asyncio.create_task(self._serve(reader, writer))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            remote = await opened(self._way, self._path)
            try:
                await _relay(reader, writer, remote)
            finally:
                await remote.close()
        except JitsuError as error:
            self._warn(error.message)
        finally:
            writer.close()


async def _relay(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, remote: ClientConnection
) -> None:
    """Pass on what either side sends until the far one is gone, or both have ended."""
    there = asyncio.create_task(_send(reader, remote))
    try:
        await _receive(remote, writer)
    finally:
        there.cancel()
        await asyncio.gather(there, return_exceptions=True)


async def _send(reader: asyncio.StreamReader, remote: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        try:
            while chunk := await reader.read(CHUNK):
                await remote.send(chunk)
        except OSError:
            # The program here is gone, and nobody is left to hear an answer.
            await remote.close()
            return
        await remote.send(TUNNEL_END)


async def _receive(remote: ClientConnection, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, ConnectionClosed):
        while True:
            message = await remote.recv()
            if isinstance(message, bytes):
                writer.write(message)
                await writer.drain()
            elif message == TUNNEL_END and writer.can_write_eof():
                writer.write_eof()

"""A database through the API: a web socket whose binary messages are one TCP connection to it.

A side that will send no more says so by the text `wire.TUNNEL_END` and goes on receiving.
"""

from __future__ import annotations

import asyncio
import contextlib

from fastapi import APIRouter, WebSocket
from starlette.websockets import WebSocketDisconnect, WebSocketState

from jitsu_py import wire
from jitsu_py.server import endings
from jitsu_py.server.auth import Authenticator, may
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.platform import Platform
from jitsu_py.server.routes.replies import refusal
from jitsu_py.wire import Blame, Code

router = APIRouter(tags=["databases"])

CHUNK = 64 * 1024
"""Bytes read of the database at a time."""

CONNECT_TIME = 5.0
"""Seconds in which the database must take the connection."""


@router.websocket("/databases/{user}/{name}/tunnel")
async def tunnel(socket: WebSocket, user: str, name: str) -> None:
    """Pass on what either side sends until one is gone or the server stops."""
    platform: Platform = socket.app.state.platform
    try:
        await _may_enter(socket, user)
        reader, writer = await _connected(platform, user, name)
    except PlatformError as error:
        await socket.send_denial_response(refusal(error))
        return
    try:
        await socket.accept()
        await _relay(platform, socket, reader, writer)
    finally:
        writer.close()
    if socket.application_state is WebSocketState.CONNECTED:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await socket.close()


async def _may_enter(socket: WebSocket, user: str) -> None:
    authenticator: Authenticator = socket.app.state.authenticator
    caller = await authenticator.check(
        socket.headers.get("authorization"),
        peer=socket.client.host if socket.client else "",
        forwarded="x-forwarded-for" in socket.headers,
    )
    may(caller, "POST", user, None)
    if not caller.is_full:
        raise PlatformError(Code.FORBIDDEN, "A tunnel to a database needs a token of the scope full.")


async def _connected(
    platform: Platform, user: str, name: str
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the database.

    Raises:
        PlatformError: NOT_FOUND; UNAVAILABLE when it takes none.
    """
    port = (await asyncio.to_thread(platform.databases.get, user, name)).port
    try:
        async with asyncio.timeout(CONNECT_TIME):
            return await asyncio.open_connection("127.0.0.1", port)
    except (OSError, TimeoutError) as error:
        words = f"The database {name} takes no connection now. `jitsu databases get {name}` says why."
        raise PlatformError(Code.UNAVAILABLE, words, blame=Blame.SYSTEM) from error


async def _relay(
    platform: Platform, socket: WebSocket, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Pass on until the visitor is gone, the database has ended and all is told, or the server stops."""
    inwards = asyncio.create_task(_receive(socket, writer))
    outwards = asyncio.create_task(_send(reader, socket))
    stopping = asyncio.create_task(platform.stopping.wait())
    tasks = (inwards, outwards, stopping)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        await endings.end(tasks)


async def _receive(socket: WebSocket, writer: asyncio.StreamWriter) -> None:
    """From the visitor to the database; ends when the visitor is gone."""
    with contextlib.suppress(OSError):
        while (message := await socket.receive())["type"] == "websocket.receive":
            if data := message.get("bytes"):
                writer.write(data)
                await writer.drain()
            elif message.get("text") == wire.TUNNEL_END and writer.can_write_eof():
                writer.write_eof()


async def _send(reader: asyncio.StreamReader, socket: WebSocket) -> None:
    """From the database to the visitor; ends when the database has closed the connection."""
    with contextlib.suppress(OSError, WebSocketDisconnect, RuntimeError):
        while data := await reader.read(CHUNK):
            await socket.send_bytes(data)

"""Asks a drone over HTTP whether it is well."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

from jitsu_py.server.drones.ports import LOOPBACK

if TYPE_CHECKING:
    from jitsu_py.server.care import Health


async def ailment(port: int, health: Health) -> str | None:
    """What is wrong with a drone, as a sentence without its full stop; None: it is well.

    Args:
        port: on 127.0.0.1.
        health: what to ask, and what is to come.
    """
    try:
        async with asyncio.timeout(health.timeout):
            status = await _ask(port, health.path)
    except TimeoutError:
        return f"GET {health.path} was not answered within {health.timeout:g} s"
    except (OSError, ValueError, EOFError) as error:
        return f"GET {health.path} was not answered: {error}"
    if health.expects(status):
        return None
    return f"GET {health.path} was answered {status}, not {health.expected}"


async def _ask(port: int, path: str) -> int:
    reader, writer = await asyncio.open_connection(LOOPBACK, port)
    try:
        # HTTP/1.1, since that is what visitors speak; a name that every app must expect behind a proxy.
        head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: jitsu-health\r\n"
        writer.write(f"{head}Accept: */*\r\nConnection: close\r\n\r\n".encode())
        line = await reader.readline()
        words = line.split(None, 2)
        if len(words) < 2 or not words[0].startswith(b"HTTP/") or not words[1].isdigit():
            raise ValueError("what came is no HTTP")
        return int(words[1])
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()

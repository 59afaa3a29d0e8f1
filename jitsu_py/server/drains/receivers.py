"""Connections to receivers: a batch of lines goes there, and it is told when the receiver has it."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Final, Protocol

from jitsu_py import __version__
from jitsu_py.server.drains import formats
from jitsu_py.server.drains.addresses import resolve, why
from jitsu_py.server.drains.http import HttpReceiver

if TYPE_CHECKING:
    import ssl
    from collections.abc import Sequence

    from jitsu_py.server.drains.addresses import Address
    from jitsu_py.server.drains.formats import Shipped

CONNECT: Final = 10.0
"""Seconds for a connection, TLS included."""

PATIENCE: Final = 60.0
"""Seconds in which a receiver must take a batch."""

ACKNOWLEDGED: Final = 0.01
"""Seconds between two looks whether the other side has acknowledged what was sent."""


CLOSE_WAIT: Final = 8
"""State of a TCP connection that the other side has closed in order (Linux, `tcp_states.h`)."""


class Receiver(Protocol):
    """Takes lines."""

    settles: float
    """Seconds a connection must go on living after a batch before the batch counts as taken."""

    async def send(self, lines: Sequence[Shipped]) -> None:
        """Return when the receiver has the lines.

        Raises:
            OSError: it has not, or nobody knows.
            PlatformError: it may not be reached.
        """

    def check(self) -> None:
        """Raise OSError when the connection broke since the last batch in a way that may have cost lines."""

    async def close(self) -> None:
        """End the connection."""


class SyslogReceiver:
    """Syslog over TCP or TLS.

    The protocol has no answers. A batch counts as sent when the other side's system has acknowledged its last
    byte, and as taken when the connection has then lived on for a while, or was closed in order: a system
    that closes a connection whose bytes the program had not read says so by a reset.

    Args:
        address: where to.
        host: what messages call this machine.
        anywhere: whether it may be an address that is not of the internet.
        context: for TLS: whom to trust.
        settles: see `Receiver`.
    """

    def __init__(
        self, address: Address, host: str, *, anywhere: bool, context: ssl.SSLContext, settles: float
    ) -> None:
        self.settles = settles
        self._address = address
        self._host = host
        self._anywhere = anywhere
        self._context = context if address.is_encrypted else None
        self._writer: asyncio.StreamWriter | None = None
        self._listening: asyncio.Task[None] | None = None

    async def send(self, lines: Sequence[Shipped]) -> None:
        """Write the lines and wait until they are acknowledged."""
        content = await asyncio.to_thread(formats.syslog, lines, self._host)
        try:
            async with asyncio.timeout(CONNECT):
                writer = await self._connected()
            async with asyncio.timeout(PATIENCE):
                writer.write(content)
                await writer.drain()
                await self._acknowledged(writer)
        except BaseException as error:
            await self.close()
            if isinstance(error, TimeoutError):
                raise OSError(f"{self._address.place} took too long") from error
            raise
        if self._listening is not None and self._listening.done() and not _is_orderly(writer):
            await self.close()
            raise OSError(f"{self._address.place} broke the connection")

    def check(self) -> None:
        """Raise OSError when the connection was reset since the last batch."""
        if self._listening is None or not self._listening.done():
            return
        error = None if self._listening.cancelled() else self._listening.exception()
        if error is not None:
            raise OSError(f"{self._address.place} broke the connection") from error

    async def close(self) -> None:
        """End the connection."""
        writer, self._writer = self._writer, None
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.cancel()
            with contextlib.suppress(asyncio.CancelledError, OSError):
                await asyncio.wait([listening])
                listening.exception()
        if writer is not None:
            writer.close()
            with contextlib.suppress(OSError, TimeoutError, asyncio.CancelledError):
                async with asyncio.timeout(1):
                    await writer.wait_closed()

    async def _connected(self) -> asyncio.StreamWriter:
        if self._writer is not None and self._listening is not None and not self._listening.done():
            return self._writer
        await self.close()
        reader, writer = await self._connect()
        # With nothing kept back here, `drain` returns when the system has taken every byte.
        writer.transport.set_write_buffer_limits(high=0)
        self._writer = writer
        self._listening = asyncio.create_task(_until_it_ends(reader))
        return writer

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        host, port = self._address.host, self._address.port
        failure: OSError | None = None
        for number in await resolve(host, port, anywhere=self._anywhere):
            name = host if self._context else None
            try:
                return await asyncio.open_connection(
                    number, port, ssl=self._context, server_hostname=name, limit=4096
                )
            except OSError as error:
                failure = error
        raise OSError(f"{self._address.place}: {why(failure)}") from failure

    async def _acknowledged(self, writer: asyncio.StreamWriter) -> None:
        while _unacknowledged(writer.get_extra_info("socket")):
            if self._listening is None or self._listening.done():
                return
            await asyncio.sleep(ACKNOWLEDGED)


async def _until_it_ends(reader: asyncio.StreamReader) -> None:
    """Read what no receiver has to say, until it closes the connection; raises OSError on a reset."""
    while await reader.read(4096):
        pass


def _unacknowledged(connection: socket.socket) -> int:
    """Bytes that the other side has not acknowledged; 0 where the system does not tell."""
    try:
        import fcntl
        import termios

        queued = fcntl.ioctl(connection.fileno(), termios.TIOCOUTQ, bytes(4))
    except (ImportError, AttributeError, OSError, ValueError):  # Windows; or it is closed
        return 0
    return int.from_bytes(queued, "little")


def _is_orderly(writer: asyncio.StreamWriter) -> bool:
    """Whether a connection that the other side closed was closed with everything read.

    Its system answers what comes too late, and what it throws away unread, with a reset.
    """
    if writer.is_closing() or not hasattr(socket, "TCP_INFO"):
        return False
    try:
        info = writer.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)
    except OSError:
        return False
    return bool(info[0] == CLOSE_WAIT)


def receiver(
    address: Address, ref: str, host: str, *, anywhere: bool, context: ssl.SSLContext, settles: float
) -> Receiver:
    """What speaks the address's protocol.

    Args:
        ref: the drain's id, which HTTP receivers are told.
    """
    if address.is_syslog:
        return SyslogReceiver(address, host, anywhere=anywhere, context=context, settles=settles)
    headers = {"user-agent": f"jitsu-py/{__version__}", "x-jitsu-drain": ref}
    return HttpReceiver(address, headers, anywhere=anywhere, context=context)

"""Receivers that take newline-delimited JSON by POST, and answer when they have it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import httpcore

from jitsu_py import wire
from jitsu_py.server.drains import formats
from jitsu_py.server.drains.addresses import resolve, why

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterable, Mapping, Sequence

    from jitsu_py.server.drains.addresses import Address
    from jitsu_py.server.drains.formats import Shipped

TIMEOUTS: Final = {"connect": 10.0, "write": 30.0, "read": 30.0, "pool": 5.0}
"""Seconds of silence."""

PATIENCE: Final = 60.0
"""Seconds in which a receiver must have taken a batch."""

HEARD: Final = 64 * 1024
"""Bytes of an answer that are read, so that the connection can be used again."""


class TooLargeError(OSError):
    """The receiver takes no batch of this size."""


class HttpReceiver:
    """A receiver behind http(s); a batch is taken when it is answered with a 2xx.

    Args:
        address: where to.
        headers: sent with each batch.
        anywhere: whether it may be an address that is not of the internet.
        context: whom to trust.
    """

    settles = 0.0

    def __init__(
        self, address: Address, headers: Mapping[str, str], *, anywhere: bool, context: ssl.SSLContext
    ) -> None:
        self._address = address
        login = {"authorization": address.login} if address.login else {}
        self._headers = {"content-type": wire.NDJSON, **headers, **login}
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=context, max_connections=1, network_backend=_Checked(anywhere)
        )

    async def send(self, lines: Sequence[Shipped]) -> None:
        """Post the lines; a redirect is not followed, it could lead anywhere."""
        content = await asyncio.to_thread(formats.ndjson, lines)
        address = self._address
        url = httpcore.URL(
            scheme=address.scheme, host=address.host, port=address.port, target=address.path.encode()
        )
        host = f"[{address.host}]" if ":" in address.host else address.host
        headers = {"host": f"{host}:{address.port}", **self._headers, "content-length": str(len(content))}
        try:
            async with asyncio.timeout(PATIENCE):
                status = await self._post(url, headers, content)
        except TimeoutError as error:
            raise OSError(f"{address.place} took too long") from error
        except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError) as error:
            raise OSError(f"{address.place}: {why(error)}") from error
        if status == 413:
            raise TooLargeError(f"{address.place} says that the lines are too many for one request")
        if not 200 <= status < 300:
            raise OSError(f"{address.place} answered {status}, not 2xx")

    def check(self) -> None:
        """An answered batch needs no connection any more."""

    async def close(self) -> None:
        """End the connection."""
        await self._pool.aclose()

    async def _post(self, url: httpcore.URL, headers: Mapping[str, str], content: bytes) -> int:
        options: Any = {"timeout": TIMEOUTS}
        async with self._pool.stream(
            "POST", url, headers=list(headers.items()), content=content, extensions=options
        ) as response:
            heard = 0
            async for part in response.aiter_stream():
                heard += len(part)
                if heard > HEARD:
                    break
            return response.status


class _Checked(httpcore.AsyncNetworkBackend):
    """Connects to addresses that were checked."""

    def __init__(self, anywhere: bool) -> None:
        self._anywhere = anywhere
        self._backend = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to the first address of the host that takes it."""
        failure: httpcore.NetworkError | httpcore.TimeoutException | None = None
        for number in await resolve(host, port, anywhere=self._anywhere):
            try:
                return await self._backend.connect_tcp(number, port, timeout, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
        raise failure or httpcore.ConnectError("it has no address")

    async def sleep(self, seconds: float) -> None:
        """Wait."""
        await self._backend.sleep(seconds)

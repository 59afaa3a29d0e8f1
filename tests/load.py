"""Visitors who come at a steady pace, counted to the last request: for tests under load and benchmarks."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from multiprocessing.connection import Connection

PATIENCE = 15.0
"""Seconds after which a request counts as hanging."""


@dataclass(frozen=True)
class Sample:
    """One request."""

    began: float
    """Seconds of the monotonic clock."""
    seconds: float
    status: int
    """0: no answer."""
    text: str
    """The body, or what went wrong."""


@dataclass(frozen=True)
class Figures:
    """What came of a load."""

    samples: list[Sample] = field(repr=False)

    @property
    def failed(self) -> list[Sample]:
        """Requests that got anything but a 200."""
        return [sample for sample in self.samples if sample.status != 200]

    @property
    def hanging(self) -> int:
        """Requests without an answer within `PATIENCE`."""
        return sum(sample.text == "hangs" for sample in self.samples)

    @property
    def texts(self) -> Counter[str]:
        """How often each body came."""
        return Counter(sample.text for sample in self.samples if sample.status == 200)

    def percentile(self, percent: float) -> float:
        """Seconds that so many percent of the answers took at most."""
        ordered = sorted(sample.seconds for sample in self.samples if sample.status == 200)
        return ordered[min(int(len(ordered) * percent / 100), len(ordered) - 1)] if ordered else 0.0

    def between(self, began: float, ended: float) -> Figures:
        """Those requests that were sent in this time."""
        return Figures([sample for sample in self.samples if began <= sample.began < ended])

    def __str__(self) -> str:
        p50, p99, most = (self.percentile(percent) * 1000 for percent in (50, 99, 100))
        return (
            f"{len(self.samples)} requests, {len(self.failed)} failed, {self.hanging} hanging, "
            f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {most:.0f} ms"
        )


class Load:
    """Runs in a thread of its own while the block lasts; `figures` are complete after it.

    Args:
        port: where to connect on 127.0.0.1.
        host: Host header.
        connections: visitors; every other one keeps its connection, the rest open one for each request.
        rate: requests a second of each visitor.
        path: what they ask for.
    """

    def __init__(
        self, port: int, host: str, *, connections: int = 8, rate: float = 50.0, path: str = "/"
    ) -> None:
        self._port = port
        self._request = f"GET {path} HTTP/1.1\r\nHost: {host}\r\n".encode()
        self.connections = connections
        self._rate = rate
        self._samples: list[Sample] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    @property
    def figures(self) -> Figures:
        """All requests so far."""
        return Figures(list(self._samples))

    def wait(self, condition: Callable[[Figures], bool], seconds: float = 20) -> None:
        """Return when the figures fulfil a condition."""
        deadline = time.monotonic() + seconds
        while not condition(self.figures):
            assert time.monotonic() < deadline, f"it did not come about: {self.figures}"
            time.sleep(0.05)

    def answered(self, count: int) -> None:
        """Return when so many more requests were answered."""
        until = len(self._samples) + count
        self.wait(lambda figures: len(figures.samples) >= until)

    async def _run(self) -> None:
        visitors = [self._visit(number) for number in range(self.connections)]
        await asyncio.gather(*visitors)

    async def _visit(self, number: int) -> None:
        keeps, link = number % 2 == 0, None
        due = time.monotonic() + number / self.connections / self._rate
        while not self._stop.is_set():
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + 1 / self._rate, time.monotonic() - 1)
            began, status, text = time.monotonic(), 0, ""
            try:
                async with asyncio.timeout(PATIENCE):
                    link = link or await Link.open(self._port)
                    status, text = await link.ask(self._request, keeps=keeps)
            except TimeoutError:
                text = "hangs"
            except (OSError, asyncio.IncompleteReadError, ValueError) as error:
                text = repr(error)
            self._samples.append(Sample(began, time.monotonic() - began, status, text))
            if link is not None and (not keeps or not status or link.ends):
                link.close()
                link = None
        if link is not None:
            link.close()


class LoadApart:
    """A load from a process and a session of its own, as that of visitors who sit at other machines.

    What the block does costs them neither Python's lock nor their share of the processors. `figures` are
    there after the block; the arguments are those of `Load`.
    """

    def __init__(self, port: int, host: str) -> None:
        context = multiprocessing.get_context("spawn")
        self._ours, theirs = context.Pipe()
        self._process = context.Process(target=_visit_apart, args=(port, host, theirs))
        self.figures = Figures([])

    def __enter__(self) -> Self:
        self._process.start()
        assert self._ours.poll(PATIENCE), "the visitors did not come"
        self._ours.recv()
        return self

    def __exit__(self, *_: object) -> None:
        self._ours.send("enough")
        self.figures = Figures(self._ours.recv())
        self._process.join()


def _visit_apart(port: int, host: str, link: Connection) -> None:
    os.setsid()
    with Load(port, host) as load:
        load.answered(200)  # what is cold gets warm
        link.send("warm")
        link.recv()
    link.send(load.figures.samples)


class Link:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.ends = False
        """The other side announced that it closes."""

    @classmethod
    async def open(cls, port: int) -> Link:
        """Connect."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def ask(self, request: bytes, *, keeps: bool) -> tuple[int, str]:
        """Send a request; its status and body.

        Raises:
            asyncio.IncompleteReadError: the answer broke off.
        """
        self._writer.write(request + (b"\r\n" if keeps else b"Connection: close\r\n\r\n"))
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        self.ends = headers.get("connection", "").lower() == "close"
        if headers.get("transfer-encoding") == "chunked":
            body = b"".join([chunk async for chunk in self._chunks()])
        else:
            body = await self._reader.readexactly(int(headers.get("content-length", 0)))
        return int(first.split()[1]), body.decode(errors="replace")

    async def _chunks(self) -> AsyncIterator[bytes]:
        while size := int(await self._reader.readline(), 16):
            yield await self._reader.readexactly(size)
            await self._reader.readline()
        await self._reader.readline()

    def close(self) -> None:
        """Let go of it."""
        with contextlib.suppress(OSError):
            self._writer.close()

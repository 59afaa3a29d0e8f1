"""What the router compresses, before a real Node server."""

from __future__ import annotations

import asyncio
import gzip
import http.client
from typing import TYPE_CHECKING

from jitsu_py.server.router import Router, Target, find_haproxy

from .router_world import HOST, free_port, route, router_in
from .test_router_node import node

if TYPE_CHECKING:
    from pathlib import Path

SERVER = """
const zlib = require('zlib'), text = 'hello '.repeat(1000);
require('http').createServer((q, r) => {
  const type = {'/html': 'text/html; charset=utf-8', '/json': 'application/json', '/png': 'image/png'}[q.url];
  if (type) { r.setHeader('content-type', type); return r.end(text); }
  if (q.url === '/own') {
    r.writeHead(200, {'content-type': 'text/html', 'content-encoding': 'gzip'});
    return r.end(zlib.gzipSync('by the app'));
  }
  r.writeHead(200, {'content-type': 'text/event-stream'});
  r.write('data: 1\\n\\n');
}).listen(%(port)d, '127.0.0.1', () => console.log('up'));
"""


def get(port: int, path: str, *, takes: str = "gzip") -> tuple[http.client.HTTPResponse, bytes]:
    """An answer, and the first of its body as it came."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=15)
    try:
        connection.request("GET", path, headers={"host": HOST, "accept-encoding": takes})
        answer = connection.getresponse()
        return answer, answer.read(9) if path == "/events" else answer.read()
    finally:
        connection.close()


def test_router_compresses_text(tmp_path: Path) -> None:
    """Text is compressed for who takes it; no images, no streams, nothing twice."""

    async def scene() -> None:
        port, place = free_port(), free_port()
        async with router_in(tmp_path / "run", port) as router, node(SERVER, port=place):
            await router.apply([route("1", Target("d-1", place))])
            for path in ("/html", "/json"):
                answer, body = await asyncio.to_thread(get, port, path)
                assert answer.headers["content-encoding"] == "gzip"
                assert "accept-encoding" in answer.headers["vary"].lower()
                assert gzip.decompress(body) == b"hello " * 1000
                plain, whole = await asyncio.to_thread(get, port, path, takes="identity")
                assert (plain.headers["content-encoding"], len(whole)) == (None, 6000)
            image, _ = await asyncio.to_thread(get, port, "/png")
            assert image.headers["content-encoding"] is None
            own, body = await asyncio.to_thread(get, port, "/own")
            assert (own.headers["content-encoding"], gzip.decompress(body)) == ("gzip", b"by the app")
            events, first = await asyncio.to_thread(get, port, "/events")
            assert (events.headers["content-encoding"], first) == (None, b"data: 1\n\n")

    asyncio.run(scene())


def test_router_compression_off(tmp_path: Path) -> None:
    """A router that is told so compresses nothing; one that takes over changes that, without a gap."""

    async def scene() -> None:
        port, place, haproxy = free_port(), free_port(), find_haproxy()
        assert haproxy is not None
        async with node(SERVER, port=place):
            for compresses, coding in ((False, None), (True, "gzip")):
                router = Router(haproxy, tmp_path / "run", port=port, compresses=compresses)
                await router.start()
                try:
                    await router.apply([route("1", Target("d-1", place))])
                    answer, _ = await asyncio.to_thread(get, port, "/html")
                    assert answer.headers["content-encoding"] == coding
                finally:
                    await router.close(leave_running=not compresses)

    asyncio.run(scene())

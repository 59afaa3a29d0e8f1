"""Every kind of change under load, with downloads and WebSockets under way: nobody loses anything."""

from __future__ import annotations

import asyncio
import threading
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import pytest
from websockets.asyncio.client import connect

from tests.e2e import steps
from tests.e2e.steps import act, create, drones, put, router_port, scale, until
from tests.load import Load
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PIECES, EVERY = 60, 0.05
"""A download is so many pieces, one each so many seconds: 3 s, well below the drain time."""

SOURCE = """
const crypto = require('crypto');
const who = 'VERSION ' + (process.env.COLOUR || 'none');
const server = require('http').createServer((q, r) => {
  if (q.url !== '/download') return r.end(who);
  let left = PIECES;
  const timer = setInterval(() => {
    r.write('0123456789'.repeat(100));
    if (--left) return;
    clearInterval(timer);
    r.end();
  }, EVERY);
});
server.on('upgrade', (request, socket) => {
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = crypto.createHash('sha1').update(key).digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n'
    + 'Sec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  socket.on('error', () => {});
  socket.on('data', (frame) => {
    const size = frame[1] & 127;
    const mask = frame.subarray(2, 6);
    const masked = frame.subarray(6, 6 + size);
    const text = Buffer.from(masked.map((byte, at) => byte ^ mask[at % 4]));
    if ((frame[0] & 15) === 8) return socket.end(Buffer.from([0x88, 0]));
    socket.write(Buffer.concat([Buffer.from([0x81, size]), text]));
  });
});
server.listen(3000);
""".replace("PIECES", str(PIECES)).replace("EVERY", str(int(EVERY * 1000)))
"""Answers with its version, sends a slow download, echoes WebSocket messages; without signal handling."""


@pytest.fixture(scope="module")
def draining(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform whose former drones have a minute for what is under way; more than any download takes."""
    home = tmp_path_factory.mktemp("draining") / "home"
    home.mkdir()
    (home / "server.toml").write_text("[drones]\nboot = 20\ngrace = 2\ndrain = 60\n")
    with LocalPlatform(home) as running:
        yield running


@dataclass
class Lasting:
    """A download or a WebSocket, held in a thread of its own until its end."""

    port: int
    host: str
    failures: list[str] = field(default_factory=list)
    done: int = 0
    ready: threading.Event = field(default_factory=threading.Event)
    stop: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self._run)
        self.thread.start()
        assert self.ready.wait(20)
        return self

    def __exit__(self, *_: object) -> None:
        self.stop.set()
        self.thread.join()

    def _run(self) -> None:
        try:
            asyncio.run(self.talk())
        except Exception as error:
            self.failures.append(repr(error))
            self.ready.set()

    async def talk(self) -> None:
        raise NotImplementedError


class Download(Lasting):
    """Reads one download to its end."""

    async def talk(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        request = f"GET /download HTTP/1.1\r\nHost: {self.host}\r\nConnection: close\r\n\r\n"
        writer.write(request.encode())
        async with asyncio.timeout(60):
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            self.ready.set()
            while (size := int(await reader.readline(), 16)) > 0:
                await reader.readexactly(size + 2)
                self.done += size
        writer.close()
        assert self.done == PIECES * 1000, f"{self.done} bytes"


class Talk(Lasting):
    """Sends messages over one WebSocket, and has each come back, until it is told to stop."""

    async def talk(self) -> None:
        async with connect(
            f"ws://{self.host}:{self.port}/", host="127.0.0.1", port=self.port, compression=None
        ) as socket:
            self.ready.set()
            while not self.stop.is_set():
                await socket.send(f"message {self.done}")
                assert await asyncio.wait_for(socket.recv(), 20) == f"message {self.done}"
                self.done += 1
                await asyncio.sleep(0.02)


@dataclass
class Scene:
    """An app that is changed while visitors are busy with it."""

    platform: LocalPlatform
    path: str
    count: int
    version: int = 0

    def deploy(self) -> None:
        self.version += 1
        put(self.platform, self.path, f"r{self.version}", SOURCE.replace("VERSION", str(self.version)))
        act(self.platform, self.path, "start")

    def roll_back(self) -> None:
        body = {"snapshot": "r0", "env": True}
        answer = self.platform.call("POST", f"{self.path}/rollback", body)
        assert answer.status_code == 200, answer.text

    def restart(self) -> None:
        act(self.platform, self.path, "restart")

    def scale_up(self) -> None:
        scale(self.platform, self.path, self.count + 1)

    def scale_down(self) -> None:
        scale(self.platform, self.path, self.count)

    def change_env(self) -> None:
        self.platform.call("PUT", self.path, {"env": {"COLOUR": "blue"}})
        act(self.platform, self.path, "start")

    def change_domains(self) -> None:
        host = f"{self.path.rpartition('/')[2]}.example.org"
        assert self.platform.call("PUT", self.path, {"domains": [host]}).status_code == 200
        assert self.platform.get("x", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("count", [1, 2])
def test_no_change_costs_a_visitor_anything(draining: LocalPlatform, count: int) -> None:
    """Deploy, rollback, restart, scale up and down, environment, domains: while they load, read and talk."""
    name = f"ends-{count}"
    path = create(draining, name)
    put(draining, path, "r0", SOURCE.replace("VERSION", "0"))
    scale(draining, path, count)
    act(draining, path, "start")
    scene = Scene(draining, path, count)
    port, host = router_port(draining), f"{name}.localhost"
    changes: list[Callable[[], None]] = [
        *(scene.deploy, scene.roll_back, scene.restart, scene.scale_up, scene.scale_down),
        *(scene.change_env, scene.change_domains),
    ]
    lasting: list[Lasting] = []
    with Load(port, host, connections=8, rate=25) as load, ExitStack() as stack:
        for change in changes:
            # One of each is under way at every change, on the drones of before.
            lasting.append(stack.enter_context(Download(port, host)))
            with Talk(port, host) as talk:
                lasting.append(talk)
                began = time.monotonic()
                change()
                load.answered(16)
                said = talk.done
                until(lambda talk=talk, said=said: talk.done > said or talk.failures)  # type: ignore[misc]
            print(f"{change.__name__}: {load.figures.between(began, time.monotonic())}")
        for each in lasting:
            each.thread.join()
        load.answered(16)
    assert not load.figures.failed, load.figures.failed[:5]
    assert not [failure for each in lasting for failure in each.failures]
    until(lambda: len(drones(draining, path)) == count, 60)
    assert steps.shown(draining, path)["condition"] == "started"

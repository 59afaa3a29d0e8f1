"""A tunnel's near end, against real web sockets: bytes, ends, refusals, leftovers."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from websockets.sync.server import serve

from jitsu_py import errors, wire
from jitsu_py.api import Client
from tests.unit.loopback import POWERED, Reply, answer, serving

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from websockets.sync.server import ServerConnection


@contextmanager
def far_end(handler: Callable[[ServerConnection], None]) -> Iterator[str]:
    """A server of web sockets; its base URL."""
    with serve(handler, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}"
        finally:
            server.shutdown()
            thread.join()


def echo(connection: ServerConnection) -> None:
    """Give back what comes; at the end of it say so, and close."""
    for message in connection:
        connection.send(message)
        if message == wire.TUNNEL_END:
            return


def read_all(near: socket.socket) -> bytes:
    """What comes until the other end closes."""
    found = bytearray()
    while chunk := near.recv(65536):
        found += chunk
    return bytes(found)


def until(condition: Callable[[], bool]) -> None:
    """Wait for what other threads are about to do."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def silent(words: str) -> None:
    """Where no word is expected."""
    raise AssertionError(words)


def test_bytes_go_both_ways_unchanged_and_ends_are_passed_on() -> None:
    """Megabytes come back as they went, after this side has closed its half."""
    content = bytes(range(256)) * 16384  # 4 MiB: more than all buffers together
    with (
        far_end(echo) as url,
        Client(url, "ada", "token") as client,
        client.databases.tunnel("cache", 0, silent) as tunnel,
        socket.create_connection(("127.0.0.1", tunnel.port), timeout=60) as near,
    ):

        def send() -> None:
            near.sendall(content)
            near.shutdown(socket.SHUT_WR)

        sender = threading.Thread(target=send)
        sender.start()
        assert read_all(near) == content
        sender.join()


def test_connections_are_apart() -> None:
    """Each connection here is one there, at the route of the database, with the login."""
    seen: list[tuple[str, str]] = []

    def handler(connection: ServerConnection) -> None:
        assert connection.request is not None
        seen.append((connection.request.path, connection.request.headers["Authorization"]))
        echo(connection)

    with (
        far_end(handler) as url,
        Client(url, "ada", "token") as client,
        client.databases.tunnel("bob/c", 0, silent) as tunnel,
        socket.create_connection(("127.0.0.1", tunnel.port), timeout=60) as one,
        socket.create_connection(("127.0.0.1", tunnel.port), timeout=60) as two,
    ):
        one.sendall(b"one")
        two.sendall(b"two")
        assert (one.recv(3), two.recv(3)) == (b"one", b"two")
    # The first of the three was the trial at the start.
    until(lambda: len(seen) == 3)
    assert seen == [("/databases/bob/c/tunnel", "Basic YWRhOnRva2Vu")] * 3


def test_what_the_far_end_closes_is_closed_here() -> None:
    """A program sees the end of the connection, not a silence."""
    with (
        far_end(lambda connection: connection.close()) as url,
        Client(url, "ada", "token") as client,
        client.databases.tunnel("cache", 0, silent) as tunnel,
        socket.create_connection(("127.0.0.1", tunnel.port), timeout=60) as near,
    ):
        assert near.recv(1) == b""


def test_closing_the_tunnel_closes_what_is_open() -> None:
    """Leaving the block ends connections and frees the port; no thread stays."""
    before = set(threading.enumerate())
    with far_end(echo) as url, Client(url, "ada", "token") as client:
        with client.databases.tunnel("cache", 0, silent) as tunnel:
            near = socket.create_connection(("127.0.0.1", tunnel.port), timeout=60)
            near.sendall(b"x")
            assert near.recv(1) == b"x"
        assert near.recv(1) == b""
        near.close()
        with pytest.raises(OSError, match="refused"):
            socket.create_connection(("127.0.0.1", tunnel.port), timeout=60)
    until(lambda: set(threading.enumerate()) <= before)


def test_a_port_that_is_taken_is_said() -> None:
    """The error says what to type."""
    with socket.socket() as taken, far_end(echo) as url, Client(url, "ada", "token") as client:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with (
            pytest.raises(errors.ConflictError, match="cannot be taken") as refused,
            client.databases.tunnel("cache", taken.getsockname()[1], silent),
        ):
            pass
    assert "--port" in refused.value.hint


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (
            answer({"error": "not_found", "message": "There is no database."}, 404),
            errors.NotFoundError,
            "is no",
        ),
        (answer({"error": "forbidden", "message": "Not yours."}, 403), errors.NotLoggedInError, "Not yours"),
        (Reply(502, b"<html>Bad gateway</html>", {}), errors.UnreachableError, "no web sockets"),
        (Reply(200, b"{}", dict(POWERED)), errors.UnreachableError, "no web sockets"),
        (Reply(302, b"", {"location": "https://elsewhere"}), errors.UnreachableError, "sends on to"),
        (None, errors.UnreachableError, "no web socket"),
    ],
)
def test_refusals(reply: Reply | None, kind: type[errors.JitsuError], words: str) -> None:
    """Each is an error of its class before any port is open."""
    with (
        serving(lambda _: reply) as server,
        Client(server.url, "ada", "token") as client,
        pytest.raises(kind, match=words),
        client.databases.tunnel("cache", 0, silent),
    ):
        pass
    assert [request.path for request in server.requests] == ["/databases/ada/cache/tunnel"]


def test_nobody_there(free_port: int) -> None:
    """No server is the same error as for any other request."""
    with (
        Client(f"http://127.0.0.1:{free_port}", "ada", "token") as client,
        pytest.raises(errors.UnreachableError, match="no server answers"),
        client.databases.tunnel("cache", 0, silent),
    ):
        pass


def test_a_later_refusal_is_told_and_closes_that_connection() -> None:
    """The tunnel stays; whoever connects finds the end at once, and a word says why."""
    said: list[str] = []
    with far_end(echo) as url, Client(url, "ada", "token") as client:
        tunnel = client.databases.tunnel("cache", 0, said.append)
        tunnel.__enter__()
    try:
        with socket.create_connection(("127.0.0.1", tunnel.port), timeout=60) as near:
            assert near.recv(1) == b""
    finally:
        tunnel.__exit__()
    assert len(said) == 1
    assert "no server answers" in said[0]


def test_secrets_of_the_way_are_not_shown() -> None:
    """What logs in stays out of `repr`."""
    with Client("https://example.com", "ada", "s3cret-token") as client:
        way = client.databases._transport.way()
    assert way.headers["Authorization"].startswith("Basic ")
    assert way.bundle is not None
    assert "Basic" not in repr(way)
    assert json.dumps(way.headers["User-Agent"]).startswith('"jitsu/')

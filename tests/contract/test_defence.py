"""Hostile and broken clients: slow, long, many, from elsewhere. The others notice nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest
import requests
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jitsu_py.server.connections import HEAD_LIMIT, HEAD_TIME, WAITING
from tests.contract.signups import platform_with
from tests.contract.test_every_route import is_an_error
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

quick = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], database=None
)


def connect(platform: LocalPlatform, timeout: float = 10) -> socket.socket:
    """A plain connection to the API."""
    host, port = platform.status.api.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), timeout=timeout)


def answered(connection: socket.socket) -> tuple[int, dict[str, str], Any]:
    """Status, headers and JSON of the one answer, after which the server closes."""
    raw = b""
    while chunk := connection.recv(65536):
        raw += chunk
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]), headers, json.loads(body)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"x" * HEAD_LIMIT,
        b"GET / HTTP/1.1\r\nx: " + b"y" * HEAD_LIMIT,
        b"GET / HTTP/1.1\r\nx: " + b"y" * HEAD_LIMIT + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * HEAD_LIMIT,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (HEAD_LIMIT // 5) + b"\r\n",
    ],
    ids=["address", "header", "whole", "endless", "many"],
)
def test_a_head_that_is_too_long_is_refused(head: bytes, shared_platform: LocalPlatform) -> None:
    """431 in our words, and the connection is closed."""
    with connect(shared_platform) as connection:
        with contextlib.suppress(ConnectionError):  # it may be closed before all of it is sent
            connection.sendall(head)
        try:
            status, headers, body = answered(connection)
        except ConnectionResetError:
            return  # what we had not read yet when we closed made it a reset: closed all the same
    assert status == 431
    assert "Nodejitsu" in headers["x-powered-by"]
    assert body["error"] == "too_large"


@pytest.mark.parametrize(
    "noise", [b"\x16\x03\x01\x02\x00", b"hello\r\n\r\n", b"GET / HTTP/9\r\n\r\n", b"\0" * 100]
)
def test_what_is_no_http_is_refused(noise: bytes, shared_platform: LocalPlatform) -> None:
    """400 in our words."""
    with connect(shared_platform) as connection:
        connection.sendall(noise)
        status, headers, body = answered(connection)
    assert (status, body["error"]) == (400, "bad_request")
    assert "Nodejitsu" in headers["x-powered-by"]


def test_a_slow_client_stops_nobody(shared_platform: LocalPlatform) -> None:
    """More heads that never end than may wait: others are answered at once, and the slow ones are closed."""
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(connect(shared_platform)) for _ in range(WAITING + 100)]
        for connection in slow:
            with contextlib.suppress(ConnectionError):
                connection.sendall(b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\nx-slow: ")
        began = time.monotonic()
        for _ in range(10):
            assert shared_platform.call("GET", "/auth").status_code == 200
        assert time.monotonic() - began < HEAD_TIME
        slow[-1].settimeout(HEAD_TIME + 10)
        for number in range(3):
            time.sleep(1)
            slow[-1].sendall(b"%d" % number)  # still there, a byte at a time
        status, _, body = answered(slow[-1])
        assert (status, body["error"]) == (408, "incomplete")


def test_a_connection_that_is_kept_has_its_time_anew(shared_platform: LocalPlatform) -> None:
    """A second request on a connection is a request like the first."""
    with requests.Session() as session:
        for _ in range(3):
            assert session.get(shared_platform.status.api + "/health", timeout=5).status_code == 200
            time.sleep(0.3)


def test_requests_in_a_row_are_answered_in_a_row(shared_platform: LocalPlatform) -> None:
    """Two requests sent at once on one connection."""
    one = b"GET /health HTTP/1.1\r\nhost: 127.0.0.1\r\n"
    with connect(shared_platform) as connection:
        connection.sendall(one + b"\r\n" + one + b"connection: close\r\n\r\n")
        raw = b""
        while chunk := connection.recv(65536):
            raw += chunk
    assert raw.count(b"HTTP/1.1 200 OK") == 2


def test_a_body_that_never_comes_stops_nobody(shared_platform: LocalPlatform) -> None:
    """Many uploads and JSON bodies that stand still: others are answered at once."""
    user = shared_platform.user
    login = b64encode(f"{user}:{shared_platform.token}".encode()).decode()
    shared_platform.call("POST", f"/apps/{user}", {"name": "stalled"})
    common = f"host: 127.0.0.1\r\nauthorization: Basic {login}\r\ncontent-length: 1000\r\n\r\n{{"
    paths = (f"/apps/{user}", f"/apps/{user}/stalled/snapshots/1")
    heads = [f"POST {path} HTTP/1.1\r\n{common}" for path in paths]
    with contextlib.ExitStack() as stack:
        for number in range(60):
            connection = stack.enter_context(connect(shared_platform))
            connection.sendall(heads[number % 2].encode())
        began = time.monotonic()
        for _ in range(10):
            assert shared_platform.call("GET", f"/apps/{user}/stalled").status_code == 200
        assert time.monotonic() - began < HEAD_TIME


def test_guessing_from_everywhere_at_once_is_slow_and_harms_nobody(platform: LocalPlatform) -> None:
    """Many wrong passwords at a time: the right one is answered within seconds meanwhile."""
    platform.call("PUT", f"/users/{platform.user}", {"password": "long enough"})
    with ThreadPoolExecutor(15) as pool:
        guesses = [
            pool.submit(platform.call, "GET", "/auth", auth=(platform.user, f"guess {number}"))
            for number in range(15)
        ]
        began = time.monotonic()
        assert platform.call("GET", "/auth").status_code == 200
        assert platform.call("GET", "/health", auth=None).status_code == 200
        assert time.monotonic() - began < HEAD_TIME
        assert {guess.result().status_code for guess in guesses} == {401}
    assert platform.call("GET", "/auth", auth=(platform.user, "long enough")).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "evil.example"},
        {"host": "127.0.0.1.evil.example:9002"},
        {"host": "localhost.evil.example"},
        {"origin": "http://evil.example"},
        {"origin": "null"},
        {"origin": "http://127.0.0.1.evil.example"},
    ],
)
def test_a_web_page_reaches_nothing(headers: dict[str, str], shared_platform: LocalPlatform) -> None:
    """Neither by a name that it made point here, nor from its own origin, with whatever method."""
    for method, path in (("GET", "/"), ("POST", f"/apps/{shared_platform.user}"), ("OPTIONS", "/auth")):
        assert is_an_error(shared_platform.call(method, path, {}, headers=headers), 403, "forbidden")


NAMES = st.one_of(
    st.text(min_size=1, max_size=40),
    st.text("abcXYZ019-_.~@/%+ \\\"'<>\0\n;|$", min_size=1, max_size=20),
    st.sampled_from(["..", ".", "%2e%2e", "node_modules", "a" * 300, "a" * 215, "CON", "~log", "x~log"]),
)


@quick
@given(name=NAMES)
@example(name="../../etc/passwd")
@example(name="snapshots")
def test_any_name_of_an_app_is_taken_whole_or_refused(shared_platform: LocalPlatform, name: str) -> None:
    """201 with the name as sent (less its scope), or 400/409 with a sentence; never a fault."""
    user = shared_platform.user
    answer = shared_platform.call("POST", f"/apps/{user}", {"name": name})
    assert answer.status_code in {201, 400, 409}, answer.text
    if answer.status_code == 201:
        app = answer.json()["app"]
        assert app["name"] == name.rpartition("/")[2]
        quoted = quote(app["name"], safe="")
        assert shared_platform.call("GET", f"/apps/{user}/{quoted}").json()["app"]["_id"] == app["_id"]
        assert shared_platform.call("DELETE", f"/apps/{user}/{quoted}").status_code == 200


@quick
@given(ref=NAMES.filter(lambda name: "/" not in name and name not in {".", ".."}))  # else another path
def test_any_id_of_a_snapshot_is_refused_or_not_found(shared_platform: LocalPlatform, ref: str) -> None:
    """No id leads out of its place, and none is a fault."""
    user = shared_platform.user
    shared_platform.call("POST", f"/apps/{user}", {"name": "odd-ids"})
    quoted = quote(ref, safe="")
    path = f"/apps/{user}/odd-ids/snapshots/{quoted}"
    for method in ("GET", "DELETE", "POST"):
        answer = shared_platform.call(method, path, data=b"no archive")
        assert answer.status_code in {400, 404, 405}, (method, answer.text)
    assert shared_platform.call("GET", f"{path}.tgz").status_code in {404, 405}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(["name", "subdomain", "domains", "env", "version", "scripts", "engines", "config"])


@quick
@given(value=VALUES, key=KEYS)
def test_any_value_in_a_package_json_is_kept_or_refused(
    shared_platform: LocalPlatform, key: str, value: Any
) -> None:
    """What is not refused comes back as it was, unless it has a meaning here."""
    user = shared_platform.user
    shared_platform.call("POST", f"/apps/{user}", {"name": "odd-values"})
    answer = shared_platform.call("PUT", f"/apps/{user}/odd-values", {key: value})
    assert answer.status_code in {200, 400, 409}, answer.text
    if answer.status_code == 200 and key in {"version", "scripts", "engines"}:
        assert answer.json()["app"][key] == value


def test_an_upload_that_stands_still_is_given_up(impatient: LocalPlatform) -> None:
    """408 and a closed connection, nothing left on the disk; one that is slow but goes on is taken."""
    user, data = impatient.user, archive(hello("slow"))
    login = b64encode(f"{user}:{impatient.token}".encode()).decode()
    assert impatient.call("POST", f"/apps/{user}", {"name": "slow"}).ok

    def head(path: str) -> bytes:
        line = f"POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\nauthorization: Basic {login}\r\n"
        return f"{line}content-length: {len(data)}\r\n\r\n".encode()

    def stalled(path: str) -> tuple[int, str, str]:
        with connect(impatient, timeout=60) as connection:
            connection.sendall(head(path) + data[:100])
            status, headers, body = answered(connection)
        return status, body["error"], headers["connection"]

    def slow() -> bytes:
        with connect(impatient, timeout=120) as connection:
            connection.sendall(head(f"/apps/{user}/slow/snapshots/2"))
            for number in range(5):  # all in all longer than the platform's patience, each pause much shorter
                time.sleep(PATIENCE / 4)
                connection.sendall(data[number * 10 : number * 10 + 10])
            connection.sendall(data[50:])
            return connection.recv(65536)

    with ThreadPoolExecutor() as pool:
        moving = pool.submit(slow)
        standing = pool.map(stalled, (f"/apps/{user}/slow/snapshots/1", f"/apps/{user}/snapshots/1"))
        assert list(standing) == [(408, "stalled", "close")] * 2
        assert moving.result().startswith(b"HTTP/1.1 200")
    assert list((impatient.home / "work").glob("upload-*")) == []
    listed = impatient.call("GET", f"/apps/{user}/slow/snapshots").json()["snapshots"]
    assert [one["id"] for one in listed] == ["2"]


PATIENCE = 8.0
"""Seconds of the impatient platform."""


@pytest.fixture(scope="module")
def impatient() -> Iterator[LocalPlatform]:
    """A platform that gives up uploads soon."""
    with platform_with(f"[api]\npatience = {PATIENCE}\n") as running:
        yield running

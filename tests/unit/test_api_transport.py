"""The transport: what it sends, what it takes, and what it makes of everything that goes wrong."""

from __future__ import annotations

import base64
import json
import socket
import time
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py import errors
from jitsu_py.api import Client
from jitsu_py.api.failures import BY_CODE
from jitsu_py.wire import Code
from tests.unit.loopback import POWERED, Reply, Request, answer, serving

if TYPE_CHECKING:
    from collections.abc import Callable

SECRET = "s3cret-t0ken"


def client_of(url: str, **options: Any) -> Client:
    return Client(url, "ada", SECRET, **options)


def fails(respond: Callable[[Request], Reply | None], **options: Any) -> errors.JitsuError:
    """Ask for the apps of a server that answers so; give the error."""
    with (
        serving(respond) as server,
        client_of(server.url, **options) as client,
        pytest.raises(errors.JitsuError) as caught,
    ):
        client.apps.list()
    return caught.value


def test_credentials_and_identity_are_sent() -> None:
    """A request proves who asks and says what program asks."""
    with serving(lambda _: answer({"apps": []})) as server, client_of(server.url) as client:
        assert client.apps.list() == []
    headers = server.requests[0].headers
    assert base64.b64decode(headers["authorization"].removeprefix("Basic ")).decode() == f"ada:{SECRET}"
    assert headers["user-agent"].startswith("jitsu/")


def test_names_and_secrets_may_be_any_text() -> None:
    """Credentials travel as UTF-8, as the server reads them."""
    with serving(lambda _: answer({"apps": []})) as server, Client(server.url, "åda", "pä:ss") as client:
        client.apps.list()
    sent = server.requests[0].headers["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent).decode() == "åda:pä:ss"


def test_system_routes_send_no_credentials() -> None:
    """Who a server is, is asked before anything is entrusted to it."""
    root = {"service": "jitsu", "version": "1", "router": "http://r"}
    with serving(lambda _: answer(root)) as server, client_of(server.url) as client:
        info = client.system.root()
    assert (info.service, info.version, info.router) == ("jitsu", "1", "http://r")
    assert "authorization" not in server.requests[0].headers


def test_one_connection_serves_many_requests() -> None:
    """Connections are kept and used again."""
    with serving(lambda _: answer({"apps": []})) as server, client_of(server.url) as client:
        for _ in range(5):
            client.apps.list()
    assert len(server.requests) == 5
    assert server.connections == 1


@pytest.mark.parametrize("code", list(Code))
def test_every_code_has_its_class(code: Code) -> None:
    """Every code of the wire becomes one class of error, with the server's words and the request's id."""
    error = fails(lambda _: answer({"error": code.value, "message": "What and why.", "blame": "user"}, 400))
    assert type(error) is BY_CODE[code]
    assert (error.message, error.code, error.request_id) == ("What and why.", code, "req-1")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, errors.UsageError),
        (401, errors.NotLoggedInError),
        (403, errors.NotLoggedInError),
        (404, errors.NotFoundError),
        (409, errors.ConflictError),
        (413, errors.ServerRefusedError),
        (418, errors.UsageError),
        (500, errors.ServerRefusedError),
        (503, errors.ServerRefusedError),
        (504, errors.TimedOutError),
        (599, errors.ServerRefusedError),
    ],
)
@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"error": 7, "message": ["x"], "details": "y"}'])
def test_without_a_code_the_status_decides(status: int, kind: type[errors.JitsuError], body: bytes) -> None:
    """An error body that says nothing useful still becomes the right class, with the status in words."""
    error = fails(lambda _: Reply(status, body))
    assert type(error) is kind
    assert str(status) in error.message


def test_details_and_output_are_kept() -> None:
    """The app's last lines and the facts beside them reach the person."""
    details = {"output": [f"line {n}" for n in range(30)], "port": 8080, "hint": "Do this."}
    error = fails(lambda _: answer({"error": "crashed", "message": "m", "details": details}, 400))
    assert isinstance(error, errors.StartFailedError)
    assert error.output == tuple(f"line {n}" for n in range(10, 30))
    assert (error.details, error.hint) == ({"port": 8080}, "Do this.")


def test_not_logged_in_names_the_command() -> None:
    """Whoever has no credentials is told how to get some."""
    error = fails(lambda _: answer({"error": "unauthorized", "message": "No."}, 401))
    assert "jitsu login" in error.hint
    with (
        serving(lambda _: answer({"error": "unauthorized", "message": "No."}, 401)) as server,
        Client(server.url, "ada") as anonymous,
        pytest.raises(errors.NotLoggedInError, match="not logged in"),
    ):
        anonymous.apps.list()
    assert "authorization" not in server.requests[0].headers


def test_netrc_gives_no_credentials(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies in ~/.netrc is for other programs."""
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login eve password netrc-secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    with serving(lambda _: answer({"apps": []})) as server, Client(server.url, "ada") as client:
        client.apps.list()
    assert "authorization" not in server.requests[0].headers


def test_a_proxy_is_not_asked_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Loopback is reached directly, whatever the environment says of proxies."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    with serving(lambda _: answer({"apps": []})) as server, client_of(server.url) as client:
        assert client.apps.list() == []


def test_nothing_listens() -> None:
    """A server that is not there is named, with what starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with client_of(url) as client, pytest.raises(errors.UnreachableError) as caught:
        client.apps.list()
    assert url in caught.value.message
    assert "refused" in caught.value.message
    assert "jitsu server start" in caught.value.hint


def test_another_program_answers() -> None:
    """What has no x-powered-by of ours is not our server, whatever it answers."""
    error = fails(lambda _: Reply(200, b'{"apps": []}', {"x-powered-by": "Express"}))
    assert isinstance(error, errors.UnreachableError)
    assert "no jitsu server" in error.message


@pytest.mark.parametrize("headers", [{}, POWERED])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int, headers: dict[str, str]) -> None:
    """Credentials stay where they were meant to go; the person learns the other address."""
    with serving(lambda _: answer({"apps": []})) as other:
        error = fails(lambda _: Reply(status, b"", {**headers, "location": f"{other.url}/apps/ada"}))
    assert other.requests == []
    assert isinstance(error, errors.UnreachableError)
    assert other.url in error.message


@pytest.mark.parametrize(
    "body",
    [
        b"<html>hello</html>",
        b'{"apps": [',
        b'{"apps": 3}',
        b"[]",
        b'{"apps": [1]}',
        b'{"apps": [{}]}',
        b"[" * 99999,
    ],
)
def test_replies_that_make_no_sense(body: bytes) -> None:
    """Not JSON, half of it, or JSON of another shape: a clear error, no trace."""
    error = fails(lambda _: Reply(200, body))
    assert isinstance(error, errors.ServerRefusedError)
    assert error.code == "bad_reply"


def test_a_reply_that_ends_early() -> None:
    """Fewer bytes than promised are no answer."""
    error = fails(lambda _: Reply(200, b'{"apps": []}', length=5000))
    assert isinstance(error, errors.UnreachableError)
    assert error.code == "connection_lost"


def test_a_chunked_reply_that_ends_early() -> None:
    """A stream without its end is no answer, though what came is whole JSON."""
    error = fails(lambda _: Reply(200, [b'{"apps": []}'], cut=True))
    assert isinstance(error, errors.UnreachableError)


def test_a_huge_reply_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply has a largest size."""
    monkeypatch.setattr("jitsu_py.api.transport.LONGEST_REPLY", 1000)

    def endless() -> Any:
        while True:
            yield b" " * 10_000

    error = fails(lambda _: Reply(200, endless()))
    assert "longer than 1000 bytes" in error.message


@pytest.mark.parametrize("length", [None, 1000])
def test_a_reply_that_drips_ends_after_the_timeout(length: int | None) -> None:
    """However it is sent: each byte comes in time, the whole of it does not."""

    def dripping() -> Any:
        while True:
            yield b" "
            time.sleep(0.02)

    began = time.monotonic()
    error = fails(lambda _: Reply(200, dripping(), length=length), timeout=0.3)
    assert isinstance(error, errors.TimedOutError)
    assert time.monotonic() - began < 5


def test_an_answer_that_does_not_come() -> None:
    """Silence ends after the timeout, and is not asked for twice."""
    began = time.monotonic()
    with serving(lambda _: time.sleep(0.6)) as server, client_of(server.url, timeout=0.2) as client:
        with pytest.raises(errors.TimedOutError, match=r"within 0\.2 seconds"):
            client.apps.list()
        assert len(server.requests) == 1
    assert time.monotonic() - began < 2


def test_an_answer_that_trickles() -> None:
    """A byte now and then does not keep a request alive for ever."""

    def trickle() -> Any:
        for _ in range(100):
            time.sleep(0.05)
            yield b" "

    error = fails(lambda _: Reply(200, trickle()), timeout=0.3)
    assert isinstance(error, errors.TimedOutError)


def test_reading_is_tried_again_after_a_lost_connection() -> None:
    """GET may be sent twice: a connection that breaks is none of the person's business."""
    left = iter([None, None, answer({"apps": []})])
    with serving(lambda _: next(left)) as server, client_of(server.url) as client:
        assert client.apps.list() == []
    assert len(server.requests) == 3


def test_tries_are_counted_and_end() -> None:
    """After three requests it is given up."""
    with (
        serving(lambda _: None) as server,
        client_of(server.url) as client,
        pytest.raises(errors.UnreachableError) as caught,
    ):
        client.apps.list()
    assert len(server.requests) == 3
    assert caught.value.hint.startswith("try again"), "nothing was changed by asking for a list"


@pytest.mark.parametrize("verb", ["start", "destroy"])
def test_what_is_not_safe_is_sent_once(verb: str) -> None:
    """POST and DELETE are never repeated behind the person's back."""
    with (
        serving(lambda _: None) as server,
        client_of(server.url) as client,
        pytest.raises(errors.UnreachableError) as caught,
    ):
        getattr(client.apps, verb)("hello")
    assert len(server.requests) == 1
    assert caught.value.code == "connection_lost"
    assert "may have gone on" in caught.value.hint


def test_a_busy_server_is_asked_again_when_it_says_so() -> None:
    """503 with Retry-After is waited for; without it, it is an error at once."""
    busy = {"error": "unavailable", "message": "Starting."}
    left = iter([answer(busy, 503, **{"retry-after": "0"}), answer({"apps": []})])
    with serving(lambda _: next(left)) as server, client_of(server.url) as client:
        assert client.apps.list() == []
    assert len(server.requests) == 2
    with (
        serving(lambda _: answer(busy, 503)) as server,
        client_of(server.url) as client,
        pytest.raises(errors.ServerRefusedError, match="Starting"),
    ):
        client.apps.list()
    assert len(server.requests) == 1


def test_a_senseless_retry_after_does_no_harm() -> None:
    """A header that is no time is as good as a short one."""
    error = fails(lambda _: answer({"error": "unavailable", "message": "m"}, 503, **{"retry-after": "soon"}))
    assert isinstance(error, errors.ServerRefusedError)


def test_no_secret_is_traced_or_shown() -> None:
    """The trace has requests and timings; nothing shows a secret."""
    lines: list[str] = []
    app = {"name": "hello", "user": "ada", "env": {"KEY": "env-secret"}}
    created = {"operation": "insert", "ci": "made-secret"}
    with (
        serving(lambda r: answer(created if "tokens" in r.path else {"app": app})) as server,
        client_of(server.url, trace=lines.append) as client,
    ):
        shown = [client.apps.get("hello"), client.apps.update("hello", {"env": {"A": "sent-secret"}})]
        text = repr([client, client.__dict__, shown, client.tokens.create("ci"), *lines])
    assert not [word for word in (SECRET, "env-secret", "made-secret", "sent-secret") if word in text]
    assert lines[0].startswith(f"GET {server.url}/apps/ada/hello: 200 OK")
    assert lines[0].endswith(" ms")


@pytest.mark.parametrize("name", ["", " ", ".", "..", "a/b", "/"])
def test_a_name_that_would_be_another_path(name: str) -> None:
    """It is refused here: the server would know no such route, and say nothing of a name."""
    with (
        serving(lambda _: answer({})) as server,
        client_of(server.url) as client,
        pytest.raises(errors.UsageError, match="is not a name"),
    ):
        client.tokens.create(name or " ")
    assert server.requests == []


def test_a_failed_request_is_traced_too() -> None:
    """Every request leaves a line."""
    lines: list[str] = []
    fails(lambda _: answer({}, 500), trace=lines.append)
    assert "500 Internal Server Error, request id req-1" in lines[0]


@pytest.mark.parametrize(
    "host", ["", "ftp://x", "http://", "http://u:p4ss@x", "http://x y", "http://x:99999", "http://x?q"]
)
def test_hosts_that_cannot_be_used(host: str) -> None:
    """A host is checked when it is given, and a password in it is not repeated."""
    with pytest.raises(errors.UsageError) as caught:
        Client(host, "ada", SECRET)
    assert "p4ss" not in caught.value.message


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("localhost:9002", "http://localhost:9002"),
        ("example.com", "https://example.com"),
        ("http://example.com/api/", "http://example.com/api"),
        ("http://[::1]:9002/", "http://[::1]:9002"),
    ],
)
def test_hosts_become_urls(host: str, url: str) -> None:
    """A name alone is https, this machine's is http."""
    assert Client(host).host == url


@pytest.mark.parametrize("name", ["", ".", "..", "ada/", "ada/.."])
def test_names_that_a_path_would_swallow(name: str) -> None:
    """No name leads to another route."""
    with (
        serving(lambda _: answer({})) as server,
        client_of(server.url) as client,
        pytest.raises(errors.UsageError),
    ):
        client.apps.get(name)
    assert server.requests == []


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("hello", "/apps/ada/hello"),
        ("bob/hello", "/apps/bob/hello"),
        ("@acme/hello", "/apps/ada/hello"),
        ("bob/@acme/hello", "/apps/bob/hello"),
        ("a?b#c/d", "/apps/a%3Fb%23c/d"),
    ],
)
def test_names_find_their_route(name: str, path: str) -> None:
    """An app is named `name` or `user/name`; a scope is no part of it; nothing in it escapes its place."""
    app = {"app": {"name": "hello", "user": "ada"}}
    with serving(lambda _: answer(app)) as server, client_of(server.url) as client:
        client.apps.get(name)
    assert server.requests[0].path == path


def test_a_server_error_is_cut_to_size() -> None:
    """A message as long as a book is not printed."""
    body = json.dumps({"error": "internal_error", "message": "x" * 100_000}).encode()
    assert len(fails(lambda _: Reply(500, body, dict(POWERED))).message) == 2000

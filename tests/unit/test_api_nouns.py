"""The API's nouns: what is read of a reply, what is left empty, what is sent."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from subprocess import run
from typing import Any

import pytest

from jitsu_py import errors
from jitsu_py.api import Client
from jitsu_py.api.apps import App, Cloud
from jitsu_py.api.snapshots import Snapshot
from tests.unit.loopback import Request, answer, serving

FULL: dict[str, Any] = {
    "_id": "ada/hello",
    "name": "hello",
    "user": "ada",
    "state": "started",
    "subdomain": "hello",
    "domains": ["example.com"],
    "urls": ["http://hello.localhost:8080"],
    "drones": 1,
    "maxDrones": 2,
    "env": {"KEY": "value"},
    "config": {"cloud": [{"provider": "local", "datacenter": "local", "drones": 2, "ram": None}]},
    "active": {"id": "0.1.1"},
    "running": "0.1.0",
    "snapshots": [{"id": "0.1.0", "ctime": "2026-01-02T03:04:05Z"}, {"id": "0.1.1", "ctime": 1767323045000}],
    "ctime": 1767323045,
    "mtime": "nonsense",
    "from": "tomorrow",
}


def test_an_app_in_full() -> None:
    """All of it is read; what we have no name for stays in `raw`."""
    app = App.parse(FULL)
    assert (app.url, app.drones, app.max_drones) == ("http://hello.localhost:8080", 1, 2)
    assert (app.active, app.running) == ("0.1.1", "0.1.0")
    assert app.cloud == (Cloud("local", "local", 2, None),)
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert [snapshot.ctime for snapshot in app.snapshots] == [moment, moment]
    assert (app.ctime, app.mtime, app.raw["from"]) == (moment, None, "tomorrow")


def test_an_app_of_next_to_nothing() -> None:
    """What a server of another version leaves out is empty, not an error; what must be there is."""
    app = App.parse({"name": "hello", "user": "ada", "env": [], "urls": None, "config": 3, "drones": "many"})
    assert (app.url, app.drones, dict(app.env), app.cloud, app.active) == ("", 0, {}, (), "")
    with pytest.raises(errors.ServerRefusedError, match="`user` is missing"):
        App.parse({"name": "hello"})
    with pytest.raises(errors.ServerRefusedError, match="`id` is no text"):
        Snapshot.parse({"id": 1})


def ask(reply: Any, call: Any, status: int = 200) -> tuple[Any, Request]:
    """Call a server that answers so; give what came of it and the request."""
    with serving(lambda _: answer(reply, status)) as server, Client(server.url, "ada", "token") as client:
        return call(client), server.requests[0]


@pytest.mark.parametrize("user", ["ada", {"username": "ada", "email": "x"}, None])
def test_who_am_i(user: Any) -> None:
    """The user is a name or a profile."""
    found, request = ask({"authorized": True, "user": user}, lambda client: client.users.auth())
    assert (found.user, request.path) == ("ada", "/auth")


def test_not_authorized_is_an_error() -> None:
    """A 200 that says no is a no."""
    with pytest.raises(errors.NotLoggedInError):
        ask({"authorized": False}, lambda client: client.users.auth())


def test_tokens() -> None:
    """A token is shown once; a list has none, of new servers and of old."""
    made, request = ask(
        {"operation": "update", "jitsu@home": "secret"}, lambda client: client.tokens.create("jitsu@home")
    )
    assert (made.token, made.replaced, request.method) == ("secret", True, "PUT")
    assert request.path == "/users/ada/tokens/jitsu@home"
    made, request = ask(
        {"operation": "insert", "generated": "x"}, lambda client: client.tokens.create(scope="read", app="a")
    )
    assert (made.name, made.replaced, request.json()) == ("generated", False, {"scope": "read", "app": "a"})
    listed, _ = ask({"apiTokens": {"ci": "jit…"}}, lambda client: client.tokens.list())
    assert [(token.name, token.prefix) for token in listed] == [("ci", "jit…")]


def test_logs_are_the_oldest_first() -> None:
    """The API gives the newest first, people read the other way."""
    rows = [
        {
            "time": 2.5,
            "service": "logs/stderr",
            "description": "b\n",
            "meta": {"drone": "d1", "snapshot": "1"},
        },
        {"time": 1, "service": "logs/stdout", "description": "a"},
    ]
    lines, request = ask(rows, lambda client: client.logs.query("bob/hello", 2, grep="x y", stream=""))
    assert [(line.text, line.stream, line.drone) for line in lines] == [
        ("a", "stdout", ""),
        ("b", "stderr", "d1"),
    ]
    assert lines[1].time == datetime(1970, 1, 1, 0, 0, 2, 500000, tzinfo=UTC)
    assert request.path == "/logs/bob/hello/2?grep=x+y"


def test_cloud_sends_what_is_known() -> None:
    """What is not said stays as it is on the server."""
    entry = {"provider": "local", "datacenter": "local", "drones": 3, "ram": 64}
    found, request = ask([entry], lambda client: client.apps.set_cloud("hello", [Cloud("", "", 3, 64)]))
    assert request.json() == [{"drones": 3, "ram": 64}]
    assert found == (Cloud("local", "local", 3, 64),)


def test_a_start_that_answers_without_the_app_asks_for_it() -> None:
    """A server may answer a start with nothing but success."""

    def respond(request: Request) -> Any:
        return answer({"app": FULL} if request.method == "GET" else {"ok": True})

    with serving(respond) as server, Client(server.url, "ada", "token") as client:
        assert client.apps.start("hello").running == "0.1.0"


def test_names_cost_no_http_library() -> None:
    """The dataclasses can be imported without loading what speaks HTTP."""
    code = (
        "import sys, jitsu_py.api.apps, jitsu_py.api.tokens, jitsu_py.api.logs, jitsu_py.api.snapshots; "
        "print({'requests', 'urllib3', 'rich', 'click'} & set(sys.modules))"
    )
    done = run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"

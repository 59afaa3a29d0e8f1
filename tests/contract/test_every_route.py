"""What holds for every route: who may call it, and what it says to a wrong method, body, size or name."""

from __future__ import annotations

import json
import re
import socket
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py import wire
from tests.contract.routes import MORE, ROUTES, SEED, STREAMS, Route

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

PLACES = {"app": "nothing", "ref": "0.0.0", "name": "none", "rows": "10"}

HEADINGS = """\
Get all Applications for a User
Create a new Application
Start an Application
Stop an Application
Restart an Application
Update an Application
Delete an Application
Make an existing snapshot the active app
Activate / Deploy a snapshot
Show a catalog of all Snapshot for an Application
Show the contents of a Snapshot
Create a new User
Confirm a User account
Update User
Get User API Tokens
Delete an API Token
Create an API Token
Get User Third Party Tokens
Delete an Third Party Token
Create an Third Party Token
Create a new Database
Get information about a Database
Delete a Database
Get all logs for a user
Get logs for a specific application""".splitlines()
"""The headings of the seed's document, in its order."""

each = pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.name)
each_with_login = pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.who != "anybody"], ids=lambda route: route.name
)
each_with_body = pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.body], ids=lambda route: route.name
)
each_of_an_app = pytest.mark.parametrize(
    "route", [route for route in ROUTES if "{app}" in route.path], ids=lambda route: route.name
)
each_for_the_password = pytest.mark.parametrize(
    "route", [route for route in ROUTES if route.who == "password"], ids=lambda route: route.name
)


def at(route: Route, user: str) -> str:
    """The route's path with names in its places."""
    makes_one = route.name == "POST /apps/{user}/{app}"
    return route.path.format(user=user, **PLACES | ({"app": "made"} if makes_one else {}))


def is_an_error(answer: Any, status: int, code: str) -> bool:
    """Whether an answer has that status and an error body with that code and a sentence."""
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert body["error"] == code
    assert body["message"].endswith((".", "!"))
    assert body["blame"] in {"user", "application", "system"}
    assert "Traceback" not in answer.text
    assert "Nodejitsu" in answer.headers["x-powered-by"]
    return True


def test_the_seeds_routes_are_all_in_the_table() -> None:
    """Each heading of the seed has its row."""
    rows = [heading for route in SEED for heading in re.split(", ", str(route.seed))]
    assert sorted(rows) == sorted(HEADINGS)


def test_the_table_is_what_the_server_has(shared_platform: LocalPlatform) -> None:
    """No route of the server is outside the table, and none of the table is missing on the server."""
    document = shared_platform.call("GET", "/openapi.json", auth=None).json()
    served = {
        f"{method.upper()} {path}" for path, operations in document["paths"].items() for method in operations
    }
    assert served == {route.name for route in (*SEED, *MORE)}


@each
def test_a_slash_at_the_end_is_the_same(route: Route, shared_platform: LocalPlatform) -> None:
    """The seed writes `/logs/:user-id/`; a redirect would lose the body of a POST."""
    path = at(route, "somebody")
    plain = shared_platform.call(route.method, path, auth=None)
    slashed = shared_platform.call(route.method, path + "/", auth=None, allow_redirects=False)
    assert (slashed.status_code, slashed.json()) == (plain.status_code, plain.json())


@each_with_login
def test_without_a_login_it_is_refused(route: Route, shared_platform: LocalPlatform) -> None:
    """401, and the way to log in."""
    answer = shared_platform.call(route.method, at(route, shared_platform.user), auth=None)
    assert is_an_error(answer, 401, "unauthorized")
    assert answer.headers["www-authenticate"].startswith("Basic")


@each_with_login
def test_another_owner_is_refused(route: Route, shared_platform: LocalPlatform) -> None:
    """403 for what is another user's, whether there is such a user or not."""
    if "{user}" not in route.path:
        return
    assert is_an_error(shared_platform.call(route.method, at(route, "somebody")), 403, "forbidden")


@each
def test_a_wrong_method_is_refused(route: Route, shared_platform: LocalPlatform) -> None:
    """405 for a method that nothing has, with the methods there are."""
    answer = shared_platform.call("PURGE", at(route, shared_platform.user))
    assert is_an_error(answer, 405, "method_not_allowed")
    assert answer.headers["allow"]


@each_with_body
@pytest.mark.parametrize(
    "data",
    [
        *(b"{", b"\xff\xfe", b'"text"', b"NaN", b'{"a": Infinity}', b'{"a": 1e999}', b'{"name": "\\ud800"}'),
        *(b"[" * 100_000, b'{"a":' * 200 + b"1" + b"}" * 200),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(
    route: Route, data: bytes, shared_platform: LocalPlatform
) -> None:
    """400 with a sentence, never a fault."""
    answer = shared_platform.call(route.method, at(route, shared_platform.user), data=data)
    if (
        route.path.endswith(("/{app}", "/{name}", "/restore", "/{app}/cloud", "/{app}/env"))
        and answer.status_code == 404
    ):
        return
    assert is_an_error(answer, 400, "bad_request")


@each_with_body
def test_a_huge_body_is_refused_at_once(route: Route, shared_platform: LocalPlatform) -> None:
    """413 when the length says so, before a byte of it is sent."""
    host, port = shared_platform.status.api.removeprefix("http://").split(":")
    import base64

    login = base64.b64encode(f"{shared_platform.user}:{shared_platform.token}".encode()).decode()
    head = (
        f"{route.method} {at(route, shared_platform.user)} HTTP/1.1\r\nhost: {host}:{port}\r\n"
        f"authorization: Basic {login}\r\ncontent-length: {wire.JSON_LIMIT + 1}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(head.encode())
        answer = connection.recv(65536).decode()
    assert " 413 " in answer.splitlines()[0] or " 404 " in answer.splitlines()[0], answer


@each_with_body
def test_a_huge_body_without_a_length_is_cut(route: Route, shared_platform: LocalPlatform) -> None:
    """413 when the limit is passed, however it arrives."""
    chunks = (b" " * 65536 for _ in range(17))
    answer = shared_platform.call(route.method, at(route, shared_platform.user), data=chunks)
    assert answer.status_code in {404, 413}, answer.text
    assert answer.json()["error"] in {"too_large", "not_found"}


@each_of_an_app
def test_an_unknown_app_is_not_found(route: Route, shared_platform: LocalPlatform) -> None:
    """404 with `not_found`, which the old command line compares to the letter."""
    if route.path.endswith("/available") or route.name == "POST /apps/{user}/{app}":
        return
    body: Any = [{"drones": 1}] if route.path.endswith("/cloud") else {}
    answer = shared_platform.call(route.method, at(route, shared_platform.user), body)
    assert is_an_error(answer, 404, "not_found")


@each_for_the_password
def test_a_token_may_not(route: Route, shared_platform: LocalPlatform) -> None:
    """403 that says why: the seed keeps tokens from profile, password and tokens."""
    user = shared_platform.user
    secret = shared_platform.call("PUT", f"/users/{user}/tokens/every-route").json()["every-route"]
    answer = shared_platform.call(route.method, at(route, user), {}, auth=(user, secret))
    assert is_an_error(answer, 403, "forbidden")
    assert "token" in answer.json()["message"]


@each
def test_a_content_type_is_not_asked_for(route: Route, shared_platform: LocalPlatform) -> None:
    """A body is read as JSON whatever it is called, and `{}` on a DELETE is no mistake."""
    headers = {"content-type": "text/strange"}
    if (route.method, route.path) in STREAMS:
        return
    answer = shared_platform.call(
        route.method, at(route, "somebody"), data=json.dumps({}).encode(), headers=headers
    )
    assert answer.status_code < 500
    assert answer.status_code != 415

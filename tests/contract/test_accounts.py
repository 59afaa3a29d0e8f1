"""Accounts and tokens over HTTP, as the seed's section "Users" has them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


def test_every_answer_names_the_service_and_the_request(shared_platform: LocalPlatform) -> None:
    """The old clients refuse a reply without x-powered-by: Nodejitsu, whatever its status."""
    for path, status in (("/", 200), ("/health", 200), ("/auth", 401), ("/nowhere", 404)):
        answer = shared_platform.call("GET", path, auth=None)
        assert answer.status_code == status
        assert "Nodejitsu" in answer.headers["x-powered-by"]
        assert answer.headers["x-request-id"]


def test_wrong_credentials_are_a_401_that_asks_for_basic(shared_platform: LocalPlatform) -> None:
    """A wrong, malformed or missing proof is refused alike."""
    for auth in (None, (shared_platform.user, "wrong"), ("nobody", "x")):
        answer = shared_platform.call("GET", "/auth", auth=auth)
        assert answer.status_code == 401
        assert answer.headers["www-authenticate"].startswith("Basic")
        assert answer.json()["error"] == "unauthorized"
    answer = shared_platform.call("GET", "/auth", auth=None, headers={"authorization": "Basic !!!"})
    assert answer.status_code == 401


def test_guessing_becomes_slow(shared_platform: LocalPlatform) -> None:
    """Each failure from an address delays the next answer for that account."""
    began = time.monotonic()
    for _ in range(4):
        assert shared_platform.call("GET", "/auth", auth=("guessed", "x")).status_code == 401
    assert time.monotonic() - began > 0.05 + 0.1 + 0.2 + 0.4


def test_the_local_token_stands_for_the_password(shared_platform: LocalPlatform) -> None:
    """Whoever can read the file owns the server: it may manage tokens."""
    answer = shared_platform.call("GET", "/auth")
    assert answer.json() == {"authorized": True, "user": shared_platform.user, "via": "local"}
    assert shared_platform.call("GET", f"/users/{shared_platform.user}").status_code == 200


def test_the_local_token_is_no_good_through_a_proxy(shared_platform: LocalPlatform) -> None:
    """A request that a proxy forwards does not come from this machine's own user."""
    answer = shared_platform.call("GET", "/auth", headers={"x-forwarded-for": "192.0.2.1"})
    assert answer.status_code == 401


def test_a_token_is_shown_once_and_works(shared_platform: LocalPlatform) -> None:
    """It is made, used, listed by its prefix only, and void at once when deleted."""
    user = shared_platform.user
    made = shared_platform.call("PUT", f"/users/{user}/tokens/laptop")
    assert made.status_code == 201
    assert made.json()["operation"] == "insert"
    secret = made.json()["laptop"]
    assert shared_platform.call("GET", "/auth", auth=(user.upper(), secret)).json()["via"] == "token"
    listed = shared_platform.call("GET", f"/users/{user}/tokens").text
    assert "laptop" in listed
    assert secret not in listed
    again = shared_platform.call("PUT", f"/users/{user}/tokens/laptop").json()
    assert again["operation"] == "update"
    assert shared_platform.call("GET", "/auth", auth=(user, secret)).status_code == 401
    assert shared_platform.call("DELETE", f"/users/{user}/tokens/laptop").json() == {
        "ok": True,
        "id": "laptop",
    }
    assert shared_platform.call("GET", "/auth", auth=(user, again["laptop"])).status_code == 401
    assert shared_platform.call("DELETE", f"/users/{user}/tokens/laptop").status_code == 404


def test_a_token_may_not_touch_the_account(shared_platform: LocalPlatform) -> None:
    """The seed: token authentication restricts access to profile, password and tokens."""
    user = shared_platform.user
    secret = shared_platform.call("PUT", f"/users/{user}/tokens/limited").json()["limited"]
    for method, path in (
        ("GET", f"/users/{user}"),
        ("PUT", f"/users/{user}"),
        ("GET", f"/users/{user}/tokens"),
        ("PUT", f"/users/{user}/tokens"),
        ("PUT", f"/users/{user}/tokens/x"),
        ("DELETE", f"/users/{user}/tokens/limited"),
    ):
        answer = shared_platform.call(method, path, auth=(user, secret))
        assert answer.status_code == 403, (method, path)
        assert "token" in answer.json()["message"]
    assert shared_platform.call("GET", f"/apps/{user}", auth=(user, secret)).status_code == 200


def test_scopes_bound_what_a_token_does(shared_platform: LocalPlatform) -> None:
    """`read` reads, `deploy` does not delete, and a token for one app knows no other."""
    user = shared_platform.user

    def token(name: str, **body: object) -> tuple[str, str]:
        answer = shared_platform.call("PUT", f"/users/{user}/tokens/{name}", body)
        return user, answer.json()[name]

    shared_platform.call("POST", f"/apps/{user}", {"name": "scoped"})
    reads, deploys, one = token("r", scope="read"), token("d", scope="deploy"), token("o", app="scoped")
    assert shared_platform.call("GET", f"/apps/{user}/scoped", auth=reads).status_code == 200
    assert shared_platform.call("PUT", f"/apps/{user}/scoped", {}, auth=reads).status_code == 403
    assert shared_platform.call("PUT", f"/apps/{user}/scoped", {}, auth=deploys).status_code == 200
    assert shared_platform.call("DELETE", f"/apps/{user}/scoped", auth=deploys).status_code == 403
    assert shared_platform.call("GET", f"/apps/{user}/scoped", auth=one).status_code == 200
    listed = shared_platform.call("GET", f"/apps/{user}", auth=one).json()["apps"]
    assert [app["name"] for app in listed] == ["scoped"]


def test_a_password_can_be_set_and_used(shared_platform: LocalPlatform) -> None:
    """It is stored as an argon2id hash only."""
    user = shared_platform.user
    assert shared_platform.call("PUT", f"/users/{user}", {"password": "short"}).status_code == 400
    secret = "correct horse battery 🐴"
    assert shared_platform.call("PUT", f"/users/{user}", {"password": secret}).status_code == 200
    assert shared_platform.call("GET", "/auth", auth=(user, secret.encode())).json()["via"] == "password"
    state = (shared_platform.home / "state.db").read_bytes() + (
        shared_platform.home / "state.db-wal"
    ).read_bytes()
    assert secret.encode() not in state
    assert b"$argon2id$" in state


def test_another_users_paths_are_refused_whether_they_exist_or_not(shared_platform: LocalPlatform) -> None:
    """403 tells nothing about other accounts."""
    for path in ("/apps/somebody", "/apps/somebody/app", "/users/somebody", "/logs/somebody/app"):
        assert shared_platform.call("GET", path).status_code == 403


def test_names_and_origins_of_elsewhere_are_refused(shared_platform: LocalPlatform) -> None:
    """A web page that makes its own name point at 127.0.0.1 reaches nothing."""
    evil = {"host": "evil.example:9002"}
    assert shared_platform.call("GET", "/", auth=None, headers=evil).status_code == 403
    origin = {"origin": "http://evil.example"}
    assert shared_platform.call("GET", "/auth", headers=origin).status_code == 403

"""Tokens, third-party tokens and limits over HTTP."""

from __future__ import annotations

import os
import sqlite3
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server.store import load_sealer, open_store, thirdparty, users
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


def issue(platform: LocalPlatform, name: str, **body: Any) -> tuple[str, str]:
    """Make a token; the login with it."""
    answer = platform.call("PUT", f"/users/{platform.user}/tokens/{name}", body)
    assert answer.status_code == 201, answer.text
    return platform.user, answer.json()[name]


def change_user(platform: LocalPlatform, **values: Any) -> None:
    """Change the local account's row, as an administrator does while the server runs."""
    store = open_store(platform.home, load_sealer(platform.home))
    with store.write() as connection:
        user = users.get(connection, platform.user)
        users.change(connection, user.id, **values)
    store.close()


def test_a_token_ends_when_it_says(shared_platform: LocalPlatform) -> None:
    """Also one that was used a moment before, and is remembered as good; who has it is told why."""
    end = datetime.now(UTC) + timedelta(seconds=1.5)
    login = issue(shared_platform, "brief", expires=end.isoformat())
    assert shared_platform.call("GET", "/auth", auth=login).status_code == 200
    time.sleep(max(end.timestamp() - time.time(), 0) + 0.1)
    late = shared_platform.call("GET", "/auth", auth=login)
    assert (late.status_code, "brief expired at 2" in late.json()["message"]) == (401, True)
    wrong = shared_platform.call("GET", "/auth", auth=(login[0], login[1] + "x"))
    assert "expired" not in wrong.json()["message"]


def test_a_token_revoked_by_another_process_is_void_at_once(shared_platform: LocalPlatform) -> None:
    """What the server remembers of good tokens ends with any change of the store."""
    login = issue(shared_platform, "elsewhere")
    assert shared_platform.call("GET", "/auth", auth=login).status_code == 200
    with sqlite3.connect(shared_platform.home / "state.db") as other:
        other.execute("DELETE FROM tokens WHERE name = 'elsewhere'")
    assert shared_platform.call("GET", "/auth", auth=login).status_code == 401


def test_the_last_use_is_recorded(shared_platform: LocalPlatform) -> None:
    """Null until then."""
    login = issue(shared_platform, "noted")
    path = f"/users/{shared_platform.user}/tokens"

    def used() -> Any:
        listed = shared_platform.call("GET", path).json()["tokens"]
        return next(token["lastUsed"] for token in listed if token["name"] == "noted")

    assert used() is None
    shared_platform.call("GET", "/auth", auth=login)
    assert used() is not None


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("x", {"expires": "tomorrow"}),
        ("x", {"expires": "2001-01-01"}),
        ("x", {"expires": "0001-01-01T00:00:00+14:00"}),
        ("x", {"scope": "root"}),
        ("x", {"scope": ["full"]}),
        ("x", {"app": 5}),
        ("operation", {}),
        ("x" * 129, {}),
        ("a%0ab", {}),
    ],
)
def test_what_is_no_token(name: str, body: dict[str, Any], shared_platform: LocalPlatform) -> None:
    """400 with a sentence."""
    answer = shared_platform.call("PUT", f"/users/{shared_platform.user}/tokens/{name}", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")


def test_scopes_route_by_route(shared_platform: LocalPlatform) -> None:
    """What each kind of token may do with an app, and with logs that are read by POST."""
    user = shared_platform.user
    shared_platform.call("POST", f"/apps/{user}", {"name": "mine"})
    kinds = {
        "full": issue(shared_platform, "s-full"),
        "deploy": issue(shared_platform, "s-deploy", scope="deploy"),
        "read": issue(shared_platform, "s-read", scope="read"),
        "mine": issue(shared_platform, "s-mine", app="mine"),
        "other": issue(shared_platform, "s-other", app="other"),
    }
    allowed = {
        f"GET /apps/{user}": set(kinds),
        f"GET /apps/{user}/mine": {"full", "deploy", "read", "mine"},
        f"PUT /apps/{user}/mine": {"full", "deploy", "mine"},
        f"POST /apps/{user}/mine/stop": {"full", "deploy", "mine"},
        f"GET /apps/{user}/mine/snapshots": {"full", "deploy", "read", "mine"},
        f"POST /apps/{user}/mine/available": {"full", "deploy", "mine"},
        f"POST /logs/{user}": {"full", "deploy", "read"},
        f"POST /logs/{user}/mine": {"full", "deploy", "read", "mine"},
        f"GET /logs/{user}/mine/5": {"full", "deploy", "read", "mine"},
        f"GET /apps/{user}/mine/cloud": {"full", "deploy", "read", "mine"},
        f"DELETE /apps/{user}/mine": {"full", "mine"},
    }
    for operation, who in allowed.items():
        method, path = operation.split()
        for kind, login in kinds.items():
            if method == "DELETE" and kind in who:
                continue
            answer = shared_platform.call(method, path, {}, auth=login)
            assert (answer.status_code == 200) == (kind in who), (operation, kind, answer.text)
            assert answer.status_code in {200, 403}
    assert shared_platform.call("DELETE", f"/apps/{user}/mine", auth=kinds["mine"]).status_code == 200


def test_third_party_tokens_are_kept_and_never_shown(shared_platform: LocalPlatform) -> None:
    """Sealed at rest; listed by id, provider and time; gone when deleted."""
    path = f"/users/{shared_platform.user}/thirdparty"
    secret = "SEVMTE8gWUVTIEkgQU0gRE9HCg"
    assert shared_platform.call("GET", path).json() == {"thirdPartyTokens": {}}
    body = {"token": secret, "provider": "github", "id": "a string id 123"}
    made = shared_platform.call("POST", path, body)
    assert made.status_code == 201
    twice = shared_platform.call("POST", path, body)
    assert (twice.status_code, twice.json()["error"]) == (409, "name_taken")
    listed = shared_platform.call("GET", path)
    assert secret not in listed.text
    entry = listed.json()["thirdPartyTokens"]["a string id 123"]
    assert (entry["provider"], entry["id"]) == ("github", "a string id 123")
    assert entry["url"] == made.json()["thirdPartyToken"]["url"] == "https://github.com"
    assert datetime.fromisoformat(entry["ctime"]) <= datetime.now(UTC)
    files = [shared_platform.home / name for name in ("state.db", "state.db-wal")]
    assert not any(secret.encode() in file.read_bytes() for file in files)
    store = open_store(shared_platform.home, load_sealer(shared_platform.home))
    with store.read() as connection:
        sealed = thirdparty.sealed(connection, users.get(connection, shared_platform.user).id, "github")
    assert sealed is not None
    assert store.sealer.open(sealed) == {"token": secret, "url": "https://github.com"}
    store.close()
    gone = {"ok": True, "id": "a string id 123"}
    assert shared_platform.call("DELETE", f"{path}/a%20string%20id%20123").json() == gone
    assert shared_platform.call("DELETE", f"{path}/a%20string%20id%20123").status_code == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"provider": "github"}, "token"),
        ({"token": "x"}, "provider"),
        ({"token": "", "provider": "github"}, "token"),
        ({"token": ["x"], "provider": "github"}, "token"),
        ({"token": "x" * 20_000, "provider": "github"}, "token"),
        ({"token": "x", "provider": "gitlab"}, "provider"),
        ({"token": "x", "provider": {}}, "provider"),
        ({"token": "x\ny", "provider": "github"}, "token"),
        ({"token": "x", "provider": "git"}, "url"),
        ({"token": "x", "provider": "npm", "url": "npm.example.com"}, "url"),
        ({"token": "x", "provider": "npm", "url": "https://me@npm.example.com"}, "url"),
        ({"token": "x", "provider": "npm", "url": "https://npm.example.com\nhelper = x"}, "url"),
        ({"token": "x", "provider": "npm", "url": 5}, "url"),
        ({"token": "x", "provider": "github", "id": "a/b"}, "id"),
        ({"token": "x", "provider": "github", "id": 5}, "id"),
    ],
)
def test_what_is_no_third_party_token(
    body: dict[str, Any], field: str, shared_platform: LocalPlatform
) -> None:
    """400 names the field."""
    answer = shared_platform.call("POST", f"/users/{shared_platform.user}/thirdparty", body)
    assert answer.status_code == 400
    assert answer.json()["details"]["field"] == field


def test_limits_are_kept(platform: LocalPlatform) -> None:
    """Apps, drones, memory and disk: 402 with a sentence; what is there stays."""
    user = platform.user
    change_user(platform, limits={"apps": 2, "drones": 3, "memory": 600, "disk": 1})
    assert platform.call("GET", f"/users/{user}").json()["user"]["limits"]["apps"] == 2

    def refused(answer: Any, limit: str) -> bool:
        body = answer.json()
        assert (answer.status_code, body["error"]) == (402, "limit_reached"), answer.text
        return bool(body["details"]["limit"] == limit and "administrator" in body["message"])

    for name in ("a", "b"):
        assert platform.call("POST", f"/apps/{user}", {"name": name}).status_code == 201
    assert refused(platform.call("POST", f"/apps/{user}", {"name": "c"}), "apps")
    assert platform.call("POST", f"/apps/{user}/a/cloud", [{"drones": 2, "ram": 100}]).status_code == 200
    assert refused(platform.call("POST", f"/apps/{user}/b/cloud", [{"drones": 2}]), "drones")
    assert refused(platform.call("POST", f"/apps/{user}/b/cloud", [{"drones": 1, "ram": 401}]), "memory")
    assert platform.call("POST", f"/apps/{user}/b/cloud", [{"drones": 1, "ram": 400}]).status_code == 200
    big = archive({**hello("a"), "random": os.urandom(1_100_000)})
    assert refused(platform.call("POST", f"/apps/{user}/a/snapshots/1.0.0", data=big), "disk")
    assert not list((platform.home / "work").glob("upload-*"))
    small = platform.call("POST", f"/apps/{user}/a/snapshots/1.0.0", data=archive(hello("a")))
    assert small.status_code == 200


def test_a_token_for_one_app_lists_that_one(shared_platform: LocalPlatform) -> None:
    """The list has no other app, and none where there is none of that name."""
    user = shared_platform.user
    for name in ("seen", "unseen"):
        shared_platform.call("POST", f"/apps/{user}", {"name": name})
    for only, names in (("seen", ["seen"]), ("never", [])):
        answer = shared_platform.call("GET", f"/apps/{user}", auth=issue(shared_platform, only, app=only))
        assert (answer.status_code, [app["name"] for app in answer.json()["apps"]]) == (200, names)
    assert shared_platform.call("GET", "/apps/somebody", auth=issue(shared_platform, "t")).status_code == 403


def test_new_apps_keep_the_limits_of_drones_and_memory(platform: LocalPlatform) -> None:
    """Each comes with a drone, and with its memory when it first starts; what ran before goes on."""
    user = platform.user
    small, large = f"/apps/{user}/small", f"/apps/{user}/large"
    change_user(platform, limits={"drones": 2, "memory": 300})
    assert platform.call("POST", f"/apps/{user}/snapshots/1", data=archive(hello("small"))).ok
    refused = platform.call("POST", f"/apps/{user}/snapshots/1", data=archive(hello("large")))
    assert (refused.status_code, refused.json()["details"]["limit"]) == (402, "memory"), refused.text
    assert platform.call("POST", f"{large}/cloud", [{"drones": 1, "ram": 44}]).ok
    assert platform.call("POST", f"{large}/start", {}).ok
    third = platform.call("POST", f"/apps/{user}", {"name": "third"})
    assert (third.status_code, third.json()["details"]["limit"]) == (402, "drones")
    change_user(platform, limits={"drones": 1, "memory": 100})
    for order in ("restart", "stop", "start"):
        assert platform.call("POST", f"{small}/{order}", {}).ok


def test_what_is_beyond_a_limit_may_shrink(platform: LocalPlatform) -> None:
    """An app of fewer drones or less memory, a smaller database: not refused though all is still too much."""
    app, database = f"/apps/{platform.user}/wide", f"/databases/{platform.user}/cache"
    platform.call("POST", f"/apps/{platform.user}", {"name": "wide"})
    assert platform.call("POST", f"{app}/cloud", [{"drones": 4, "ram": 200}]).ok
    assert platform.call("POST", database, {"type": "redis", "memory": 256}).ok
    change_user(platform, limits={"drones": 1, "memory": 100})
    for wanted in ({"drones": 3, "ram": 200}, {"drones": 2, "ram": 150}):
        answer = platform.call("POST", f"{app}/cloud", [wanted])
        assert answer.ok, answer.text
    assert platform.call("PUT", database, {"memory": 128}).ok
    for path, method, body, limit in (
        (f"{app}/cloud", "POST", [{"drones": 3, "ram": 64}], "drones"),
        (f"{app}/cloud", "POST", [{"drones": 1, "ram": 400}], "memory"),
        (database, "PUT", {"memory": 129}, "memory"),
    ):
        refused = platform.call(method, path, body)
        assert (refused.status_code, refused.json()["details"]["limit"]) == (402, limit), refused.text


def test_a_locked_account_cannot_log_in(platform: LocalPlatform) -> None:
    """By no proof, from at once on; only the right one is told why."""
    login = issue(platform, "t")
    change_user(platform, locked=True)
    for auth in (login, (platform.user, platform.token)):
        answer = platform.call("GET", "/auth", auth=auth)
        assert answer.status_code == 403
        assert "locked" in answer.json()["message"]
    assert platform.call("GET", "/auth", auth=(platform.user, "wrong")).status_code == 401

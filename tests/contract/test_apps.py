"""Applications over HTTP: the seed's section "Applications" and the paths of the old clients."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


def created(platform: LocalPlatform, **manifest: Any) -> dict[str, Any]:
    """Create an app of that package.json."""
    answer = platform.call("POST", f"/apps/{platform.user}", manifest)
    assert answer.status_code == 201, answer.text
    app: dict[str, Any] = answer.json()["app"]
    return app


def test_an_app_is_created_of_its_package_json(shared_platform: LocalPlatform) -> None:
    """What is sent is kept and given back, beside what the platform adds."""
    app = created(
        shared_platform,
        name="fresh",
        version="1.2.3",
        scripts={"start": "node x"},
        env={"A": 1, "B": True},
        odd=[1],
    )
    assert app["_id"] == f"{shared_platform.user}/fresh"
    assert app["env"] == {"A": "1", "B": "true"}
    assert (app["state"], app["drones"], app["maxDrones"]) == ("stopped", 0, 1)
    assert (app["version"], app["odd"], app["resource"]) == ("1.2.3", [1], "App")
    assert app["subdomain"] == "fresh"
    assert app["urls"][0].startswith("http://fresh.localhost")
    assert "active" not in app
    assert "running" not in app
    shown = shared_platform.call("GET", f"/apps/{shared_platform.user}/fresh").json()["app"]
    assert shown == app
    assert app in shared_platform.call("GET", f"/apps/{shared_platform.user}").json()["apps"]


def test_a_path_may_name_the_app(shared_platform: LocalPlatform) -> None:
    """The old clients create by POST /apps/:user/:app."""
    answer = shared_platform.call("POST", f"/apps/{shared_platform.user}/by-path", {"version": "1.0.0"})
    assert answer.json()["app"]["name"] == "by-path"


def test_taken_names_and_subdomains_are_conflicts(shared_platform: LocalPlatform) -> None:
    """409, and the code tells which of the two."""
    user = shared_platform.user
    created(shared_platform, name="first", subdomain="mine")
    again = shared_platform.call("POST", f"/apps/{user}", {"name": "first", "subdomain": "other"})
    assert (again.status_code, again.json()["error"]) == (409, "name_taken")
    same = shared_platform.call("POST", f"/apps/{user}", {"name": "second", "subdomain": "MINE"})
    assert (same.status_code, same.json()["error"]) == (409, "subdomain_taken")
    available = shared_platform.call("POST", f"/apps/{user}/second/available", {"subdomain": "mine"}).json()
    assert available == {"available": False, "appname": True, "subdomain": False}
    created(shared_platform, name="second", subdomain="its-own")
    moved = shared_platform.call("PUT", f"/apps/{user}/second", {"subdomain": "mine"})
    assert moved.json()["error"] == "subdomain_taken"


def test_of_two_that_want_a_subdomain_one_wins(shared_platform: LocalPlatform) -> None:
    """Twenty at once: one 201, nineteen 409."""

    def claim(number: int) -> int:
        body = {"name": f"race-{number}", "subdomain": "race"}
        return shared_platform.call("POST", f"/apps/{shared_platform.user}", body).status_code

    with ThreadPoolExecutor(20) as pool:
        statuses = sorted(pool.map(claim, range(20)))
    assert statuses == [201] + [409] * 19


def test_a_domain_belongs_to_one_app(shared_platform: LocalPlatform) -> None:
    """The second app that names it is refused and stays as it was."""
    created(shared_platform, name="owner", domains=["www.example.org"])
    created(shared_platform, name="thief")
    user = shared_platform.user
    answer = shared_platform.call(
        "PUT", f"/apps/{user}/thief", {"domains": ["a.example.org", "www.example.org"]}
    )
    assert (answer.status_code, answer.json()["error"]) == (409, "domain_taken")
    assert shared_platform.call("GET", f"/apps/{user}/thief").json()["app"]["domains"] == []


def test_an_update_replaces_the_keys_it_sends(shared_platform: LocalPlatform) -> None:
    """Others stay; what the platform makes cannot be set; `{"env": {}}` clears."""
    user = shared_platform.user
    app = created(shared_platform, name="changing", env={"A": "1"}, description="old", engines={"node": "*"})
    changed = shared_platform.call(
        "PUT", f"/apps/{user}", {**app, "description": "new", "state": "started", "drones": 9, "env": {}}
    ).json()["app"]
    assert changed["description"] == "new"
    assert changed["env"] == {}
    assert changed["engines"] == {"node": "*"}
    assert (changed["state"], changed["drones"]) == ("stopped", 0)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "../escape"},
        {"name": ".hidden"},
        {"name": "a" * 215},
        {"name": ["list"]},
        {"name": "ok", "subdomain": "not a label"},
        {"name": "ok", "subdomain": "a" * 64},
        {"name": "ok", "subdomain": "-x"},
        {"name": "ok", "domains": ["no spaces allowed.com"]},
        {"name": "ok", "domains": {"a": 1}},
        {"name": "ok", "env": ["A"]},
        {"name": "ok", "env": {"A": {"deep": 1}}},
        {"name": "ok", "env": {"A=B": "1"}},
        {"name": "ok", "env": {"A": "nul\0"}},
    ],
)
def test_what_cannot_be_an_app_is_refused_with_a_sentence(
    shared_platform: LocalPlatform, body: dict[str, Any]
) -> None:
    """400 that names the key."""
    answer = shared_platform.call("POST", f"/apps/{shared_platform.user}", body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "bad_request"
    assert answer.json()["message"].endswith(".")


def test_bodies_that_are_no_json_objects_are_refused(shared_platform: LocalPlatform) -> None:
    """Broken, deep, huge, of another type: an answer, never a 500."""
    path = f"/apps/{shared_platform.user}"
    for data in (b"{", b"[1]", b"nul", b"\xff\xfe", b"[" * 100_000, b'"' + b"a" * 2000):
        assert shared_platform.call("POST", path, data=data).status_code == 400
    huge = b'{"name": "huge", "x": "' + b"a" * 1024 * 1024 + b'"}'
    assert shared_platform.call("POST", path, data=huge).status_code == 413


def test_single_variables_change_and_the_others_stay(shared_platform: LocalPlatform) -> None:
    """PATCH sets, deletes by null, and changes nothing when it refuses one of them."""
    user = shared_platform.user
    created(shared_platform, name="patched", env={"A": "1", "B": "2"})
    path = f"/apps/{user}/patched/env"
    answer = shared_platform.call("PATCH", path, {"B": None, "C": 3, "D": True, "GONE": None})
    assert answer.json()["app"]["env"] == {"A": "1", "C": "3", "D": "true"}
    assert shared_platform.call("PATCH", path, {}).json()["app"]["env"] == {"A": "1", "C": "3", "D": "true"}
    wrongs: tuple[dict[str, Any], ...] = (
        {"A": "new", "E": ["x"]},
        {"A=": "x"},
        {"": "x"},
        {"A": "nul\0"},
        {"A": {}},
    )
    for wrong in wrongs:
        refused = shared_platform.call("PATCH", path, wrong)
        assert (refused.status_code, refused.json()["details"]["field"]) == (400, "env"), wrong
    for _ in range(2):
        last = shared_platform.call("PATCH", path, {"LONG" + "G" * _: "x" * 700_000})
    assert (last.status_code, last.json()["error"]) == (413, "too_large")
    kept = shared_platform.call("GET", f"/apps/{user}/patched").json()["app"]["env"]
    assert sorted(kept) == ["A", "C", "D", "LONG"]


def test_changes_of_one_app_at_once_are_all_kept(shared_platform: LocalPlatform) -> None:
    """Each client changes a variable and a key of its own; afterwards all of them are there."""
    user = shared_platform.user
    created(shared_platform, name="crowd")

    def change(number: int) -> None:
        for turn in range(5):
            one = f"KEY_{number}_{turn}"
            assert shared_platform.call("PATCH", f"/apps/{user}/crowd/env", {one: "x"}).ok
            assert shared_platform.call("PUT", f"/apps/{user}/crowd", {one.lower(): 1}).ok

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(change, range(8)))
    app = shared_platform.call("GET", f"/apps/{user}/crowd").json()["app"]
    assert len(app["env"]) == 40
    assert len([key for key in app if key.startswith("key_")]) == 40


def test_unknown_apps_snapshots_and_methods_are_named(shared_platform: LocalPlatform) -> None:
    """404 and 405 in the shape of every error."""
    user = shared_platform.user
    for method, path in (
        ("GET", f"/apps/{user}/nothing"),
        ("POST", f"/apps/{user}/nothing/start"),
        ("DELETE", f"/apps/{user}/nothing"),
        ("GET", f"/apps/{user}/nothing/snapshots"),
        ("GET", f"/logs/{user}/nothing"),
    ):
        answer = shared_platform.call(method, path)
        assert (answer.status_code, answer.json()["error"]) == (404, "not_found"), path
    answer = shared_platform.call("PATCH", f"/apps/{user}")
    assert (answer.status_code, answer.json()["error"]) == (405, "method_not_allowed")


def test_a_start_whose_key_is_no_key_is_refused(shared_platform: LocalPlatform) -> None:
    """It would be kept, so it has a length."""
    path = f"/apps/{shared_platform.user}/unknown/start"
    for length, status, code in ((128, 404, "not_found"), (129, 400, "bad_request")):
        refused = shared_platform.call("POST", path, headers={"idempotency-key": "k" * length})
        assert (refused.status_code, refused.json()["error"]) == (status, code)


def test_a_start_without_a_snapshot_says_the_old_sentence(shared_platform: LocalPlatform) -> None:
    """The old command line compares it to the letter."""
    created(shared_platform, name="empty")
    answer = shared_platform.call("POST", f"/apps/{shared_platform.user}/empty/start")
    assert answer.status_code == 400
    assert answer.json()["message"] == "Cannot start application with no snapshots"


def test_deleting_twice_is_a_404(shared_platform: LocalPlatform) -> None:
    """The name and the subdomain are free again after the first."""
    user = shared_platform.user
    created(shared_platform, name="brief", subdomain="brief-one")
    assert shared_platform.call("DELETE", f"/apps/{user}/brief", data=b"{}").status_code == 200
    assert shared_platform.call("DELETE", f"/apps/{user}/brief").status_code == 404
    created(shared_platform, name="brief", subdomain="brief-one")


def test_the_cloud_is_viewed_and_changed(shared_platform: LocalPlatform) -> None:
    """Drones and memory wanted; nonsense is refused."""
    user = shared_platform.user
    created(shared_platform, name="cloudy")
    path = f"/apps/{user}/cloudy/cloud"
    assert shared_platform.call("GET", path).json()[0]["drones"] == 1
    changed = shared_platform.call("POST", path, [{"drones": 3, "ram": 128}]).json()
    assert (changed[0]["drones"], changed[0]["ram"]) == (3, 128)
    for body in (
        [],
        [{"drones": 0}],
        [{"drones": "2"}],
        [{"drones": True}],
        [{"ram": 1}],
        [{"provider": "moon"}],
        7,
    ):
        assert shared_platform.call("POST", path, body).status_code == 400, body
    endpoints = shared_platform.call("GET", "/endpoints", auth=None).json()["endpoints"]
    assert endpoints == {"local": {"local": shared_platform.status.api}}


def test_the_environment_is_sealed_at_rest(shared_platform: LocalPlatform) -> None:
    """A secret in `env` is given back by the API and is nowhere in the database's files."""
    secret = "sentinel-4f1d9c"
    app = created(shared_platform, name="sealed", env={"API_KEY": secret})
    assert app["env"]["API_KEY"] == secret
    for name in ("state.db", "state.db-wal"):
        assert secret.encode() not in (shared_platform.home / name).read_bytes()


def test_openapi_is_served(shared_platform: LocalPlatform) -> None:
    """The routes describe themselves."""
    document = json.loads(shared_platform.call("GET", "/openapi.json", auth=None).text)
    assert "/apps/{user}/{app}/start" in document["paths"]

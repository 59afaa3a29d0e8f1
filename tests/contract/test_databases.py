"""Databases by the API: the seed's shapes, errors, scopes, attachments, backups. Real servers behind it."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import redis
from pymongo import MongoClient
from pymongo.errors import OperationFailure

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

BINARY = {"content-type": "application/octet-stream"}


def call(platform: LocalPlatform, method: str, path: str, body: object = None, **more: Any) -> Any:
    """A request below the local account's databases."""
    return platform.call(method, f"/databases/{platform.user}{path}", body, **more)


def made(platform: LocalPlatform, name: str, type_: str = "redis", **more: Any) -> Any:
    """A new database, as the API shows it."""
    answer = call(platform, "POST", f"/{name}", {"type": type_, **more})
    assert answer.status_code == 201, answer.text
    return answer.json()["database"]


def until_running(platform: LocalPlatform, name: str) -> Any:
    """The database when it runs."""
    deadline = time.monotonic() + 60
    while (shown := call(platform, "GET", f"/{name}").json()["database"])["state"] != "running":
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)
    return shown


def until_back(platform: LocalPlatform, name: str, gone: int) -> Any:
    """The database when it runs by another process than the one that was killed."""
    deadline = time.monotonic() + 60
    while True:
        port = call(platform, "GET", f"/{name}").json()["database"]["metadata"]["port"]
        if any(pid != gone for pid in pids(platform, port)):
            # Only a new process sets the state anew: before, it may be the old one's.
            return until_running(platform, name)
        assert time.monotonic() < deadline, f"{name} does not come back"
        time.sleep(0.1)


def pids(platform: LocalPlatform, port: int) -> list[int]:
    """Who listens on a port, of a platform's databases."""
    found = []
    for process in processes(platform):
        try:
            listening = [one for one in process.net_connections("tcp") if one.status == psutil.CONN_LISTEN]
        except psutil.Error:
            continue
        if any(one.laddr.port == port for one in listening):
            found.append(process.pid)
    return found


def processes(platform: LocalPlatform) -> list[psutil.Process]:
    """The processes of a platform's databases."""
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
            is_ours = environment.get("JITSU_STATE") == os.path.realpath(platform.home)
            if is_ours and "JITSU_DATABASE" in environment and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_redis_is_real_needs_its_password_and_is_gone_when_destroyed(
    shared_platform: LocalPlatform,
) -> None:
    """The seed's shape; 401 of Redis without the password; loopback only; nothing left at the end."""
    shown = made(shared_platform, "cache")
    assert (shown["id"], shown["resource"]) == (f"{shared_platform.user}-cache", "Database")
    assert shown["metadata"].keys() == {"host", "port", "password"}
    client = redis.Redis.from_url(shown["url"])
    assert client.set("a", "1")
    with pytest.raises(redis.AuthenticationError):
        redis.Redis("127.0.0.1", shown["metadata"]["port"]).get("a")
    listening = {
        connection.laddr.ip
        for process in processes(shared_platform)
        for connection in process.net_connections("tcp")
        if connection.status == psutil.CONN_LISTEN
    }
    assert listening == {"127.0.0.1"}
    commands = [word for process in processes(shared_platform) for word in process.cmdline()]
    assert not any(shown["metadata"]["password"] in word for word in commands)
    folder = shared_platform.home / "databases" / shared_platform.user / "cache"
    assert (folder / "server.conf").stat().st_mode & 0o777 == 0o600
    assert call(shared_platform, "POST", "/cache", {"type": "redis"}).status_code == 409
    assert call(shared_platform, "DELETE", "/cache").json() == {
        "ok": True,
        "id": f"{shared_platform.user}/cache",
    }
    assert call(shared_platform, "GET", "/cache").status_code == 404
    assert not folder.exists()


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("x", {}),
        ("x", {"type": "oracle"}),
        ("x", {"type": ["redis"]}),
        ("x", {"type": "redis", "memory": 1}),
        ("x", {"type": "redis", "memory": "big"}),
        ("x", {"type": "redis", "attach": 5}),
        ("X", {"type": "redis"}),
        ("-x", {"type": "redis"}),
        ("x" * 64, {"type": "redis"}),
        ("a.b", {"type": "redis"}),
    ],
)
def test_what_cannot_be_made_is_a_bad_request(
    name: str, body: dict[str, Any], shared_platform: LocalPlatform
) -> None:
    """400 naming the field, and nothing is left."""
    answer = call(shared_platform, "POST", f"/{name}", body)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
    assert answer.json()["details"]["field"] in {"name", "type", "memory", "attach"}
    assert call(shared_platform, "GET", f"/{name}").status_code == 404


def test_an_app_has_its_databases_as_variables(shared_platform: LocalPlatform) -> None:
    """Attached, seen, not stored; its own variables win; two of a kind want two names; detached, gone."""
    user = shared_platform.user
    shared_platform.call("POST", f"/apps/{user}", {"name": "web", "env": {"A": "1"}})
    first = made(shared_platform, "one", attach="web")
    second = made(shared_platform, "two")
    assert first["apps"] == [{"name": "web", "variables": ["REDIS_URL"]}]

    def app() -> Any:
        return shared_platform.call("GET", f"/apps/{user}/web").json()["app"]

    assert app()["env"] == {"A": "1", "REDIS_URL": first["url"]}
    assert app()["databases"] == ["one"]
    conflict = call(shared_platform, "PUT", "/two/apps/web")
    assert (conflict.status_code, conflict.json()["details"]["variable"]) == (409, "REDIS_URL")
    assert call(shared_platform, "PUT", "/two/apps/web?as=9").status_code == 400
    for _ in range(2):
        assert call(shared_platform, "PUT", "/two/apps/web?as=cache").status_code == 200
    assert app()["env"]["CACHE_URL"] == second["url"]
    shared_platform.call("PUT", f"/apps/{user}/web", {"env": app()["env"]})
    rotated = call(shared_platform, "POST", "/one/rotate").json()["database"]
    assert app()["env"]["REDIS_URL"] == rotated["url"] != first["url"]
    assert call(shared_platform, "PUT", "/one/apps/nosuch").status_code == 404
    call(shared_platform, "DELETE", "/one/apps/web")
    call(shared_platform, "DELETE", "/two")
    assert (app()["env"], app()["databases"]) == ({"A": "1"}, [])
    assert redis.Redis.from_url(rotated["url"]).ping()
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(first["url"]).ping()


def test_a_token_for_reading_sees_no_password(shared_platform: LocalPlatform) -> None:
    """It may list and get; passwords, contents and tunnels want the full scope."""
    user = shared_platform.user
    made(shared_platform, "quiet")
    shared_platform.call("POST", f"/apps/{user}", {"name": "reads"})
    call(shared_platform, "PUT", "/quiet/apps/reads")
    backup = call(shared_platform, "POST", "/quiet/backups").json()["backup"]["id"]
    path = f"/users/{user}/tokens/reader"
    login = (user, shared_platform.call("PUT", path, {"scope": "read"}).json()["reader"])
    shown = call(shared_platform, "GET", "/quiet", auth=login).json()["database"]
    assert (shown["url"], shown["metadata"]["password"]) == (None, None)
    app = shared_platform.call("GET", f"/apps/{user}/reads", auth=login).json()["app"]
    assert (app["env"], app["databases"]) == ({}, ["quiet"])
    listed = shared_platform.call("GET", f"/apps/{user}", auth=login).text
    assert "redis://" not in listed
    assert call(shared_platform, "GET", f"/quiet/backups/{backup}", auth=login).status_code == 403
    assert call(shared_platform, "POST", "/quiet/rotate", auth=login).status_code == 403


@pytest.mark.parametrize("type_", ["redis", "mongo"])
def test_a_backup_taken_back_elsewhere_is_the_same(type_: str, shared_platform: LocalPlatform) -> None:
    """Content for content; whatever is no backup is refused and changes nothing."""
    old, new = made(shared_platform, f"old-{type_}", type_), made(shared_platform, f"new-{type_}", type_)
    fill(old["url"])
    saved = call(shared_platform, "POST", f"/old-{type_}/backups").json()["backup"]
    assert [saved] == call(shared_platform, "GET", f"/old-{type_}/backups").json()["backups"]
    file = call(shared_platform, "GET", f"/old-{type_}/backups/{saved['id']}")
    assert len(file.content) == saved["size"] == int(file.headers["content-length"])
    answer = call(shared_platform, "POST", f"/new-{type_}/restore", data=file.content, headers=BINARY)
    assert answer.status_code == 200, answer.text
    assert content(new["url"]) == content(old["url"])
    for wrong in (b"", b"no backup", file.content[: len(file.content) // 2]):
        refused = call(shared_platform, "POST", f"/new-{type_}/restore", data=wrong, headers=BINARY)
        assert (refused.status_code, refused.json()["error"]) == (400, "bad_request")
    assert content(new["url"]) == content(old["url"])
    assert call(shared_platform, "POST", f"/new-{type_}/restore", {"backup": "none"}).status_code == 404
    assert call(shared_platform, "DELETE", f"/old-{type_}/backups/{saved['id']}").status_code == 200
    assert call(shared_platform, "GET", f"/old-{type_}/backups").json() == {"backups": []}


def fill(url: str) -> None:
    """Put something into a new database."""
    if url.startswith("redis"):
        client = redis.Redis.from_url(url)
        client.mset({f"key {number}": "ü" * number for number in range(200)})
        client.rpush("list", "a", "b")
        return
    with MongoClient[dict[str, Any]](url) as mongo:
        collection = mongo.get_default_database().things
        collection.insert_many([{"_id": number, "deep": {"a": [number, None]}} for number in range(700)])
        collection.create_index("deep.a", name="by a")


def content(url: str) -> object:
    """Everything that is in a database."""
    if url.startswith("redis"):
        client = redis.Redis.from_url(url)
        return {key: client.dump(key) for key in client.scan_iter()}
    with MongoClient[dict[str, Any]](url) as mongo:
        database = mongo.get_default_database()
        return [
            (name, list(database[name].find().sort("_id")), sorted(database[name].index_information()))
            for name in sorted(database.list_collection_names())
        ]


def test_a_mongo_lets_nobody_in_without_its_password(shared_platform: LocalPlatform) -> None:
    """`uri` + "/" + `dbname` connects; without a login nothing is read."""
    facts = made(shared_platform, "docs", "mongohq")["metadata"]
    address = f"{facts['uri']}/{facts['dbname']}"
    assert facts["config"] == {"MONGOHQ_URL": address}
    with MongoClient[dict[str, Any]](address) as mongo:
        mongo.get_default_database().t.insert_one({"a": 1})
    with (
        MongoClient[dict[str, Any]]("127.0.0.1", facts["port"]) as nobody,
        pytest.raises(OperationFailure),
    ):
        nobody[facts["dbname"]].t.find_one()


@pytest.mark.parametrize("type_", ["redis", "mongo"])
def test_what_was_acknowledged_outlives_kill_9(type_: str, platform: LocalPlatform) -> None:
    """Of the database, which comes back; of the server, whose next one adopts it; of both, as at a reboot."""
    url = made(platform, "kept", type_)["url"]
    fill(url)
    before = content(url)
    (process,) = processes(platform)
    process.kill()
    until_back(platform, "kept", process.pid)
    assert content(url) == before
    (process,) = processes(platform)
    server = psutil.Process(platform.status.pid)
    server.kill()
    server.wait(30)
    platform.start()
    until_running(platform, "kept")
    assert [one.pid for one in processes(platform)] == [process.pid]
    assert content(url) == before
    server = psutil.Process(platform.status.pid)
    server.kill()
    process.kill()
    server.wait(30)
    platform.start()
    until_running(platform, "kept")
    assert content(url) == before


def test_stopped_it_stays_so_and_started_it_has_everything(shared_platform: LocalPlatform) -> None:
    """Both are idempotent."""
    url = made(shared_platform, "paused")["url"]
    fill(url)
    before = content(url)
    for _ in range(2):
        assert call(shared_platform, "POST", "/paused/stop").json()["database"]["state"] == "stopped"
    assert call(shared_platform, "POST", "/paused/backups").status_code == 503
    for _ in range(2):
        assert call(shared_platform, "POST", "/paused/start").status_code == 200
    assert content(url) == before


def test_memory_and_schedule_are_changed(shared_platform: LocalPlatform) -> None:
    """What cannot be is a 400 and changes nothing."""
    made(shared_platform, "tuned")
    wish = {"memory": 100, "schedule": {"every": "daily", "keep": 3}}
    shown = call(shared_platform, "PUT", "/tuned", wish).json()["database"]
    assert {key: shown[key] for key in wish} == wish
    wrongs: list[dict[str, Any]] = [{"memory": 0}, {"schedule": {"every": "never"}}, {"schedule": []}]
    for wrong in [*wrongs, {"type": "mongo"}]:
        assert call(shared_platform, "PUT", "/tuned", wrong).status_code == 400
    assert call(shared_platform, "PUT", "/tuned", {}).json()["database"]["schedule"] == wish["schedule"]

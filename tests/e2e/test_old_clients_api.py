"""nodejitsu-api 0.6.6 of npm, unchanged, on Node 8: every method of its nouns works against this server."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.old_clients import Api, OldClientError
from tests.platforms import LocalPlatform, archive, hello

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.old_clients import OldClients

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def open_platform() -> Iterator[LocalPlatform]:
    """A platform on which anybody may sign up."""
    folder = Path(tempfile.mkdtemp(prefix="jitsu-old-"))
    (folder / "home").mkdir()
    (folder / "home" / "server.toml").write_text('[accounts]\nsign_up = "open"\n')
    try:
        with LocalPlatform(folder / "home") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def api(old_clients: OldClients, open_platform: LocalPlatform) -> Iterator[Api]:
    """The client of the local account."""
    with old_clients.api(open_platform) as client:
        yield client


def packed(folder: Path, name: str, text: str = "hello") -> str:
    """An archive of a small app as a file."""
    path = folder / f"{name}.tgz"
    path.write_bytes(archive(hello(name, text)))
    return str(path)


def code_from_mail(platform: LocalPlatform, address: str) -> str:
    """The code in the newest mail to an address."""
    mails = sorted(platform.home.joinpath("outbox").glob("*.eml"))
    texts = [mail.read_text() for mail in mails if f"To: {address}" in mail.read_text()]
    found = re.search(r"[Cc]ode: (\w+)", texts[-1])
    assert found is not None
    return found.group(1)


def test_apps(api: Api, open_platform: LocalPlatform, tmp_path: Path) -> None:
    """create, list, view, update, start, restart, stop, setDrones, datacenter, destroy, and what is free."""
    manifest = {"name": "first", "subdomain": "first", "scripts": {"start": "node server.js"}}
    free = {"available": True, "appname": True, "subdomain": True}
    assert api("apps", "available", manifest) == free
    assert api("apps", "create", manifest)["app"]["state"] == "stopped"
    taken = api("apps", "available", manifest)
    assert (taken["available"], taken["appname"]) == (False, False)
    with pytest.raises(OldClientError) as refused:
        api("apps", "start", "first")
    assert (refused.value.status, refused.value.result["message"]) == (
        400,
        "Cannot start application with no snapshots",
    )
    api("snapshots", "create", "first", "0.1.0", packed(tmp_path, "first"))
    api("snapshots", "activate", "first", "0.1.0")
    assert api("apps", "update", "first", {"env": {"KEY": "value"}})["app"]["env"] == {"KEY": "value"}
    # As most programs begin; what the client remembers of the list must not break what follows.
    assert [app["name"] for app in api("apps", "list")] == ["first"]
    assert [app["name"] for app in api("apps", "list", open_platform.user)] == ["first"]
    assert api("apps", "start", "first")["app"]["state"] == "started"
    assert open_platform.get("first").text == "hello"
    assert api("apps", "view", "first")["drones"] == 1
    assert api("apps", "view", f"{open_platform.user}/first")["maxDrones"] == 1
    assert api("apps", "restart", "first")["app"]["state"] == "started"
    assert api("apps", "setDrones", "first", 2)[0]["drones"] == 2
    cloud = {"provider": "local", "datacenter": "local", "drones": 1, "ram": 256}
    assert api("apps", "datacenter", "first", cloud) == [cloud]
    assert api("apps", "stop", "first")["app"]["drones"] == 0
    assert api("apps", "start", "first", cloud)["app"]["drones"] == 1
    assert api("apps", "endpoints") == {"local": {"local": open_platform.status.api}}
    assert api("apps", "destroy", "first")["ok"] is True
    with pytest.raises(OldClientError) as gone:
        api("apps", "view", "first")
    assert (gone.value.status, gone.value.result["error"]) == (404, "not_found")


def test_snapshots(api: Api, tmp_path: Path) -> None:
    """create, list, fetch, activate, destroy."""
    api("apps", "create", {"name": "shots"})
    path = packed(tmp_path, "shots")
    assert "Unpacking" in api("snapshots", "create", "shots", "0.1.0", path)
    api("snapshots", "create", "shots", "0.2.0", path)
    with pytest.raises(OldClientError) as twice:
        api("snapshots", "create", "shots", "0.1.0", path)
    assert (twice.value.status, twice.value.result["error"]) == (409, "snapshot_exists")
    api("snapshots", "activate", "shots", "0.1.0")
    listed = api("snapshots", "list", "shots")
    assert [(one["id"], one["active"]) for one in listed] == [("0.1.0", True), ("0.2.0", False)]
    assert listed[0]["md5"] == hashlib.md5(Path(path).read_bytes()).hexdigest()
    fetched = tmp_path / "fetched.tgz"
    assert api("snapshots", "fetch", "shots", "0.1.0", str(fetched)) == 200
    assert fetched.read_bytes() == Path(path).read_bytes()
    api("snapshots", "destroy", "shots", "0.2.0")
    with pytest.raises(OldClientError) as active:
        api("snapshots", "destroy", "shots", "0.1.0")
    assert active.value.status == 409
    broken = tmp_path / "broken.tgz"
    broken.write_bytes(b"no archive")
    with pytest.raises(OldClientError) as failed:
        api("snapshots", "create", "shots", "0.3.0", str(broken))
    assert (failed.value.status, failed.value.result["error"]) == (400, "bad_archive")
    api("apps", "destroy", "shots")


def test_users(old_clients: OldClients, api: Api, open_platform: LocalPlatform) -> None:
    """available, emailTaken, create, confirm, auth, view, update, forgot, destroy."""
    ada, address = "ada", "ada@example.com"
    assert api("users", "available", ada) == {"available": True}
    assert api("users", "emailTaken", address) == {"taken": False}
    api("users", "create", {"username": ada, "email": address})
    assert api("users", "available", ada) == {"available": False}
    assert api("users", "emailTaken", address) == {"taken": True}
    with pytest.raises(OldClientError) as taken:
        api("users", "create", {"username": ada, "email": "other@example.com"})
    assert taken.value.status == 409
    with pytest.raises(OldClientError) as wrong:
        api("users", "confirm", {"username": ada, "inviteCode": "0" * 24})
    assert wrong.value.status == 400
    code = code_from_mail(open_platform, address)
    confirmed = api("users", "confirm", {"username": ada, "inviteCode": code})
    assert confirmed["hasPassword"] is False
    api("users", "forgot", ada, {"shake": confirmed["shake"], "new-password": "first password"})
    with old_clients.api(open_platform, "first password", user=ada) as client:
        assert client("users", "auth")["authorized"] is True
        assert client("users", "view", ada)["user"]["email"] == address
        client("users", "update", ada, {"password": "second password"})
        with pytest.raises(OldClientError) as late:
            client("users", "auth")
        assert late.value.status == 401
    api("users", "forgot", ada)
    shake = code_from_mail_later(open_platform, address, "Set a new password")
    api("users", "forgot", ada, {"shake": shake, "new-password": "third password"})
    with old_clients.api(open_platform, "third password", user=ada) as client:
        assert client("users", "auth")["user"] == ada
        client("users", "destroy", ada)
    assert api("users", "available", ada) == {"available": True}


def code_from_mail_later(platform: LocalPlatform, address: str, phrase: str) -> str:
    """The code in a mail that is written after the answer."""
    for _ in range(100):
        texts = [mail.read_text() for mail in platform.home.joinpath("outbox").glob("*.eml")]
        if any(phrase in text and f"To: {address}" in text for text in texts):
            return code_from_mail(platform, address)
        time.sleep(0.05)
    raise AssertionError(f"no mail with {phrase!r} came")


def test_tokens(old_clients: OldClients, api: Api, open_platform: LocalPlatform) -> None:
    """create with and without a name, list, use, destroy."""
    user = open_platform.user
    made = api("tokens", "create", "laptop")
    assert made["operation"] == "insert"
    generated = api("tokens", "create")
    (name,) = set(generated) - {"operation"}
    assert set(api("tokens", "list")["apiTokens"]) == {"laptop", name}
    assert set(api("tokens", "list", user)["apiTokens"]) == {"laptop", name}
    with old_clients.api(open_platform, made["laptop"]) as client:
        assert client("apps", "list") == []
        with pytest.raises(OldClientError) as forbidden:
            client("tokens", "list")
        assert forbidden.value.status == 403
    assert api("tokens", "destroy", "laptop") == {"ok": True, "id": "laptop"}
    api("tokens", "destroy", user, name)
    with pytest.raises(OldClientError) as gone:
        api("tokens", "destroy", "laptop")
    assert gone.value.status == 404


FACTS = {
    "redis": {"host", "port", "password"},
    "redistogo": {"host", "port", "password"},
    "mongo": {"host", "port", "username", "password", "dbname", "uri"},
    "mongohq": {"host", "port", "username", "password", "dbname", "uri", "config"},
}
"""Of each type, what the old clients read. Couch: see README."""


def test_databases(api: Api, open_platform: LocalPlatform) -> None:
    """create, get, list, destroy; a name twice, a type that is none, and one that is gone."""
    user = open_platform.user
    for kind, facts in FACTS.items():
        made = api("databases", "create", kind, f"old-{kind}")
        assert (made["name"], made["type"], made["user"]) == (f"old-{kind}", kind, user)
        assert set(made["metadata"]) == facts
        assert all(made["metadata"].values())
        assert api("databases", "get", f"old-{kind}")["metadata"] == made["metadata"]
    assert made["metadata"]["config"]["MONGOHQ_URL"].startswith("mongodb://")
    names = [f"old-{kind}" for kind in sorted(FACTS)]
    assert [one["name"] for one in api("databases", "list")] == names
    assert [one["name"] for one in api("databases", "list", user)] == names
    for kind, name, status in (("redis", "old-redis", 409), ("postgres", "old-other", 400)):
        with pytest.raises(OldClientError) as refused:
            api("databases", "create", kind, name)
        assert refused.value.status == status
    for name in names:
        api("databases", "destroy", name)
    with pytest.raises(OldClientError) as gone:
        api("databases", "get", "old-redis")
    assert (gone.value.status, gone.value.result["error"]) == (404, "not_found")
    assert api("databases", "list") == []


def test_logs(api: Api, open_platform: LocalPlatform, tmp_path: Path) -> None:
    """byApp, with and without an amount; byUser is refused by the client itself."""
    api("apps", "create", {"name": "talks"})
    files = {
        **hello("talks"),
        "server.js": "console.log('heard'); console.error('seen'); require('http').createServer().listen(1)",
    }
    path = tmp_path / "talks.tgz"
    path.write_bytes(archive(files))
    api("snapshots", "create", "talks", "0.1.0", str(path))
    api("snapshots", "activate", "talks", "0.1.0")
    api("apps", "start", "talks")
    lines: list[dict[str, Any]] = api("logs", "byApp", "talks", 100)
    said = {(line["service"], line["description"]) for line in lines}
    assert {("logs/stdout", "heard"), ("logs/stderr", "seen")} <= said
    assert [line["time"] for line in lines] == sorted((line["time"] for line in lines), reverse=True)
    assert lines[0]["meta"]["key"] == f"logs/{open_platform.user}/talks"
    assert len(api("logs", "byApp", "talks", 2)) == 2
    assert api("logs", "byApp", "talks", None) == lines
    with pytest.raises(OldClientError, match="Deprecated"):
        api("logs", "byUser", open_platform.user, 10)
    api("apps", "destroy", "talks")


def test_other_people_and_wrong_passwords(old_clients: OldClients, open_platform: LocalPlatform) -> None:
    """The statuses that the client turns into its errors."""
    refused = pytest.raises(OldClientError, match="401")
    with old_clients.api(open_platform, "wrong") as stranger, refused:
        stranger("users", "auth")
    with old_clients.api(open_platform) as client:
        with pytest.raises(OldClientError, match="403"):
            client("apps", "list", "somebody")
        with pytest.raises(OldClientError, match="404"):
            client("snapshots", "list", "nothing")


def test_every_method_is_driven(old_clients: OldClients) -> None:
    """What the package itself says that its nouns can do stands in this module."""
    ask = """
      const api = require(process.argv[1] + '/node_modules/nodejitsu-api')
      const methods = noun => Object.keys(api[noun].prototype).map(name => [noun.toLowerCase(), name])
      const nouns = ['Apps', 'Users', 'Snapshots', 'Tokens', 'Logs', 'Databases']
      console.log(JSON.stringify([].concat(...nouns.map(methods))))
    """
    done = subprocess.run(
        [old_clients.node, "-e", ask, str(old_clients.folder)], capture_output=True, text=True, check=True
    )
    text = Path(__file__).read_text()
    methods = [tuple(pair) for pair in json.loads(done.stdout)]
    assert len(methods) > 25
    undriven = {f"{noun}.{name}" for noun, name in methods if f'("{noun}", "{name}"' not in text}
    assert undriven == {"logs.live"}  # a web socket of its own protocol: README says so

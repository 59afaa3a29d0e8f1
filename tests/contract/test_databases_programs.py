"""The system's own servers come before those of packages: a real Redis, and what a `mongod` is told."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

import pytest
import redis
import requests
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from jitsu_py.server import run
from jitsu_py.server.databases import couch
from jitsu_py.server.databases.couch_fetch import CouchStore
from tests.contract.test_couches import put
from tests.contract.test_databases import call, content, fill, made, pids, until_back, until_running
from tests.contract.test_databases_ailing import until_state
from tests.couches import lend
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

REDIS = shutil.which("redis-check-rdb")
"""Debian's redis-tools has the whole server under this name; called by its own, it is one."""

MONGOD = f"""#!{sys.executable} -I
# Takes mongod's command line and settings, and has SecantusDB carry them out.
import json, os, sys
if "--version" in sys.argv:
    sys.exit(print("db version v7.0.14"))
with open(sys.argv[sys.argv.index("--config") + 1]) as file:
    told = json.load(file)
net, storage = told["net"], told["storage"]
assert not net["unixDomainSocket"]["enabled"]
words = ["--host", net["bindIp"], "--port", str(net["port"]), "--storage-path", storage["dbPath"]]
words += ["--auth"] if told["security"]["authorization"] == "enabled" else []
os.execv(sys.executable, [sys.executable, "-I", "-m", "secantus", "--sync-on-commit", "--standalone", *words])
"""

COUCHDB = """#!{python} -I
# Takes CouchDB's command line and settings, and has pouchdb-server carry them out.
import configparser, json, os, sys
told = configparser.ConfigParser(interpolation=None)
assert sys.argv[1] == "-couch_ini" and told.read(sys.argv[2:]) == sys.argv[2:]
machine = open(os.environ["COUCHDB_ARGS_FILE"]).read().splitlines()
assert {{"-start_epmd false", "-dist_listen false", "+Bd -noinput"}} <= set(machine)
web, ((account, password),) = told["chttpd"], told["admins"].items()
assert (told["vendor"]["name"], web["require_valid_user"], web["config_whitelist"]) == ("us", "true", "[]")
json.dump({{"account": account, "password": password, "writable": "/"}}, open("settings", "w"))
json.dump({{"log": {{"file": "/dev/null", "level": "none"}}}}, open("own", "w"))
os.environ["JITSU_COUCH"] = os.path.abspath("settings")
node, *script = {command}
place = ["--host", web["bind_address"], "--port", web["port"], "--dir", told["couchdb"]["database_dir"]]
place += ["--config", os.path.abspath("own"), "--no-stdout-logs"]
os.execv(node, [node, "--require", {guard!r}, *script, *place])
"""


@pytest.fixture
def equipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalPlatform]:
    """A platform whose system has a `redis-server` and a `mongod`."""
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "mongod").write_text(MONGOD)
    (programs / "mongod").chmod(0o755)
    if REDIS is not None:
        (programs / "redis-server").symlink_to(REDIS)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    with LocalPlatform(tmp_path / "home") as running:
        yield running


def values(url: str) -> dict[bytes, object]:
    """What `fill` puts into a redis; how a server dumps a value depends on its version."""
    client = redis.Redis.from_url(url)
    keys = sorted(client.scan_iter())
    return {key: client.lrange(key, 0, -1) if key == b"list" else client.get(key) for key in keys}


@pytest.mark.skipif(REDIS is None, reason="there is no Redis on this machine: apt-get install redis-tools")
def test_a_real_redis_is_used_and_valkey_reads_what_it_wrote(
    equipped: LocalPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed, saved, rotated like Valkey, which goes on with its data when it is gone and when it is back."""
    shown = made(equipped, "real")
    assert shown["server"].startswith("redis-server 7.")
    assert shown["limits"] is None
    fill(shown["url"])
    before, (pid,) = values(shown["url"]), pids(equipped, shown["metadata"]["port"])
    os.kill(pid, 9)
    until_back(equipped, "real", pid)
    saved = call(equipped, "POST", "/real/backups").json()["backup"]["id"]
    assert redis.Redis.from_url(shown["url"]).flushall()
    assert call(equipped, "POST", "/real/restore", {"backup": saved}).status_code == 200
    url = call(equipped, "POST", "/real/rotate").json()["database"]["url"]
    assert values(url) == before
    with pytest.raises(redis.AuthenticationError):
        redis.Redis.from_url(shown["url"]).ping()
    call(equipped, "POST", "/real/stop")
    run.stop(equipped.home)
    with monkeypatch.context() as without:
        without.setenv("PATH", os.environ["PATH"].partition(os.pathsep)[2])
        equipped.start()
        assert call(equipped, "POST", "/real/start").status_code == 200
        assert until_running(equipped, "real")["server"].startswith("valkey-server")
        assert values(url) == before
        run.stop(equipped.home)
    equipped.start()
    assert until_running(equipped, "real")["server"].startswith("valkey-server")
    assert values(url) == before


def test_a_mongod_is_told_what_it_needs(equipped: LocalPlatform) -> None:
    """It comes first, asks for the password, is on loopback, ends while there is no room, loses nothing."""
    shown = made(equipped, "real", "mongo")
    assert (shown["server"], shown["limits"]) == ("mongod 7.0.14", None)
    fill(shown["url"])
    before = content(shown["url"])
    with (
        MongoClient[dict[str, Any]]("127.0.0.1", shown["metadata"]["port"]) as nobody,
        pytest.raises(OperationFailure),
    ):
        nobody["real"].things.find_one()
    run.stop(equipped.home)
    settings = equipped.home / "server.toml"
    usual = settings.read_text()
    free = shutil.disk_usage(equipped.home).free // 2**20
    settings.write_text(f"{usual}\n[databases]\nreserve = {free + 2**20}\n")
    equipped.start()
    assert "stopped until there is room" in until_state(equipped, "real", "full")["why"]
    assert pids(equipped, shown["metadata"]["port"]) == []
    run.stop(equipped.home)
    settings.write_text(usual)
    equipped.start()
    until_running(equipped, "real")
    assert content(shown["url"]) == before


def test_a_couchdb_is_told_what_it_needs(
    platform: LocalPlatform, couch_shelf: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes first, asks for the password, is saved and rotated; what was made before stays as it is."""
    lend(couch_shelf, platform.home)
    old = made(platform, "old", "couch")["url"]
    put(old, "/a", {"x": 1})
    run.stop(platform.home)
    release = tmp_path / "release"
    command = CouchStore(platform.home).at_hand()
    for path, text in (
        ("releases/start_erl.data", "14.2.5 3.3.3\n"),
        ("etc/default.ini", "[vendor]\nname = us\n"),
        ("bin/couchdb", COUCHDB.format(python=sys.executable, guard=str(couch.GUARD), command=command)),
    ):
        (release / path).parent.mkdir(parents=True)
        (release / path).write_text(text)
    (release / "bin" / "couchdb").chmod(0o755)
    monkeypatch.setenv("PATH", f"{release / 'bin'}{os.pathsep}{os.environ['PATH']}")
    platform.start()
    assert until_running(platform, "old")["server"].startswith("pouchdb-server")
    assert requests.get(f"{old}/a", timeout=60).json()["x"] == 1
    shown = made(platform, "new", "couch")
    assert (shown["server"], shown["limits"]) == ("couchdb 3.3.3", None)
    put(shown["url"], "/a", {"x": 2})
    saved = call(platform, "POST", "/new/backups").json()["backup"]["id"]
    put(shown["url"], "/b", {"x": 3})
    assert call(platform, "POST", "/new/restore", {"backup": saved}).status_code == 200
    url = call(platform, "POST", "/new/rotate").json()["database"]["url"]
    (pid,) = pids(platform, shown["metadata"]["port"])
    os.kill(pid, 9)
    until_back(platform, "new", pid)
    assert requests.get(f"{url}/a", timeout=60).json()["x"] == 2
    assert requests.get(f"{url}/b", timeout=60).status_code == 404
    assert requests.get(f"{shown['url']}/a", timeout=60).status_code == 401

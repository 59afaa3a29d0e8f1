"""Databases in trouble: hung, out of disk, written by a newer server; and those that nobody has any more."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import time
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import pytest
import redis

from jitsu_py.server import run
from tests.contract.test_databases import call, content, fill, made, pids, until_back, until_running
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow

PATIENCE = 90.0
"""Seconds; what is waited for takes two or three on a quiet machine, a schedule twenty."""


def until(platform: LocalPlatform, path: str, suits: Callable[[Any], bool]) -> Any:
    """What a route below the databases answers, once it suits."""
    deadline = time.monotonic() + PATIENCE
    while not suits(shown := call(platform, "GET", path).json()):
        assert time.monotonic() < deadline, shown
        time.sleep(0.1)
    return shown


def until_state(platform: LocalPlatform, name: str, state: str) -> Any:
    """The database when it is in that state."""
    return until(platform, f"/{name}", lambda shown: shown["database"]["state"] == state)["database"]


@pytest.fixture
def cramped(tmp_path: Path) -> Iterator[LocalPlatform]:
    """A platform on a file system of 300 MiB, of which 200 can be had back: `spare`."""
    home = tmp_path / "home"
    home.mkdir()
    mounted = os.geteuid() == 0 and subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", home], capture_output=True, check=False
    )
    if not mounted or mounted.returncode != 0:
        pytest.skip("a file system can be mounted here by nobody but root, if at all")
    try:
        (home / "spare").write_bytes(bytes(200 * 2**20))
        with LocalPlatform(home) as running:
            yield running
    finally:
        subprocess.run(["umount", "--lazy", home], check=True)


def written(url: str) -> dict[str, bytes]:
    """What a redis acknowledged until it took no more, by key: its SHA-256."""
    client, kept = redis.Redis.from_url(url), dict[str, bytes]()
    while len(kept) < 2000:
        value = os.urandom(2**18)
        try:
            client.set(f"key {len(kept)}", value)
        except (redis.ResponseError, redis.ConnectionError):
            return kept
        kept[f"key {len(kept)}"] = sha256(value).digest()
    raise AssertionError("500 MiB fit on a disk of 100")


def read(url: str, keys: Iterable[str]) -> dict[str, bytes]:
    """What is in a redis, likewise."""
    client = redis.Redis.from_url(url)
    found = {key: client.get(key) for key in keys}
    return {key: sha256(value).digest() for key, value in found.items() if isinstance(value, bytes)}


def test_a_full_disk_refuses_writes_and_loses_none(cramped: LocalPlatform) -> None:
    """Written until nothing fits: all that was acknowledged is there, also after kill -9; room mends it."""
    shown = made(cramped, "heavy", memory=1000)
    url, port = shown["url"], shown["metadata"]["port"]
    kept = written(url)
    assert len(kept) > 50
    # It may have ended at a write that did not fit, and be back with the room that this gave.
    until(
        cramped,
        "/heavy",
        lambda shown: bool(pids(cramped, port)) and shown["database"]["state"] in ("running", "full"),
    )
    ballast = cramped.home / "cache" / "ballast"
    with ballast.open("wb") as file:
        while shutil.disk_usage(cramped.home).free > 2**23:
            file.write(bytes(2**20))
            file.flush()
    assert "takes no writes" in until_state(cramped, "heavy", "full")["why"]
    with pytest.raises(redis.OutOfMemoryError):
        redis.Redis.from_url(url).set("one", "more")
    assert read(url, kept) == kept
    (pid,) = pids(cramped, port)
    os.kill(pid, signal.SIGKILL)
    until(cramped, "/heavy", lambda _: pids(cramped, port) not in ([], [pid]))
    until_state(cramped, "heavy", "full")
    assert read(url, kept) == kept
    # More than the reserve, and than what the server takes for a while to write its file anew.
    (cramped.home / "spare").unlink()
    until_running(cramped, "heavy")
    assert redis.Redis.from_url(url).set("one", "more")


def test_a_database_that_hangs_shows_as_slow(shared_platform: LocalPlatform) -> None:
    """And runs again when it goes on, the same process."""
    shown = made(shared_platform, "frozen")
    (pid,) = pids(shared_platform, shown["metadata"]["port"])
    os.kill(pid, signal.SIGSTOP)
    try:
        slow = until_state(shared_platform, "frozen", "slow")
        assert "has not answered since" in slow["why"] or "to answer" in slow["why"]
    finally:
        os.kill(pid, signal.SIGCONT)
    until_running(shared_platform, "frozen")
    assert pids(shared_platform, shown["metadata"]["port"]) == [pid]


def test_an_older_server_does_not_touch_newer_data(platform: LocalPlatform) -> None:
    """It is `failed` with both versions named, and everything is there once the right one is back."""
    shown = made(platform, "aged")
    fill(shown["url"])
    before, server = content(shown["url"]), shown["server"]
    name = server.partition(" ")[0]
    call(platform, "POST", "/aged/stop")
    run.stop(platform.home)
    with sqlite3.connect(platform.home / "state.db") as store:
        store.execute("UPDATE databases SET server = ?", (f"{name} 99.0.0",))
    store.close()
    platform.start()
    refused = call(platform, "POST", "/aged/start")
    assert (refused.status_code, refused.json()["error"]) == (503, "unavailable")
    failed = until_state(platform, "aged", "failed")
    assert "99.0.0" in failed["why"]
    assert server in failed["why"]
    assert pids(platform, shown["metadata"]["port"]) == []
    call(platform, "POST", "/aged/stop")
    run.stop(platform.home)
    with sqlite3.connect(platform.home / "state.db") as store:
        store.execute("UPDATE databases SET server = ?", (server,))
    store.close()
    platform.start()
    assert call(platform, "POST", "/aged/start").status_code == 200
    assert content(shown["url"]) == before


def test_backups_are_made_by_the_schedule_and_pruned(shared_platform: LocalPlatform) -> None:
    """One when it is set, another when that is a day old, which then goes; one made by hand stays."""
    made(shared_platform, "saved")
    by_hand = call(shared_platform, "POST", "/saved/backups").json()["backup"]["id"]
    call(shared_platform, "PUT", "/saved", {"schedule": {"every": "daily", "keep": 1}})

    def scheduled(shown: Any) -> set[str]:
        return {one["id"] for one in shown["backups"]} - {by_hand}

    (first,) = scheduled(until(shared_platform, "/saved/backups", lambda shown: len(scheduled(shown)) == 1))
    folder = shared_platform.home / "databases" / shared_platform.user / "saved" / "backups"
    facts = json.loads((folder / f"{first}.json").read_text())
    (folder / ".aged").write_text(json.dumps({**facts, "ctime": facts["ctime"] - 90000}))
    (folder / ".aged").replace(folder / f"{first}.json")
    last = until(
        shared_platform,
        "/saved/backups",
        lambda shown: len(scheduled(shown)) == 1 and first not in scheduled(shown),
    )
    assert by_hand in {one["id"] for one in last["backups"]}
    assert not list(folder.glob(f"{first}*"))


def test_a_mongo_that_is_killed_while_it_hangs_comes_back(shared_platform: LocalPlatform) -> None:
    """With what it had acknowledged before."""
    shown = made(shared_platform, "stuck", "mongo")
    fill(shown["url"])
    before = content(shown["url"])
    (pid,) = pids(shared_platform, shown["metadata"]["port"])
    os.kill(pid, signal.SIGSTOP)
    until_state(shared_platform, "stuck", "slow")
    os.kill(pid, signal.SIGKILL)
    until_back(shared_platform, "stuck", pid)
    assert content(shown["url"]) == before

"""Databases at their bounds: of the disk, of memory, of an account; what was acknowledged stays."""

from __future__ import annotations

import os
import shutil
import signal
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import redis
import requests
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from jitsu_py.server import administration as admin
from tests.contract.test_databases import call, content, fill, made, pids, until_running
from tests.contract.test_databases_ailing import cramped, until, until_state
from tests.couches import lend

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform

__all__ = ["cramped"]

pytestmark = pytest.mark.slow

RESERVE = 64 * 2**20
"""Free bytes of the disk below which databases take no writes."""

CHUNK = 2**18
"""Bytes of what is written at a time."""

OUT_OF_DISK_SPACE = 14031
"""MongoDB's code."""


def is_put(url: str, number: int, value: bytes) -> bool:
    """Write a value; False: it was refused since the disk is full, by the kind's own error for that."""
    if url.startswith("http"):
        answer = requests.put(f"{url}/{number}", json={"value": value.hex()}, timeout=60)
        assert answer.status_code in {201, 507}, answer.text
        return answer.status_code == 201
    with MongoClient[dict[str, Any]](url) as mongo:
        try:
            mongo.get_default_database().things.insert_one({"_id": number, "value": value.hex()})
        except OperationFailure as error:
            if error.code != OUT_OF_DISK_SPACE:
                raise
            return False
    return True


def got(url: str, number: int) -> bytes:
    """What was written."""
    if url.startswith("http"):
        return bytes.fromhex(requests.get(f"{url}/{number}", timeout=60).json()["value"])
    with MongoClient[dict[str, Any]](url) as mongo:
        found = mongo.get_default_database().things.find_one({"_id": number})
        assert found is not None
        return bytes.fromhex(found["value"])


def fill_disk(folder: Path, name: str, leave: int) -> None:
    """Take all but so many bytes of a folder's disk."""
    with (folder / name).open("wb") as file:
        while (over := shutil.disk_usage(folder).free - leave) > 0:
            file.write(bytes(min(over, 2**20)))
            file.flush()


@pytest.mark.parametrize("type_", ["mongo", "couch"])
def test_a_nearly_full_disk_refuses_writes_and_loses_none(
    type_: str, cramped: LocalPlatform, couch_shelf: Path
) -> None:
    """Refused in the kind's own words, read all the while; killed on a disk without a byte it comes back."""
    if type_ == "couch":
        lend(couch_shelf, cramped.home)
    shown = made(cramped, "heavy", type_)
    url, cache, kept = shown["url"], cramped.home / "cache", list[bytes]()
    fill_disk(cache, "some", RESERVE + 16 * CHUNK)
    while len(kept) < 400 and is_put(url, len(kept), value := os.urandom(CHUNK)):
        kept.append(value)
    assert 0 < len(kept) < 400
    assert "takes no writes" in until_state(cramped, "heavy", "full")["why"]
    assert [got(url, number) for number in range(len(kept))] == kept
    refused = call(cramped, "POST", "/another", {"type": "redis"})
    assert (refused.status_code, refused.json()["error"]) == (503, "disk_full")
    fill_disk(cache, "rest", 0)
    (pid,) = pids(cramped, shown["metadata"]["port"])
    os.kill(pid, signal.SIGKILL)
    until(cramped, "/heavy", lambda shown: "it does not start" in shown["database"]["why"])
    until_state(cramped, "heavy", "full")
    (cramped.home / "spare").unlink()
    until_running(cramped, "heavy")
    assert [got(url, number) for number in range(len(kept))] == kept
    assert is_put(url, len(kept), b"more")


def test_a_mongo_that_takes_more_than_its_memory_is_ended_and_comes_back(
    shared_platform: LocalPlatform,
) -> None:
    """It is said why, with the bound; nothing is lost."""
    shown = made(shared_platform, "greedy", "mongo", memory=128)
    fill(shown["url"])
    before, (pid,) = content(shown["url"]), pids(shared_platform, shown["metadata"]["port"])
    with MongoClient[dict[str, Any]](shown["url"], retryReads=False, retryWrites=False) as mongo:
        many = mongo.get_default_database().many
        for _ in range(8):
            many.insert_many([{"x": os.urandom(100_000)} for _ in range(100)])
        with pytest.raises(PyMongoError):
            many.find_one(sort=[("x", 1)])
    told = until(
        shared_platform, "/greedy", lambda shown: "out of memory" in (shown["database"]["why"] or "")
    )
    assert "it may use 128 MiB" in told["database"]["why"]
    again = until_running(shared_platform, "greedy")
    assert "launched again at" in again["why"]
    assert pids(shared_platform, shown["metadata"]["port"]) not in ([], [pid])
    with MongoClient[dict[str, Any]](shown["url"]) as mongo:
        mongo.get_default_database().many.drop()
    assert content(shown["url"]) == before


def test_a_mongos_user_writes_nowhere_but_to_the_database(shared_platform: LocalPlatform) -> None:
    """What the stand-in has for administrators is closed, also to who makes himself one."""
    shown = made(shared_platform, "inside", "mongo")
    with MongoClient[dict[str, Any]](shown["url"]) as mongo:
        roles = [{"role": "root", "db": "admin"}]
        mongo.get_default_database().command("grantRolesToUser", shown["metadata"]["username"], roles=roles)
        place = shared_platform.home / "taken.tgz"
        with pytest.raises(OperationFailure, match="no such command"):
            mongo.admin.command("secantusAdmin.backupArchive", 1, outputPath=str(place))
    assert not place.exists()


def test_a_redis_tells_that_it_refuses_before_its_memory_is_used_up(shared_platform: LocalPlatform) -> None:
    """Full while it refuses a large value though small ones fit; nearly full is told, too."""
    shown = made(shared_platform, "narrow", memory=16)
    with redis.Redis.from_url(shown["url"]) as other, pytest.raises(redis.OutOfMemoryError):
        other.set("large", bytes(15 * 2**20))
    client = redis.Redis.from_url(shown["url"])
    assert client.set("small", "fits")
    assert "has just refused a write" in until_state(shared_platform, "narrow", "full")["why"]
    while client.info("memory")["used_memory"] < 14.6 * 2**20:
        client.rpush("parts", bytes(2**15))
    told = until(
        shared_platform, "/narrow", lambda shown: "larger writes" in (shown["database"]["why"] or "")
    )
    assert told["database"]["state"] in {"running", "slow"}
    client.flushall()
    assert until(shared_platform, "/narrow", lambda shown: shown["database"]["why"] is None)


def test_an_account_has_as_many_as_it_may_and_takes_them_along(shared_platform: LocalPlatform) -> None:
    """402 for one more, or for more memory than it may have in all; removed, nothing of them is left."""
    platform, path = shared_platform, "/databases/dora"
    code = admin.create(platform.home, "dora", "dora@example.com")
    shake = platform.call("POST", "/users/dora", {"inviteCode": code}, auth=None).json()["shake"]
    body = {"shake": shake, "new-password": "long enough"}
    assert platform.call("POST", "/users/dora/forgot", body, auth=None).ok
    token = platform.call("PUT", "/users/dora/tokens/t", auth=("dora", "long enough")).json()["t"]
    admin.limit(platform.home, "dora", {"databases": 1, "memory": 300})

    def dora(method: str, name: str, body: object = None) -> requests.Response:
        return platform.call(method, f"{path}/{name}", body, auth=("dora", token))

    assert dora("POST", "large", {"type": "redis", "memory": 301}).json()["details"]["limit"] == "memory"
    assert dora("POST", "one", {"type": "redis"}).status_code == 201
    for refused, limit in (
        (dora("POST", "two", {"type": "redis", "memory": 16}), "databases"),
        (dora("PUT", "one", {"memory": 301}), "memory"),
    ):
        assert (refused.status_code, refused.json()["error"]) == (402, "limit_reached")
        assert refused.json()["details"]["limit"] == limit
    assert dora("PUT", "one", {"memory": 300}).ok
    assert dora("POST", "one", {"type": "redis"}).status_code == 409
    assert (used := admin.one(platform.home, "dora").used)["databases"] == 1
    assert used["memory"] == 300
    assert dora("DELETE", "one").ok
    shown = dora("POST", "one", {"type": "redis"}).json()["database"]
    (pid,) = pids(platform, shown["metadata"]["port"])
    admin.remove(platform.home, "dora")
    deadline = time.monotonic() + 30
    while any(account.name == "dora" for account in admin.listed(platform.home)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert not psutil.pid_exists(pid)
    assert not list((platform.home / "databases").glob("dora/*"))

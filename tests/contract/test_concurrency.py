"""Many clients at once: the store stays whole, and what only one can have only one gets."""

from __future__ import annotations

import itertools
import os
import random
import signal
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
import requests

from jitsu_py.server.store import load_sealer, open_store
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

CLIENTS = 50


def at_once(what: Any, count: int = CLIENTS) -> list[Any]:
    """Call it with 0, 1, 2 … at the same time."""
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(what, range(count)))


def check_store(platform: LocalPlatform) -> None:
    """SQLite finds nothing wrong, and no reference leads nowhere."""
    store = open_store(platform.home, load_sealer(platform.home))
    with store.read() as connection:
        assert connection.exec_driver_sql("PRAGMA integrity_check").scalar_one() == "ok"
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        dangling = (
            "SELECT count(*) FROM apps WHERE active_id > 0 AND active_id NOT IN (SELECT id FROM snapshots)"
        )
        assert connection.exec_driver_sql(dangling).scalar_one() == 0
    store.close()


def test_one_subdomain_has_one_owner(shared_platform: LocalPlatform) -> None:
    """Of fifty creations with the same subdomain exactly one wins; the others hear why."""
    user = shared_platform.user

    def create(number: int) -> Any:
        body = {"name": f"rival-{number}", "subdomain": "wanted"}
        return shared_platform.call("POST", f"/apps/{user}", body)

    answers = at_once(create)
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: CLIENTS - 1}
    errors = {answer.json()["error"] for answer in answers if answer.status_code == 409}
    assert errors == {"subdomain_taken"}
    listed = shared_platform.call("GET", f"/apps/{user}").json()["apps"]
    assert [app["subdomain"] for app in listed].count("wanted") == 1


def test_one_domain_has_one_owner(shared_platform: LocalPlatform) -> None:
    """Also when updates fight for it."""
    user = shared_platform.user
    for number in range(10):
        shared_platform.call("POST", f"/apps/{user}", {"name": f"domain-{number}"})

    def claim(number: int) -> Any:
        body = {"domains": ["www.example.org"], "note": number}
        return shared_platform.call("PUT", f"/apps/{user}/domain-{number}", body)

    answers = at_once(claim, 10)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    refused = [number for number, answer in enumerate(answers) if answer.status_code == 409]
    for number in refused:  # refused whole: nothing of it was kept
        app = shared_platform.call("GET", f"/apps/{user}/domain-{number}").json()["app"]
        assert "note" not in app


def test_one_snapshot_id_is_uploaded_once(shared_platform: LocalPlatform) -> None:
    """Ten uploads of one id: one is built, nine are refused, and one archive stays."""
    user = shared_platform.user
    shared_platform.call("POST", f"/apps/{user}", {"name": "uploaded"})

    def upload(number: int) -> Any:
        data = archive(hello("uploaded", f"text {number}"))
        headers = {"accept": "application/x-ndjson"}
        return shared_platform.call("POST", f"/apps/{user}/uploaded/snapshots/1", data=data, headers=headers)

    answers = at_once(upload, 10)
    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: 9}
    assert not list((shared_platform.home / "work").glob("upload-*"))


def test_tokens_of_one_name_are_one_token(shared_platform: LocalPlatform) -> None:
    """Of many made at once the last one counts, and the others are void."""
    user = shared_platform.user
    made = at_once(lambda _: shared_platform.call("PUT", f"/users/{user}/tokens/same").json()["same"], 6)
    good = [
        secret
        for secret in made
        if shared_platform.call("GET", "/auth", auth=(user, secret)).status_code == 200
    ]
    assert len(good) == 1


def test_fifty_clients_leave_a_consistent_store(platform: LocalPlatform) -> None:
    """Create, update, deploy, start, stop and delete the same apps and others, in any order, at once."""
    user = platform.user
    data = {name: archive(hello(name)) for name in ("shared-a", "shared-b", "shared-c")}

    def act(what: str, app: str, unique: str) -> int:
        path = f"/apps/{user}/{app}"
        archived = data.get(app, data["shared-a"])
        method, place, body = {
            "create": ("POST", path, {"env": {"N": unique}}),
            "update": ("PUT", path, {"env": {"N": unique}, "version": "2.0.0"}),
            "scale": ("POST", f"{path}/cloud", [{"drones": 1}]),
            "delete": ("DELETE", path, None),
            "list": ("GET", f"/apps/{user}", None),
            "upload": ("POST", f"{path}/snapshots/{unique}", None),
            "activate": ("POST", f"{path}/snapshots/{unique}/activate", None),
            "start": ("POST", f"{path}/start", None),
            "stop": ("POST", f"{path}/stop", None),
        }[what]
        more = {"data": archived} if what == "upload" else {}
        return platform.call(method, place, body, **more).status_code

    def live(number: int) -> list[tuple[str, int]]:
        dice = random.Random(number)
        seen = []
        for turn in range(4):
            app, unique = dice.choice([*data, f"own-{number}"]), f"{number}-{turn}"
            acts = dice.choice(
                [
                    ("create", "upload", "activate", "start"),
                    ("update", "list"),
                    ("scale", "stop"),
                    ("delete",),
                    ("create", "delete"),
                ]
            )
            seen += [(what, act(what, app, unique)) for what in acts]
        return seen

    seen = Counter(pair for life in at_once(live) for pair in life)
    # A start that a stop or removal overtakes is given up, and says so.
    assert not [pair for pair in seen if pair[1] == 500], seen
    assert {what for what, status in seen if status > 500} <= {"start", "scale"}, seen
    check_store(platform)
    for app in platform.call("GET", f"/apps/{user}").json()["apps"]:
        answer = platform.call("DELETE", f"/apps/{user}/{app['name']}")
        assert answer.status_code == 200, answer.text
    check_store(platform)
    assert platform.call("GET", f"/apps/{user}").json() == {"apps": []}
    assert list((platform.home / "snapshots").iterdir()) == []


@pytest.mark.parametrize("pause", [0.1, 0.35, 0.8])
def test_a_server_killed_while_many_write_starts_again_whole(pause: float, platform: LocalPlatform) -> None:
    """After `kill -9` the store is sound, and every write that was answered is there, none by half."""
    killed = threading.Event()
    kept: list[dict[str, str]] = [{} for _ in range(8)]
    platform_url, login = platform.status.api, (platform.user, platform.token)

    def write(number: int) -> None:
        with requests.Session() as session:
            session.auth = login
            for turn in itertools.count():
                name = f"app-{number}-{turn % 5}"
                base = f"{platform_url}/apps/{platform.user}"
                try:
                    # What is on its way at the end may have come about or not.
                    if turn >= 5:
                        before = kept[number].pop(name)
                        assert before
                        assert session.delete(f"{base}/{name}", timeout=30).ok
                    assert session.post(base, json={"name": name, "env": {"A": "1"}}, timeout=30).ok
                    assert session.patch(f"{base}/{name}/env", json={"B": str(turn)}, timeout=30).ok
                    kept[number][name] = str(turn)
                except requests.RequestException:
                    assert killed.is_set()
                    return

    with ThreadPoolExecutor(8) as pool:
        clients = [pool.submit(write, number) for number in range(8)]
        wait_until(lambda: all(kept), 60)
        time.sleep(pause)
        killed.set()
        os.kill(platform.status.pid, signal.SIGKILL)
        for client in clients:
            client.result(timeout=60)
    platform.start()
    check_store(platform)
    apps = {app["name"]: app for app in platform.call("GET", f"/apps/{platform.user}").json()["apps"]}
    for name, turn in itertools.chain.from_iterable(one.items() for one in kept):
        assert apps[name]["env"] == {"A": "1", "B": turn}
    halves = [app["env"] for app in apps.values() if not {"A"} <= set(app["env"]) <= {"A", "B"}]
    assert halves == []
    assert platform.call("POST", f"/apps/{platform.user}", {"name": "afterwards"}).status_code == 201


def wait_until(condition: Callable[[], bool], seconds: float) -> None:
    """Wait for something to come about."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.01)

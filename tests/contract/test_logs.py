"""Logs over HTTP: the seed's queries, the old clients' GET, our filters and the live stream."""

from __future__ import annotations

import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.platforms import archive, hello

if TYPE_CHECKING:
    from collections.abc import Generator

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

TALKS = """
const http = require('http')
console.log('one'); console.error('two'); console.log('50% of three_'); console.log('ünï')
http.createServer((q, r) => { console.log('asked ' + q.url); r.end('x') }).listen(1)
"""


def started(platform: LocalPlatform, name: str) -> str:
    """Deploy an app that talks; the user."""
    files = {**hello(name), "server.js": TALKS}
    answer = platform.call("POST", f"/apps/{platform.user}/snapshots/0.1.0-{name}", data=archive(files))
    assert answer.status_code == 200, answer.text
    return platform.user


@pytest.fixture(scope="module")
def talker(shared_platform: LocalPlatform) -> str:
    """The path of the log of an app that has printed."""
    user = started(shared_platform, "talker")
    started(shared_platform, "second")
    for name in ("talker", "second"):
        wait_for_lines(shared_platform, f"/logs/{user}/{name}", 4)
    return f"/logs/{user}/talker"


def wait_for_lines(platform: LocalPlatform, path: str, lines: int) -> None:
    """Until the platform has taken over what a drone printed; it looks every quarter of a second."""
    end = time.monotonic() + 10
    while len(texts(platform.call("POST", path, {"rows": 1000}))) < lines:
        assert time.monotonic() < end, f"{path} never had {lines} lines"
        time.sleep(0.05)


def texts(answer: requests.Response) -> list[str]:
    """The lines that the drones printed, as answered."""
    assert answer.status_code == 200, answer.text
    body = answer.json()
    if isinstance(body, dict):
        return [
            entry["json"]["message"] for entry in body["data"] if entry["json"]["event"] != "drone:system"
        ]
    return [line["description"] for line in body if line["service"] != "logs/system"]


def test_the_seeds_query_of_an_app(shared_platform: LocalPlatform, talker: str) -> None:
    """Newest first, in the shape of the seed's time; defaults when nothing is asked."""
    asked = {"from": "NOW-3YEARS", "until": "NOW", "rows": 15}
    answer = shared_platform.call("POST", talker, asked)
    assert set(texts(answer)) == {"one", "two", "50% of three_", "ünï"}
    body = answer.json()
    assert body["context"] == {
        "rows": 15,
        "from": "NOW-3YEARS",
        "until": "NOW",
        "start": 0,
        "query": f"app:{shared_platform.user}/talker",
        "order": "desc",
    }
    assert body["numFound"] == len(body["data"])
    two = next(entry for entry in body["data"] if entry["json"]["message"] == "two")
    assert (two["isjson"], two["json"]["level"], two["json"]["event"]) == (True, "error", "drone:stderr")
    stamps = [entry["timestamp"] for entry in body["data"]]
    assert stamps == sorted(stamps, reverse=True)
    plain = shared_platform.call("POST", talker).json()["context"]
    assert (plain["from"], plain["until"], plain["rows"]) == ("NOW-1DAY", "NOW", 100)


def test_the_seeds_query_of_a_user(shared_platform: LocalPlatform, talker: str) -> None:
    """The lines of all apps, merged by time, also at the path with a slash that the seed writes."""
    assert talker
    answer = shared_platform.call("POST", f"/logs/{shared_platform.user}/", {"rows": 1000})
    apps = {entry["json"]["app"] for entry in answer.json()["data"]}
    assert {"talker", "second"} <= apps
    stamps = [entry["timestamp"] for entry in answer.json()["data"]]
    assert stamps == sorted(stamps, reverse=True)
    few = shared_platform.call("POST", f"/logs/{shared_platform.user}", {"rows": "3"}).json()
    assert len(few["data"]) == 3
    assert few["data"] == answer.json()["data"][:3]
    assert few["numFound"] == answer.json()["numFound"]


def test_moments_bound_a_query(shared_platform: LocalPlatform, talker: str) -> None:
    """By date maths: nothing before today, nothing after, nothing from the future."""
    for asked in (
        {"from": "NOW-3YEARS", "until": "NOW-1DAY/DAY"},
        {"from": "NOW+1HOUR", "until": "NOW+2HOURS"},
        {"from": "NOW", "until": "NOW-1DAY"},
        {"rows": 0},
    ):
        assert shared_platform.call("POST", talker, asked).json()["data"] == []
    assert shared_platform.call("POST", talker, {"rows": 0}).json()["numFound"] > 0


@pytest.mark.parametrize(
    ("asked", "field", "position"),
    [
        ({"from": "NOW-3YEERS"}, "from", 5),
        ({"until": "yesterday"}, "until", 0),
        ({"from": 5}, "from", None),
        ({"from": None}, "from", None),
        ({"rows": -1}, "rows", None),
        ({"rows": 10_001}, "rows", None),
        ({"rows": "ten"}, "rows", None),
        ({"rows": "٣"}, "rows", None),
        ({"rows": True}, "rows", None),
        ({"rows": 1.5}, "rows", None),
        ({"stream": "stdin"}, "stream", None),
        ({"grep": ["x"]}, "grep", None),
        ({"drone": {}}, "drone", None),
    ],
)
def test_what_cannot_be_asked(
    asked: dict[str, Any], field: str, position: int | None, shared_platform: LocalPlatform, talker: str
) -> None:
    """400 names the key, and of an expression the place."""
    answer = shared_platform.call("POST", talker, asked)
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_request")
    assert answer.json()["details"]["field"] == field
    assert answer.json()["details"].get("position") == position


def test_the_old_clients_get(shared_platform: LocalPlatform, talker: str) -> None:
    """An array, newest first; a hundred lines, or as many as the path says."""
    every = shared_platform.call("GET", talker).json()
    assert [line["id"] for line in every] == sorted((line["id"] for line in every), reverse=True)
    assert shared_platform.call("GET", f"{talker}/2").json() == every[:2]
    assert shared_platform.call("GET", f"{talker}?rows=2").json() == every[:2]
    for rows in ("0", "-1", "x", "1e3", "99999999999999999999999", "%20"):
        assert shared_platform.call("GET", f"{talker}/{rows}").status_code == 400, rows


def test_filters(shared_platform: LocalPlatform, talker: str) -> None:
    """By text, whatever the case and however odd; by stream, drone, snapshot and time."""

    def found(**asked: str) -> set[str]:
        return set(texts(requests.get(
            shared_platform.status.api + talker,
            params=asked, auth=(shared_platform.user, shared_platform.token), timeout=30,
        )))  # fmt: skip

    assert found(grep="OF THREE") == {"50% of three_"}
    assert found(grep="%") == {"50% of three_"}
    assert found(grep="_") == {"50% of three_"}
    assert found(grep="!") == set()
    assert found(grep="ünï") == {"ünï"}
    assert found(grep="' OR 1=1 --") == set()
    assert found(stream="stderr") == {"two"}
    assert found(snapshot="0.1.0-talker", grep="one") == {"one"}
    assert found(snapshot="9.9.9") == set()
    assert found(drone="nobody") == set()
    assert found(since="NOW-1HOUR", until="NOW") >= {"one", "two"}
    assert found(until="NOW-1HOUR") == set()
    bad = shared_platform.call("GET", f"{talker}?since=soon")
    assert bad.json()["details"] == {"field": "since", "expression": "soon", "position": 0}
    assert shared_platform.call("GET", f"{talker}?stream=x").status_code == 400


def tailed(
    platform: LocalPlatform, path: str, *, pings: bool = False, **asked: Any
) -> Generator[dict[str, Any], None, None]:
    """What a stream says; its signs of life only where they are asked for."""
    with requests.get(
        platform.status.api + path,
        params=asked,
        auth=(platform.user, platform.token),
        stream=True,
        timeout=(5, 20),
    ) as answer:
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        for line in answer.iter_lines(chunk_size=1):
            said = json.loads(line)
            if pings or said["event"] != "ping":
                yield said


def test_a_stream_begins_with_history_and_goes_on_live(shared_platform: LocalPlatform, talker: str) -> None:
    """Each line once, in order; a filter holds for both; `after` goes on without a gap."""
    stream = tailed(shared_platform, f"{talker}/tail", rows=100, stream="stdout")
    seen = [next(stream) for _ in range(3)]
    assert [line["description"] for line in seen] == ["one", "50% of three_", "ünï"]
    for number in range(5):
        shared_platform.get("talker", f"/live-{number}")
    live = [next(stream) for _ in range(5)]
    assert [line["description"] for line in live] == [f"asked /live-{number}" for number in range(5)]
    assert {line["event"] for line in seen + live} == {"line"}
    stream.close()
    shared_platform.get("talker", "/missed")
    again = tailed(shared_platform, f"{talker}/tail", after=live[1]["id"], stream="stdout")
    assert [next(again)["description"] for _ in range(4)] == [
        "asked /live-2",
        "asked /live-3",
        "asked /live-4",
        "asked /missed",
    ]
    again.close()


def test_a_stream_without_history(shared_platform: LocalPlatform, talker: str) -> None:
    """`rows=0` gives what is new only."""
    heard: list[str] = []
    stream = tailed(shared_platform, f"{talker}/tail", rows=0, stream="stdout")
    listener = threading.Thread(target=lambda: heard.append(next(stream)["description"]))
    listener.start()
    time.sleep(1)
    shared_platform.get("talker", "/new")
    listener.join(20)
    assert heard == ["asked /new"]
    stream.close()


def test_a_quiet_stream_gives_signs_of_life(shared_platform: LocalPlatform, talker: str) -> None:
    """A ping at once, with the place in the log, and then every ten seconds."""
    stream = tailed(shared_platform, f"{talker}/tail", pings=True, rows=0, drone="nobody")
    for _ in range(2):
        ping = next(stream)
        assert ping["event"] == "ping"
        assert ping["after"]["talker"] >= 4
    stream.close()


def test_what_no_stream_can_be_asked(shared_platform: LocalPlatform, talker: str) -> None:
    """Errors come before the stream begins."""
    for query in ("rows=x", "after=x", "after=-1", "since=x", "stream=x", "rows=99999"):
        assert shared_platform.call("GET", f"{talker}/tail?{query}").status_code == 400, query


def test_a_server_that_stops_ends_its_streams(platform: LocalPlatform) -> None:
    """At once and in order: a follower does not hold it up."""
    user = started(platform, "stopped")
    stream = tailed(platform, f"/logs/{user}/stopped/tail", rows=1)
    next(stream)
    began = time.monotonic()
    platform.__exit__()
    assert time.monotonic() - began < 6
    assert all(line["event"] in {"line", "ping"} for line in stream)

"""Logs over HTTP, ours: the stream of all apps, the newest snapshot's lines, secrets hidden on request."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.platforms import archive, hello

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

SECRET = "sentinel-4f9a-value"

TALKS = f"""
console.log('boot'); console.log('my key is ' + process.env.KEY + ' and {SECRET}')
require('http').createServer((q, r) => {{ console.log('asked ' + q.url); r.end('x') }}).listen(1)
"""


def deploy(platform: LocalPlatform, name: str, version: str, code: str = TALKS) -> requests.Response:
    """Have a version of an app started."""
    files = {**hello(name, version=version), "server.js": code}
    path = f"/apps/{platform.user}/snapshots/{version}"
    return platform.call("POST", path, data=archive(files))


def printed(platform: LocalPlatform, name: str, **asked: Any) -> list[str]:
    """What the drones of an app printed, oldest first."""
    path = f"/logs/{platform.user}/{name}/1000"
    answer = platform.call("GET", path, params=asked)
    assert answer.status_code == 200, answer.text
    return [line["description"] for line in answer.json()[::-1] if line["service"] != "logs/system"]


def wait_for(platform: LocalPlatform, name: str, text: str) -> None:
    """Until a line is in the log."""
    end = time.monotonic() + 20
    while text not in "\n".join(printed(platform, name)):
        assert time.monotonic() < end, f"{name} never printed {text}"
        time.sleep(0.05)


def stream(platform: LocalPlatform, **asked: Any) -> Iterator[dict[str, Any]]:
    """What the stream of all apps says."""
    with requests.get(
        f"{platform.status.api}/logs/{platform.user}",
        params=asked,
        auth=(platform.user, platform.token),
        stream=True,
        timeout=(5, 30),
    ) as answer:
        assert answer.status_code == 200, answer.text
        yield from (json.loads(line) for line in answer.iter_lines(chunk_size=1))


def until(said: Iterator[dict[str, Any]], text: str) -> list[tuple[str, str]]:
    """The lines of drones up to the one with that text: app and text."""
    found = []
    for one in said:
        if one["event"] == "line" and one["service"] != "logs/system":
            found.append((one["meta"]["app"]["name"], one["description"]))
            if one["description"] == text:
                return found
    raise AssertionError(f"the stream ended before {text}")


def test_the_stream_of_all_apps(shared_platform: LocalPlatform) -> None:
    """The past of all, then what they print, also apps that come later; a break is bridged by places."""
    deploy(shared_platform, "first", "1.0.0")
    wait_for(shared_platform, "first", "boot")
    said = stream(shared_platform, rows=100)
    assert ("first", "boot") in until(said, f"my key is undefined and {SECRET}")
    deploy(shared_platform, "later", "1.0.0")
    wait_for(shared_platform, "later", "boot")
    shared_platform.get("later", "/one")
    assert ("later", "boot") in until(said, "asked /one")
    shared_platform.get("first", "/two")
    last = next(one for one in said if one.get("description") == "asked /two")
    shared_platform.get("first", "/three")
    shared_platform.get("later", "/four")
    wait_for(shared_platform, "first", "/three")
    wait_for(shared_platform, "later", "/four")
    seen = platform_end(shared_platform, "later", "asked /one")
    shared_platform.get("first", "/five")
    again = stream(shared_platform, after=json.dumps({"first": last["id"], "later": seen}), grep="asked")
    heard = [one for one in until(again, "asked /five") if one[0] in {"first", "later"}]
    assert sorted(heard) == [("first", "asked /five"), ("first", "asked /three"), ("later", "asked /four")]


def platform_end(platform: LocalPlatform, name: str, text: str) -> int:
    """The id of a line."""
    lines = platform.call("GET", f"/logs/{platform.user}/{name}/1000").json()
    found: int = next(line["id"] for line in lines if line["description"] == text)
    return found


def test_a_log_that_began_anew(shared_platform: LocalPlatform) -> None:
    """A place beyond the log's end is one of an app that had the name before: all lines are given."""
    deploy(shared_platform, "anew", "1.0.0", TALKS.replace("boot", "first words"))
    wait_for(shared_platform, "anew", "first words")
    said = stream(shared_platform, after=json.dumps({"anew": 10**9}), grep="first words")
    assert until(said, "first words") == [("anew", "first words")]


@pytest.mark.parametrize("after", ["7", "[]", "{", '{"x": -1}', '{"x": "y"}', '{"x": null}', "[" * 2000])
def test_what_no_place_is(after: str, shared_platform: LocalPlatform) -> None:
    """400 names the key before the stream begins."""
    path = f"/logs/{shared_platform.user}"
    answer = shared_platform.call("GET", path, params={"after": after})
    assert (answer.status_code, answer.json()["details"]["field"]) == (400, "after")


def test_the_newest_snapshot_also_when_it_crashed(shared_platform: LocalPlatform) -> None:
    """`newest` gives the lines of what was put live last, though an older one still serves and prints."""
    name = "crashes"
    deploy(shared_platform, name, "1.0.0", TALKS.replace("boot", "old boot"))
    wait_for(shared_platform, name, "old boot")
    failed = deploy(shared_platform, name, "2.0.0", "console.error('new trouble'); process.exit(3)")
    assert failed.status_code == 400
    shared_platform.get(name, "/still-serving")
    wait_for(shared_platform, name, "asked /still-serving")
    assert printed(shared_platform, name, newest="1") == ["new trouble"]
    assert "old boot" in printed(shared_platform, name)
    # Whoever asks for something is given that, of all snapshots.
    assert printed(shared_platform, name, newest="1", grep="old boot") == ["old boot"]
    shared_platform.call("POST", f"/apps/{shared_platform.user}/{name}/snapshots/1.0.0/activate")
    assert shared_platform.call("POST", f"/apps/{shared_platform.user}/{name}/restart").ok
    assert "old boot" in printed(shared_platform, name, newest="1")
    assert shared_platform.call("GET", f"/logs/{shared_platform.user}/{name}?newest=x").status_code == 400


def test_secrets_are_hidden_on_request(shared_platform: LocalPlatform) -> None:
    """`redact` stars the values of the app's environment in every way to read a log, also former ones."""
    user, name = shared_platform.user, "secretive"
    assert shared_platform.call("POST", f"/apps/{user}", {"name": name, "env": {"KEY": SECRET}}).ok
    deploy(shared_platform, name, "1.0.0")
    wait_for(shared_platform, name, "my key is")
    shown = f"my key is {SECRET} and {SECRET}"
    hidden = "my key is *** and ***"
    for _ in range(2):
        assert shown in printed(shared_platform, name)
        assert hidden in printed(shared_platform, name, redact="1")
        posted = shared_platform.call("POST", f"/logs/{user}/{name}", {"rows": 1000, "redact": True})
        assert SECRET not in posted.text
        assert hidden in posted.text
        everybody = shared_platform.call("POST", f"/logs/{user}", {"rows": 1000, "redact": "true"})
        assert hidden in everybody.text
        said = stream(shared_platform, rows=1000, redact="true", grep="key")
        assert (name, hidden) in until(said, hidden)
        # The value is another now; what was printed before holds the old one, and it stays hidden.
        assert shared_platform.call("PUT", f"/apps/{user}/{name}", {"env": {"KEY": "another-value"}}).ok
    assert shared_platform.call("POST", f"/logs/{user}/{name}", {"redact": 7}).status_code == 400

"""Drains over HTTP: who may add which, what is shown of them, and lines that arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.platforms import archive, hello
from tests.server.receivers_world import SyslogReceiver, wait_until

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


def listed(platform: LocalPlatform) -> dict[str, dict[str, Any]]:
    """The drains by id."""
    answer = platform.call("GET", f"/drains/{platform.user}")
    assert answer.status_code == 200, answer.text
    return {drain["id"]: drain for drain in answer.json()["drains"]}


def test_a_drain_of_an_app_named_drains(shared_platform: LocalPlatform) -> None:
    """What it prints arrives, the list tells so, its log is read as any; removed, nothing more is shipped."""
    user, name = shared_platform.user, "drains"
    code = "require('http').createServer((q, r) => { console.log('asked ' + q.url); r.end('x') }).listen(1)"
    files = {**hello(name), "server.js": code}
    assert shared_platform.call("POST", f"/apps/{user}/snapshots/0.1.0", data=archive(files)).ok
    with SyslogReceiver() as receiver:
        url = f"syslog+tcp://127.0.0.1:{receiver.port}"
        added = shared_platform.call("POST", f"/drains/{user}", {"url": url, "app": name})
        assert (added.status_code, added.json()["warning"]) == (201, "")
        drain = added.json()["drain"]
        assert (drain["url"], drain["app"]) == (url, name)
        shared_platform.get(name, "/shipped")
        wait_until(lambda: "asked /shipped" in receiver.texts)
        wait_until(lambda: listed(shared_platform)[drain["id"]]["waiting"] == 0)
        shown = listed(shared_platform)[drain["id"]]
        assert (shown["state"], shown["error"]) == ("waiting", "")
        assert shared_platform.call("GET", f"/logs/{user}/{name}/5").status_code == 200
        gone = shared_platform.call("DELETE", f"/drains/{user}/{drain['id']}")
        assert gone.json() == {"ok": True, "id": drain["id"]}
    assert drain["id"] not in listed(shared_platform)
    assert shared_platform.call("DELETE", f"/drains/{user}/{drain['id']}").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "url"),
        ({"url": "gopher://x"}, 400, "url"),
        ({"url": "https://name.invalid/"}, 400, "url"),
        ({"url": "https://127.0.0.1/", "redact": "perhaps"}, 400, "redact"),
        ({"url": "https://127.0.0.1/", "app": 7}, 400, "app"),
        ({"url": "https://127.0.0.1/", "app": "no-such-app"}, 404, None),
    ],
)
def test_what_is_refused(
    body: dict[str, Any], status: int, field: str | None, shared_platform: LocalPlatform
) -> None:
    """The answer names the field, and nothing is kept."""
    before = listed(shared_platform)
    answer = shared_platform.call("POST", f"/drains/{shared_platform.user}", body)
    assert answer.status_code == status, answer.text
    assert answer.json().get("details", {}).get("field") == field
    assert listed(shared_platform) == before


def test_secrets_of_an_address_are_kept_to_the_platform(shared_platform: LocalPlatform) -> None:
    """No answer has them, nor the database's file; a token that may only read can list and not add."""
    user = shared_platform.user
    url = "http://me:sentinel-pw@127.0.0.1:9/in?key=sentinel-key"
    added = shared_platform.call("POST", f"/drains/{user}", {"url": url})
    assert added.status_code == 201, added.text
    told = added.text + shared_platform.call("GET", f"/drains/{user}").text
    assert "sentinel" not in told
    assert "http://***@127.0.0.1:9/in?key=***" in told
    for file in shared_platform.home.glob("state.db*"):
        assert b"sentinel" not in file.read_bytes()
    token = shared_platform.call("PUT", f"/users/{user}/tokens/reads", {"scope": "read"}).json()["reads"]
    assert shared_platform.call("GET", f"/drains/{user}", auth=(user, token)).status_code == 200
    refused = shared_platform.call("POST", f"/drains/{user}", {"url": url}, auth=(user, token))
    assert refused.status_code == 403
    ref = added.json()["drain"]["id"]
    assert "sentinel" not in (shared_platform.home / "logs/_server/server.log").read_text()
    assert shared_platform.call("DELETE", f"/drains/{user}/{ref}").ok

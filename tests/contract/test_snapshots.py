"""Snapshots over HTTP: uploaded, built, listed, fetched, activated, deployed in one call, removed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py.server import run
from tests.e2e.steps import until
from tests.platforms import LocalPlatform, archive, hello

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


def upload(platform: LocalPlatform, app: str, ref: str, data: bytes, **headers: str) -> Any:
    """Send an archive as a snapshot."""
    path = f"/apps/{platform.user}/{app}/snapshots/{ref}"
    return platform.call("POST", path, data=data, headers=headers)


def claimed(platform: LocalPlatform, name: str) -> str:
    """Create an app; the path of its snapshots."""
    assert platform.call("POST", f"/apps/{platform.user}", {"name": name}).status_code == 201
    return f"/apps/{platform.user}/{name}/snapshots"


def test_an_old_client_hears_the_verdict_by_the_status(shared_platform: LocalPlatform) -> None:
    """200 with the build's log when it is ready, 400 with the failure when not: never a 200 too early."""
    path = claimed(shared_platform, "plain-client")
    good = upload(shared_platform, "plain-client", "0.1.0", archive(hello("plain-client")))
    assert good.status_code == 200
    assert "Unpacking" in good.text
    assert shared_platform.call("GET", f"{path}/0.1.0/log").text == good.text
    bad = upload(
        shared_platform,
        "plain-client",
        "0.1.1",
        archive(
            hello(
                "plain-client",
                scripts={"preinstall": "exit 3", "start": "node server.js"},
                dependencies={"ms": "2"},
            )
        ),
    )
    assert bad.status_code == 400
    assert bad.json()["error"] == "install_failed"
    listed = shared_platform.call("GET", path).json()["snapshots"]
    assert [(one["id"], one["state"]) for one in listed] == [("0.1.0", "ready"), ("0.1.1", "failed")]
    assert shared_platform.call("POST", f"{path}/0.1.1/activate").json()["error"] == "snapshot_not_ready"


def test_our_client_hears_the_build_as_it_happens(shared_platform: LocalPlatform) -> None:
    """NDJSON: steps and lines, and the verdict last, with the snapshot."""
    claimed(shared_platform, "streamed")
    answer = upload(
        shared_platform, "streamed", "1.0.0", archive(hello("streamed")), accept="application/x-ndjson"
    )
    assert answer.headers["content-type"].startswith("application/x-ndjson")
    events = [json.loads(line) for line in answer.text.splitlines()]
    assert {event["event"] for event in events} >= {"step", "done"}
    assert all("time" in event for event in events)
    assert events[-1]["event"] == "done"
    assert events[-1]["snapshot"]["id"] == "1.0.0"
    assert events[-1]["snapshot"]["state"] == "ready"


def test_an_archive_comes_back_byte_for_byte(shared_platform: LocalPlatform) -> None:
    """Its hashes are those listed, and a part of it can be asked for."""
    path = claimed(shared_platform, "kept")
    data = archive(hello("kept"))
    upload(shared_platform, "kept", "0.1.0", data)
    listed = shared_platform.call("GET", path).json()["snapshots"][0]
    fetched = shared_platform.call("GET", f"{path}/0.1.0.tgz")
    assert fetched.content == data
    assert int(fetched.headers["content-length"]) == len(data) == listed["size"]
    assert listed["md5"] == hashlib.md5(data).hexdigest()
    assert listed["sha256"] == hashlib.sha256(data).hexdigest()
    part = shared_platform.call("GET", f"{path}/0.1.0.tgz", headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, data[10:20])


def test_the_contents_are_shown(shared_platform: LocalPlatform) -> None:
    """The seed's "show the contents of a snapshot": every file with its size and mode."""
    path = claimed(shared_platform, "contents")
    upload(shared_platform, "contents", "0.1.0", archive({**hello("contents"), "lib/deep/a.js": "1;\n"}))
    shown = shared_platform.call("GET", f"{path}/0.1.0").json()["snapshot"]
    files = {file["path"]: file["size"] for file in shown["files"]}
    assert files["lib/deep/a.js"] == 3
    assert set(files) == {"package.json", "server.js", "lib/deep/a.js"}
    assert shown["engine"].count(".") == 2


def test_a_snapshot_id_is_checked_and_taken_once(shared_platform: LocalPlatform) -> None:
    """409 for the second of an id; 400 for what is no id."""
    claimed(shared_platform, "ids")
    data = archive(hello("ids"))
    assert upload(shared_platform, "ids", "v1+build_2.x-y", data).status_code == 200
    again = upload(shared_platform, "ids", "v1+build_2.x-y", data)
    assert (again.status_code, again.json()["error"]) == (409, "snapshot_exists")
    for ref in ("a%20b", "a" * 129, "%2e%2e", "a%3Bb", "%C3%A4"):
        answer = upload(shared_platform, "ids", ref, data)
        assert answer.status_code in {400, 404, 405}, ref
    assert not (shared_platform.home / "builds" / shared_platform.user / "server.js").exists()


def test_a_damaged_upload_is_refused(shared_platform: LocalPlatform) -> None:
    """The client says what it sends; what arrives otherwise is no snapshot."""
    path = claimed(shared_platform, "damaged")
    wrong = {"x-jitsu-sha256": "0" * 64}
    answer = upload(shared_platform, "damaged", "0.1.0", archive(hello("damaged")), **wrong)
    assert (answer.status_code, answer.json()["error"]) == (400, "incomplete")
    assert shared_platform.call("GET", path).json()["snapshots"] == []
    assert not list((shared_platform.home / "work").iterdir())


def test_one_call_deploys(shared_platform: LocalPlatform) -> None:
    """The seed's POST /apps/:user/snapshots/:id with an archive: created, built, activated, started."""
    path = f"/apps/{shared_platform.user}/snapshots/0.1.0"
    answer = shared_platform.call("POST", path, data=archive(hello("one-call", "deployed in one call")))
    assert answer.status_code == 200, answer.text
    app = answer.json()["app"]
    assert (app["state"], app["running"]["id"], app["drones"]) == ("started", "0.1.0", 1)
    assert shared_platform.get("one-call").text == "deployed in one call"
    second = f"/apps/{shared_platform.user}/snapshots/0.2.0"
    shared_platform.call("POST", second, data=archive(hello("one-call", "second")))
    assert shared_platform.get("one-call").text == "second"
    back = shared_platform.call("POST", f"/apps/{shared_platform.user}/snapshots/one-call-0.1.0")
    assert back.json()["app"]["running"]["id"] == "0.1.0"
    assert shared_platform.get("one-call").text == "deployed in one call"


@pytest.mark.parametrize("value", ['"\\ud800"', "[" * 400 + "]" * 400])
def test_a_manifest_that_cannot_be_sent_on_breaks_no_list(shared_platform: LocalPlatform, value: str) -> None:
    """It is refused, no app is made of it, and the apps of its user can be listed as before."""
    files = hello("unsendable") | {
        "package.json": f'{{"name": "unsendable", "version": "0.1.0", "x": {value}}}'
    }
    answer = shared_platform.call(
        "POST", f"/apps/{shared_platform.user}/snapshots/7.0.0", data=archive(files)
    )
    assert (answer.status_code, answer.json()["error"]) == (400, "bad_manifest")
    assert shared_platform.call("GET", f"/apps/{shared_platform.user}/unsendable").status_code == 404
    assert shared_platform.call("GET", f"/apps/{shared_platform.user}").status_code == 200


def test_activate_start_stop_restart_and_destroy(shared_platform: LocalPlatform) -> None:
    """The life of an app by the old clients' calls; each answer tells the state reached."""
    path, user = claimed(shared_platform, "life"), shared_platform.user
    upload(shared_platform, "life", "0.1.0", archive(hello("life", "one")))
    upload(shared_platform, "life", "0.2.0", archive(hello("life", "two")))
    app = shared_platform.call("POST", f"{path}/0.1.0/activate").json()["app"]
    assert (app["active"]["id"], app["state"]) == ("0.1.0", "stopped")
    assert shared_platform.get("life").status_code == 503
    started = shared_platform.call("POST", f"/apps/{user}/life/start").json()["app"]
    assert (started["state"], started["drones"]) == ("started", 1)
    assert shared_platform.get("life").text == "one"
    shared_platform.call("POST", f"{path}/0.2.0/activate")
    assert shared_platform.get("life").text == "one"
    shared_platform.call("POST", f"/apps/{user}/life/restart")
    assert shared_platform.get("life").text == "two"
    assert shared_platform.call("DELETE", f"{path}/0.2.0").status_code == 409
    assert shared_platform.call("DELETE", f"{path}/0.1.0").status_code == 200
    assert shared_platform.call("POST", f"/apps/{user}/life/stop").json()["app"]["drones"] == 0
    stopped = shared_platform.get("life")
    assert stopped.status_code == 503
    assert "jitsu start" in stopped.text
    assert shared_platform.call("DELETE", f"/apps/{user}/life").status_code == 200
    assert shared_platform.get("life").status_code == 404
    assert not (shared_platform.home / "builds" / user / "life").exists()
    assert not (shared_platform.home / "logs" / user / "life").exists()


def test_a_start_that_fails_tells_the_apps_own_words(shared_platform: LocalPlatform) -> None:
    """Its last lines are in `details`, and what ran before goes on."""
    path, user = claimed(shared_platform, "falls"), shared_platform.user
    upload(shared_platform, "falls", "0.1.0", archive(hello("falls", "stands")))
    shared_platform.call("POST", f"{path}/0.1.0/activate")
    shared_platform.call("POST", f"/apps/{user}/falls/start")
    broken = {**hello("falls"), "server.js": "console.error('last words'); process.exit(3);\n"}
    upload(shared_platform, "falls", "0.1.1", archive(broken))
    shared_platform.call("POST", f"{path}/0.1.1/activate")
    answer = shared_platform.call("POST", f"/apps/{user}/falls/start")
    assert (answer.status_code, answer.json()["error"]) == (400, "crashed")
    assert answer.json()["blame"] == "application"
    assert "last words" in answer.json()["details"]["output"]
    assert answer.json()["details"]["exit_code"] == 3
    assert shared_platform.get("falls").text == "stands"


def test_env_and_subdomain_changes(shared_platform: LocalPlatform) -> None:
    """env takes effect at the next restart, a subdomain and a domain at once."""
    path, user = claimed(shared_platform, "changes"), shared_platform.user
    app = {
        **hello("changes"),
        "server.js": "require('http').createServer((q, r) => r.end(process.env.WHO)).listen(1);",
    }
    upload(shared_platform, "changes", "0.1.0", archive(app))
    shared_platform.call("PUT", f"/apps/{user}/changes", {"env": {"WHO": "first"}})
    shared_platform.call("POST", f"{path}/0.1.0/activate")
    shared_platform.call("POST", f"/apps/{user}/changes/start")
    shared_platform.call("PUT", f"/apps/{user}/changes", {"env": {"WHO": "second"}})
    assert shared_platform.get("changes").text == "first"
    shared_platform.call("POST", f"/apps/{user}/changes/restart")
    assert shared_platform.get("changes").text == "second"
    shared_platform.call(
        "PUT", f"/apps/{user}/changes", {"subdomain": "moved", "domains": ["www.example.net"]}
    )
    assert shared_platform.get("changes").status_code == 404
    assert shared_platform.get("moved").text == "second"
    assert shared_platform.get("x", headers={"host": "www.example.net"}).text == "second"


def test_drones_are_added_and_taken_away(shared_platform: LocalPlatform) -> None:
    """Scaling a started app takes effect at once, and every drone answers."""
    path, user = claimed(shared_platform, "scaled"), shared_platform.user
    app = {
        **hello("scaled"),
        "server.js": "require('http').createServer((q, r) => r.end(process.env.JITSU_DRONE)).listen(1);",
    }
    upload(shared_platform, "scaled", "0.1.0", archive(app))
    shared_platform.call("POST", f"{path}/0.1.0/activate")
    shared_platform.call("POST", f"/apps/{user}/scaled/start")
    shared_platform.call("POST", f"/apps/{user}/scaled/cloud", [{"drones": 3}])
    assert len({shared_platform.get("scaled").text for _ in range(30)}) == 3
    shared_platform.call("POST", f"/apps/{user}/scaled/cloud", [{"drones": 1}])
    assert len({shared_platform.get("scaled").text for _ in range(10)}) == 1


def test_old_snapshots_are_let_go_of(home: Path) -> None:
    """The newest few are kept, and the running one whatever its age; of others nothing stays."""
    home.mkdir()
    (home / "server.toml").write_text("[builds]\nkeep = 3\n[drones]\ngrace = 2\ndrain = 2\n")
    with LocalPlatform(home) as platform:
        path = claimed(platform, "pruned")
        for number in range(6):
            upload(platform, "pruned", f"0.{number}.0", archive(hello("pruned", f"version {number}")))
        platform.call("POST", f"{path}/0.1.0/activate")
        platform.call("POST", f"/apps/{platform.user}/pruned/start")
        builds = home / "builds" / platform.user / "pruned"
        until(lambda: len(platform.call("GET", path).json()["snapshots"]) == 4)
        until(lambda: len(list(builds.iterdir())) == 2 * 4)
        assert [one["id"] for one in platform.call("GET", path).json()["snapshots"]] == [
            "0.1.0",
            "0.3.0",
            "0.4.0",
            "0.5.0",
        ]
        assert len(list((home / "snapshots").iterdir())) == 4
        assert platform.get("pruned").text == "version 1"


def test_files_of_no_snapshot_are_removed_at_the_start(platform: LocalPlatform) -> None:
    """A kill between row and files leaves no litter for good; what belongs to a snapshot stays."""
    path = claimed(platform, "swept")
    upload(platform, "swept", "0.1.0", archive(hello("swept")))
    platform.call("POST", f"{path}/0.1.0/activate")
    platform.call("POST", f"/apps/{platform.user}/swept/start")
    builds = platform.home / "builds" / platform.user / "swept"
    (builds / "0.0.9" / "node_modules").mkdir(parents=True)
    (platform.home / "snapshots" / f"{'0' * 64}.tgz").write_bytes(b"nobody's")
    run.restart(platform.home)
    assert sorted(one.name for one in builds.iterdir()) == ["0.1.0", "0.1.0~log"]
    assert len(list((platform.home / "snapshots").iterdir())) == 1
    assert platform.get("swept").text == "hello"

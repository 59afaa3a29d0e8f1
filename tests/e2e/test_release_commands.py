"""`jitsu.release`: runs once in the new snapshot, before the switch; its failure stops the deploy."""

from __future__ import annotations

import json
import re
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py import wire
from jitsu_py.api import Client
from tests.e2e import steps
from tests.platforms import archive

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

SAYS = "console.log('migrated', process.env.GREETING, require('path').basename(process.cwd()))"

SCRIPTS = {"start": "node server.js", "migrate": "node migrate.js"}


def app(folder: Path, answer: str, release: str, script: str = SAYS) -> Path:
    """A project with a release command, named as its folder."""
    steps.folder(folder, folder.name, steps.says(answer), jitsu={"release": release}, scripts=SCRIPTS)
    (folder / "migrate.js").write_text(script)
    return folder


def migrated(platform: LocalPlatform, name: str) -> list[str]:
    """What release commands printed, as the app's log has it."""
    lines = steps.printed(platform, f"/apps/{platform.user}/{name}")
    return [line for line in lines if line.startswith("migrated")]


def test_it_runs_once_before_the_switch(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """With the app's variables, in the snapshot; shown and logged; no restart or rollback runs it again."""
    platform, folder = shared_platform, app(tmp_path / "once", "one", "node migrate.js")
    done = platform.jitsu("deploy", "--env", "GREETING=hej", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "migrated hej 0.1.0" in done.stderr
    assert migrated(platform, "once") == ["migrated hej 0.1.0"]
    for command in (["restart", "once"], ["scale", "once", "2"], ["stop", "once"], ["start", "once"]):
        done = platform.jitsu(*command, cwd=folder)
        assert done.returncode == 0, done.stderr
    assert migrated(platform, "once") == ["migrated hej 0.1.0"]
    app(folder, "two", "migrate")
    assert platform.jitsu("deploy", cwd=folder).returncode == 0
    assert migrated(platform, "once") == ["migrated hej 0.1.0", "migrated hej 0.1.0-1"]
    assert platform.get("once").text == "two"
    assert platform.jitsu("rollback", "once", cwd=folder).returncode == 0
    assert platform.get("once").text == "one"
    assert len(migrated(platform, "once")) == 2


def test_its_words_come_as_it_says_them(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """While it runs, each once; the client's patience with a start does not end the wait."""
    platform, path = shared_platform, steps.create(shared_platform, "talks")
    files = steps.files("talks", steps.says("up"), jitsu={"release": "node migrate.js"})
    script = (
        "const t = setInterval(() => console.log(process.uptime()), 400)\nsetTimeout(clearInterval, 3000, t)"
    )
    steps.put(platform, path, "1", {**files, "migrate.js": script})
    heard: list[tuple[float, str]] = []
    with Client(platform.status.api, platform.user, platform.token, timeout=1) as client:
        began = time.monotonic()
        app = client.apps.start_told("talks", lambda line: heard.append((time.monotonic(), line)))
        ended = time.monotonic()
    assert (app.state, app.running) == ("started", "1")
    words = [line for _, line in heard]
    assert len(words) >= 5
    assert words == sorted(set(words), key=float)
    assert heard[0][0] - began < 2.5 < ended - began
    assert words == [line for line in steps.printed(platform, path) if re.fullmatch(r"[\d.]+", line)]


def test_its_failure_stops_the_deploy(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """Exit code 8, its own words, and the old version never stopped serving; mended, it runs."""
    platform, folder = shared_platform, app(tmp_path / "fails", "old", "node migrate.js")
    assert platform.jitsu("deploy", cwd=folder).returncode == 0
    app(folder, "new", "node migrate.js", "console.error('no such table'); process.exit(3)")
    done = platform.jitsu("deploy", "--json", cwd=folder)
    assert done.returncode == 8
    assert done.stderr[: done.stderr.index("{")].count("no such table") == 1
    error: dict[str, Any] = json.loads(done.stderr[done.stderr.index("{") :])
    assert error["error"] == "release_failed"
    assert "ended with exit code 3: node migrate.js" in error["message"]
    assert error["output"] == ["no such table"]
    assert platform.get("fails").text == "old"
    assert "no such table" in steps.printed(platform, f"/apps/{platform.user}/fails")
    app(folder, "new", "node migrate.js")
    assert platform.jitsu("deploy", cwd=folder).returncode == 0
    assert platform.get("fails").text == "new"


def test_a_start_said_again_after_a_lost_connection_is_the_same(shared_platform: LocalPlatform) -> None:
    """It tells how the first one ends or ended, and the command runs once; another start runs it again."""
    platform, path = shared_platform, steps.create(shared_platform, "said-again")
    script = "console.log('migrated'); setTimeout(() => { console.error('half'); process.exit(3) }, 1500)"
    files = steps.files("said-again", steps.says("up"), jitsu={"release": "node migrate.js"})
    steps.put(platform, path, "1", {**files, "migrate.js": script})
    key = {wire.ORDER_KEY: "first"}
    stream = platform.call(
        "POST", f"{path}/start", headers={**key, "accept": wire.NDJSON}, stream=True, timeout=30
    )
    assert b'"migrated"' in next(stream.iter_content(None))
    stream.close()
    under_way, over = (platform.call("POST", f"{path}/start", headers=key) for _ in range(2))
    assert under_way.json()["error"] == "release_failed"
    assert under_way.json() == over.json()
    assert migrated(platform, "said-again") == ["migrated"]
    other = platform.call("POST", f"{path}/start", headers={wire.ORDER_KEY: "second"})
    assert other.json()["error"] == "release_failed"
    assert migrated(platform, "said-again") == ["migrated"] * 2


def test_a_start_by_hand_tells_it_too(shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """Of an app whose release command has not run yet."""
    platform, path = shared_platform, steps.create(shared_platform, "by-hand")
    files = steps.files("by-hand", steps.says("up"), jitsu={"release": "echo migrated by hand"})
    steps.put(platform, path, "1", files)
    done = platform.jitsu("start", "by-hand", cwd=tmp_path)
    assert (done.returncode, done.stderr.count("migrated by hand")) == (0, 1), done.stderr


def test_a_stop_ends_it(shared_platform: LocalPlatform) -> None:
    """Nothing of it is left, and whoever waits for the start hears so."""
    platform = shared_platform
    path = steps.create(platform, "slow")
    files = steps.files("slow", steps.says("up"), jitsu={"release": "node migrate.js & wait"})
    files["migrate.js"] = "console.log('migrating'); setInterval(() => {}, 1000)"
    steps.put(platform, path, "1", files)
    answers: list[dict[str, Any]] = []
    waiting = threading.Thread(target=lambda: answers.append(platform.call("POST", f"{path}/start").json()))
    waiting.start()
    steps.until(lambda: "migrating" in steps.printed(platform, path), what="the release command's output")
    assert platform.call("POST", f"{path}/stop").status_code == 200
    waiting.join(30)
    assert answers[0]["error"] == "unavailable"
    steps.until(lambda: not steps.drones(platform, path), what="the end of the release command")


def test_one_that_is_no_text_is_passed_over(shared_platform: LocalPlatform) -> None:
    """Other tools may have a `jitsu.release` of their own."""
    path = f"/apps/{shared_platform.user}/snapshots/1"
    files = steps.files("odd", steps.says("odd"), jitsu={"release": {"a": 1}})
    assert shared_platform.call("POST", path, data=archive(files)).status_code == 200
    assert shared_platform.get("odd").text == "odd"

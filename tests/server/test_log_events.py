"""What the platform itself writes into an app's log: from the upload to the crash, and never a secret."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest

from jitsu_py.server import run
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

SENTINEL = "s3ntinel-Value/9"

SERVER = """
require('http').createServer((q, r) => {
  r.end('x')
  if (q.url === '/exit') process.exit(3)
  if (q.url === '/eat') { const kept = []; for (;;) kept.push(new Array(100000).fill({})) }
}).listen(1)
"""


def said(platform: LocalPlatform, app: str) -> list[str]:
    """The platform's lines in an app's log, oldest first."""
    answer = platform.call("GET", f"/logs/{platform.user}/{app}?stream=system&rows=1000")
    assert answer.status_code == 200, answer.text
    return [line["description"] for line in reversed(answer.json())]


def wait_for(platform: LocalPlatform, app: str, fits: Callable[[str], bool], times: int = 1) -> str:
    """The first line that fits, once there are so many."""
    end = time.monotonic() + 30
    while len(found := [line for line in said(platform, app) if fits(line)]) < times:
        assert time.monotonic() < end, said(platform, app)
        time.sleep(0.05)
    return found[0]


def deployed(platform: LocalPlatform, name: str, scripts: Mapping[str, str] | None = None) -> str:
    """Put an app live whose build prints the sentinel, which is in its environment; its API path."""
    files = {
        **hello(name, scripts=scripts or {"start": "node server.js"}),
        "server.js": SERVER,
        "build.js": "console.log('built with ' + process.env.API_KEY)",
    }
    body = {**json.loads(str(files["package.json"])), "env": {"API_KEY": SENTINEL}}
    assert platform.call("POST", f"/apps/{platform.user}", body).status_code == 201
    path = f"/apps/{platform.user}/{name}"
    assert platform.call("POST", f"{path}/snapshots/0.1.0", data=archive(files)).status_code == 200
    assert platform.call("POST", f"{path}/snapshots/0.1.0/activate").status_code == 200
    assert platform.call("POST", f"{path}/start").status_code == 200
    return path


def test_a_life_in_order(shared_platform: LocalPlatform) -> None:
    """Uploaded, built with its output, started, routed, changed, scaled, stopped: by whom, and in order."""
    platform, user = shared_platform, shared_platform.user
    scripts = {"start": "node server.js", "build": "node build.js"}
    path = deployed(platform, "lively", scripts=scripts)
    env = {"API_KEY": SENTINEL + "changed", "DEBUG": "everything-" + SENTINEL}
    assert platform.call("PUT", path, {"env": env, "domains": ["lively.example.com"]}).status_code == 200
    assert platform.call("PATCH", f"{path}/env", {"DEBUG": None}).status_code == 200
    assert platform.call("POST", f"{path}/cloud", [{"drones": 2}]).status_code == 200
    assert platform.call("POST", f"{path}/stop").status_code == 200
    wait_for(platform, "lively", lambda line: line == f"stopped by {user}")
    lines = said(platform, "lively")
    expected = [
        f"snapshot 0.1.0 uploaded by {user}: ",
        "built with ***",
        "snapshot 0.1.0 built in ",
        f"snapshot 0.1.0 activated by {user}",
        f"starting snapshot 0.1.0 by {user}",
        "launched on port ",
        "ready",
        "routed: lively.localhost to 1 drone of snapshot 0.1.0",
        f"config changed by {user}: set variable DEBUG; changed variable API_KEY; domains are now lively.",
        f"config changed by {user}: removed variable DEBUG",
        f"scaled from 1 to 2 drones by {user}",
        "ended by SIGTERM",
        f"stopped by {user}",
    ]
    rest = iter(lines)
    for words in expected:
        assert any(line.startswith(words) for line in rest), (words, lines)
    assert SENTINEL not in "\n".join(lines)


def test_crashes_say_how(shared_platform: LocalPlatform) -> None:
    """The exit code, the signal, or that there was no more memory; and it is launched again."""
    start = {"start": "node --max-old-space-size=20 server.js"}
    deployed(shared_platform, "fragile", scripts=start)
    for url, words in (("/exit", "crashed with exit code 3"), ("/eat", "out of memory")):
        readies = sum(line == "ready" for line in said(shared_platform, "fragile"))
        shared_platform.get("fragile", url)
        line = wait_for(shared_platform, "fragile", lambda line, words=words: words in line)  # type: ignore[misc]
        assert line.startswith("crashed"), line
        wait_for(shared_platform, "fragile", lambda line: line == "ready", readies + 1)
    view = shared_platform.call("GET", f"/logs/{shared_platform.user}/fragile?stream=system&rows=1000").json()
    drone = view[0]["meta"]["drone"]
    os.kill(pid_of(drone), signal.SIGKILL)
    wait_for(shared_platform, "fragile", lambda line: line.startswith("crashed by SIGKILL"))


def pid_of(drone: str) -> int:
    """The process that leads a drone."""
    for process in psutil.process_iter():
        try:
            if process.environ().get("JITSU_DRONE") == drone and os.getsid(process.pid) == process.pid:
                return process.pid
        except (psutil.Error, OSError):
            continue
    raise AssertionError(f"{drone} does not run")


def test_a_token_is_named(shared_platform: LocalPlatform) -> None:
    """Who changed something by a script's token: both names."""
    platform = shared_platform
    path = deployed(platform, "scripted")
    token = platform.call("PUT", f"/users/{platform.user}/tokens/ci").json()["ci"]
    auth = (platform.user, token)
    assert platform.call("PATCH", f"{path}/env", {"A_VAR": "a value"}, auth=auth).status_code == 200
    expected = f"config changed by {platform.user} (token ci): set variable A_VAR"
    wait_for(platform, "scripted", lambda line: line == expected)


def test_what_fails_is_said_without_secrets(shared_platform: LocalPlatform) -> None:
    """A build that prints a secret and fails, and a version that does not start: told, starred."""
    platform = shared_platform
    path = deployed(platform, "failing")
    broken = {**hello("failing"), "server.js": "throw new Error(process.env.API_KEY)"}
    assert platform.call("POST", f"{path}/snapshots/0.2.0", data=archive(broken)).status_code == 200
    platform.call("POST", f"{path}/snapshots/0.2.0/activate")
    assert platform.call("POST", f"{path}/start").status_code >= 400
    wait_for(platform, "failing", lambda line: line.startswith("snapshot 0.2.0 did not start: "))
    scripts = {"start": "node server.js", "build": "echo $API_KEY; exit 4"}
    unbuilt = hello("failing", scripts=scripts)
    assert platform.call("POST", f"{path}/snapshots/0.3.0", data=archive(unbuilt)).status_code == 400
    wait_for(platform, "failing", lambda line: line.startswith("snapshot 0.3.0 was not built: "))
    lines = said(platform, "failing")
    assert "***" in lines
    assert SENTINEL not in "\n".join(lines)
    own = platform.call("GET", f"/logs/{platform.user}/failing?grep={SENTINEL}&rows=1000").json()
    assert {line["service"] for line in own} == {"logs/stderr"}  # the app's own words stay its own


def test_a_databases_password_is_hidden(shared_platform: LocalPlatform) -> None:
    """In the platform's lines always, in the app's own on request; the app itself may print it."""
    platform, user = shared_platform, shared_platform.user
    made = platform.call("POST", f"/databases/{user}/vault", {"type": "redis"})
    assert made.status_code == 201, made.text
    password = made.json()["database"]["metadata"]["password"]
    path = deployed(platform, "keeper")
    assert platform.call("PUT", f"/databases/{user}/vault/apps/keeper").ok
    printing = "console.error('opened with', Object.values(process.env).join(' '))\n"
    broken = {**hello("keeper"), "server.js": f"{printing}throw new Error(process.env.REDIS_URL)"}
    assert platform.call("POST", f"{path}/snapshots/0.2.0", data=archive(broken)).status_code == 200
    assert platform.call("POST", f"{path}/snapshots/0.2.0/activate").ok
    assert platform.call("POST", f"{path}/start").status_code >= 400
    wait_for(platform, "keeper", lambda line: line.startswith("snapshot 0.2.0 did not start: "))
    plain = platform.call("GET", f"/logs/{user}/keeper?rows=1000").json()
    who = {line["service"] for line in plain if password in line["description"]}
    assert who == {"logs/stderr"}
    redacted = platform.call("GET", f"/logs/{user}/keeper?rows=1000&redact=1")
    assert len(redacted.json()) >= len(plain)
    assert password not in redacted.text
    assert platform.call("DELETE", f"/databases/{user}/vault?force=true").ok


def test_a_server_that_stops_says_so_and_one_that_goes_on_too(platform: LocalPlatform) -> None:
    """A stop ends the drones; after a kill the next server goes on with them: both are in the log."""
    deployed(platform, "lasting")
    os.kill(platform.status.pid, signal.SIGKILL)
    end = time.monotonic() + 15
    while run.status(platform.home) is not None:
        assert time.monotonic() < end
        time.sleep(0.05)
    platform.start()
    wait_for(platform, "lasting", lambda line: line == "goes on under the new server")
    run.stop(platform.home)
    platform.start()
    wait_for(platform, "lasting", lambda line: line.startswith("ends with the server"))
    wait_for(platform, "lasting", lambda line: line.startswith("launched"), 2)

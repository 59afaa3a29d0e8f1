"""kill -9 of the server in the middle of its work, and stops whatever is in flight."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest
from websockets.sync.client import connect

from jitsu_py.server import run
from jitsu_py.server.confinement import find_hierarchy, mark_of
from tests.e2e import steps
from tests.e2e.steps import DEAF, NEVER_LISTENS, act, create, drones, put, says, serve, shown, until
from tests.platforms import LocalPlatform, archive

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import requests

pytestmark = [pytest.mark.slow, pytest.mark.timeout(200)]

SLOW_BUILD = {"start": "node server.js", "build": "node -e 'setInterval(() => {}, 1000)'"}

# As many as one answer of the log holds, however long a busy machine takes over the kills.
COUNTS = """
let count = 0;
setInterval(() => { for (let i = 0; i < 5 && count < 9000; i++) console.log('line ' + count++); }, 5);
"""

WEBSOCKET = """
const crypto = require('crypto');
const server = require('http').createServer((q, r) => r.end('plain'));
server.on('upgrade', (request, socket) => {
  const key = request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11';
  const accept = crypto.createHash('sha1').update(key).digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\n'
    + 'Sec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
});
server.listen(3000);
"""


def kill_server(platform: LocalPlatform) -> None:
    """kill -9, and see that it is noticed."""
    os.kill(platform.status.pid, signal.SIGKILL)
    until(lambda: run.status(platform.home) is None)


def again(platform: LocalPlatform) -> None:
    """Start it on the ports it had."""
    platform.status = run.start(platform.home)


def deploying(platform: LocalPlatform, folder: Path) -> subprocess.Popen[str]:
    """A deploy that is under way; what it says on stderr can be read."""
    return subprocess.Popen(
        [sys.executable, "-m", "jitsu_py", "deploy"],
        cwd=folder,
        env=platform.env(folder.parent),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_during_a_build(platform: LocalPlatform, tmp_path: Path) -> None:
    """The snapshot is failed with a code, no npm is left, and the same command works."""
    folder = steps.folder(tmp_path / "app", "interrupted", scripts=SLOW_BUILD)
    child = deploying(platform, folder)
    until(lambda: any("setInterval" in line for line in steps.left_running(platform.home)))
    kill_server(platform)
    # As a kill in the moment between the build's last step and its row leaves it.
    built = platform.home / "builds" / platform.user / "interrupted" / "0.1.0"
    built.mkdir(parents=True)
    (built / "server.js").write_text("")
    again(platform)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 7, said
    assert not built.exists()
    hierarchy = find_hierarchy()
    assert hierarchy is None or hierarchy.names(mark_of(platform.home)) == []
    assert "stopped during this build" in said
    assert not any("setInterval" in line for line in steps.left_running(platform.home))
    assert steps.leftovers(platform) == []
    path = f"/apps/{platform.user}/interrupted"
    (snapshot,) = shown(platform, path)["snapshots"]
    assert (snapshot["state"], snapshot["error"]["error"]) == ("failed", "build_interrupted")
    assert platform.call("POST", f"{path}/snapshots/0.1.0/activate").status_code == 400
    steps.folder(folder, "interrupted")
    done = platform.jitsu("deploy", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert platform.get("interrupted").text == "interrupted"


def test_a_deploy_starts_its_own_platform_again(platform: LocalPlatform, tmp_path: Path) -> None:
    """Nobody else would: killed during a build or a start, it is back, and the deploy tells how that went."""
    folder = steps.folder(tmp_path / "app", "alone", scripts=SLOW_BUILD)
    for is_under_way, code, verdict in (
        (
            lambda: any("setInterval" in line for line in steps.left_running(platform.home)),
            7,
            "stopped during",
        ),
        (lambda: len(drones(platform, f"/apps/{platform.user}/alone")) > 0, 0, "is live"),
    ):
        child = deploying(platform, folder)
        until(is_under_way)
        os.kill(platform.status.pid, signal.SIGKILL)
        _, said = child.communicate(timeout=90)
        assert child.returncode == code, said
        assert "Starting the platform" in said
        assert verdict in said
        found = run.status(platform.home)
        assert found is not None
        platform.status = found
        steps.folder(folder, "alone", says("back", after=2))
    assert platform.get("alone").text == "back"


def test_during_a_start(platform: LocalPlatform, tmp_path: Path) -> None:
    """What served before serves on; the half-started drones are ended; the deploy that waits is told."""
    folder = steps.folder(tmp_path / "app", "halfway", says("old"))
    assert platform.jitsu("deploy", cwd=folder).returncode == 0
    path = f"/apps/{platform.user}/halfway"
    serving = drones(platform, path)
    (folder / "server.js").write_text(NEVER_LISTENS)
    child = deploying(platform, folder)
    until(lambda: len(drones(platform, path)) == 2)
    kill_server(platform)
    assert platform.get("halfway").text == "old"
    again(platform)
    _, said = child.communicate(timeout=60)
    # Where the new server is there in time it says the start again, and hears there how that ends.
    assert child.returncode in {8, 9}, said
    assert drones(platform, path) == serving
    assert platform.get("halfway").text == "old"
    (folder / "server.js").write_text(says("new"))
    assert platform.jitsu("deploy", cwd=folder).returncode == 0
    assert platform.get("halfway").text == "new"


def test_no_line_is_lost_when_the_server_is_killed(platform: LocalPlatform) -> None:
    """Printed before, while no server runs, and after: each line once, in order."""
    path = serve(platform, "chatty", COUNTS + says("chatty"))
    before = drones(platform, path)
    for _ in range(3):
        time.sleep(0.4)
        kill_server(platform)
        time.sleep(0.3)
        again(platform)
    assert drones(platform, path) == before
    act(platform, path, "stop")
    lines = steps.printed(platform, path)
    numbers = [int(found[1]) for line in lines if (found := re.fullmatch(r"line (\d+)", line))]
    assert len(numbers) > 1000
    assert numbers == list(range(len(numbers)))


def test_what_died_without_a_server_is_brought_back(platform: LocalPlatform) -> None:
    """Drones and HAProxy killed while nobody watches; the next server has them all again."""
    path = serve(platform, "orphaned", drones=2)
    kill_server(platform)
    steps.kill(*drones(platform, path), *steps.haproxy(platform))
    again(platform)
    until(lambda: len(drones(platform, path)) == 2)
    until(lambda: platform.get("orphaned").text == "orphaned")
    app = act(platform, path, "stop")
    assert (app["state"], app["drones"]) == ("stopped", 0)


def test_stop_after_a_kill_and_adoption_works(platform: LocalPlatform) -> None:
    """Switches, a kill, a restart; then a stop and a start of what was adopted."""
    path = serve(platform, "adopted")
    put(platform, path, "2", says("two"))
    act(platform, path, "start")
    kill_server(platform)
    again(platform)
    platform.status = run.restart(platform.home)
    act(platform, path, "restart")
    assert act(platform, path, "stop")["drones"] == 0
    assert act(platform, path, "start")["drones"] == 1
    assert platform.get("adopted").text == "two"


@pytest.fixture
def slow_to_stop(home: Path) -> Iterator[LocalPlatform]:
    """A platform with a long drain and boot and a grace of 3 s."""
    home.mkdir()
    (home / "server.toml").write_text("[drones]\nboot = 60\ngrace = 3\ndrain = 60\n")
    with LocalPlatform(home) as running:
        yield running


def test_a_stop_takes_no_longer_than_the_grace(slow_to_stop: LocalPlatform) -> None:
    """A deaf app, one that boots, a build, an upload, a draining WebSocket, a download: all at once."""
    platform = slow_to_stop
    serve(platform, "deaf", DEAF + says("deaf"))
    draining = serve(platform, "draining", WEBSOCKET)
    port = steps.router_port(platform)
    link = socket.create_connection(("127.0.0.1", port))
    with connect(f"ws://draining.localhost:{port}/", sock=link):
        put(platform, draining, "2", says("draining"))
        act(platform, draining, "start")
        booting = create(platform, "booting")
        put(platform, booting, "1", DEAF + NEVER_LISTENS)
        building = create(platform, "building")
        upload = archive(steps.files("building", says("x"), scripts=SLOW_BUILD))
        answers: list[requests.Response | None] = []
        waiting = [
            threading.Thread(target=lambda: answers.append(platform.call("POST", f"{booting}/start"))),
            threading.Thread(
                target=lambda: answers.append(platform.call("POST", f"{building}/snapshots/1", data=upload))
            ),
        ]
        for thread in waiting:
            thread.start()
        until(lambda: any("setInterval" in line for line in steps.left_running(platform.home)))
        until(lambda: drones(platform, booting))
        began = time.monotonic()
        assert run.stop(platform.home)
        assert time.monotonic() - began < 3 + 6
        for thread in waiting:
            thread.join()
    assert sorted(answer.json()["error"] for answer in answers if answer is not None) == [
        "build_interrupted",
        "unavailable",
    ]
    assert steps.left_running(platform.home) == []


def test_a_restart_tells_a_start_under_way(slow_to_stop: LocalPlatform) -> None:
    """It is given up at once; the new server has ended what it launched."""
    platform = slow_to_stop
    path = create(platform, "booting")
    put(platform, path, "1", NEVER_LISTENS)
    answers: list[requests.Response] = []
    starting = threading.Thread(target=lambda: answers.append(platform.call("POST", f"{path}/start")))
    starting.start()
    until(lambda: drones(platform, path))
    platform.status = run.restart(platform.home)
    starting.join()
    assert answers[0].status_code == 503
    assert drones(platform, path) == []


def test_a_signal_during_the_start_of_the_server_ends_it(home: Path) -> None:
    """Whenever it comes, nothing is left running, and the next start works."""
    for delay in (0.3, 0.5, 0.7, 0.9, 1.1):
        home.mkdir(exist_ok=True)
        child = subprocess.Popen(
            [sys.executable, "-m", "jitsu_py.server", "--home", str(home)], stderr=subprocess.DEVNULL
        )
        time.sleep(delay)
        child.send_signal(signal.SIGTERM)
        assert child.wait(15) in {0, -signal.SIGTERM}
        until(lambda: steps.left_running(home) == [])
    with LocalPlatform(home) as platform:
        assert platform.call("GET", "/health").ok


def test_a_stale_run_file_misleads_nobody(platform: LocalPlatform) -> None:
    """A killed server's file names a pid that is gone; a stop while the next one starts stops that one."""
    kill_server(platform)
    child = subprocess.Popen([sys.executable, "-m", "jitsu_py.server", "--home", str(platform.home)])
    until(lambda: run.is_held(platform.home))
    assert run.stop(platform.home)
    assert child.wait(20) == 0
    assert steps.left_running(platform.home) == []

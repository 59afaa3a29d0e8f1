"""Drones that count aloud while drones and server are killed: nothing is lost, doubled or out of order."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import defaultdict
from typing import TYPE_CHECKING

import psutil
import pytest

from jitsu_py.server import run
from jitsu_py.server.logbook import Logbook
from tests.platforms import LocalPlatform, archive, hello
from tests.server.receivers_world import SyslogReceiver, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jitsu_py.server.logbook import Line

pytestmark = pytest.mark.slow

COUNTS_ALOUD = r"""
const fs = require('fs')
const me = require('crypto').randomUUID().replace(/-/g, '')
require('http').createServer((q, r) => r.end('x')).listen(1)
let n = 0
setInterval(() => {
  for (let turn = 0; turn < 20; turn++) {
    fs.writeSync(1, me + ' ' + n + ' ' + 'o'.repeat(n % 200) + '\n')
    fs.writeSync(2, me + ' ' + n + '\n')
    n++
  }
  fs.writeFileSync('count-' + me + '-' + n, '')  // what is on the disk by now
  if (n > 20) fs.unlinkSync('count-' + me + '-' + (n - 20))
}, 4)
"""

PARENT = r"""
require('child_process').spawn(process.execPath, ['child.js'], { stdio: 'inherit' })
process.on('SIGTERM', () => { console.log('parent goes'); process.exit(0) })
require('http').createServer((q, r) => r.end('x')).listen(1)
"""

SPEAKS = r"""
require('http').createServer((q, r) => r.end('x')).listen(1)
let n = 0
setInterval(() => { for (let turn = 0; turn < 10; turn++) console.log('number ' + n++) }, 10)
"""

CHILD = r"""
process.on('SIGTERM', () => {
  setTimeout(() => { process.stdout.write('child says\nlast words'); process.exit(0) }, 600)
})
setInterval(() => {}, 1000)
console.log('child is there')
"""


def deployed(platform: LocalPlatform, name: str, files: dict[str, str | bytes], drones: int) -> str:
    """Put an app live; its API path."""
    path = f"/apps/{platform.user}/{name}"
    assert platform.call("POST", path, {"name": name}).status_code == 201
    assert platform.call("POST", f"{path}/cloud", [{"drones": drones}]).status_code == 200
    assert platform.call("POST", f"{path}/snapshots/0.1.0", data=archive(files)).status_code == 200
    assert platform.call("POST", f"{path}/snapshots/0.1.0/activate").status_code == 200
    assert platform.call("POST", f"{path}/start").status_code == 200
    return path


def lines_of(home: Path, app: str) -> Iterator[Line]:
    """Every line of a log, from its file."""
    logbook, after = Logbook(home / "logs"), 0
    while page := logbook.next(app, after, 5000):
        yield from page
        after = page[-1].id


def drone_pids(home: Path) -> list[int]:
    """The processes that lead a drone of this state folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if (
                process.environ().get("JITSU_STATE") == str(home.resolve())
                and "JITSU_DRONE" in process.environ()
            ):
                found += [process.pid] if os.getsid(process.pid) == process.pid else []
        except (psutil.Error, OSError):
            continue
    return found


def kill_server(platform: LocalPlatform) -> None:
    """With SIGKILL; drones print on, and the next one begins."""
    os.kill(platform.status.pid, signal.SIGKILL)
    end = time.monotonic() + 30
    while run.status(platform.home) is not None:
        assert time.monotonic() < end
        time.sleep(0.02)
    time.sleep(0.3)
    platform.start()


def test_nothing_is_lost_whoever_is_killed(platform: LocalPlatform) -> None:
    """Per process and stream every number, once, in order, up to what it is known to have printed."""
    seed = random.randrange(10**6)
    print(f"seed {seed}")
    rng = random.Random(seed)
    files = {**hello("aloud"), "server.js": COUNTS_ALOUD}
    path = deployed(platform, "aloud", files, 2)
    acts = ["drone", "drone", "server", "drone", "restart", "server"]
    rng.shuffle(acts)
    for act in acts:
        time.sleep(rng.uniform(0.1, 0.5))
        if act == "drone":
            for pid in rng.sample(pids := drone_pids(platform.home), min(1, len(pids))):
                os.kill(pid, signal.SIGKILL)
        elif act == "server":
            kill_server(platform)
        else:
            assert platform.call("POST", f"{path}/restart").status_code == 200
    assert platform.call("POST", f"{path}/stop").status_code == 200
    printed: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for line in lines_of(platform.home, f"{platform.user}/aloud"):
        if line.stream != "system":
            me, number = line.text.split(" ")[:2]
            printed[me, line.stream].append(int(number))
            assert line.snapshot == "0.1.0"
    known = [name.name.split("-")[1:] for name in platform.home.rglob("count-*")]
    assert len({me for me, _ in known}) >= 4
    for me, count in known:
        for stream in ("stdout", "stderr"):
            numbers = printed[me, stream]
            assert numbers == list(range(len(numbers))), (me, stream)
            assert len(numbers) >= int(count), (me, stream)
    print(f"{sum(map(len, printed.values())):,} lines of {len(printed) // 2} processes")


def test_a_drain_loses_nothing_when_its_server_is_killed(platform: LocalPlatform) -> None:
    """Killed three times while it ships: every line of the log arrives, some twice, none before its time."""
    user = platform.user
    with SyslogReceiver(cut=True) as receiver:
        url = f"syslog+tcp://127.0.0.1:{receiver.port}"
        assert platform.call("POST", f"/drains/{user}", {"url": url}).status_code == 201
        path = deployed(platform, "speaks", {**hello("speaks"), "server.js": SPEAKS}, 1)
        for _ in range(3):
            had = len(receiver.messages)
            wait_until(lambda had=had: len(receiver.messages) > had + 300, seconds=60)  # type: ignore[misc]
            kill_server(platform)
        assert platform.call("POST", f"{path}/stop").status_code == 200
        lines: list[Line] = []

        def all_arrived() -> bool:
            lines[:] = lines_of(
                platform.home, f"{user}/speaks"
            )  # the last words about the stop may come late
            return ids_of(receiver) == [line.id for line in lines]

        wait_until(all_arrived, seconds=90)
        got = {int(message.facts["id"]): message.text for message in receiver.messages}
    assert got == {line.id: line.text for line in lines}
    assert receiver.connections >= 4
    numbers = [int(line.text.split()[1]) for line in lines if line.stream == "stdout"]
    assert numbers == list(range(len(numbers)))


def ids_of(receiver: SyslogReceiver) -> list[int]:
    """Ids of the lines that arrived, each where it came first."""
    return list(dict.fromkeys(int(message.facts["id"]) for message in list(receiver.messages)))


def test_what_is_printed_after_the_parent_went_is_kept(shared_platform: LocalPlatform) -> None:
    """Of a child that outlives the process that started it: its last words too, unfinished as they are."""
    platform = shared_platform
    path = deployed(platform, "family", {**hello("family"), "server.js": PARENT, "child.js": CHILD}, 1)
    app, end = f"{platform.user}/family", time.monotonic() + 30
    while not any(line.text == "child is there" for line in lines_of(platform.home, app)):
        assert time.monotonic() < end
        time.sleep(0.05)
    assert platform.call("POST", f"{path}/stop").status_code == 200
    own = [line for line in lines_of(platform.home, app) if line.stream != "system"]
    texts = [line.text for line in own]
    texts.remove("parent goes")  # when, is between the two
    assert texts == ["child is there", "child says", "last words"]
    assert {(line.stream, line.snapshot) for line in own} == {("stdout", "0.1.0")}
    assert len({line.drone for line in own}) == 1

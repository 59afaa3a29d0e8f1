"""Logs: a burst of a million lines, the newest of five million, a search, and what a flood costs others."""

from __future__ import annotations

import os
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import requests

from jitsu_py.server.logbook import Keep, Logbook, Wanted
from tests.platforms import LocalPlatform, archive, hello

if TYPE_CHECKING:
    from collections.abc import Callable

MIB = 1024**2

BURSTS = r"""
const fs = require('fs')
const me = require('crypto').randomUUID()
require('http').createServer((q, r) => {
  const [, what, amount] = q.url.split('/')
  r.end(me)
  if (what === 'burst') burst(Number(amount))
  if (what === 'flood') setTimeout(work, 50, 'y'.repeat(99) + '\n', Date.now() + 1000 * amount)
  if (what === 'spin') setTimeout(work, 50, null, Date.now() + 1000 * amount)
}).listen(1)
function burst (amount) {
  for (let n = 0; n < amount; n++) fs.writeSync(1, me + ' ' + n + ' GET /some/path 200 in 12 ms\n')
}
function work (line, end) {
  const lines = line && Buffer.from(line.repeat(1000))
  let sum = 0
  while (Date.now() < end) {
    if (lines) fs.writeSync(1, lines)
    else for (let n = 0; n < 1e5; n++) sum += n % 7
  }
}
"""


def run(small: bool = False) -> list[dict[str, Any]]:
    """Measure on a platform of its own, and in a log of its own.

    Args:
        small: few lines, to see that it works.

    Returns:
        Rows with name, ours, other (what it is held against), other_s, ratio, target.
    """
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        rows += _stored(Path(folder) / "logs", 50_000 if small else 5_000_000)
        with LocalPlatform(Path(folder) / "home") as platform:
            _deploy(platform, "bursts", 2)
            _deploy(platform, "quiet", 1)
            rows += _burst(platform, 10_000 if small else 1_000_000)
            rows += _flood(platform, 1.0 if small else 10.0)
    return rows


def _row(name: str, ours: float, wanted: float, unit: str = "s") -> dict[str, Any]:
    ratio = ours / wanted
    row = {"name": name, "ours": ours, "unit": unit, "other": "wanted", "other_s": wanted}
    return {**row, "ratio": ratio, "target": 1.0}


def _stored(folder: Path, lines: int) -> list[dict[str, Any]]:
    """Queries of a log that was written over five hours."""
    logbook = Logbook(folder, Keep(bytes=4096 * MIB))
    path = logbook.capture("a/b", "d1", "1") / "d1.stdout"
    began, hours, pieces = time.time(), 5, 50
    for piece in range(pieces):
        first = piece * (lines // pieces)
        with path.open("ab") as file:
            for number in range(first, first + lines // pieces):
                file.write(
                    b'10.0.0.7 "GET /path/%d HTTP/1.1" 200 5316 "-" "Mozilla/5.0 (X11; Linux)"\n' % number
                )
        moment = began - hours * 3600 * (1 - (piece + 1) / pieces)
        os.utime(path, (moment, moment))
        while logbook.end("a/b") < first + lines // pieces:
            logbook.collect()
    hour = Wanted(since=began - 3600, grep="nothing like this")
    assert logbook.newest("a/b", 1)[0].text.startswith(f'10.0.0.7 "GET /path/{lines - 1} ')
    return [
        _row(f"last 100 of {lines:,} lines", _median(lambda: logbook.newest("a/b", 100)), 0.050),
        _row(
            f"a grep over an hour, {lines // hours:,} lines", _median(lambda: logbook.count("a/b", hour)), 1.0
        ),
    ]


def _median(call: Callable[[], object], turns: int = 5) -> float:
    spent = []
    for _ in range(turns):
        began = time.perf_counter()
        call()
        spent.append(time.perf_counter() - began)
    return statistics.median(spent)


def _deploy(platform: LocalPlatform, name: str, drones: int) -> None:
    path = f"/apps/{platform.user}/{name}"
    files = {**hello(name), "server.js": BURSTS}
    for method, at, body in (
        ("POST", path, {"name": name}),
        ("POST", f"{path}/cloud", [{"drones": drones}]),
        ("POST", f"{path}/snapshots/0.1.0", archive(files)),
        ("POST", f"{path}/snapshots/0.1.0/activate", None),
        ("POST", f"{path}/start", None),
    ):
        given = {"data": body} if isinstance(body, bytes) else {"body": body}
        answer = platform.call(method, at, **given)
        assert answer.ok, answer.text


def _burst(platform: LocalPlatform, lines: int) -> list[dict[str, Any]]:
    """Two drones print half of the lines each, as fast as they can."""
    memory = _Peak(platform.status.pid)
    with memory:
        began = time.monotonic()
        asked = _both_drones(platform, f"/burst/{lines // 2}")
        query = {"rows": 0, "grep": " GET /some/path 200", "stream": "stdout"}
        while (found := _found(platform, query)) < lines:
            assert time.monotonic() - began < 300, f"{found} of {lines} lines"
            time.sleep(0.05)
        seconds = time.monotonic() - began
    _check(platform, asked, lines // 2)
    return [
        _row(f"{lines:,} lines of two drones, until all are found", seconds, 60.0),
        _row("the server's memory meanwhile", memory.peak / MIB, 150.0, "MiB"),
    ]


def _both_drones(platform: LocalPlatform, path: str) -> set[str]:
    """Ask each drone once, at its own port; what they call themselves."""
    view = platform.call("GET", f"/logs/{platform.user}/bursts?stream=system&grep=launched on port").json()
    ports = {line["description"].rpartition(" ")[2] for line in view}
    assert len(ports) == 2, view
    return {requests.get(f"http://127.0.0.1:{port}{path}", timeout=30).text for port in ports}


def _found(platform: LocalPlatform, query: dict[str, Any]) -> int:
    found: int = platform.call("POST", f"/logs/{platform.user}/bursts", query).json()["numFound"]
    return found


def _check(platform: LocalPlatform, drones: set[str], lines: int) -> None:
    """Every line once, in the order of each drone."""
    logbook, after = Logbook(platform.home / "logs"), 0
    following = dict.fromkeys(drones, 0)
    while page := logbook.next(f"{platform.user}/bursts", after, 10_000, Wanted(stream="stdout")):
        for line in page:
            who, number, _ = line.text.split(" ", 2)
            assert int(number) == following[who], line
            following[who] += 1
        after = page[-1].id
    assert set(following.values()) == {lines}, following


class _Peak:
    """The most memory that a process has inside the block, bytes."""

    def __init__(self, pid: int) -> None:
        self._process = psutil.Process(pid)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self.peak = 0

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            self.peak = max(self.peak, self._process.memory_info().rss)

    def __enter__(self) -> None:
        self.peak = self._process.memory_info().rss
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


def _flood(platform: LocalPlatform, seconds: float) -> list[dict[str, Any]]:
    """The API and another app while one app prints without a pause, against one that only computes."""
    figures = {}
    for what in ("spin", "flood"):
        platform.get("bursts", f"/{what}/{seconds}")
        time.sleep(0.2)
        figures[what] = _latencies(platform, seconds * 0.8)
        time.sleep(seconds * 0.3 + 1)
    rows = []
    for name, number in (("API", 0), ("another app", 1)):
        ours, other = figures["flood"][number], figures["spin"][number]
        row = {"name": f"{name} beside an app that floods its log, p95", "ours": ours, "other_s": other}
        rows.append({**row, "other": "beside one that computes", "ratio": ours / other, "target": None})
    return rows


def _latencies(platform: LocalPlatform, seconds: float) -> tuple[float, float]:
    """95 of 100 requests to the API, and to another app, take at most so long."""
    api: list[float] = []
    app: list[float] = []
    port = platform.status.router.rpartition(":")[2]
    end = time.monotonic() + seconds
    with requests.Session() as session:
        session.trust_env = False
        while time.monotonic() < end:
            for spent, url, more in (
                (api, f"{platform.status.api}/auth", {"auth": (platform.user, platform.token)}),
                (app, f"http://127.0.0.1:{port}/", {"headers": {"host": "quiet.localhost"}}),
            ):
                began = time.perf_counter()
                assert session.get(url, timeout=30, **more).ok
                spent.append(time.perf_counter() - began)
            time.sleep(0.01)
    return statistics.quantiles(api, n=20)[-1], statistics.quantiles(app, n=20)[-1]

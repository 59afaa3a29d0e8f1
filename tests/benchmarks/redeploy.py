"""How long a deploy takes against the `npm ci` it contains, and what visitors notice of twenty of them."""

from __future__ import annotations

import json
import os
import re
import shutil
import statistics
import subprocess
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.e2e.steps import act, put, router_port, says, serve
from tests.load import LoadApart
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Callable

GRACEFUL = """
const server = require('http').createServer((q, r) => r.end(%s)).listen(3000);
process.on('SIGTERM', () => server.close(() => process.exit()));
"""
"""Ends when its last request is answered. `says` is without signal handling: TERM ends it at once."""


def run(small: bool = False) -> list[dict[str, Any]]:
    """Measure.

    Args:
        small: few turns, to see that it works.

    Returns:
        Rows as `tests.benchmarks` describes them.
    """
    with tempfile.TemporaryDirectory(prefix="jitsu-bench-") as name:
        place = Path(name)
        rows = _deploys(place, turns=1 if small else 5)
        with LocalPlatform(place / "loaded") as platform:
            for case in list(CASES)[: 1 if small else None]:
                rows.append(_under_load(platform, case, times=2 if small else 20))
    return rows


def _deploys(place: Path, turns: int) -> list[dict[str, Any]]:
    """A first deploy of an Express app, then redeploys with one line changed, and rollbacks."""
    firsts, first_installs = [], []
    for turn in range(turns):
        with LocalPlatform(place / f"fresh-{turn}") as platform:
            first = _starter(platform, place / f"first-{turn}")
            if turn % 2:  # neither is always the one that comes second
                first_installs.append(_npm_ci(first, place / f"npm-{turn}"))
            firsts.append(_deploy(platform, first))
            if not turn % 2:
                first_installs.append(_npm_ci(first, place / f"npm-{turn}"))
    with LocalPlatform(place / "home") as platform:
        app = _starter(platform, place / "app")
        _deploy(platform, app)
        _npm_ci(app, place / "npm")
        redeploys, serving, installs, rollbacks = [], [], [], []
        for turn in range(turns):
            whole, served = _redeploy(platform, app, f"version {turn}")
            redeploys.append(whole)
            serving.append(served)
            installs.append(_npm_ci(app, place / "npm"))
        for _ in range(turns):
            rollbacks.append(_timed(lambda: _rollback(platform, "app")))
    install, first_install = statistics.median(installs), statistics.median(first_installs)
    redeploy = statistics.median(redeploys)
    ci = "npm ci, warm cache"
    return [
        _row("redeploy of an Express app, one line changed", redeploy, ci, install, 0.4),
        _row("… the whole command", redeploy, target="<= 1.0 s"),
        _row("… until the new version answers", statistics.median(serving), target="<= 0.8 s"),
        _row(
            "first deploy, nothing cached",
            statistics.median(firsts),
            "npm ci, empty cache",
            first_install,
            1.3,
        ),
        _row("rollback to the previous snapshot", statistics.median(rollbacks), target="<= 1.0 s"),
    ]


def _row(
    name: str, ours: float, other: str = "", other_s: float | None = None, target: float | str | None = None
) -> dict[str, Any]:
    ratio = ours / other_s if other_s else None
    return {"name": name, "ours": ours, "other": other, "other_s": other_s, "ratio": ratio, "target": target}


def _timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _starter(platform: LocalPlatform, folder: Path) -> Path:
    """The helloworld starter: Express with a lockfile."""
    done = platform.jitsu("install", "helloworld", str(folder), cwd=folder.parent)
    assert done.returncode == 0, done.stderr
    manifest = json.loads((folder / "package.json").read_text())
    (folder / "package.json").write_text(json.dumps({**manifest, "name": "app", "subdomain": "app"}))
    return folder


def _deploy(platform: LocalPlatform, app: Path) -> float:
    """Deploy by the command line; seconds."""
    began = time.perf_counter()
    done = platform.jitsu("deploy", cwd=app)
    assert done.returncode == 0, done.stderr
    return time.perf_counter() - began


def _redeploy(platform: LocalPlatform, app: Path, text: str) -> tuple[float, float]:
    """Change a line and deploy; seconds of the whole, and until a visitor gets the new version."""
    source = app / "server.js"
    changed, count = re.subn(r"send\('.*?'\)", f"send('{text}')", source.read_text())
    assert count == 1
    source.write_text(changed)
    seen: list[float] = []
    began = time.perf_counter()
    visitor = threading.Thread(target=lambda: seen.append(_answers(platform, text) - began))
    visitor.start()
    whole = _deploy(platform, app)
    visitor.join()
    return whole, seen[0]


def _answers(platform: LocalPlatform, text: str) -> float:
    """When the new version answered first."""
    deadline = time.perf_counter() + 60
    while platform.get("app").text != text:
        assert time.perf_counter() < deadline, f"{text} never answered"
        time.sleep(0.01)
    return time.perf_counter()


def _npm_ci(app: Path, cache: Path) -> float:
    """The same install by hand, in a copy of the project."""
    with tempfile.TemporaryDirectory(prefix="jitsu-npm-") as name:
        copy = Path(name, "app")
        shutil.copytree(app, copy)
        command = ["npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--cache", str(cache)]
        return _timed(
            lambda: subprocess.run(
                command, cwd=copy, check=True, capture_output=True, env=dict(os.environ), timeout=300
            )
        )


def _rollback(platform: LocalPlatform, name: str) -> None:
    path = f"/apps/{platform.user}/{name}"
    snapshots = platform.call("GET", f"{path}/snapshots").json()["snapshots"]
    at = next(number for number, snapshot in enumerate(snapshots) if snapshot["running"])
    before = snapshots[at - 1]["id"]
    assert platform.call("POST", f"{path}/snapshots/{before}/activate").ok
    assert act(platform, path, "start")["running"]["id"] == before


CASES: dict[str, tuple[int, Callable[[str], str]]] = {
    "1 drone": (1, lambda text: GRACEFUL % json.dumps(text)),
    "2 drones": (2, lambda text: GRACEFUL % json.dumps(text)),
    "4 s to listen": (1, lambda text: says(text, after=4)),
    "no signal handling": (1, says),
}


def _under_load(platform: LocalPlatform, case: str, times: int) -> dict[str, Any]:
    """Redeploys while eight visitors come fifty times a second each."""
    drones, source = CASES[case]
    name = case.replace(" ", "-")
    path = serve(platform, name, source("version 0"), drones=drones)
    with LoadApart(router_port(platform), f"{name}.localhost") as load:
        began = time.monotonic()
        time.sleep(5 if times > 2 else 1)
        busy = time.monotonic()
        for number in range(1, times + 1):
            put(platform, path, f"r{number}", source(f"version {number}"))
            act(platform, path, "start")
        ended = time.monotonic()
        time.sleep(0.5)
    quiet, switching = load.figures.between(began, busy), load.figures.between(busy, ended)
    lost = f"{len(switching.failed)} failed, {switching.hanging} hanging of {len(switching.samples)}"
    return _row(
        f"{times} redeploys under load, {case}: {lost}; p99",
        switching.percentile(99),
        "p99 in quiet",
        quiet.percentile(99),
        3.0,
    )

"""What a server with fifty idle apps costs: memory, processor time, and a start that takes them all over."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil

from jitsu_py.server import run as server
from tests.e2e.steps import drones, haproxy, serve
from tests.platforms import LocalPlatform


def run(small: bool = False) -> list[dict[str, Any]]:
    """Measure.

    Args:
        small: few apps for a short time, to see that it works.

    Returns:
        Rows as `tests.benchmarks` describes them.
    """
    apps, seconds = (3, 2.0) if small else (50, 20.0)
    with (
        tempfile.TemporaryDirectory(prefix="jitsu-bench-") as name,
        LocalPlatform(Path(name, "home")) as here,
    ):
        for number in range(apps):
            serve(here, f"idle-{number}")
        time.sleep(0 if small else 5)  # what the starts left to do
        rows = _at_rest(here, apps, seconds)
        return [*rows, _adoption(here, apps)]


def _at_rest(platform: LocalPlatform, apps: int, seconds: float) -> list[dict[str, Any]]:
    process = psutil.Process(platform.status.pid)
    began, spent = time.monotonic(), _spent(process)
    time.sleep(seconds)
    share = (_spent(process) - spent) / (time.monotonic() - began) * 100
    beside = sum(_resident(pid) for pid in haproxy(platform))
    beside += sum(_resident(each) for pid in drones(platform) for each in _tree(pid))
    return [
        _row(f"{apps} idle apps: the server's resident memory", _resident(process.pid), "MiB", "<= 150 MiB"),
        _row("… of HAProxy and the drones beside it", beside, "MiB"),
        _row("… the server's share of one core", share, "%", "<= 2 %"),
    ]


def _adoption(platform: LocalPlatform, apps: int) -> dict[str, Any]:
    before = sorted(drones(platform))
    os.kill(platform.status.pid, signal.SIGKILL)
    while server.status(platform.home) is not None:
        time.sleep(0.01)
    began = time.monotonic()
    platform.status = server.start(platform.home)
    took = time.monotonic() - began
    assert sorted(drones(platform)) == before, "drones were not adopted"
    return {"name": f"… start of a server that adopts {apps} drones", "ours": took, "target": "<= 3 s"}


def _spent(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _tree(pid: int) -> list[int]:
    """The process and those below it: a sandboxed drone's leader is its sandbox."""
    try:
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        return []


def _resident(pid: int) -> float:
    try:
        return float(psutil.Process(pid).memory_info().rss) / 2**20
    except psutil.NoSuchProcess:
        return 0.0


def _row(name: str, value: float, unit: str, target: str | None = None) -> dict[str, Any]:
    return {"name": name, "ours": value, "unit": unit, "target": target}

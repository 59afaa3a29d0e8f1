"""Builds of an Express app against `npm ci` of the same: the first, and one with unchanged dependencies."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import jitsu_py
from jitsu_py.server.builder import Builder, Job
from tests.unit.archives import write_app

APP = Path(jitsu_py.__file__).parent / "starters" / "helloworld"

CI = ("npm", "ci", "--omit=dev", "--no-audit", "--no-fund", "--prefer-offline")


def run(*, small: bool) -> list[dict[str, Any]]:
    """Measure builds; medians, each round with all kinds so that the machine's noise meets all alike."""
    with tempfile.TemporaryDirectory(prefix="jitsu-builds-") as folder:
        bench = _Bench(Path(folder))
        bench.first(0)
        rounds = [bench.round(number) for number in range(1, 2 if small else 8)]
    npm, first, again = (median(times) for times in zip(*rounds, strict=True))
    return [
        _row("first build of an Express app", first, npm, 1.3),
        _row("build with unchanged dependencies", again, npm, 0.4),
    ]


def _row(name: str, ours: float, npm: float, target: float) -> dict[str, Any]:
    return {
        "name": name,
        "ours": ours,
        "other": "npm ci",
        "other_s": npm,
        "ratio": ours / npm,
        "target": target,
    }


class _Bench:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._builder = Builder(cache=root / "cache", work=root / "work")
        # The same warm cache of downloads for both.
        self._env = {**os.environ, "npm_config_cache": str(root / "cache/downloads/ada/npm")}

    def round(self, number: int) -> tuple[float, float, float]:
        """Seconds of npm ci, of a build without and of one with what is kept."""
        return self._npm(), self.first(number), self._build(f"{number}-again")

    def first(self, number: int) -> float:
        """Seconds of a build that installs and keeps what it installed."""
        shutil.rmtree(self._root / "cache" / "trees", ignore_errors=True)
        return self._build(f"{number}-first")

    def _npm(self) -> float:
        place = self._root / "npm"
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(APP, place)
        began = time.monotonic()
        subprocess.run(CI, cwd=place, env=self._env, check=True, capture_output=True)
        return time.monotonic() - began

    def _build(self, snapshot: str) -> float:
        names = ("server.js", "package-lock.json")
        # One line of the app is another in each build.
        files = {name: (APP / name).read_text() for name in names}
        files["server.js"] += f"// {snapshot}\n"
        archive = write_app(
            self._root / f"{snapshot}.tgz", json.loads((APP / "package.json").read_text()), files
        )
        job = Job("ada", "app", snapshot, archive, self._root / "builds" / snapshot, self._root / "log", {})
        return asyncio.run(self._timed(job))

    async def _timed(self, job: Job) -> float:
        """Seconds until the app could start."""
        began = time.monotonic()
        await self._builder.build(job, lambda _event: None)
        seconds = time.monotonic() - began
        await self._builder.kept()
        return seconds

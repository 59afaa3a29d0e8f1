"""A builder for tests, in folders of the test's own, and what it said."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import psutil

from jitsu_py.server.builder import Builder, Built, Job
from jitsu_py.server.builder.process import MARK
from tests.unit.archives import write_app

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass
class BuildWorld:
    """One builder, its folders, the events of its builds."""

    root: Path
    settings: dict[str, Any] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.work = self.root / "work"
        self.builder = Builder(cache=self.root / "cache", work=self.work, **self.settings)

    def job(
        self,
        package: Mapping[str, Any],
        files: Mapping[str, str | bytes] | None = None,
        *,
        snapshot: str = "0.1.0",
        env: Mapping[str, str] | None = None,
    ) -> Job:
        """A job for an app with these files; `name`, `version` and a start script are added."""
        whole = {"name": "app", "version": "0.1.0", "scripts": {}, **package}
        whole["scripts"] = {"start": "node server.js", **whole["scripts"]}
        archive = write_app(self.root / f"{snapshot}.tgz", whole, files)
        place = self.root / "builds" / "ada" / "app" / snapshot
        return Job("ada", "app", snapshot, archive, place, self.root / "logs" / f"{snapshot}.log", env or {})

    async def build_async(self, job: Job) -> Built:
        """Build; events are kept."""
        return await self.builder.build(job, self.events.append)

    def build(self, job: Job) -> Built:
        """Build, in a loop of its own; what is to be kept is, at the end."""
        return asyncio.run(self._build_whole(job))

    async def _build_whole(self, job: Job) -> Built:
        built = await self.build_async(job)
        await self.builder.kept()
        return built

    @property
    def lines(self) -> list[str]:
        """What the tools printed."""
        return [event["text"] for event in self.events if event["event"] == "line"]

    @property
    def steps(self) -> list[str]:
        """Names of the steps, in order."""
        return [event["name"] for event in self.events if event["event"] == "step"]

    def leftovers(self) -> list[str]:
        """What is half-made: folders in `work`, and processes of builds in it."""
        folders = [path.name for path in self.work.iterdir()] if self.work.exists() else []
        return folders + [str(process) for process in self.processes()]

    def processes(self) -> list[psutil.Process]:
        """Processes of this builder's builds."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get(MARK, "").startswith(str(self.work)) and (
                    process.status() != psutil.STATUS_ZOMBIE
                ):
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

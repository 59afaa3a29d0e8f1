"""The package registry, asked through npm: whatever npm's configuration says of registry and proxy holds."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

import nodesemver

from jitsu_py.server.builder.environment import tool_environment
from jitsu_py.server.builder.failures import name_failure
from jitsu_py.server.builder.process import run
from jitsu_py.server.builder.unpack import disk_errors
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from jitsu_py.server.builder.engines import Engine

PATIENT: Final = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--fetch-timeout=120000")
"""npm's own patience with a registry that does not answer is minutes."""

OUTPUT: Final = 200
"""Lines of npm's that a failure's cause is looked for in."""

INTEGRITY: Final = ("sha512", "sha384", "sha256")


@dataclass(frozen=True)
class Room:
    """Where a fetch works, and until when."""

    work: Path
    """A build's folder, gone at its end."""
    deadline: float
    """The event loop's time at which it is given up."""
    tell: Callable[[str], None]
    """Takes a sentence on what happens."""


class FetchError(Exception):
    """npm could not be asked, or what it gave is not what it should be; the message is for people."""


@dataclass(frozen=True)
class Package:
    """One package of the registry.

    Args:
        name: npm's name for it.
        npm: an engine with an npm that runs.
        cache: npm's.
        npmrc: the server user's npm configuration.
        room: for the work.
    """

    name: str
    npm: Engine
    cache: Path
    npmrc: Path | None
    room: Room

    async def versions(self) -> list[str]:
        """All its versions.

        Raises:
            FetchError: it cannot be asked.
        """
        found = await self._json("view", self.name, "versions")
        listed = found if isinstance(found, list) else [found]
        return [version for version in listed if isinstance(version, str)]

    async def archive(self, version: str) -> Path:
        """Download one version; its archive, checked against the registry's digest.

        Raises:
            FetchError: it cannot be had, or is damaged.
        """
        name = f"{self.name}@{version}"
        dist = await self._json("view", name, "dist")
        place = self._place() / uuid4().hex
        place.mkdir()
        # A cache of its own: the archive is needed once, and may be large.
        await self._run(
            "pack", name, f"--cache={self.room.work / 'engine-cache'}", f"--pack-destination={place}"
        )
        archive = next(place.glob("*.tgz"), None)
        if archive is None or not await asyncio.to_thread(is_intact, archive, dist):
            raise FetchError("the archive arrived damaged")
        return archive

    async def _json(self, *words: str) -> Any:
        try:
            return json.loads("\n".join(await self._run(*words, "--json")))
        except ValueError as error:
            raise FetchError("npm's answer cannot be read") from error

    async def _run(self, *words: str) -> list[str]:
        answer: list[str] = []
        output: deque[str] = deque(maxlen=OUTPUT)

        def line(text: str, stream: str) -> None:
            output.append(text)
            if stream == "stdout":
                answer.append(text)

        place = self._place()
        env = tool_environment(
            self.npm, folder=place, work=self.room.work, cache=self.cache, npmrc=self.npmrc, own={}
        )
        command = (*self.npm.npm, *words, *PATIENT)
        status = await run(command, cwd=place, env=env, line=line, deadline=self.room.deadline)
        if status != 0:
            failed = name_failure(output, code=Code.ENGINE_NOT_FOUND, doing="npm", exit_code=status)
            raise FetchError(failed.message.rstrip("."))
        return answer

    def _place(self) -> Path:
        """Where npm runs: no project's .npmrc has a say there."""
        place = self.room.work / "engine"
        with disk_errors("make the build's folders"):
            place.mkdir(parents=True, exist_ok=True)
        return place


def newest(versions: list[str], wanted: str) -> str | None:
    """The newest version that satisfies a range, by npm's rules; None: none does."""
    found = nodesemver.max_satisfying(versions, wanted, loose=True)
    return str(found) if found else None


def is_intact(archive: Path, dist: object) -> bool:
    """Whether an archive has the digest that the registry gives for it; without one it has not."""
    facts = dist if isinstance(dist, dict) else {}
    for digest in str(facts.get("integrity") or "").split():
        name, _, expected = digest.partition("-")
        if name in INTEGRITY:
            with archive.open("rb") as file:
                actual = hashlib.file_digest(file, name).digest()
            return base64.b64encode(actual).decode() == expected
    with archive.open("rb") as file:
        # What is older than npm 5 has no other.
        sha1 = hashlib.file_digest(file, lambda: hashlib.sha1(usedforsecurity=False)).hexdigest()
    return sha1 == facts.get("shasum")

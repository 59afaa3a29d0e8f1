"""Builds of snapshots: what is asked for, what comes of it, and who sees to it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from jitsu_py.server.builder.dependencies import Store
from jitsu_py.server.builder.enclosure import build_limits
from jitsu_py.server.builder.engine_fetch import EngineStore
from jitsu_py.server.builder.entrusted import Keys
from jitsu_py.server.builder.environment import user_npmrc
from jitsu_py.server.builder.flow import Flow
from jitsu_py.server.builder.folders import remove_tree
from jitsu_py.server.builder.keeping import Keeping
from jitsu_py.server.builder.manager_fetch import ManagerStore
from jitsu_py.server.builder.process import kill_marked
from jitsu_py.server.builder.queue import Queue
from jitsu_py.server.builder.trees import LIMIT, Trees
from jitsu_py.server.builder.unpack import Limits
from jitsu_py.server.builder.voice import Voice
from jitsu_py.server.confinement import Confiner
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.server.builder.engines import Engine
    from jitsu_py.server.builder.entrusted import Entrusted
    from jitsu_py.server.builder.unpack import Contents
    from jitsu_py.server.builder.voice import Emit
    from jitsu_py.server.confinement import Limits as Bounds

GROUPS: Final = "build-"
"""How the names of builds' control groups begin."""

DOWNLOADS: Final = "downloads"
"""Below the cache: what package managers fetched, a folder for each user. Nobody's build can change what
another user's will install, nor see a private package that another user may fetch."""


@dataclass(frozen=True)
class Job:
    """What is to be built."""

    user: str
    app: str
    snapshot: str
    archive: Path
    """The snapshot's gzip'd tar file."""
    folder: Path
    """Where the app is in the end; replaced if it exists. On the same file system as the builder's `work`."""
    log: Path
    """Every event's text is written there as it comes, a line each."""
    env: Mapping[str, str]
    """The app's variables."""
    tokens: tuple[Entrusted, ...] = ()
    """What its owner entrusted to the platform for registries and repositories, the newest last."""
    own_server: bool = True
    """Its owner runs the server: the build gets that one's npm configuration with the credentials in it."""
    fresh: bool = False
    """Dependencies are installed anew, whatever is in the cache; the new ones then take their place there."""


@dataclass(frozen=True)
class Built:
    """What came of it."""

    folder: Path
    engine: Engine
    command: str
    """Shell command that starts the app in `folder`."""
    release: str
    """Shell command to be run in `folder` once before the first start; "" for none."""
    contents: Contents
    seconds: float
    """From the turn in the queue to the end."""
    steps: Mapping[str, float]
    """Seconds of each step that was made: unpack, engine, clone, install, keep, build, prune."""


class Builder:
    """Builds snapshots, some at a time.

    Args:
        cache: kept between builds; may be deleted at any time.
        work: builds are made in folders in it, which are gone at the end.
        engines: where engines are kept; `cache/engines` unless given.
        limits: of the archives.
        timeout: seconds that a build may take.
        concurrent: builds at a time.
        npmrc: npm configuration that builds get; that of whoever runs the server unless given.
        cache_size: bytes of installed dependencies that are kept for the next builds.
        confiner: holds what builds run; one that uses what this machine has unless given.
        bounds: of what builds run.
        strict: nothing is built where there is no sandbox.
    """

    def __init__(
        self,
        *,
        cache: Path,
        work: Path,
        engines: Path | None = None,
        limits: Limits | None = None,
        timeout: float = 900,
        concurrent: int = 2,
        npmrc: Path | None = None,
        cache_size: int = LIMIT,
        confiner: Confiner | None = None,
        bounds: Bounds | None = None,
        strict: bool = False,
    ) -> None:
        self._cache = cache
        self._work = work
        self._state = work.parent
        self._confiner = confiner or Confiner.of_this_machine(self._state)
        self._strict = strict
        self._bounds = bounds or build_limits(memory=None, processes=None, disk=None)
        self._limits = limits or Limits()
        self._timeout = timeout
        self._npmrc = npmrc or user_npmrc()
        self._engines = EngineStore(engines or cache / "engines", cache=cache, npmrc=self._npmrc)
        self._managers = ManagerStore(engines or cache / "engines", cache=cache, npmrc=self._npmrc)
        self._queue = Queue(concurrent)
        self._trees = Trees(cache / "trees", cache_size)
        self._keeping = Keeping()

    async def build(self, job: Job, emit: Emit) -> Built:
        """Make a snapshot's archive into a folder that runs.

        Cancelling the task kills every process of the build and removes everything half-made.

        Args:
            job: what to build.
            emit: takes the events: `step` and `line`.

        Raises:
            PlatformError: what went wrong; `details` has `hint` and, where a tool failed, `output`.
        """
        with Voice(job.log, emit) as voice:
            try:
                async with self._queue.place(voice.place, job.user):
                    return await self._build(job, voice)
            except PlatformError as error:
                voice.failed(error)
                raise
            except asyncio.CancelledError:
                voice.note("The build was interrupted.")
                raise

    def sweep(self) -> int:
        """Remove what builds of a killed server left: their processes and folders. Not while one is running.

        Returns:
            How many folders were removed.
        """
        self._confiner.sweep(GROUPS)
        kill_marked(str(self._work))
        self._trees.sweep()
        self._engines.sweep()
        self._managers.sweep()
        left = list(self._work.iterdir()) if self._work.is_dir() else []
        return sum(remove_tree(folder) for folder in left)

    async def kept(self) -> None:
        """Return when the dependencies that builds left to be kept are."""
        await self._keeping.done()

    async def close(self) -> None:
        """Leave nothing on the machine that only a running server needs. Not while a build is running."""
        await self._keeping.give_up()
        await asyncio.to_thread(self._confiner.forget)

    def _check_sandbox(self) -> None:
        """Refuse to build without a sandbox, where one is asked for.

        Raises:
            PlatformError: UNAVAILABLE, with the reason why there is none.
        """
        why = self._confiner.why_no_sandbox
        if self._strict and why:
            raise PlatformError(
                Code.UNAVAILABLE,
                f"Builds run in a sandbox only on this server, and there is none: {why}.",
                blame=Blame.SYSTEM,
                details={"hint": "jitsu server doctor on the server says what to do."},
            )

    async def _build(self, job: Job, voice: Voice) -> Built:
        self._check_sandbox()
        await self._keeping.done(job.user)
        if why := self._confiner.why_no_sandbox:
            voice.note(f"Without a sandbox: {why}.")
        name = uuid4().hex
        work = self._work / name
        flow = Flow(
            voice,
            work=work,
            state=self._state,
            cache=self._cache / DOWNLOADS / job.user,
            timeout=self._timeout,
            confinement=self._confiner.confine(f"{GROUPS}{name}", self._bounds, folder=work),
        )
        try:
            contents = await flow.unpack(job.archive, self._limits)
            engine = await flow.engine(contents, self._engines)
            made = await flow.make(
                contents,
                engine,
                managers=self._managers,
                own=job.env,
                keys=Keys(self._npmrc, job.tokens, job.own_server),
                store=Store(self._trees, job.user, job.app, fresh=job.fresh),
            )
            await flow.into_place(job.folder)
        finally:
            await flow.clear()
        if made.keep is not None:
            self._keeping.later(job.user, partial(made.keep, job.folder), job.log)
        seconds = flow.elapsed()
        voice.note(f"Built in {seconds:.2f} s: {_spent(voice.seconds)}")
        return Built(job.folder, made.engine, made.command, made.release, contents, seconds, voice.seconds)


def _spent(steps: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {seconds:.2f}" for name, seconds in steps.items())

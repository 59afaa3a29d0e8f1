"""The steps of one build, in the order they are made."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.builder.choice import choose
from jitsu_py.server.builder.dependencies import Wanted
from jitsu_py.server.builder.enclosure import Enclosure
from jitsu_py.server.builder.engines import wanted_engine
from jitsu_py.server.builder.entrusted import Keys, lay_out
from jitsu_py.server.builder.environment import registry_of, tool_environment
from jitsu_py.server.builder.failures import is_noise, is_usage, name_failure, telling
from jitsu_py.server.builder.folders import put_in_place, remove_tree
from jitsu_py.server.builder.install import needs, plan, shown
from jitsu_py.server.builder.manager_fetch import Tool
from jitsu_py.server.builder.manifest import script
from jitsu_py.server.builder.own_scripts import without_scripts
from jitsu_py.server.builder.patience import Patience, to_the_end
from jitsu_py.server.builder.process import kill_marked, run
from jitsu_py.server.builder.registry import Room
from jitsu_py.server.builder.start import (
    START,
    START_IN_PRODUCTION,
    development_program,
    development_settings,
    release_command,
    start_command,
)
from jitsu_py.server.builder.unpack import disk_errors, unpack
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jitsu_py.server.builder.dependencies import Copy, Found, Store
    from jitsu_py.server.builder.engine_fetch import EngineStore
    from jitsu_py.server.builder.engines import Engine
    from jitsu_py.server.builder.install import Needs, Plan
    from jitsu_py.server.builder.manager_fetch import ManagerStore
    from jitsu_py.server.builder.unpack import Contents, Limits
    from jitsu_py.server.builder.voice import Voice
    from jitsu_py.server.confinement import Confinement

KEPT_LINES: Final = 2000
"""Lines of a tool's output that a failure's cause is looked for in."""


@dataclass(frozen=True)
class Made:
    """An app that is ready to run."""

    command: str
    """Shell command that starts it."""
    release: str
    """Shell command that is run once before its first start; "" for none."""
    engine: Engine
    """What it runs on, with its package manager beside it."""
    keep: Copy | None = None
    """Puts what was installed into the cache, from where the app lies then; None: nothing is left to keep."""


class Flow:
    """One build.

    Args:
        voice: told what happens.
        work: the build's own folder; not there yet, and gone after `clear`.
        state: the platform's state folder, which the tools do not see.
        cache: kept between builds.
        timeout: seconds from now that the build may take.
        confinement: holds what the build runs; ended by `clear`.
    """

    def __init__(
        self,
        voice: Voice,
        *,
        work: Path,
        state: Path,
        cache: Path,
        timeout: float,
        confinement: Confinement,
    ) -> None:
        self._voice = voice
        self._state = state
        self._confinement = confinement
        self._work = work
        self._cache = cache
        self._patience = Patience(timeout)
        self._ran_tools = False
        self._keys = Keys(None)
        self.folder = work / "app"
        """Where the app is while it is built."""

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return self._patience.elapsed()

    async def unpack(self, archive: Path, limits: Limits) -> Contents:
        """Unpack a snapshot's archive."""
        with disk_errors("make the build's folders"):
            for folder in (self._work / "home", self._work / "tmp", self._cache):
                folder.mkdir(parents=True, exist_ok=True)
        self._voice.step("unpack", "Unpacking the snapshot")
        with self._voice.timed("unpack"):
            return await self._patience.in_thread(lambda check: unpack(archive, self.folder, limits, check))

    async def engine(self, contents: Contents, engines: EngineStore) -> Engine:
        """Find the Node for what was unpacked; fetch it if this machine has none that will do."""
        wanted = wanted_engine(contents.manifest)
        room = Room(self._work, self._patience.deadline(), partial(self._voice.step, "engine"))
        with self._voice.timed("engine"):
            engine = await engines.find(wanted, room)
        why = f"package.json asks for {wanted}" if wanted else "package.json names none: the server's own"
        self._voice.step("engine", f"Node {engine.version} ({why})")
        return engine

    async def make(
        self,
        contents: Contents,
        engine: Engine,
        *,
        managers: ManagerStore,
        keys: Keys,
        own: Mapping[str, str],
        store: Store,
    ) -> Made:
        """Install, build, prune.

        Args:
            contents: what was unpacked.
            engine: what it runs on.
            managers: where package managers come from.
            keys: what the build may open.
            own: the app's variables.
            store: where installed dependencies are kept.
        """
        manifest, todo = contents.manifest, needs(contents.manifest, self.folder)
        if not todo.building:
            # Nothing will come that is not there now: better known before a long install.
            start_command(manifest, self.folder)
        if not todo.tool:
            self._voice.step("install", "No dependencies to install")
            return Made(start_command(manifest, self.folder), release_command(manifest, self.folder), engine)
        engine, tool = await self._tools(manifest, engine, managers, todo)
        self._keys = keys
        with disk_errors("make the build's folders"):
            npmrc = await asyncio.to_thread(lay_out, self._work / "home", keys)
        env = tool_environment(
            engine, folder=self.folder, work=self._work, cache=self._cache, npmrc=npmrc, own=own
        )
        steps = plan(manifest, self.folder, todo, tool, cache=self._cache, registry=registry_of(env))
        env = {**env, **steps.env}
        wanted = Wanted(
            manifest, self.folder, engine, tool, steps.install, env, own, apart=bool(steps.scripts)
        )
        keep = await self._install(steps, wanted, store)
        if steps.build:
            self._voice.step("build", f"Building: {shown(steps.build)}")
            await self._tool("build", steps.build, wanted, Code.BUILD_FAILED)
        start = await self._pruned(steps, wanted)
        command = start_command(manifest, self.folder, start)
        return Made(command, release_command(manifest, self.folder), engine, keep)

    async def _pruned(self, steps: Plan, wanted: Wanted) -> str:
        """Take away what only the build needed; the name of the script that starts what is left."""
        manifest = wanted.manifest
        needed = development_program(manifest, self.folder) if steps.prune else ""
        if needed and not script(manifest, START_IN_PRODUCTION):
            self._voice.remark(f"{START} runs {needed}, a devDependency: the devDependencies stay.")
            return START
        if steps.prune and (settings := development_settings(manifest, self.folder)):
            self._voice.remark(f"typescript, a devDependency, reads {settings}: the devDependencies stay.")
            return START
        if steps.prune:
            self._voice.step("prune", "Removing what only the build needed")
            await self._tool("prune", steps.prune, wanted, Code.INSTALL_FAILED)
        if needed:
            self._voice.remark(
                f"{START} runs {needed}, a devDependency: {START_IN_PRODUCTION} starts the app."
            )
            return START_IN_PRODUCTION
        return START

    async def _tools(
        self, manifest: Mapping[str, Any], engine: Engine, managers: ManagerStore, todo: Needs
    ) -> tuple[Engine, Tool]:
        """Find the package manager, and put it beside the engine's node, also for when the app runs."""
        if not engine.npm:
            message = f"Node {engine.version} on the server has no npm with it that runs."
            raise PlatformError(Code.INSTALL_FAILED, message, blame=Blame.SYSTEM)
        if not todo.installing:
            return engine, Tool("npm", engine.npm_version, engine.npm)
        room = Room(self._work, self._patience.deadline(), partial(self._voice.step, "engine"))
        with self._voice.timed("engine"):
            tool = await managers.find(choose(manifest, self.folder), engine, room)
            return await asyncio.to_thread(managers.beside, engine, tool), tool

    async def _install(self, todo: Plan, wanted: Wanted, store: Store) -> Copy | None:
        """Install; what keeps the dependencies for the next build, if that can wait till this one ends."""
        if not todo.install:
            self._voice.step("install", "No dependencies to install")
            return None
        found = await self._from_store(store, wanted)
        keep = None
        if found.taken:
            self._voice.step("install", found.message)
        else:
            await self._install_anew(todo, wanted, found)
            keep = await self._kept(todo, found)
        for command in todo.scripts:
            self._voice.step("install", f"Running the app's own install script: {shown(command)}")
            await self._tool("install", command, wanted, Code.INSTALL_FAILED)
        return keep

    async def _install_anew(self, todo: Plan, wanted: Wanted, found: Found) -> None:
        self._voice.step("install", f"Installing dependencies: {shown(todo.install)}")
        for remark in (found.message, todo.remark):
            if remark:
                self._voice.remark(remark)
        with ExitStack() as stack:
            if todo.scripts:
                stack.enter_context(disk_errors("change package.json"))
                stack.enter_context(without_scripts(self.folder))
            await self._tool("install", todo.install, wanted, Code.INSTALL_FAILED)

    async def _kept(self, todo: Plan, found: Found) -> Copy | None:
        """Keep what was installed: now, if the build goes on to change it, else by what is returned."""
        if found.look is None:
            return None
        with self._voice.timed("keep"):
            installed = await asyncio.to_thread(found.look)
            copy, against = installed.copy, installed.against
            if copy is not None and (todo.scripts or todo.build or todo.prune):
                against = await self._patience.in_thread(partial(copy, self.folder))
                copy = None
        if against:
            self._voice.note(f"The dependencies are not kept: {against}.")
        else:
            self._voice.note("The dependencies are kept for next time.")
        return copy

    async def _from_store(self, store: Store, wanted: Wanted) -> Found:
        with self._voice.timed("clone"), disk_errors("copy the dependencies"):
            return await self._patience.in_thread(lambda check: store.find(wanted, check))

    async def _tool(self, step: str, command: tuple[str, ...], wanted: Wanted, code: Code) -> None:
        output: deque[str] = deque(maxlen=KEPT_LINES)
        tell = self._voice.line

        def line(text: str, stream: str) -> None:
            nonlocal tell
            text = self._keys.hide(text)
            if is_noise(text):
                return
            output.append(text)
            if is_usage(text):
                # Eighty lines on how npm is called; who deploys did not call it. The log has them.
                tell = self._voice.aside
            tell(text, stream)

        self._ran_tools = True
        deadline = self._patience.deadline()
        hold = Enclosure(
            self._confinement, self._state, self._work, self._cache, wanted.engine, wanted.env, code
        )
        try:
            with self._voice.timed(step):
                exit_code = await run(
                    command, cwd=self.folder, env=wanted.env, line=line, deadline=deadline, hold=hold
                )
        except PlatformError as error:
            error.details.setdefault("output", telling(output))
            raise
        if exit_code != 0:
            raise name_failure(output, code=code, doing=shown(command), exit_code=exit_code)

    async def into_place(self, place: Path) -> None:
        """Move the app to where it belongs."""
        if self._ran_tools:
            # A stray that still writes would write there.
            await asyncio.to_thread(self._end_strays)
            self._ran_tools = False
        with disk_errors(f"put the app into {place}"):
            await to_the_end(asyncio.to_thread(put_in_place, self.folder, place, self._work))

    async def clear(self) -> None:
        """End what the build started and remove what it leaves beside the app, even when cancelled."""
        await to_the_end(asyncio.to_thread(self._clear))

    def _clear(self) -> None:
        if self._ran_tools:
            self._end_strays()
        self._confinement.end()
        remove_tree(self._work)

    def _end_strays(self) -> None:
        self._confinement.kill()
        kill_marked(str(self._work))

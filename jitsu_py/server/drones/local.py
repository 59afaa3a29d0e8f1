"""Runs drones as processes of this machine."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from typing import TYPE_CHECKING

import psutil

from jitsu_py.server.confinement import SHELL, Start
from jitsu_py.server.drones import census, priority, sandboxed
from jitsu_py.server.drones.engine import Found
from jitsu_py.server.drones.environment import drone_environment, marks_of
from jitsu_py.server.drones.install import DroneFolder
from jitsu_py.server.drones.process import LocalProcess, capture_files

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from jitsu_py.server.confinement import Confinement
    from jitsu_py.server.drones.engine import DroneSpec
    from jitsu_py.server.drones.quarters import Quarters

SIMPLE = re.compile(r"\s*node\s[^;&|()`\n]*")
"""A start script that is one command of node's."""

MODERN = (20, 0)
"""What a Node that does not tell its version is taken for."""


class LocalEngine:
    """Drones are real processes in sessions of their own; they outlive this one.

    Args:
        state: the platform's state folder; drones are known by it.
        quarters: what holds the drones; None: nothing does.
    """

    def __init__(self, state: Path, quarters: Quarters | None = None) -> None:
        self._state = state.resolve()
        self._quarters = quarters
        self._versions: dict[Path, tuple[int, int]] = {}

    async def launch(self, spec: DroneSpec) -> LocalProcess:
        """Start a drone's shell in its own session, its output appended to the capture files.

        Raises:
            OSError: its folder is missing, the disk is full, the machine has no processes left.
        """
        folder = self._folder(spec.id)
        version = await self._version(spec.node)
        folder.lay_out(spec.node, version)
        spec.capture.mkdir(mode=0o700, parents=True, exist_ok=True)
        env = drone_environment(spec, folder, self._state, version)
        hold = await asyncio.to_thread(self._quarters.hold, spec, folder) if self._quarters else None
        try:
            with _outputs(spec, hold) as outputs, self._start(spec, folder, env, hold) as start:
                printed = os.fstat(outputs[0]).st_size, os.fstat(outputs[1]).st_size
                pid = _spawn(spec, start, outputs)
        except BaseException:
            if hold is not None:
                hold.end()
            raise
        priority.lower(pid)
        started = psutil.Process(pid).create_time()
        return LocalProcess(pid, started, spec, folder, self._state, printed, hold)

    def _start(
        self, spec: DroneSpec, folder: DroneFolder, env: dict[str, str], hold: Confinement | None
    ) -> AbstractContextManager[Start]:
        # Some shells would stay as node's parent, a process more and one between it and its exit code.
        command = f"exec {spec.command}" if SIMPLE.fullmatch(spec.command) else spec.command
        argv = (SHELL, "-c", command)
        if hold is None or self._quarters is None:
            return nullcontext(Start(argv, env))
        hold.step_back(priority.BOOTING)
        return hold.start(argv, env, self._quarters.view(spec, folder, hold), marks_of(env))

    async def find(self) -> list[Found]:
        """Drones of this state folder whose leading process runs."""
        return [
            Found(one.drone, one.app, one.snapshot, one.port, one.pid, one.started)
            for one in await asyncio.to_thread(census.marked, self._state)
            if one.leads and not sandboxed.is_inside(one.pid)
        ]

    async def adopt(self, found: Found, spec: DroneSpec) -> LocalProcess | None:
        """Take over a drone that an earlier server launched; None if it ended meanwhile."""
        if not census.is_same(found.pid, found.started):
            return None
        hold = await asyncio.to_thread(self._quarters.hold_again, spec, found.pid) if self._quarters else None
        return LocalProcess(found.pid, found.started, spec, self._folder(spec.id), self._state, hold=hold)

    async def sweep(self, keep: Collection[str], grace: float) -> None:
        """End every process of this state folder's drones that are not in `keep`."""
        deadline = asyncio.get_running_loop().time() + grace
        number = signal.SIGTERM
        asked: set[int] = set()
        while doomed := await asyncio.to_thread(self._doomed, keep):
            if asyncio.get_running_loop().time() >= deadline:
                number = signal.SIGKILL
            for one in doomed:
                if number is signal.SIGKILL or one.pid not in asked:
                    with suppress(OSError):
                        os.kill(one.pid, number)
                asked.add(one.pid)
            await asyncio.sleep(0.02)
        if self._quarters is not None:
            # What had left its group and hidden its mark.
            await asyncio.to_thread(self._quarters.sweep, keep)

    def _doomed(self, keep: Collection[str]) -> list[census.Marked]:
        return [one for one in census.marked(self._state) if one.drone not in keep]

    async def forget(self, spec: DroneSpec) -> None:
        """Remove the drone's own folder: its home and temporary files."""
        await asyncio.to_thread(shutil.rmtree, self._folder(spec.id).path, ignore_errors=True)

    def _folder(self, drone: str) -> DroneFolder:
        return DroneFolder(self._state / "run" / "drones" / drone)

    async def _version(self, node: Path) -> tuple[int, int]:
        if node not in self._versions:
            self._versions[node] = await asyncio.to_thread(_ask_version, node)
        return self._versions[node]


def _ask_version(node: Path) -> tuple[int, int]:
    with suppress(OSError, subprocess.SubprocessError):
        answer = subprocess.run([node, "--version"], capture_output=True, timeout=10, env={}, check=False)
        if found := re.match(rb"v(\d+)\.(\d+)", answer.stdout):
            return int(found[1]), int(found[2])
    return MODERN


@contextmanager
def _outputs(spec: DroneSpec, hold: Confinement | None) -> Iterator[tuple[int, int]]:
    """The capture files, open to append; the drone's own, for apps that open /dev/stdout."""
    with ExitStack() as opened:
        handles = []
        for path in capture_files(spec):
            handles.append(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600))
            opened.callback(os.close, handles[-1])
            if hold is not None and hold.user is not None:
                os.fchown(handles[-1], hold.user.number, hold.user.number)
        yield handles[0], handles[1]


def _spawn(spec: DroneSpec, start: Start, outputs: tuple[int, int]) -> int:
    child = subprocess.Popen(
        start.argv,
        cwd=spec.folder,
        env=start.env,
        stdin=subprocess.DEVNULL,
        stdout=outputs[0],
        stderr=outputs[1],
        start_new_session=True,
        pass_fds=start.descriptors,
    )
    # `Watch` reaps it. Told so, the object does not complain that a drone outlives it.
    child.returncode = 0
    return child.pid

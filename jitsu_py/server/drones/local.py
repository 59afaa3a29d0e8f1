"""Runs drones as processes of this machine."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import subprocess
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil

from jitsu_py.server.drones import census, priority
from jitsu_py.server.drones.engine import Found
from jitsu_py.server.drones.environment import drone_environment
from jitsu_py.server.drones.install import DroneFolder
from jitsu_py.server.drones.process import LocalProcess, capture_files

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

    from jitsu_py.server.drones.engine import DroneSpec

SIMPLE = re.compile(r"\s*node\s[^;&|()`\n]*")
"""A start script that is one command of node's."""

MODERN = (20, 0)
"""What a Node that does not tell its version is taken for."""


class LocalEngine:
    """Drones are real processes in sessions of their own; they outlive this one.

    Args:
        state: the platform's state folder; drones are known by it.
    """

    def __init__(self, state: Path) -> None:
        self._state = state.resolve()
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
        stdout, stderr = (_open_to_append(path) for path in capture_files(spec))
        try:
            printed = os.fstat(stdout).st_size, os.fstat(stderr).st_size
            pid = _spawn(spec, drone_environment(spec, folder, self._state, version), stdout, stderr)
        finally:
            os.close(stdout)
            os.close(stderr)
        priority.lower(pid)
        return LocalProcess(pid, psutil.Process(pid).create_time(), spec, folder, self._state, printed)

    async def find(self) -> list[Found]:
        """Drones of this state folder whose leading process runs."""
        return [
            Found(one.drone, one.app, one.snapshot, one.port, one.pid, one.started)
            for one in await asyncio.to_thread(census.marked, self._state)
            if one.leads
        ]

    async def adopt(self, found: Found, spec: DroneSpec) -> LocalProcess | None:
        """Take over a drone that an earlier server launched; None if it ended meanwhile."""
        if not census.is_same(found.pid, found.started):
            return None
        return LocalProcess(found.pid, found.started, spec, self._folder(spec.id), self._state)

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


def _open_to_append(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _spawn(spec: DroneSpec, environment: dict[str, str], stdout: int, stderr: int) -> int:
    # Some shells would stay as node's parent, a process more and one between it and its exit code.
    command = f"exec {spec.command}" if SIMPLE.fullmatch(spec.command) else spec.command
    child = subprocess.Popen(
        ["/bin/sh", "-c", command],
        cwd=spec.folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    )
    # `Watch` reaps it. Told so, the object does not complain that a drone outlives it.
    child.returncode = 0
    return child.pid

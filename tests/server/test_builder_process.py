"""Tools are run with their output as it comes, and end with all they started."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import psutil
import pytest
import uvloop

from jitsu_py.server.builder.process import MARK, kill_marked, run
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

WAIT = "while [ ! -e up ]; do sleep 0.05; done"
"""A script's wait for the process it started to have a session of its own."""


@pytest.fixture(params=sorted(LOOPS))
def loop(request: pytest.FixtureRequest) -> Callable[[], asyncio.AbstractEventLoop]:
    """Python's loop, and the one the server runs on."""
    factory: Callable[[], asyncio.AbstractEventLoop] = LOOPS[request.param]
    return factory


class Tool:
    """Runs shell commands in a folder and keeps what they print."""

    def __init__(self, folder: Path, loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
        self.folder = folder
        self.loop = loop
        self.lines: list[tuple[str, str]] = []
        self.times: list[float] = []
        self.env = {"PATH": os.environ["PATH"], MARK: str(folder)}

    def line(self, text: str, stream: str) -> None:
        self.lines.append((text, stream))
        self.times.append(time.monotonic())

    async def start(self, script: str, seconds: float = 30) -> int:
        """Run a script in the running loop."""
        deadline = asyncio.get_running_loop().time() + seconds
        return await run(
            ["/bin/sh", "-c", script], cwd=self.folder, env=self.env, line=self.line, deadline=deadline
        )

    def __call__(self, script: str, seconds: float = 30) -> int:
        """Run a script."""
        with asyncio.Runner(loop_factory=self.loop) as runner:
            return runner.run(self.start(script, seconds))

    def left(self, seconds: float = 3.0) -> list[psutil.Process]:
        """Processes that a script left; one that was killed may take a moment to be gone."""
        deadline = time.monotonic() + seconds
        while (found := self._running()) and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def _running(self) -> list[psutil.Process]:
        found = []
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                if process.environ().get(MARK) == str(self.folder) and process.status() != "zombie":
                    found.append(process)
        return found


@pytest.fixture
def tool(tmp_path: Path, loop: Callable[[], asyncio.AbstractEventLoop]) -> Tool:
    """A runner of scripts."""
    return Tool(tmp_path, loop)


def test_streams_and_exit_code(tool: Tool) -> None:
    """Both streams, by name; the exit code; no input to wait for."""
    assert tool("echo out; echo err >&2; read x || echo none; exit 7") == 7
    assert sorted(tool.lines) == [("err", "stderr"), ("none", "stdout"), ("out", "stdout")]


def test_lines_come_as_they_are_printed(tool: Tool) -> None:
    """A person watches the build, so a line is not kept until the end."""
    assert tool("echo a; sleep 0.6; echo b") == 0
    assert tool.times[1] - tool.times[0] > 0.4


def test_a_signal_is_a_negative_code(tool: Tool) -> None:
    """As Python has it."""
    assert tool("kill -9 $$") == -9


def test_much_output_on_both_streams(tool: Tool) -> None:
    """Neither pipe fills up while the other is read."""
    assert tool("for n in 1 2 3; do seq 1 20000; seq 1 20000 >&2; done") == 0
    assert len(tool.lines) == 120_000


def test_what_is_left_behind_is_killed(tool: Tool) -> None:
    """A background process of a script does not outlive it, nor keep the build waiting."""
    began = time.monotonic()
    assert tool("sleep 300 & sleep 300 & echo started") == 0
    assert time.monotonic() - began < 5
    assert not tool.left()
    assert tool.lines == [("started", "stdout")]


def test_what_left_the_group_is_killed(tool: Tool) -> None:
    """A daemon that holds the pipes is found by its mark."""
    began = time.monotonic()
    assert tool(f"setsid sh -c 'touch up; sleep 300' & {WAIT}; echo started") == 0
    assert time.monotonic() - began < 5
    assert not tool.left()


def test_a_daemon_with_pipes_of_its_own_is_killed_by_its_mark(tool: Tool) -> None:
    """Such a one may hold up nobody; the end of the build looks for it."""
    assert tool(f"setsid sh -c 'touch up; sleep 300' >/dev/null 2>&1 </dev/null & {WAIT}") == 0
    kill_marked(str(tool.folder.parent))
    assert not tool.left()


def test_too_long(tool: Tool) -> None:
    """At the deadline everything is killed, also what ignores TERM, and the error says what it was."""
    with pytest.raises(PlatformError) as caught:
        tool("trap '' TERM; echo on; sleep 300 & wait", seconds=0.5)
    assert caught.value.code is Code.BUILD_TIMED_OUT
    assert caught.value.blame is Blame.APPLICATION
    assert tool.lines == [("on", "stdout")]
    assert not tool.left()


def test_cancelled(tool: Tool) -> None:
    """A cancelled task leaves no process."""

    async def cancel() -> None:
        task = asyncio.create_task(tool.start("sh -c 'sleep 300; true' & setsid sleep 300 & echo on; wait"))
        while not tool.lines:
            await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    with asyncio.Runner(loop_factory=tool.loop) as runner:
        runner.run(cancel())
    kill_marked(str(tool.folder))
    assert not tool.left()


def test_no_such_program(tool: Tool, tmp_path: Path) -> None:
    """The server's fault, said as such."""

    async def start() -> int:
        deadline = asyncio.get_running_loop().time() + 9
        return await run(["/no/such/tool"], cwd=tmp_path, env={}, line=tool.line, deadline=deadline)

    with pytest.raises(PlatformError, match="cannot start tool: No such file") as caught:
        asyncio.run(start())
    assert caught.value.blame is Blame.SYSTEM


def test_a_listener_that_fails_ends_the_tool(tool: Tool) -> None:
    """An error where the lines go to is not lost, and the tool does not wait for a reader for ever."""

    class Deaf(Tool):
        def line(self, text: str, stream: str) -> None:
            raise ValueError(f"no more lines: {text} {stream}")

    deaf = Deaf(tool.folder, tool.loop)
    with pytest.raises(ValueError, match="no more lines"):
        deaf("echo a; sleep 300")
    assert not tool.left()


def test_marks_of_others_are_not_touched(tmp_path: Path) -> None:
    """A work folder whose name begins like another's is another; one inside it is its own."""
    places = (tmp_path / "work" / "1", tmp_path / "work2" / "1")
    sleep = [sys.executable, "-c", "import time; time.sleep(300)"]
    mine, other = (subprocess.Popen(sleep, env={MARK: str(place)}) for place in places)
    try:
        assert kill_marked(str(tmp_path / "work")) == 1
        assert mine.wait(10) == -9
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()

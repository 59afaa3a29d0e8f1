"""The end of a process is noticed when all of it is over, and its exit code is the one it had."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time

import psutil
import pytest

from jitsu_py.server.drones.engine import Exit
from jitsu_py.server.drones.watch import Watch

LINGERS = """
import ctypes, os, threading, time
def end():
    time.sleep(0.3)
    os._exit(3)
threading.Thread(target=end).start()
ctypes.CDLL(None).pthread_exit(None)
"""
"""Its first thread ends before another, as one of Node's threads may outlast the first for a moment."""


def started(script: str) -> tuple[int, float]:
    """A child that nobody waits for; its id, and when it started."""
    child = subprocess.Popen([sys.executable, "-c", script])
    child.returncode = 0  # the watch reaps it
    return child.pid, psutil.Process(child.pid).create_time()


def ending(pid: int, begun: float) -> Exit:
    """What a watch says of it."""

    async def watched() -> Exit:
        return await asyncio.wait_for(Watch(pid, begun).ended, 10)

    return asyncio.run(watched())


@pytest.mark.slow
@pytest.mark.parametrize("has_pidfd", [True, False])
def test_a_first_thread_that_ended_is_not_the_end(
    monkeypatch: pytest.MonkeyPatch, *, has_pidfd: bool
) -> None:
    """The process is a zombie to look at while another thread of it runs on; its exit code comes later."""
    if not has_pidfd:
        monkeypatch.delattr(os, "pidfd_open")
    pid, begun = started(LINGERS)
    while psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    assert ending(pid, begun) == Exit(code=3)


def test_one_that_ended_before_it_was_watched_is_reaped() -> None:
    """Its exit code was kept for us."""
    pid, begun = started("raise SystemExit(4)")
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert ending(pid, begun) == Exit(code=4)
    assert not psutil.pid_exists(pid)


def test_another_that_has_its_id_is_left_alone() -> None:
    """The one that was meant is over, nobody knows how; this one is not reaped."""
    pid, begun = started("raise SystemExit(4)")
    assert ending(pid, begun - 60) == Exit()
    assert os.waitpid(pid, 0)[0] == pid

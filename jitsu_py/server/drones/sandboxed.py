"""Tells the processes of a drone from those of the sandbox that it runs in.

In a sandbox the leading process is bubblewrap's, and its child the first process inside. TERM would end the
one before the app could end in order, and nobody would hear how it ended; the other one heeds KILL only.
"""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from pathlib import Path
from typing import Final

from jitsu_py.server.drones import census

PROGRAM: Final = "bwrap"


def signal_inside(leader: int, number: signal.Signals) -> bool:
    """Send a signal to the drone's processes in a sandbox; whether there is one.

    One in which nothing of the app runs yet is ended at once.

    Args:
        leader: the leading process; it runs.
        number: not KILL.
    """
    if not _is_sandbox(leader):
        return False
    inside = [process.pid for process in census.group(leader) if not _is_sandbox(process.pid)]
    for pid in inside:
        with suppress(OSError):
            os.kill(pid, number)
    if not inside:
        with suppress(OSError):
            os.killpg(leader, signal.SIGKILL)
    return True


def is_inside(pid: int) -> bool:
    """Whether a process is in a sandbox, or anywhere where it has another number than here."""
    with suppress(OSError, ValueError, StopIteration):
        lines = Path(f"/proc/{pid}/status").read_text("utf-8", "replace").splitlines()
        return len(next(line for line in lines if line.startswith("NSpid:")).split()) > 2
    return False


def _is_sandbox(pid: int) -> bool:
    with suppress(OSError):
        # An upgrade meanwhile makes it "bwrap (deleted)".
        return Path(f"/proc/{pid}/exe").readlink().name.split(" ")[0] == PROGRAM
    return False

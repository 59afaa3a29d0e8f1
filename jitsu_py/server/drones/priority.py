"""Who boots waits for those who serve: a lower priority until a drone is ready.

A Node that starts takes a core for a tenth of a second; on a small machine visitors of all apps would wait
for it.
"""

from __future__ import annotations

import contextlib
import functools
import os
import sys
import threading
from pathlib import Path
from typing import Final

BOOTING: Final = 10
"""How much nicer a drone is while it boots: about a ninth of the weight of one that serves."""


def lower(group: int) -> None:
    """Let a process group give way, where it can be taken back; nothing happens if it is gone."""
    if _can_be_raised():
        _set(group, BOOTING)


def restore(group: int) -> None:
    """Take `lower` back, for every thread of every process of the group."""
    if _can_be_raised():
        _set(group, 0)


def _set(group: int, nicer: int) -> None:
    with contextlib.suppress(OSError):
        os.setpriority(os.PRIO_PGRP, group, os.getpriority(os.PRIO_PROCESS, 0) + nicer)
    # Where the kernel groups by session (autogroup), only the group's own value counts between sessions.
    with contextlib.suppress(OSError):
        Path(f"/proc/{group}/autogroup").write_text(str(nicer))


@functools.cache
def _can_be_raised() -> bool:
    """Whether this process may take a priority back that it gave away: root with its capabilities may."""
    answers: list[bool] = []
    # On Linux a thread has a priority of its own: this one is lost with it.
    probe = threading.Thread(target=lambda: answers.append(_try()))
    probe.start()
    probe.join()
    return answers == [True]


def _try() -> bool:
    if sys.platform != "linux":
        return False
    me = threading.get_native_id()
    try:
        own = os.getpriority(os.PRIO_PROCESS, me)
        os.setpriority(os.PRIO_PROCESS, me, own + 1)
        os.setpriority(os.PRIO_PROCESS, me, own)
    except OSError:
        return False
    return True

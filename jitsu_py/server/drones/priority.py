"""Visitors come first: who boots, and who manages, waits for those who serve.

A Node that starts takes a core for a tenth of a second, and so does the server's own part in a deploy; on a
small machine visitors of all apps would wait for both.
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

PATIENCE: Final = 3.0
"""Seconds for which a drone that boots gives way: on a machine that is busy it might never come to listen."""

MANAGING: Final = 7
"""How much nicer the server is than what serves: about a fifth of its weight, so that a deploy still gets
through where an app has run wild."""


def step_aside() -> None:
    """Let this process give way to the drones and the router, for good.

    Only where the kernel groups by session, and this process leads one: each session it starts from then on
    has the usual weight, which niceness, being inherited, would not give them.
    """
    if sys.platform == "linux" and os.getsid(0) == os.getpid():
        _group(os.getpid(), MANAGING)


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
    _group(group, nicer)


def _group(leader: int, nicer: int) -> None:
    """Where the kernel groups by session (autogroup), only the group's own value counts between sessions."""
    with contextlib.suppress(OSError):
        Path(f"/proc/{leader}/autogroup").write_text(str(nicer))


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

"""How a program gets under its bounds: a shell takes them on itself, then becomes the program.

So there is no moment in which the program runs without them, and no Python between fork and exec, where a
process with threads must not run any.
"""

from __future__ import annotations

import os
import resource
import shlex
import shutil
from typing import TYPE_CHECKING, Final

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from jitsu_py.server.confinement.limits import Limits

SHELL: Final = "/bin/sh"

BLOCK: Final = 512
"""Bytes of a block of `ulimit -f`, by POSIX."""

FAILED: Final = 125
"""Exit code when the bounds could not be taken on."""

SENTENCE: Final = "jitsu: its bounds could not be set"


def launched(
    argv: Sequence[str], limits: Limits, entrances: Sequence[Path], user: int | None = None
) -> tuple[str, ...]:
    """A command line that takes on bounds, then becomes another one, under the same process id.

    Args:
        argv: program and arguments.
        limits: its bounds.
        entrances: the files of its control groups.
        user: as whom it runs in the end, by number; None: as this process.
    """
    whose = os.geteuid() if user is None else user
    script = "\n".join([*_steps(limits, entrances, whose), f'exec {_nice(limits)}"$@"'])
    return (SHELL, "-c", script, "jitsu", *argv)


def _steps(limits: Limits, entrances: Sequence[Path], user: int) -> Iterator[str]:
    for entrance in entrances:
        failed = f"{{ echo {shlex.quote(SENTENCE)} >&2; exit {FAILED}; }}"
        yield f"echo 0 > {shlex.quote(str(entrance))} || {failed}"
    if limits.expendable:
        yield "{ echo 800 > /proc/self/oom_score_adj; } 2>/dev/null"
    if limits.nice:
        # Where the system groups processes by session, each group steps back as a whole or not at all.
        yield f"{{ echo {limits.nice} > /proc/self/autogroup; }} 2>/dev/null"
    yield "ulimit -c 0"
    if limits.open_files is not None:
        yield f"ulimit -n {_allowed(limits.open_files, resource.RLIMIT_NOFILE)} 2>/dev/null"
    if limits.disk is not None:
        blocks = _allowed(limits.disk, resource.RLIMIT_FSIZE) // BLOCK
        yield f"ulimit -f {max(1, blocks)} 2>/dev/null"
    if limits.processes is not None and not entrances and user != 0:
        # The one letter is bash's, the other dash's. The system counts all that this user runs.
        count = _allowed(limits.processes + _running(user), resource.RLIMIT_NPROC)
        yield f"ulimit -u {count} 2>/dev/null || ulimit -p {count} 2>/dev/null"


def _nice(limits: Limits) -> str:
    # By its path: the program's own PATH may lead elsewhere, or nowhere.
    nice = shutil.which("nice", path=os.defpath) if limits.nice else None
    return f"{shlex.quote(nice)} -n {limits.nice} " if nice else ""


def _allowed(wanted: int, kind: int) -> int:
    """A bound, no higher than this process may set it."""
    most = resource.getrlimit(kind)[1]
    return wanted if most == resource.RLIM_INFINITY else min(wanted, most)


def _running(user: int) -> int:
    """Processes and threads of a user."""
    count = 0
    for process in psutil.process_iter():
        try:
            if process.uids().real == user:
                count += process.num_threads()
        except (psutil.Error, OSError):
            continue
    return count

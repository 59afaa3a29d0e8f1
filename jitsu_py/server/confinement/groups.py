"""One control group: made with its bounds, entered, read, emptied, removed."""

from __future__ import annotations

import errno
import os
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from jitsu_py.server.confinement.limits import Limits

PROCS: Final = "cgroup.procs"

USUAL_SHARES: Final = 1024
"""What version 1 gives a group that nobody set."""

USUAL_WEIGHT: Final = 100
"""The same of version 2."""

STEP: Final = 0.8
"""What a step of niceness is to the kernel: a fifth less."""

EMPTYING_SECONDS: Final = 5.0
"""How long killed processes are given to be gone."""

PAUSE: Final = 0.01

UNBOUNDED: Final = 1 << 62
"""Bytes from which on a bound of version 1 is none: it has a number where nobody set one."""


@dataclass(frozen=True)
class Group:
    """A control group; the same one in each hierarchy of version 1."""

    version: int
    folders: Mapping[str, Path]
    """Its folder for each controller."""

    def make(self, limits: Limits) -> None:
        """Make it, with its bounds; one that is there, and uses more memory, keeps its bound of that.

        Raises:
            OSError: it cannot be made.
        """
        was_there = self.exists()
        for folder in self._places():
            folder.mkdir(exist_ok=True)
        for file, value in self._settings(limits):
            write(file, value)
        if limits.memory is not None:
            try:
                self.bound(limits.memory)
            except OSError:
                if not was_there:
                    raise

    def bound(self, memory: int) -> None:
        """Set how many bytes of memory may be used.

        Raises:
            OSError: EBUSY: more is in use, and what held before still does.
        """
        folder = self.folders["memory"]
        if self.memory() > memory:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        if self.version == 2:
            write(folder / "memory.max", str(memory))
            write(folder / "memory.oom.group", "1")
            with suppress(OSError):  # a machine may keep no account of swap
                write(folder / "memory.swap.max", "0")
            return
        both, alone = folder / "memory.memsw.limit_in_bytes", folder / "memory.limit_in_bytes"
        # That of memory and swap is never the lower one.
        with suppress(OSError):
            write(both, str(max(memory, _number(alone))))
        write(alone, str(memory))
        with suppress(OSError):
            write(both, str(memory))

    def bounded(self) -> int | None:
        """Bytes of memory that may be used; None: as much as there is."""
        name = "memory.limit_in_bytes" if self.version == 1 else "memory.max"
        found = _number(self.folders["memory"] / name)
        return found if 0 < found < UNBOUNDED else None

    def _settings(self, limits: Limits) -> Iterator[tuple[Path, str]]:
        pids = self.folders.get("pids")
        if pids and limits.processes is not None:
            yield pids / "pids.max", str(limits.processes)
        yield from self._weight(limits, limits.nice)

    def _weight(self, limits: Limits, nice: int) -> Iterator[tuple[Path, str]]:
        """Between groups the niceness of processes does not count: it is in the group's own weight."""
        cpu = self.folders.get("cpu")
        if cpu is None or (limits.cpu is None and self.version == 1):
            return
        weight = max(1, round((limits.cpu or USUAL_WEIGHT) * STEP**nice))
        shares = max(2, weight * USUAL_SHARES // USUAL_WEIGHT)
        yield (cpu / "cpu.shares", str(shares)) if self.version == 1 else (cpu / "cpu.weight", str(weight))

    def weigh(self, limits: Limits, nice: int) -> None:
        """Let it step back for others, or no longer; nothing happens where it has no weight.

        Args:
            limits: those that it was made with.
            nice: 0 to 19.
        """
        for file, value in self._weight(limits, nice):
            with suppress(OSError):
                write(file, value)

    @property
    def entrances(self) -> list[Path]:
        """The files that a process writes 0 to, or somebody its id, to be in the group."""
        return [folder / PROCS for folder in self._places()]

    def _places(self) -> list[Path]:
        return sorted(set(self.folders.values()))

    def exists(self) -> bool:
        """Whether it is there."""
        return all(folder.is_dir() for folder in self._places())

    def enter(self, pid: int) -> None:
        """Put a process in; what it starts from now on is in too.

        Raises:
            OSError: it is gone, or is not ours to move.
        """
        for entrance in self.entrances:
            write(entrance, str(pid))

    def pids(self) -> set[int]:
        """The processes in it."""
        found: set[int] = set()
        for entrance in self.entrances:
            found |= {int(word) for word in read_words(entrance) if word.isdigit()}
        return found - {0}

    def memory(self) -> int:
        """Bytes used, without what the kernel keeps of files and could let go of at once."""
        folder = self.folders["memory"]
        first = self.version == 1
        used = _number(folder / ("memory.usage_in_bytes" if first else "memory.current"))
        return max(
            0, used - _value(folder / "memory.stat", "total_inactive_file" if first else "inactive_file")
        )

    def tasks(self) -> int:
        """Processes and threads in it."""
        return _number(self.folders["pids"] / "pids.current")

    def killed(self) -> int:
        """How many processes the system ended because the memory bound was reached."""
        file = "memory.oom_control" if self.version == 1 else "memory.events"
        return _value(self.folders["memory"] / file, "oom_kill")

    def kill(self) -> None:
        """KILL everything in it until nothing is left, or for `EMPTYING_SECONDS`."""
        if self.version == 2:
            with suppress(OSError):
                write(next(iter(self._places())) / "cgroup.kill", "1")
        until = time.monotonic() + EMPTYING_SECONDS
        while (left := self.pids()) and time.monotonic() < until:
            for pid in left:
                with suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGKILL)
            time.sleep(PAUSE)

    def remove(self) -> bool:
        """Remove it; whether it is gone. One with processes stays."""
        until = time.monotonic() + EMPTYING_SECONDS
        left = self._places()
        while left:
            left = [folder for folder in left if not removed(folder)]
            if not left or self.pids() or time.monotonic() > until:
                break
            time.sleep(PAUSE)
        return not left


def removed(folder: Path) -> bool:
    """Remove a group's folder; whether it is gone."""
    try:
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def write(file: Path, text: str) -> None:
    """Write to one of the kernel's files: in one call, never making one.

    Raises:
        OSError: as the kernel says.
    """
    handle = os.open(file, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(handle, text.encode())
    finally:
        os.close(handle)


def read_words(file: Path) -> set[str]:
    """The words in a file; none when it cannot be read."""
    try:
        return set(file.read_text().split())
    except OSError:
        return set()


def _number(file: Path) -> int:
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return 0


def _value(file: Path, key: str) -> int:
    """The number behind a key, in a file of keys and numbers."""
    try:
        pairs = (line.split() for line in file.read_text().splitlines())
        return next(int(pair[1]) for pair in pairs if len(pair) == 2 and pair[0] == key)
    except (OSError, ValueError, StopIteration):
        return 0

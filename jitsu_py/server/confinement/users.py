"""Users of their own for programs: numbers of a range that nobody else on this machine has.

They need no entry anywhere: to the kernel a user is a number. The range that is usual lies where no system
gives out numbers (UIDS-GIDS of systemd; useradd and subordinate ids end far below).
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAM: Final = "setpriv"
"""Of util-linux."""

USUAL: Final = range(1_900_000_000, 1_900_065_536)

PROBE_SECONDS: Final = 20.0

ACCOUNTS: Final = (Path("/etc/passwd"), Path("/etc/group"))

SUBORDINATE: Final = (Path("/etc/subuid"), Path("/etc/subgid"))

MAPS: Final = (Path("/proc/self/uid_map"), Path("/proc/self/gid_map"))


@dataclass(frozen=True)
class User:
    """A user that a program runs as."""

    number: int
    """Of the user, and of its only group."""
    become: tuple[str, ...]
    """What goes before the command line. It takes CAP_SETUID and CAP_SETGID, and leaves neither."""


@dataclass(frozen=True)
class Users:
    """What there is to run a program as a user of its own."""

    program: str
    """setpriv's path; empty: none can be had."""
    numbers: range = USUAL
    why: str = ""
    """Why none can be had."""

    def of(self, place: int) -> User | None:
        """The user of something that is counted from 0 on; None: there are not so many."""
        if not self.program or not 0 <= place < len(self.numbers):
            return None
        number = self.numbers[place]
        whose = (f"--reuid={number}", f"--regid={number}", "--clear-groups")
        return User(number, (self.program, *whose, "--inh-caps=-all", "--no-new-privs", "--"))


def find_users(numbers: range = USUAL) -> Users:
    """Look whether programs can have users of these numbers, and try it once.

    Args:
        numbers: those that are ours to give.
    """
    if os.geteuid() != 0:
        return Users("", numbers, "the server is not root")
    program = shutil.which(PROGRAM)
    if program is None:
        return Users("", numbers, "setpriv (util-linux) is not installed")
    if why := why_taken(numbers):
        return Users("", numbers, why)
    return _tried(program, numbers)


def why_taken(
    numbers: range,
    accounts: tuple[Path, ...] = ACCOUNTS,
    subordinate: tuple[Path, ...] = SUBORDINATE,
    maps: tuple[Path, ...] = MAPS,
) -> str:
    """Why numbers are not ours to give, as a sentence without its full stop; empty: they are.

    Args:
        numbers: those in question.
        accounts: as /etc/passwd.
        subordinate: as /etc/subuid.
        maps: as /proc/self/uid_map.
    """
    for file in accounts:
        for name, _, number, *_ in _rows(file, ":", 3):
            if int(number) in numbers:
                return f"{number} of {_told(numbers)} is {name} in {file}"
    for file in subordinate:
        for name, first, count, *_ in _rows(file, ":", 3):
            if _overlap(range(int(first), int(first) + int(count)), numbers):
                return f"{_told(numbers)} has numbers that {file} gives to {name}"
    for file in maps:
        mapped = [range(int(first), int(first) + int(count)) for first, _, count in _rows(file, None, 3)]
        if mapped and not any(numbers[0] in one and numbers[-1] in one for one in mapped):
            return f"{_told(numbers)} is not there in this container ({file})"
    return ""


def _rows(file: Path, separator: str | None, columns: int) -> Iterator[list[str]]:
    """The lines of a table whose third column is a number; others are passed over."""
    try:
        lines = file.read_text("utf-8", "replace").splitlines()
    except OSError:
        return
    for line in lines:
        row = line.split(separator)
        if len(row) >= columns and row[2].isdigit():
            yield row


def _overlap(one: range, other: range) -> bool:
    return one.start < other.stop and other.start < one.stop


def _told(numbers: range) -> str:
    return f"{numbers[0]}-{numbers[-1]}"


@lru_cache(maxsize=4)
def _tried(program: str, numbers: range) -> Users:
    """Users as a drone has them, really become: machines forbid even root one part or another of it."""
    found = Users(program, numbers)
    first = found.of(0)
    command = (*(first.become if first else ()), "/bin/sh", "-c", "exit 0")
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=PROBE_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return Users("", numbers, f"setpriv does not run: {error}")
    if done.returncode == 0:
        return found
    said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
    return Users("", numbers, f"root may not become another user here ({said or 'it is not said why'})")

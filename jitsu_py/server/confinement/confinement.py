"""One program held, from its command line to its end."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from jitsu_py.server.confinement import measuring
from jitsu_py.server.confinement.launch import launched
from jitsu_py.server.confinement.limits import Excess, Limits, Usage
from jitsu_py.server.confinement.start import Start, handed_over

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from jitsu_py.server.confinement.bubblewrap import Sandbox
    from jitsu_py.server.confinement.groups import Group
    from jitsu_py.server.confinement.users import User
    from jitsu_py.server.confinement.view import View

LOOK_SECONDS: Final = 0.25
"""How often memory and the free disk are looked at."""

SIZE_SECONDS: Final = 1.0
"""How often a folder is measured, at most."""

SIZE_EFFORT: Final = 10
"""How many times as long as a measuring took it is until the next one: a tenth of a core at most."""

BECOMING: Final = ("CAP_SETUID", "CAP_SETGID", "CAP_DAC_READ_SEARCH")
"""What root needs to become somebody else, in a folder of theirs."""


class Confinement:
    """Holds one program and all that it starts. Made by `Confiner.confine`.

    Args:
        limits: what it may use.
        group: its control group, made; None: there are none here.
        sandbox: None: it sees what the server sees.
        state: the platform's state folder, which a sandbox hides.
        folder: what it writes to; its size counts.
        ended: called at its end.
        user: as whom it runs; None: as the server does.
    """

    def __init__(
        self,
        limits: Limits,
        group: Group | None,
        sandbox: Sandbox | None,
        state: Path,
        folder: Path | None,
        ended: Callable[[], None] = lambda: None,
        user: User | None = None,
    ) -> None:
        self.user = user
        self._ended = ended
        self.limits = limits
        self._group = group
        self._sandbox = sandbox
        self._state = state
        self._folder = folder
        self._leaders: set[int] = set()

    @property
    def is_grouped(self) -> bool:
        """Whether the kernel keeps the bounds of memory and processes."""
        return self._group is not None

    @property
    def is_sandboxed(self) -> bool:
        """Whether the program sees only its view."""
        return self._sandbox is not None

    def command(self, argv: Sequence[str], view: View | None = None) -> tuple[str, ...]:
        """The command line that runs another one confined.

        Its process is the leader. Its exit code is the program's; when a signal ended the program in a
        sandbox, it is 128 plus the signal's number.

        Args:
            argv: program and arguments.
            view: what it sees; None: what the server sees.
        """
        inner = tuple(argv)
        if self._sandbox is not None and view is not None:
            inner = self._sandbox.command(inner, view, self._state)
        return launched(inner, self.limits, self._group.entrances if self._group else [])

    @contextmanager
    def start(
        self, argv: Sequence[str], env: Mapping[str, str], view: View, marks: Mapping[str, str]
    ) -> Iterator[Start]:
        """What starts a program confined that outlives this process; to be started within the block.

        In a sandbox its process, the leader, is bubblewrap's, outside. So it has none of the program's
        variables, by some of which a program runs what they name; and nobody reads them in its arguments.

        Args:
            argv: program and arguments.
            env: all its variables.
            view: what it sees.
            marks: variables of the leader; they are among `env`.

        Raises:
            OSError: E2BIG: the variables are more than a program can be given.
        """
        entrances = self._group.entrances if self._group else []
        inner = (*self.user.become, *argv) if self.user else tuple(argv)
        user = self.user.number if self.user else None
        if self._sandbox is None:
            yield Start(launched(inner, self.limits, entrances, user), env)
            return
        arguments = self._sandbox.arguments(view, self._state, env, BECOMING if self.user else ())
        with handed_over(arguments, env) as handle:
            sandboxed = (self._sandbox.program, "--args", str(handle), "--", *inner)
            yield Start(launched(sandboxed, self.limits, entrances, user), marks, (handle,))

    def step_back(self, nice: int) -> None:
        """Let it step back for others, by its group's weight where it has one.

        Args:
            nice: 0 to 19; 0: no longer.
        """
        if self._group is not None:
            self._group.weigh(self.limits, nice)

    def bound(self, memory: int) -> bool:
        """Let it use so many bytes of memory from now on; whether it keeps to that.

        One that uses more already goes on with its bound of before.
        """
        if self._group is None:
            if self.usage().memory > memory:
                return False
        else:
            try:
                self._group.bound(memory)
            except OSError:
                return False
        self.limits = replace(self.limits, memory=memory)
        return True

    def attach(self, pid: int) -> None:
        """Hold a process that runs already (one adopted, say), and what it starts from now on.

        Raises:
            OSError: it is gone.
        """
        self._leaders.add(pid)
        if self._group is not None:
            self._group.enter(pid)

    def pids(self) -> set[int]:
        """The processes held."""
        if self._group is not None:
            return self._group.pids()
        return {process.pid for leader in self._leaders for process in measuring.tree(leader)}

    def usage(self) -> Usage:
        """What is used now."""
        group = self._group
        if group is None:
            return measuring.usage_of([one for pid in self._leaders for one in measuring.tree(pid)])
        return Usage(group.memory(), group.tasks(), None, group.killed())

    async def excess(self, leader: int) -> Excess:
        """Return once too much is used; never, as long as that is not so. Cancel it to stop looking.

        Args:
            leader: the process that was started with `command`.
        """
        self._leaders.add(leader)
        due = time.monotonic() + SIZE_SECONDS
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if (found := await asyncio.to_thread(self.over)) is not None:
                return found
            if self.limits.disk is not None and self._folder is not None and time.monotonic() >= due:
                began = time.monotonic()
                if await asyncio.to_thread(measuring.size_of, self._folder) > self.limits.disk:
                    return Excess.DISK
                took = time.monotonic() - began
                due = time.monotonic() + max(SIZE_SECONDS, took * SIZE_EFFORT)

    def over(self) -> Excess | None:
        """What too much is used of at this moment, the folder's size apart; None: nothing."""
        if self.limits.memory is not None and self._is_over_memory(self.limits.memory):
            return Excess.MEMORY
        if self.limits.reserve is not None and self._folder is not None:
            with suppress(OSError):
                if measuring.free_of(self._folder) < self.limits.reserve:
                    return Excess.RESERVE
        return None

    def _is_over_memory(self, limit: int) -> bool:
        if self._group is not None:
            return self._group.killed() > 0
        return self.usage().memory > limit

    def kill(self) -> None:
        """KILL everything held, at once."""
        if self._group is not None:
            self._group.kill()
            return
        for pid in self.pids():
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)

    def end(self) -> None:
        """KILL what is left and take the bounds away. What was confined before cannot be confined again."""
        self.kill()
        if self._group is not None:
            self._group.remove()
        self._ended()

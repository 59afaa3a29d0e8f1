"""Makes what holds programs: one for each server, it knows what this machine can do for that."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from jitsu_py.server.confinement.bubblewrap import find_sandbox
from jitsu_py.server.confinement.cgroups import find_hierarchy
from jitsu_py.server.confinement.confinement import Confinement

if TYPE_CHECKING:
    from collections.abc import Container
    from pathlib import Path

    from jitsu_py.server.confinement.bubblewrap import Sandbox
    from jitsu_py.server.confinement.cgroups import Hierarchy
    from jitsu_py.server.confinement.groups import Group
    from jitsu_py.server.confinement.limits import Limits
    from jitsu_py.server.confinement.users import User, Users

ATTEMPTS: Final = 5
"""How often a group is made whose parent somebody takes away in between."""

FORGETTING_SECONDS: Final = 5.0
"""How long the kernel is given to let go of an empty group."""


def mark_of(state: Path) -> str:
    """The name of the control group that all of a state folder's lie in."""
    return f"jitsu-{hashlib.sha256(str(state.resolve()).encode()).hexdigest()[:12]}"


class Confiner:
    """Makes confinements for one state folder.

    Args:
        state: the platform's state folder.
        sandbox: None: none is to be used.
        hierarchy: None: no control groups are to be used.
        users: None: all runs as the server's user.
    """

    def __init__(
        self,
        state: Path,
        sandbox: Sandbox | None,
        hierarchy: Hierarchy | None,
        users: Users | None = None,
    ) -> None:
        self._state = state.resolve()
        self.users = users
        self.sandbox = sandbox
        self.hierarchy = hierarchy
        self._mark = mark_of(state)

    @classmethod
    def of_this_machine(cls, state: Path, *, sandboxed: bool = True, users: Users | None = None) -> Confiner:
        """One that uses all that this machine has.

        Args:
            sandboxed: False: no sandbox.
            users: None: all runs as the server's user.
        """
        return cls(state, find_sandbox() if sandboxed else None, find_hierarchy(), users)

    @property
    def why_no_sandbox(self) -> str:
        """Why programs run without a sandbox; empty: they have one."""
        if self.sandbox is None:
            return "the server's settings want none"
        return "" if self.sandbox.program else self.sandbox.why

    def confine(
        self,
        name: str,
        limits: Limits,
        *,
        folder: Path | None = None,
        user: User | None = None,
    ) -> Confinement:
        """Make what holds one program. Where its group is there already, the bound of memory is that group's.

        Args:
            name: of its control group, among those of the state folder: `build-<id>`, `drone-<id>`.
            limits: what it may use. Where there are no groups, memory is watched and processes are bounded
                by the system's count of the user's.
            folder: what it writes to.
            user: as whom it runs, one of `users`; None: as the server does.
        """
        sandbox = None if self.why_no_sandbox else self.sandbox
        group = self._made(name, limits)
        if group is not None:
            limits = replace(limits, memory=group.bounded())
        return Confinement(limits, group, sandbox, self._state, folder, self.forget, user)

    def _made(self, name: str, limits: Limits) -> Group | None:
        if self.hierarchy is None:
            return None
        group = self.hierarchy.group(self._mark, name, weighed=limits.cpu is not None)
        for _ in range(ATTEMPTS):
            try:
                self.hierarchy.prepare(self._mark)
                group.make(limits)
            except FileNotFoundError:
                # Another's end took the empty parent away in between.
                continue
            except OSError:
                break
            return group
        # What was ours to make when it was looked for is so no more; there is still watching.
        group.remove()
        return None

    def sweep(self, prefix: str, keep: Container[str] = ()) -> int:
        """End and remove what a killed server left of groups whose names begin so; return how many.

        Args:
            keep: names, less the prefix, of those that stay; asked once it is known which there are.
        """
        if self.hierarchy is None:
            return 0
        found = self.hierarchy.names(self._mark)
        names = [name for name in found if name.startswith(prefix) and name.removeprefix(prefix) not in keep]
        for name in names:
            group = self.hierarchy.group(self._mark, name)
            group.kill()
            group.remove()
        self.forget()
        return len(names)

    def forget(self) -> None:
        """Remove the group that the state folder's lie in, unless there is one in it."""
        if self.hierarchy is not None:
            self.hierarchy.forget(self._mark, FORGETTING_SECONDS)

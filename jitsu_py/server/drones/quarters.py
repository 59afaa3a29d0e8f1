"""Where a drone lives: what it sees of the machine, and what it may use."""

from __future__ import annotations

import logging
import os
import stat
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.confinement import Limits, View, installation
from jitsu_py.server.drones.ownership import hand_over
from jitsu_py.server.drones.regrouping import regroup

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from jitsu_py.server.confinement import Confinement, Confiner, User
    from jitsu_py.server.drones.engine import DroneSpec
    from jitsu_py.server.drones.install import DroneFolder

log = logging.getLogger(__name__)

GROUPS: Final = "drone-"
"""How the names of drones' control groups begin."""

OPEN: Final = 0o055
"""In a folder's permissions: others may read it and go through it."""

LEVELS: Final = ("*", "*/*", "*/*/*", "*/*/*/*")
"""Of the engines' folder: node, a version or a package manager, its versions."""

LINKS: Final = 16
"""Links to a Node that are followed, one to the next."""


@dataclass(frozen=True)
class Quarters:
    """Holds drones, each by what this machine has for it."""

    confiner: Confiner
    state: Path
    """The platform's state folder."""
    processes: int | None = None
    """Processes and threads of a drone at a time."""
    open_files: int | None = None
    """Open files of each of its processes."""
    cpu: int | None = None
    """Share of the processors when they are scarce; 100 is the usual."""
    shared: tuple[Path, ...] = ()
    """Folders of the machine that drones in a sandbox see, and may write to if their user may."""
    strict: bool = False
    """No drone is launched where there is no sandbox."""

    def hold(self, spec: DroneSpec, folder: DroneFolder) -> Confinement:
        """What holds a drone that is about to be launched; its files are its user's then.

        Args:
            folder: its own, laid out.

        Raises:
            PermissionError: there is no sandbox, and one is asked for.
            OSError: its files cannot be handed over.
        """
        if self.strict and (why := self.confiner.why_no_sandbox):
            raise PermissionError(f"apps run in a sandbox only on this server, and there is none: {why}")
        user = self._user(spec)
        if os.geteuid() == 0 and not _gave(spec, folder, user):
            user = None
        if user is not None:
            folder.write_accounts(user.number)
        return self._held(spec, user)

    def _user(self, spec: DroneSpec) -> User | None:
        """As whom a drone runs; None: as the server's user."""
        users = self.confiner.users
        if users is None or spec.place is None or self.confiner.why_no_sandbox:
            return None
        return users.of(spec.place) if self._is_for_all(spec.node) else None

    def _is_for_all(self, node: Path) -> bool:
        """Whether a user of its own could run a Node, once its folders are shown in a sandbox."""
        engines = self.state.resolve() / "engines"
        _open_up(engines)
        real = node.resolve()
        shown = [place.resolve() for place in (Path("/usr"), engines, *_places(node))]
        steps = [step for step in (real, *real.parents) if any(step.is_relative_to(one) for one in shown)]
        return all(step.stat().st_mode & stat.S_IXOTH for step in steps)

    def _held(self, spec: DroneSpec, user: User | None = None) -> Confinement:
        limits = Limits(
            memory=spec.memory, processes=self.processes, open_files=self.open_files, cpu=self.cpu
        )
        return self.confiner.confine(f"{GROUPS}{spec.id}", limits, user=user)

    def hold_again(self, spec: DroneSpec, leader: int) -> Confinement:
        """What holds a drone that runs already.

        Args:
            leader: its leading process.
        """
        hold = self._held(replace(spec, memory=None))
        if not hold.is_grouped:
            hold.attach(leader)
        else:
            regroup(hold, leader)
        if spec.memory is not None:
            # Its bound may have been changed while no server ran.
            hold.bound(spec.memory)
        return hold

    def view(self, spec: DroneSpec, folder: DroneFolder, hold: Confinement) -> View:
        """What a drone sees: its snapshot, its own folder, and what its Node needs.

        Args:
            hold: what holds it.
        """
        engines = dict.fromkeys((self.state / "engines", self.state.resolve() / "engines"))
        readable = [folder.path, *engines, *filter(self._may_be_seen, _places(spec.node))]
        own = (spec.folder, folder.home, folder.tmp, folder.told)
        writable = (*filter(Path.is_dir, self.shared), *own)
        instead = folder.accounts if hold.user else ()
        return View(spec.folder, folder.tmp, writable, tuple(readable), instead)

    def _may_be_seen(self, folder: Path) -> bool:
        """Whether a folder holds a program and not, beside it, somebody's home or the state folder."""
        return not any(place.is_relative_to(folder) for place in (self.state.resolve(), Path.home()))

    def sweep(self, keep: Container[str]) -> None:
        """End what is left of drones.

        Args:
            keep: ids of those that stay; it may change meanwhile.
        """
        self.confiner.sweep(GROUPS, keep)


def _gave(spec: DroneSpec, folder: DroneFolder, user: User | None) -> bool:
    """Make a drone's user the owner of its files, root where it has none; whether it can be done."""
    # Root without its privileges could not write to what another user owns either.
    owner = user.number if user else 0
    try:
        hand_over(spec.folder, owner)
        folder.give_to(owner)
    except PermissionError as error:
        log.warning("Drone %s of %s has no user of its own: %s", spec.id, spec.app, error)
        return False
    return True


def _open_up(engines: Path) -> None:
    """Let everybody who gets as far as the engines' folder into each of them, and into package managers."""
    for folder in (engines, *(found for level in LEVELS for found in engines.glob(level))):
        with suppress(FileNotFoundError):  # there is none, or it was removed meanwhile
            status = folder.lstat()
            if stat.S_ISDIR(status.st_mode):
                folder.chmod(stat.S_IMODE(status.st_mode) | OPEN)


def _places(program: Path) -> Iterator[Path]:
    """The folders of a program and of all that it is a link to."""
    for _ in range(LINKS):
        yield from installation(program)
        if not program.is_symlink():
            return
        program = Path(os.path.normpath(program.parent / program.readlink()))

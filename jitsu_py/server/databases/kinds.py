"""What a kind of database server must know about itself, and what it is told."""

from __future__ import annotations

import shutil
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from jitsu_py.server.settings import write_private

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

MIB = 2**20


@dataclass(frozen=True)
class Program:
    """A server program on this machine."""

    name: str
    """Such as `valkey-server`."""
    version: str
    command: tuple[str, ...]
    """How its command line begins."""
    limits: str | None = None
    """A sentence on what a stand-in cannot do; None: it is the real thing."""

    @property
    def label(self) -> str:
        """Name and version, as they are shown and recorded."""
        return f"{self.name} {self.version}"


@dataclass(frozen=True)
class Site:
    """Where one instance lives."""

    ref: str
    """The database's mark."""
    home: Path
    """The platform's state folder, resolved."""
    folder: Path
    """Its own: configuration, data, log."""
    name: str
    """The database's."""
    account: str
    port: int
    password: str
    former: str | None
    """The password that is in force if the other is not yet."""
    memory: int
    """MiB that it may use."""
    reserve: int
    """MiB of the disk that stay free: with less, it is to take no writes."""

    @property
    def data(self) -> Path:
        """What must not be lost."""
        return self.folder / "data"

    @property
    def conf(self) -> Path:
        """Its configuration, with the password: 0600."""
        return self.folder / "server.conf"

    @property
    def log(self) -> Path:
        """What the server prints."""
        return self.folder / "server.log"

    def beside(self, folder: Path, port: int) -> Site:
        """A place in which the database's content is made ready, under a mark that nobody looks after."""
        return replace(self, ref=f"{self.ref}-aside", folder=folder, port=port, former=None)

    def make(self) -> None:
        """Make the folders.

        Raises:
            OSError: it cannot.
        """
        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.folder.chmod(0o700)

    def has_room(self) -> bool:
        """Whether more data may be written."""
        return shutil.disk_usage(self.folder).free >= self.reserve * MIB

    def configure(self, text: str) -> None:
        """Write the configuration, for its owner alone."""
        write_private(self.conf, text.encode())


@dataclass(frozen=True)
class Health:
    """What a probe found of a server that answers."""

    refuses: str | None = None
    """A sentence on why it takes no writes; None: it takes them."""
    remark: str | None = None
    """A sentence on what else there is to know."""
    seconds: float = 0.0
    """Until it answered."""


class UnreachableError(Exception):
    """Nobody answers, or not yet."""


class LoadingError(UnreachableError):
    """It answers that it is still reading its data."""


class RefusedError(Exception):
    """It does not take the password."""


class UnusableError(Exception):
    """A dump cannot be read, or does not fit; the message is for people, and nothing was changed."""


class Kind(ABC):
    """A kind of server. Its methods may take long and are called in the event loop unless they are plain."""

    suffix: str
    """Of the files with its dumps."""
    least: int
    """MiB of memory below which it does not run well."""
    usual = 0
    """MiB that one has at least for which no figure is asked."""
    resizes_live = False
    """Whether a probe brings another memory in force."""

    @abstractmethod
    def at_hand(self) -> Iterable[Program]:
        """The programs on this machine, the best first; plain, may start one to ask its version."""

    @abstractmethod
    async def fetch(self, tell: Callable[[str], None]) -> Program:
        """The program, fetched if it can be.

        Args:
            tell: takes a sentence on what happens, while it takes long.

        Raises:
            PlatformError: UNAVAILABLE, naming what to install.
        """

    @abstractmethod
    def prepare(self, site: Site, program: Program, *, writable: bool) -> tuple[str, ...]:
        """Write what it needs before a launch, and return its command line; plain.

        Args:
            writable: whether there is room for more data.
        """

    def environment(self, site: Site, program: Program) -> Mapping[str, str]:
        """Variables that it needs."""
        return {}

    def bound(self, site: Site, program: Program) -> int:
        """MiB that all its processes may take together: one that takes more is ended, and launched again."""
        return site.memory

    def refuses_writes(self, program: Program) -> bool:
        """Whether it goes on for readers while there is no room for more data; one that cannot has to end."""
        return True

    async def initialise(self, site: Site, program: Program) -> None:  # noqa: B027 - most need none
        """Bring a new data folder into the state that a launch expects; nothing runs on it yet."""

    @abstractmethod
    async def probe(self, site: Site, *, writable: bool) -> Health:
        """Ask whether it works, and have it take writes, or refuse them, from now on.

        Raises:
            UnreachableError, RefusedError.
        """

    @abstractmethod
    async def adopt_password(self, site: Site) -> bool:
        """Put the password of a running server in force; False: it must be launched again for that.

        Raises:
            UnreachableError, RefusedError.
        """

    @abstractmethod
    async def dump(self, site: Site, target: Path) -> None:
        """Write the content of a running server to a file.

        Raises:
            UnreachableError, RefusedError, UnusableError; OSError.
        """

    @abstractmethod
    async def restore(self, site: Site, program: Program, source: Path) -> None:
        """Make the data of a dump in a folder where nothing is yet; nothing runs there afterwards.

        Raises:
            UnusableError: it is no dump of this kind, or damaged; OSError.
        """

    @abstractmethod
    def refusal(self, recorded: str, program: Program) -> str | None:
        """Why a program must not touch data that another version wrote; None: it may.

        Args:
            recorded: the label of what wrote it.
        """

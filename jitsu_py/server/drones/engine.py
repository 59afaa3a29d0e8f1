"""What a drone is to run, and what an engine that runs drones must offer.

An engine turns a `DroneSpec` into a running process somewhere. The supervisor above decides when; it never
learns where. `local.LocalEngine` runs them on this machine.
"""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from pathlib import Path

    from jitsu_py.server.care import Health


MIB: Final = 1024 * 1024


@dataclass(frozen=True)
class DroneSpec:
    """One drone as it is wanted: which snapshot, how it is started, on which port."""

    id: str
    """Unique in the platform, e.g. "d-1f3a9c02"; also the router's name of the server."""
    app: str
    """"user/name"."""
    snapshot: str
    """Id of the snapshot it runs."""
    folder: Path
    """Root of the built snapshot: the working directory."""
    command: str
    """Shell command line of the start script; `sh -c` runs it, so it may be "a && b"."""
    node: Path
    """The node executable. Its folder comes early in PATH."""
    env: Mapping[str, str]
    """The app's own variables."""
    port: int
    """The port on 127.0.0.1 that the platform gave it."""
    capture: Path
    """Folder; what it prints is appended to `<id>.stdout` and `<id>.stderr` in it."""
    boot: float = 30.0
    """Seconds until it must listen and be well."""
    grace: float = 10.0
    """Seconds between TERM and KILL."""
    drain: float = 30.0
    """Seconds that its last requests have once it is to go."""
    health: Health | None = None
    """How it is asked whether it is well; None: it is when it listens."""
    place: int | None = None
    """The app's among all apps, counted from 0 on: where the server is root, each has a user of its own."""
    memory: int | None = None
    """Bytes that all its processes may use together; None: no bound."""


@dataclass(frozen=True)
class Exit:
    """How a process ended. Both empty: it was adopted, and nobody can know."""

    code: int | None = None
    """Exit code; None if a signal ended it or it is unknown."""
    signal: str | None = None
    """Name of the signal that ended it, e.g. "SIGKILL"."""
    out_of_memory: bool = False
    """Whether it ended because it had no more memory."""
    allowed: int | None = None
    """Bytes that it was allowed, where using more ended it."""

    @classmethod
    def of(cls, returncode: int) -> Exit:
        """Translate a return code: negative is a signal, and so is a shell's 128 + n."""
        number = -returncode if returncode < 0 else returncode - 128
        try:
            name = signal.Signals(number).name if number > 0 else None
        except ValueError:
            name = None
        return cls(code=returncode if returncode >= 0 else None, signal=name)

    def words(self) -> str:
        """The ending as the rest of a sentence: "with exit code 3"."""
        if self.signal is not None:
            words = f"by {self.signal}"
        else:
            words = "without a known exit code" if self.code is None else f"with exit code {self.code}"
        if self.allowed is not None:
            return f"{words}, out of memory (it may use {self.allowed // MIB} MiB)"
        return f"{words}, out of memory" if self.out_of_memory else words


class Process(Protocol):
    """A launched drone: its leading process and all that it started."""

    @property
    def pid(self) -> int:
        """Id of the leading process, and of its process group and session."""

    @property
    def started(self) -> float:
        """When the leading process started, epoch seconds; with the pid it names a process for good."""

    def alive(self) -> bool:
        """Whether the leading process still runs."""

    async def ready(self) -> None:
        """Return once it is proved that this drone, and no other program, listens on its port."""

    async def ailment(self) -> str | None:
        """Ask it once for its health: what is wrong, as a sentence; None: it is well, or nobody may ask."""

    async def wait(self) -> Exit:
        """Return when the leading process ended."""

    @property
    def memory(self) -> int | None:
        """Bytes that all its processes may use together, just now; None: no bound."""

    async def bound(self, memory: int) -> None:
        """Set how many bytes they may use from now on; where they use more, the bound of before stays."""

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to every process of the group; nothing happens if none is left."""

    async def gone(self) -> None:
        """Return when no process of the group is left; then end those that had left the group."""

    def output(self, lines: int) -> list[str]:
        """The last lines that it printed since its launch, oldest first; stderr goes before stdout."""

    def release(self) -> None:
        """Watch it no longer. It runs on, if it still runs."""


@dataclass(frozen=True)
class Found:
    """A drone that runs already, as its environment tells."""

    id: str
    app: str
    snapshot: str
    port: int
    pid: int
    started: float
    """Start of the leading process, epoch seconds."""


class Engine(Protocol):
    """Runs drones. Every call may raise `OSError`."""

    async def launch(self, spec: DroneSpec) -> Process:
        """Start the drone's process; it need not listen yet."""

    async def find(self) -> Sequence[Found]:
        """Which drones of this platform run, whoever started them."""

    async def adopt(self, found: Found, spec: DroneSpec) -> Process | None:
        """Take over a drone that runs; None if it ended meanwhile."""

    async def sweep(self, keep: Collection[str], grace: float) -> None:
        """End all that runs for drones not in `keep`: TERM, and KILL after `grace` seconds."""

    async def forget(self, spec: DroneSpec) -> None:
        """Remove what the engine kept for a drone that ended for good."""

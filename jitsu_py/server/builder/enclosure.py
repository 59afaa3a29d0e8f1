"""How a build's tools are held: what they see, what they may use, how too much of it is told."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.server.builder.space import MIB, RESERVED
from jitsu_py.server.confinement import Excess, Limits, View, installation
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from jitsu_py.server.builder.engines import Engine
    from jitsu_py.server.confinement import Confinement

FILES: Final = (
    "npm_config_userconfig",
    "npm_config_globalconfig",
    "npm_config_cafile",
    "node_extra_ca_certs",
    "ssl_cert_file",
    "ssl_cert_dir",
)
"""Variables, in any case, that name files a tool reads."""

BEFORE_DRONES: Final = 10
"""How far builds step back for what serves visitors."""


def build_limits(*, memory: int | None, processes: int | None, disk: int | None) -> Limits:
    """The bounds of a build's tools.

    Args:
        memory: bytes.
        processes: with their threads.
        disk: bytes that the build's folder may take.
    """
    return Limits(
        memory=memory,
        processes=processes,
        disk=disk,
        reserve=RESERVED,
        nice=BEFORE_DRONES,
        expendable=True,
    )


@dataclass(frozen=True)
class Enclosure:
    """What holds the tools of one build."""

    confinement: Confinement
    state: Path
    """The platform's state folder."""
    work: Path
    """The build's own folder; the only one it writes to beside the cache."""
    cache: Path
    """Downloads kept for the builds of this user."""
    engine: Engine
    env: Mapping[str, str]
    code: Code
    """The error's when memory or disk is exceeded: that of the step."""

    def command(self, command: Sequence[str], cwd: Path) -> tuple[str, ...]:
        """The command line that runs a tool held."""
        # Sandboxed, what is not there cannot be shown; npm makes it otherwise.
        self.cache.mkdir(parents=True, exist_ok=True)
        readable = tuple(dict.fromkeys(self._readable(command)))
        view = View(cwd=cwd, tmp=self.work / "tmp", writable=(self.cache, self.work), readable=readable)
        return self.confinement.command(command, view)

    def _readable(self, command: Sequence[str]) -> Iterator[Path]:
        programs = [self.engine.node, *map(Path, (*self.engine.npm, *command)), self._program(command[0])]
        for program in programs:
            if program.is_absolute() and not program.is_relative_to(self.work):
                yield from filter(self._may_be_seen, installation(program))
        for entry in map(Path, self.env.get("PATH", "").split(os.pathsep)):
            if entry.is_relative_to(self.state) and not entry.is_relative_to(self.work):
                yield entry
        for name, value in self.env.items():
            if name.lower() in FILES and value:
                yield Path(value)

    def _program(self, name: str) -> Path:
        return Path(shutil.which(name, path=self.env.get("PATH")) or name)

    def _may_be_seen(self, folder: Path) -> bool:
        """Whether a folder holds a program and not, beside it, somebody's home or the state folder."""
        return not any(place.is_relative_to(folder) for place in (self.state, Path.home()))

    async def excess(self, leader: int) -> PlatformError:
        """Return once a tool uses too much of something; the error that ends it."""
        return self._error(await self.confinement.excess(leader))

    def verdict(self) -> PlatformError | None:
        """Why a tool was ended by the system, if that was for its use of something."""
        over = self.confinement.over()
        return None if over is None else self._error(over)

    def _error(self, excess: Excess) -> PlatformError:
        limits = self.confinement.limits
        if excess is Excess.MEMORY:
            return _exceeded(
                self.code,
                "out_of_memory",
                f"The build ran out of memory: it needed more than the {_mib(limits.memory)} MiB it may use.",
                "Have it do less at once, or raise [builds] memory in the server's server.toml.",
            )
        if excess is Excess.DISK:
            return _exceeded(
                self.code,
                "too_much_written",
                f"The build wrote more than the {_mib(limits.disk)} MiB that it may.",
                "Leave out what the app does not need, or raise [builds] disk in the server's server.toml.",
            )
        return _exceeded(
            Code.DISK_FULL,
            "disk_full",
            f"The server's disk is full but for the {_mib(limits.reserve)} MiB that the platform keeps free.",
            "Free some space on the server (jitsu server prune), then deploy again.",
            Blame.SYSTEM,
        )


def _exceeded(
    code: Code, failure: str, message: str, hint: str, blame: Blame = Blame.APPLICATION
) -> PlatformError:
    return PlatformError(code, message, blame=blame, details={"failure": failure, "hint": hint})


def _mib(size: int | None) -> str:
    return f"{(size or 0) // MIB:,}"

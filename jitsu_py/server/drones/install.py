"""Lays out a drone's own folder: carapace, a `node` that loads it, a home, a place for temporary files."""

from __future__ import annotations

import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from jitsu_py.server.drones.ownership import hand_over

PRELOADS = (4, 0)
"""First Node with `--require`."""

QUOTES = (12, 0)
"""First Node whose NODE_OPTIONS may quote a path; NODE_OPTIONS itself came with Node 8."""

SYSTEM_ACCOUNTS = ("root:x:0:0:root:/:/usr/sbin/nologin", "root:x:0:")
"""The line of the list of users, and that of the list of groups, that programs count on."""

SOURCE = Path(__file__).with_name("carapace.js")


@dataclass(frozen=True)
class DroneFolder:
    """`run/drones/<id>` in the state folder. It may be deleted once the drone is gone."""

    path: Path

    @property
    def carapace(self) -> Path:
        """A copy: a drone outlives an upgrade or removal of the package it came from."""
        return self.path / "carapace.js"

    @property
    def bin(self) -> Path:
        """Comes first in PATH; holds the `node` that loads the carapace."""
        return self.path / "bin"

    @property
    def home(self) -> Path:
        """HOME of the app."""
        return self.path / "home"

    @property
    def tmp(self) -> Path:
        """TMPDIR of the app."""
        return self.path / "tmp"

    @property
    def told(self) -> Path:
        """Where the carapace writes; the folder itself is closed to a drone in a sandbox."""
        return self.path / "told"

    @property
    def report(self) -> Path:
        """Where the carapace tells that the port listens."""
        return self.told / "ready.json"

    @property
    def claim(self) -> Path:
        """Where the carapaces of several processes agree which one is mapped."""
        return self.told / "ready.json.claim"

    @property
    def accounts(self) -> tuple[tuple[Path, Path], ...]:
        """What a drone with a user of its own reads in place of the system's lists of users and groups."""
        return (self.path / "passwd", Path("/etc/passwd")), (self.path / "group", Path("/etc/group"))

    def lay_out(self, node: Path, version: tuple[int, int]) -> None:
        """Create what is missing and remove the traces of an earlier launch.

        Args:
            node: the node executable.
            version: its major and minor version.
        """
        shutil.rmtree(self.told, ignore_errors=True)
        for folder in (self.bin, self.home, self.tmp, self.told):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.carapace.write_bytes(SOURCE.read_bytes())
        shim = self.bin / "node"
        shim.write_text(shim_text(node, self.carapace, version), encoding="utf-8")
        # Nobody else gets as far as here, and the drone may have a user of its own.
        for mode, places in ((0o755, (self.path, self.bin, shim)), (0o644, (self.carapace,))):
            for place in places:
                place.chmod(mode)

    def give_to(self, user: int) -> None:
        """Make a user (its number) the owner of what the drone may write to here.

        Raises:
            OSError: it is not for this process to give away.
        """
        for folder in (self.home, self.tmp, self.told):
            hand_over(folder, user)

    def write_accounts(self, user: int) -> None:
        """Write the lists of accounts with a user (its number) on them, and root."""
        rows = (f"app:x:{user}:{user}::{self.home}:/bin/sh", f"app:x:{user}:")
        for (file, _), system, own in zip(self.accounts, SYSTEM_ACCOUNTS, rows, strict=True):
            file.write_text(f"{system}\n{own}\n", encoding="utf-8")
            file.chmod(0o644)


def shim_text(node: Path, carapace: Path, version: tuple[int, int]) -> str:
    """A `node` that loads the carapace also where NODE_OPTIONS is not understood, or replaced by a script."""
    real, preload = shlex.quote(str(node)), shlex.quote(str(carapace))
    if version >= PRELOADS:
        return f'#!/bin/sh\nexec {real} --require {preload} "$@"\n'
    # Without --require the carapace goes in front and runs the script itself.
    return f'#!/bin/sh\ncase "$1" in ""|-*) exec {real} "$@" ;; esac\nexec {real} {preload} "$@"\n'


def node_options(given: str, carapace: Path, version: tuple[int, int]) -> str:
    """NODE_OPTIONS with the carapace behind what the app gave; as given where this Node could not read it."""
    path = str(carapace)
    if version >= QUOTES:
        escaped = path.replace("\\", "\\\\").replace('"', '\\"')
        return f'{given} --require "{escaped}"'.strip()
    if version >= (8, 0) and not any(sign.isspace() for sign in path):
        return f"{given} --require {path}".strip()
    return given

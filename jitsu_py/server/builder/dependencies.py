"""The dependencies of one build: taken from the cache, or installed and then kept there."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitsu_py.server.builder.choice import LOCKFILES, NPM_LOCKFILES
from jitsu_py.server.builder.clone import UnsuitableError, listing
from jitsu_py.server.builder.fingerprint import fingerprint, has_lockfile
from jitsu_py.server.builder.layout import layout
from jitsu_py.server.builder.manifest import MANIFEST
from jitsu_py.server.builder.trees import Missed, Taken, Trees

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from jitsu_py.server.builder.clone import Listing
    from jitsu_py.server.builder.engines import Engine
    from jitsu_py.server.builder.layout import Layout
    from jitsu_py.server.builder.manager_fetch import Tool

Check = Callable[[], None]
"""Called now and then by what takes long; raises to stop it."""

Copy = Callable[[Path, Check], str]
"""Keeps what was installed, from where the app lies now; gives back why it could not, "" when it could."""


@dataclass(frozen=True)
class Wanted:
    """What is to be installed."""

    manifest: Mapping[str, Any]
    folder: Path
    """The app as unpacked."""
    engine: Engine
    tool: Tool
    """The package manager."""
    command: tuple[str, ...]
    """Of it, that installs."""
    env: Mapping[str, str]
    """Of the command."""
    own: Mapping[str, str]
    """The app's variables."""
    apart: bool = False
    """Its own install scripts are run afterwards, each time."""


@dataclass(frozen=True)
class Found:
    """What the cache had to say."""

    taken: bool
    """The dependencies are there; nothing is to be installed."""
    message: str
    """What was reused, or why nothing; empty: there is nothing to say."""
    look: Callable[[], Installed] | None = None
    """To be called once they are installed, before anything else changes them. None: they are not kept."""


@dataclass(frozen=True)
class Installed:
    """What an install made of an app."""

    against: str = ""
    """Why it is not kept."""
    copy: Copy | None = None
    """Keeps it; None: it is not kept."""


@dataclass(frozen=True)
class Store:
    """The cache, as one app sees it."""

    trees: Trees
    user: str
    app: str
    fresh: bool = False
    """Take nothing from it, but keep what is installed."""

    def find(self, wanted: Wanted, check: Check) -> Found:
        """Put the dependencies into the app if they were installed before.

        Args:
            wanted: what is to be installed.
            check: called now and then; raises to stop.
        """
        made = layout(wanted.manifest, wanted.folder, wanted.tool, apart=wanted.apart)
        if made.against:
            return Found(False, f"Dependencies are not reused: {made.against}.")
        parts = fingerprint(
            wanted.manifest,
            wanted.folder,
            wanted.engine,
            wanted.tool,
            wanted.command,
            env=wanted.env,
            own=wanted.own,
            user=self.user,
            packages=made.packages,
        )
        found = self._take(parts, wanted, check)
        if isinstance(found, Taken):
            size = f"{found.files:,} files, {found.bytes / 1e6:.1f} MB"
            return Found(True, f"Dependencies unchanged: reusing those installed {ago(found.age)} ({size})")
        message = f"Dependencies are not reused: {found.why}." if found.why else ""
        return Found(False, message, partial(self._look, parts, wanted, made, outline(wanted.folder)))

    def _take(self, parts: Mapping[str, str], wanted: Wanted, check: Check) -> Taken | Missed:
        if self.fresh:
            self.trees.forget(parts)
            return Missed("the deploy asked for new ones")
        pinned = has_lockfile(wanted.folder)
        return self.trees.take(parts, self._key, wanted.folder, pinned=pinned, check=check)

    @property
    def _key(self) -> str:
        return f"{self.user}/{self.app}"

    def _look(
        self,
        parts: Mapping[str, str],
        wanted: Wanted,
        made: Layout,
        before: Mapping[str, tuple[object, ...]],
    ) -> Installed:
        folder = wanted.folder
        after = outline(folder, made.trees)
        written = [path for path in after if before.get(path) != after[path]]
        changed = sorted([*written, *(path for path in before if path not in after)])
        lockfiles = tuple(path for path in written if path in (*NPM_LOCKFILES, *LOCKFILES.values()))
        others = [path for path in changed if path not in lockfiles or path in before]
        if others:
            return Installed(f"installing them changed {others[0]}")
        try:
            listed = listing(folder, (*made.trees, *lockfiles), made.packages)
        except (UnsuitableError, OSError) as error:
            return Installed(str(error))
        return Installed(copy=partial(self._copy, parts, listed))

    def _copy(self, parts: Mapping[str, str], listed: Listing, folder: Path, check: Check) -> str:
        return self.trees.keep(parts, self._key, folder, listed, check=check)


def outline(folder: Path, without: Collection[str] = ()) -> dict[str, tuple[object, ...]]:
    """What tells by path whether one of an app's own files was changed.

    Permissions, size and time of change (nanoseconds). Of a package.json what it says: Yarn 2 and later write
    it anew, in their own layout.

    Args:
        without: paths of folders and files that are passed over.
    """
    found: dict[str, tuple[object, ...]] = {}
    start = len(str(folder)) + 1
    for place, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if f"{place}/{name}"[start:] not in without]
        for name in files:
            path = f"{place}/{name}"[start:]
            if path not in without:
                status = os.lstat(f"{place}/{name}")
                said = _said(folder / path) if name == MANIFEST else None
                found[path] = (status.st_mode, said or (status.st_size, status.st_mtime_ns))
    return found


def _said(manifest: Path) -> str | None:
    try:
        return json.dumps(json.loads(manifest.read_bytes()), sort_keys=True)
    except (OSError, ValueError, RecursionError):
        return None


def ago(seconds: float) -> str:
    """A time that has passed, roughly."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            count = int(seconds // length)
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"

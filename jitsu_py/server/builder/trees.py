"""Dependency trees that were installed once and are cloned from then on, by fingerprint.

An entry is a folder `<key>/` with the tree, a list of what is in it and, written last, a marker. Nothing is
locked: an entry appears by a rename, disappears by a rename, and whoever finds it changed or gone while
cloning has no tree and installs. So the cache may be deleted at any time.
"""

from __future__ import annotations

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from jitsu_py.server.builder.clone import DamagedError, Listing, clone
from jitsu_py.server.builder.fingerprint import key_of
from jitsu_py.server.builder.folders import remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

ENTRY: Final = "entry.json"
"""The marker: when it was installed and its bytes. Its time of change is that of the last use."""

LIST: Final = "tree.json"
"""What is in the tree."""

TREE: Final = "tree"

APPS: Final = "apps"
"""Folder of what each app's last build went by, to say what has changed since."""

LIMIT: Final = 4 * 1024**3
"""Bytes of all trees together, unless set."""

UNLOCKED_SECONDS: Final = 24 * 3600.0
"""How long a tree is used that no lockfile pins: newer versions of its packages may be wanted."""


@dataclass(frozen=True)
class Taken:
    """A tree that was cloned into an app."""

    files: int
    bytes: int
    age: float
    """Seconds since it was installed."""


@dataclass(frozen=True)
class Missed:
    """There is no tree to clone."""

    why: str
    """Goes on after "Not reused: "; empty: it is the first of its kind."""


class Trees:
    """The cache.

    Args:
        folder: made when there is something to keep.
        limit: bytes; the trees used least lately go when there is more.
    """

    def __init__(self, folder: Path, limit: int = LIMIT) -> None:
        self._folder = folder
        self._limit = limit

    def take(
        self, parts: Mapping[str, str], app: str, target: Path, *, pinned: bool, check: Callable[[], None]
    ) -> Taken | Missed:
        """Clone the tree of a fingerprint into an app; nothing of it stays there if that does not work out.

        Args:
            parts: the fingerprint.
            app: `user/name`, whose last fingerprint says what has changed.
            target: the app's folder; has nothing of the tree yet.
            pinned: a lockfile decides on the versions.
            check: called now and then; raises to stop.
        """
        entry = self._folder / key_of(parts)
        try:
            facts = json.loads((entry / ENTRY).read_bytes())
            age = time.time() - float(facts["installed"])
            listed = Listing.from_json(json.loads((entry / LIST).read_bytes()))
        except (OSError, ValueError, LookupError, TypeError):
            was_there = os.path.lexists(entry)
            self._drop(entry)
            return Missed("what was kept was damaged" if was_there else self._changed(parts, app))
        if not pinned and age > UNLOCKED_SECONDS:
            self._drop(entry)
            return Missed("it is older than a day, and no lockfile says that it is still the right one")
        try:
            clone(listed, entry / TREE, target, check)
        except DamagedError as error:
            self._drop(entry)
            _clear(target, listed)
            return Missed(f"what was kept was damaged: {error}")
        with suppress(OSError):
            os.utime(entry / ENTRY)
        self._remember(parts, app)
        return Taken(len(listed.files), listed.bytes, max(age, 0.0))

    def keep(
        self,
        parts: Mapping[str, str],
        app: str,
        source: Path,
        listed: Listing,
        *,
        check: Callable[[], None],
    ) -> str:
        """Keep what was installed into an app.

        Args:
            parts: the fingerprint.
            app: `user/name`.
            source: the app's folder, as long as nothing that is listed changes in it.
            listed: what the install made there.
            check: called now and then; raises to stop.

        Returns:
            Why it was not kept; "" when it was.
        """
        made = self._folder / f".{uuid4().hex}"
        try:
            if listed.bytes > self._limit:
                return "they are larger than the cache may be"
            (made / TREE).mkdir(parents=True)
            copied = clone(listed, source, made / TREE, check)
            (made / LIST).write_text(json.dumps(copied.to_json()))
            (made / ENTRY).write_text(json.dumps({"installed": time.time(), "bytes": copied.bytes}))
            self._put(made, self._folder / key_of(parts))
            self._remember(parts, app)
            self.prune()
        except DamagedError as error:
            return str(error)
        except OSError as error:
            return f"the cache cannot be written: {error.strerror}"
        finally:
            remove_tree(made)
        return ""

    def forget(self, parts: Mapping[str, str]) -> None:
        """Remove the tree of a fingerprint, if there is one."""
        self._drop(self._folder / key_of(parts))

    def prune(self) -> int:
        """Remove trees, those used least lately first, until the rest is within the limit.

        Returns:
            How many were removed.
        """
        entries = []
        for entry in self._entries():
            with suppress(OSError, ValueError, LookupError, TypeError):
                facts = json.loads((entry / ENTRY).read_bytes())
                entries.append(((entry / ENTRY).stat().st_mtime, int(facts["bytes"]), entry))
        total, removed = sum(size for _, size, _ in entries), 0
        for _, size, entry in sorted(entries):
            if total <= self._limit:
                break
            self._drop(entry)
            total, removed = total - size, removed + 1
        return removed

    def sweep(self) -> None:
        """Remove what was being made or removed when a server died. Not while a build is running."""
        for path in list(self._folder.glob(".*")) if self._folder.is_dir() else ():
            remove_tree(path)

    def _entries(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        return [
            path for path in self._folder.iterdir() if path.name != APPS and not path.name.startswith(".")
        ]

    def _put(self, made: Path, place: Path) -> None:
        try:
            made.rename(place)
        except OSError:
            # Another build of the same was quicker, or what lies there is no entry.
            if not (place / ENTRY).is_file():
                self._drop(place)
                made.rename(place)

    def _drop(self, entry: Path) -> None:
        aside = self._folder / f".{uuid4().hex}"
        with suppress(OSError):
            entry.rename(aside)
            remove_tree(aside)

    def _changed(self, parts: Mapping[str, str], app: str) -> str:
        try:
            before: dict[str, Any] = json.loads(self._last(app).read_bytes())
            changed = [part for part in parts if parts[part] != before.get(part)]
            gone = [part for part in before if part not in parts]
        except (OSError, ValueError, AttributeError):
            return ""
        names = ", ".join([*changed, *gone])
        return f"changed since the last build: {names}" if names else "it is no longer in the cache"

    def _remember(self, parts: Mapping[str, str], app: str) -> None:
        last = self._last(app)
        beside = last.with_name(f".{uuid4().hex}")
        with suppress(OSError):
            last.parent.mkdir(parents=True, exist_ok=True)
            beside.write_text(json.dumps(dict(parts)))
            beside.replace(last)

    def _last(self, app: str) -> Path:
        return self._folder / APPS / f"{app.replace('/', '~')}.json"


def _clear(target: Path, listed: Listing) -> None:
    for path in listed.roots:
        if os.path.lexists(target / path):
            remove_tree(target / path)

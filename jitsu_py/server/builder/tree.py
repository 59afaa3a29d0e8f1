"""What an archive may put where: names, duplicates, links. Knows paths only, touches no file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

from jitsu_py.server.builder.gunzip import bad_archive

NAMES_LIMIT: Final = 32 * 1024 * 1024
"""Bytes that all names of an archive together may have, so that they fit in memory."""


@dataclass(frozen=True)
class Limits:
    """How large an archive may be. Beyond any of these it is refused."""

    files: int = 100_000
    """Entries: files, folders and links."""
    bytes: int = 2 * 1024**3
    """Bytes it unpacks to, tar's own included."""
    depth: int = 64
    """Folders above a file."""
    name: int = 255
    """Bytes of one file's or folder's name."""
    path: int = 1024
    """Bytes of a whole path, and of a link's target."""
    ratio: int = 200
    """Times its own size that it may unpack to; counts from 16 MiB on."""


class Kind(Enum):
    """What an entry is."""

    FILE = "file"
    FOLDER = "folder"
    SYMLINK = "symbolic link"
    HARDLINK = "hard link"


@dataclass(frozen=True)
class Entry:
    """One thing in the archive."""

    path: str
    """Slash-separated, relative, without "." and ".."; with the archive's leading folder."""
    kind: Kind
    size: int = 0
    """Bytes; 0 unless a file."""
    executable: bool = False
    target: str = ""
    """Of a link, as written in the archive."""


class Tree:
    """The paths of an archive as they come in, and the rules they must keep."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._kinds: dict[str, Kind] = {}
        self._entries = 0
        self._names = 0
        self.links: list[Entry] = []
        """Symbolic links, in order; to be made last, when nothing can be written through them."""

    def add(self, entry: Entry) -> None:
        """Take in the next entry.

        Raises:
            PlatformError: BAD_ARCHIVE: it does not go with the entries before it, or is one too many.
        """
        self._count(entry.target)
        if not entry.path:
            if entry.kind is not Kind.FOLDER:
                raise bad_archive(f"has a {entry.kind.value} without a name")
            return
        self._add_parents(entry.path)
        known = self._kinds.get(entry.path)
        if known is None:
            self._learn(entry.path, entry.kind)
        elif not (known is entry.kind is Kind.FOLDER):
            raise bad_archive(f"has {entry.path!r} twice")
        if entry.kind is Kind.HARDLINK and self._kinds.get(entry.target) is not Kind.FILE:
            raise bad_archive(
                f"has a hard link, {entry.path!r}, to {entry.target!r}, which is no file before it"
            )
        if entry.kind is Kind.SYMLINK:
            self.links.append(entry)

    def _add_parents(self, path: str) -> None:
        parent = path.rpartition("/")[0]
        known = self._kinds.get(parent)
        if not parent or known is Kind.FOLDER:
            return
        if known is not None:
            raise bad_archive(f"has {path!r} below {parent!r}, which is a {known.value}")
        self._add_parents(parent)
        self._learn(parent, Kind.FOLDER)

    def _learn(self, path: str, kind: Kind) -> None:
        self._kinds[path] = kind
        self._count(path)

    def _count(self, name: str) -> None:
        self._entries += bool(name)
        self._names += len(name)
        if self._entries > self._limits.files:
            raise bad_archive(f"has more than {self._limits.files:,} files and folders")
        if self._names > NAMES_LIMIT:
            raise bad_archive("has too many long names")

    def top(self) -> str:
        """The one folder that everything is in, or "" when there is no such folder."""
        tops = {path.partition("/")[0] for path in self._kinds}
        only = tops.pop() if len(tops) == 1 else ""
        return only if self._kinds.get(only) is Kind.FOLDER else ""

    def kind(self, path: str) -> Kind | None:
        """What is at a path of the archive."""
        return self._kinds.get(path)

    def check_links(self) -> None:
        """Check where the symbolic links lead, now that all entries are known.

        Raises:
            PlatformError: BAD_ARCHIVE: a link leads out of the app's folder, or goes through another link.
        """
        root = self.top().split("/") if self.top() else []
        for link in self.links:
            place = link.path.split("/")[:-1]
            steps = link.target.split("/")
            if link.target.startswith("/"):
                raise bad_archive(f"has a link, {link.path!r}, to the absolute path {link.target!r}")
            for number, step in enumerate(steps):
                self._walk(place, step, last=number == len(steps) - 1, link=link)
                if place[: len(root)] != root:
                    raise bad_archive(f"has a link, {link.path!r}, that leads outside: {link.target!r}")

    def _walk(self, place: list[str], step: str, *, last: bool, link: Entry) -> None:
        if step == "..":
            if not place:
                raise bad_archive(f"has a link, {link.path!r}, that leads outside: {link.target!r}")
            place.pop()
        elif step not in ("", "."):
            place.append(step)
            if not last and self._kinds.get("/".join(place)) is Kind.SYMLINK:
                raise bad_archive(
                    f"has a link, {link.path!r}, that goes through another link: {link.target!r}"
                )

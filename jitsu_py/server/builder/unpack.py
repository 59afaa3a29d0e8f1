"""Unpack a snapshot's archive into a folder, or say why it is refused.

Nothing in an archive is trusted: it comes from whoever has an account. Nothing is held in memory but names.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any, Final, Protocol
from uuid import uuid4

from jitsu_py.server.builder.entries import entries, read
from jitsu_py.server.builder.gunzip import bad_archive
from jitsu_py.server.builder.manifest import MANIFEST, MANIFEST_LIMIT, bad_manifest, parse_manifest
from jitsu_py.server.builder.tree import Entry, Kind, Limits, Tree
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["ArchiveFile", "Contents", "Limits", "inspect", "unpack"]

LOCKFILES: Final = ("npm-shrinkwrap.json", "package-lock.json", "yarn.lock", "pnpm-lock.yaml")

LOCKED: Final = re.compile(rb'"resolved": *"|\n  resolved "|resolution: ')
"""What stands in a lockfile once for each package; one that lies across two reads may be missed."""


@dataclass(frozen=True)
class ArchiveFile:
    """A file that an archive holds."""

    path: str
    """Relative to the app's folder, slash-separated."""
    size: int
    """Bytes."""
    mode: int
    """Permissions as unpacked: 0o644 or 0o755."""


@dataclass(frozen=True)
class Contents:
    """What an archive holds."""

    files: tuple[ArchiveFile, ...]
    """In the archive's order; neither folders nor symbolic links."""
    manifest: dict[str, Any]
    """Its package.json, parsed."""
    unpacked: int
    """Bytes of all files together."""
    locked: int = 0
    """Packages that its lockfile names; 0: it has none that can be read."""


class _Sink(Protocol):
    def __call__(self, entry: Entry, chunks: Iterator[bytes], /) -> None: ...


def _nothing() -> None:
    pass


def inspect(archive: Path, limits: Limits, check: Callable[[], None] = _nothing) -> Contents:
    """Read an archive without writing anything.

    Args:
        archive: a gzip'd tar file.
        limits: what it may hold.
        check: called every few KiB; raises to stop.

    Raises:
        PlatformError: BAD_ARCHIVE or BAD_MANIFEST; the message names the entry and the reason.
    """
    return _take(archive, limits, _drop, check).contents()


def unpack(archive: Path, folder: Path, limits: Limits, check: Callable[[], None] = _nothing) -> Contents:
    """Unpack an archive into a folder, without the one folder that everything in it may be in.

    It is unpacked beside `folder` and renamed at the end, so a failure leaves nothing.

    Args:
        archive: a gzip'd tar file.
        folder: must not exist; its parent is made.
        limits: what the archive may hold.
        check: called every few KiB; raises to stop.

    Raises:
        PlatformError: BAD_ARCHIVE or BAD_MANIFEST; DISK_FULL when there is no room.
    """
    beside = folder.with_name(f".{folder.name}.{uuid4().hex}")
    with disk_errors(f"unpack into {folder}"):
        beside.mkdir(parents=True)
        try:
            reading = _take(archive, limits, _Writer(beside), check)
            contents = reading.contents()
            _make_links(beside, reading.tree)
            (beside / reading.tree.top()).rename(folder)
        finally:
            shutil.rmtree(beside, ignore_errors=True)
    return contents


class _Reading:
    """What is known of an archive while it is read."""

    def __init__(self, limits: Limits) -> None:
        self.tree = Tree(limits)
        self._files: dict[str, ArchiveFile] = {}
        self._first = ""
        self._manifests: dict[str, bytearray] = {}
        self._locked = 0

    def take(self, entry: Entry, data: IO[bytes] | None, sink: _Sink) -> None:
        self.tree.add(entry)
        self._first = self._first or entry.path.partition("/")[0]
        if entry.kind is Kind.FILE:
            self._files[entry.path] = ArchiveFile(
                entry.path, entry.size, 0o755 if entry.executable else 0o644
            )
        elif entry.kind is Kind.HARDLINK:
            self._files[entry.path] = replace(self._files[entry.target], path=entry.path)
        sink(entry, self._chunks(entry, data))

    def _chunks(self, entry: Entry, data: IO[bytes] | None) -> Iterator[bytes]:
        kept = bytearray()
        if entry.path in (MANIFEST, f"{self._first}/{MANIFEST}"):
            self._manifests[entry.path] = kept
        is_lockfile, counted = entry.path.removeprefix(f"{self._first}/") in LOCKFILES, 0
        while data is not None and (chunk := read(data)):
            if entry.path in self._manifests and len(kept) <= MANIFEST_LIMIT:
                kept += chunk
            if is_lockfile:
                counted += len(LOCKED.findall(chunk))
            yield chunk
        self._locked = max(self._locked, counted)

    def contents(self) -> Contents:
        """What was in it, once all was taken."""
        self.tree.check_links()
        top = self.tree.top()
        prefix = f"{top}/" if top else ""
        manifest = self._manifest(prefix + MANIFEST)
        files = tuple(replace(file, path=file.path.removeprefix(prefix)) for file in self._files.values())
        return Contents(files, manifest, sum(file.size for file in files), self._locked)

    def _manifest(self, path: str) -> dict[str, Any]:
        kind = self.tree.kind(path)
        if kind is None:
            raise bad_manifest("The archive has no package.json")
        if kind is not Kind.FILE:
            raise bad_manifest(f"package.json is a {kind.value}, not a file")
        data = bytes(self._manifests[path])
        if len(data) > MANIFEST_LIMIT:
            raise bad_manifest(f"package.json is larger than {MANIFEST_LIMIT:,} bytes")
        return parse_manifest(data)


def _take(archive: Path, limits: Limits, sink: _Sink, check: Callable[[], None]) -> _Reading:
    reading = _Reading(limits)
    for entry, data in entries(archive, limits, check):
        reading.take(entry, data, sink)
    return reading


def _drop(_entry: Entry, chunks: Iterator[bytes]) -> None:
    for _ in chunks:
        pass


class _Writer:
    """Writes what is taken below a folder; symbolic links come later."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._folders: set[str] = set()

    def __call__(self, entry: Entry, chunks: Iterator[bytes]) -> None:
        self._folder(entry.path if entry.kind is Kind.FOLDER else entry.path.rpartition("/")[0])
        if entry.kind is Kind.HARDLINK:
            os.link(self._root / entry.target, self._root / entry.path, follow_symlinks=False)
        elif entry.kind is Kind.FILE:
            self._file(entry, chunks)

    def _folder(self, path: str) -> None:
        if path in self._folders:
            return
        if path:
            self._folder(path.rpartition("/")[0])
            (self._root / path).mkdir()
        (self._root / path).chmod(0o755)
        self._folders.add(path)

    def _file(self, entry: Entry, chunks: Iterator[bytes]) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with open(os.open(self._root / entry.path, flags, 0o600), "wb") as file:  # noqa: PTH123 - a descriptor
            os.fchmod(file.fileno(), 0o755 if entry.executable else 0o644)
            for chunk in chunks:
                file.write(chunk)


def _make_links(root: Path, tree: Tree) -> None:
    for link in tree.links:
        (root / link.path).symlink_to(link.target)


@contextmanager
def disk_errors(doing: str) -> Iterator[None]:
    """Turn what the file system refuses into the platform's error.

    Args:
        doing: what is done meanwhile; goes on after "cannot ".

    Raises:
        PlatformError: DISK_FULL, BAD_ARCHIVE (two names that this file system takes for one, or a name it
            does not take) or INTERNAL.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            message = f"The server's disk is full: cannot {doing}."
            raise PlatformError(Code.DISK_FULL, message, blame=Blame.SYSTEM) from error
        if error.errno in (errno.EEXIST, errno.ENAMETOOLONG, errno.EILSEQ, errno.ENOTDIR):
            raise bad_archive(f"has a name that cannot be used here: {error.strerror}") from error
        message = f"The server cannot {doing}: {error.strerror}."
        raise PlatformError(Code.INTERNAL, message, blame=Blame.SYSTEM) from error

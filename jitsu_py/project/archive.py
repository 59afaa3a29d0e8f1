"""The reproducible .tgz of a project: same tree, same bytes, from any folder, at any time."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

from jitsu_py.errors import ProjectError, UsageError
from jitsu_py.project import tarheader
from jitsu_py.project.gzipping import GzipWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from jitsu_py.project.listing import PackFile

TOP: Final = "package/"
"""The folder that everything in the archive is in, as in npm's."""

_MTIME: Final = 499_162_500  # 1985-10-26T08:15:00Z, the date that npm gives every file it packs
_LATEST: Final = 8**11 - 1


@dataclass(frozen=True)
class Archive:
    """A packed project on disk."""

    path: Path
    size: int
    """Bytes."""
    sha256: str
    """Of the archive, hex."""
    md5: str
    """Of the archive, hex; what the clients of 2013 compare."""
    files: int
    """How many files are in it."""
    content: str
    """SHA-256 of the tar before compression, hex: the same whatever library compressed it."""


def pack(
    files: Sequence[PackFile],
    folder: Path,
    target: Path,
    *,
    advance: Callable[[int], None],
    replaced: Mapping[str, bytes] | None = None,
) -> Archive:
    """Write the files to a gzip tar, each below `package/`, as npm does.

    The bytes depend on nothing but the paths, modes and contents, on `SOURCE_DATE_EPOCH` where it is set, and
    on the library that compresses: zlib-ng, or zlib where that is not installed. `Archive.content` does not.

    Args:
        files: in the order they shall have.
        folder: the project's.
        target: the archive's path; it appears when it is whole.
        advance: takes the bytes just read from the files; together they are the files' sizes.
        replaced: contents to send instead of what a file holds, by path; those do not count for `advance`.

    Raises:
        ProjectError: a file cannot be read or changed meanwhile, or the archive cannot be written.
        UsageError: `SOURCE_DATE_EPOCH` is no time.
    """
    job = _Job(str(folder), _flags(), _date(), advance, replaced or {})
    partial = _partial(target)
    try:
        with partial.open("wb") as out, GzipWriter(out) as gzip:
            job.run(files, gzip)
        partial.replace(target)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        partial.unlink(missing_ok=True)
    return Archive(
        target, gzip.size, gzip.sha256.hexdigest(), gzip.md5.hexdigest(), len(files), gzip.content.hexdigest()
    )


@dataclass(frozen=True)
class _Job:
    """What one packing needs to know of everything it packs."""

    folder: str
    flags: int
    """To open files with."""
    mtime: int
    advance: Callable[[int], None]
    replaced: Mapping[str, bytes]

    def run(self, files: Sequence[PackFile], gzip: GzipWriter) -> None:
        for file in files:
            instead = self.replaced.get(file.path)
            if instead is None:
                self._add(file, gzip)
            else:
                self._head(file, len(instead), gzip)
                gzip.write(instead + tarheader.padding(len(instead)))
        gzip.write(tarheader.END)
        gzip.finish()

    def _head(self, file: PackFile, size: int, gzip: GzipWriter) -> None:
        gzip.write(tarheader.header(TOP + file.path, size=size, mode=file.mode, mtime=self.mtime))

    def _add(self, file: PackFile, gzip: GzipWriter) -> None:
        with _opened(self.folder, file, self.flags) as source:
            before = os.fstat(source.fileno())
            if not stat.S_ISREG(before.st_mode) or before.st_size != file.size:
                raise _changed(file)
            self._head(file, file.size, gzip)
            try:
                self._copy(file, source, gzip)
                after = os.fstat(source.fileno())
            except OSError as error:
                raise _unreadable(file, error) from error
        if (after.st_size, after.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise _changed(file)
        gzip.write(tarheader.padding(file.size))

    def _copy(self, file: PackFile, source: BinaryIO, gzip: GzipWriter) -> None:
        left = file.size
        while left:
            count = source.readinto(gzip.free()[:left])  # type: ignore[attr-defined]  # a raw file has it
            if not count:
                raise _changed(file)
            gzip.took(count)
            self.advance(count)
            left -= count


def _flags() -> int:
    # No links followed and no waiting: what was a file when it was listed may be a link or a pipe by now.
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)  # not every system has them all
    return flags


def _opened(folder: str, file: PackFile, flags: int) -> BinaryIO:
    try:
        return os.fdopen(os.open(f"{folder}/{file.path}", flags), "rb", buffering=0)
    except FileNotFoundError as error:
        raise ProjectError(
            f"{file.path} vanished while the project was packed.",
            hint="Stop what changes the project's files, and try again.",
            code="file_changed",
        ) from error
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO, errno.ENOTDIR, errno.EISDIR):
            raise _changed(file) from error
        raise _unreadable(file, error) from error


def _partial(target: Path) -> Path:
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    except OSError as error:
        raise _unwritable(target, error) from error
    os.close(handle)
    return Path(name)


def _date() -> int:
    text = os.environ.get("SOURCE_DATE_EPOCH", "")
    if not text:
        return _MTIME
    if text.isascii() and text.isdigit() and int(text[:12]) <= _LATEST and len(text) <= 12:
        return int(text)
    raise UsageError(
        f'SOURCE_DATE_EPOCH is "{text[:40]}", which is no time.',
        hint="Set it to seconds since 1970, or unset it.",
    )


def _changed(file: PackFile) -> ProjectError:
    return ProjectError(
        f"{file.path} changed while the project was packed.",
        hint="Stop what writes to it, or name it in .jitsuignore if the app does not need it.",
        code="file_changed",
    )


def _unreadable(file: PackFile, error: OSError) -> ProjectError:
    return ProjectError(
        f"Cannot read {file.path}: {(error.strerror or str(error)).lower()}.",
        hint="Change who may read it, or name it in .jitsuignore.",
        code="unreadable",
    )


def _unwritable(target: Path, error: OSError) -> ProjectError:
    return ProjectError(
        f"Cannot write the archive {target}: {(error.strerror or str(error)).lower()}.",
        hint="Check that the folder exists, who may write to it, and the room on the disk.",
        code="unwritable",
    )

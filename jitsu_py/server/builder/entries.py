"""What is in an archive, entry by entry, each one checked before anybody acts on it."""

from __future__ import annotations

import tarfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, Final, cast

from jitsu_py.server.builder.gunzip import CHUNK, Gunzip, bad_archive
from jitsu_py.server.builder.tree import Entry, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from jitsu_py.server.builder.tree import Limits

HEADER_LIMIT: Final = 64 * 1024
"""Bytes of one entry's header with its extensions (long names, pax records); tarfile holds it in memory."""

FOREIGN: Final = (tarfile.TarError, ValueError, ArithmeticError, LookupError, RecursionError, TypeError)
"""What tarfile lets out when it meets bytes that nobody's tar would write."""

KINDS: Final = {
    tarfile.REGTYPE: Kind.FILE,
    tarfile.AREGTYPE: Kind.FILE,
    tarfile.DIRTYPE: Kind.FOLDER,
    tarfile.SYMTYPE: Kind.SYMLINK,
    tarfile.LNKTYPE: Kind.HARDLINK,
}

REFUSED: Final = {
    tarfile.CHRTYPE: "a device",
    tarfile.BLKTYPE: "a device",
    tarfile.FIFOTYPE: "a named pipe",
    tarfile.GNUTYPE_SPARSE: "a sparse file",
}


class _Header(tarfile.TarInfo):
    """A header block; tarfile takes a damaged one after the first for the end, which would lose files."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _Header:
        if len(buf) < tarfile.BLOCKSIZE:
            raise bad_archive("is cut off: it has no end mark")
        if not any(buf):
            return super().frombuf(buf, encoding, errors)
        try:
            return super().frombuf(buf, encoding, errors)
        except FOREIGN as error:
            raise bad_archive(f"is no tar archive, or a damaged one: {error}") from error


def entries(
    archive: Path, limits: Limits, check: Callable[[], None] = lambda: None
) -> Iterator[tuple[Entry, IO[bytes] | None]]:
    """Read an archive from its first byte to its last.

    Args:
        archive: a gzip'd tar file.
        limits: what it may hold.
        check: called every few KiB; raises to stop the reading.

    Yields:
        Each entry and, of a file, a reader of its bytes, good until the next entry is asked for.

    Raises:
        PlatformError: BAD_ARCHIVE, with the entry and the reason.
    """
    with archive.open("rb") as file:
        packed = archive.stat().st_size
        stream = Gunzip(file, packed=packed, most=limits.bytes, ratio=limits.ratio, check=check)
        with _tar(stream) as tar:
            while (info := _next(tar, stream)) is not None:
                entry = _entry(info, limits)
                data = tar.extractfile(info) if entry.kind is Kind.FILE else None
                yield entry, data
                if data is not None:
                    _read_all(data)
            _check_end(tar)


@contextmanager
def _tar(stream: Gunzip) -> Iterator[tarfile.TarFile]:
    stream.allowance = HEADER_LIMIT + CHUNK
    with _converted():
        tar = tarfile.open(  # noqa: SIM115 - entered below
            fileobj=cast("IO[bytes]", stream), mode="r|", bufsize=CHUNK, tarinfo=_Header,
            encoding="utf-8", errors="surrogateescape",
        )  # fmt: skip
    with tar:
        yield tar


@contextmanager
def _converted() -> Iterator[None]:
    try:
        yield
    except FOREIGN as error:
        raise bad_archive(f"is no tar archive, or a damaged one: {error}") from error


def _next(tar: tarfile.TarFile, stream: Gunzip) -> tarfile.TarInfo | None:
    stream.allowance = HEADER_LIMIT + CHUNK
    with _converted():
        info = tar.next()
    stream.allowance = None
    # tarfile keeps every entry it has seen.
    cast("Any", tar).members = []
    return info


def _entry(info: tarfile.TarInfo, limits: Limits) -> Entry:
    name = info.name
    what = REFUSED.get(info.type) or ("a sparse file" if info.issparse() else "")
    if what or info.type not in KINDS:
        raise bad_archive(f"has {what or f'an entry of unknown type {info.type!r}'}: {name!r}")
    kind = KINDS[info.type]
    if info.size < 0:
        raise bad_archive(f"has a file of negative size: {name!r}")
    path = _path(name, limits)
    target = ""
    if kind is Kind.HARDLINK:
        target = _path(info.linkname, limits)
    elif kind is Kind.SYMLINK:
        target = _checked(info.linkname, limits)
    size = info.size if kind is Kind.FILE else 0
    return Entry(path, kind, size, executable=bool(info.mode & 0o100), target=target)


def _path(name: str, limits: Limits) -> str:
    if name.startswith("/"):
        raise bad_archive(f"has an absolute path: {name!r}")
    parts = [part for part in _checked(name, limits).split("/") if part not in ("", ".")]
    if ".." in parts:
        raise bad_archive(f"has a path with '..': {name!r}")
    if len(parts) > limits.depth + 1:
        raise bad_archive(f"has a path more than {limits.depth} folders deep: {_short(name)!r}")
    if any(len(part.encode()) > limits.name for part in parts):
        raise bad_archive(f"has a name of more than {limits.name} bytes: {_short(name)!r}")
    return "/".join(parts)


def _checked(name: str, limits: Limits) -> str:
    try:
        length = len(name.encode())
    except UnicodeEncodeError as error:
        raise bad_archive(f"has a name that is not UTF-8: {_short(name)!r}") from error
    if length > limits.path:
        raise bad_archive(f"has a path of more than {limits.path} bytes: {_short(name)!r}")
    if "\\" in name or any(ord(char) < 32 or ord(char) == 127 for char in name):
        raise bad_archive(f"has a name with a backslash or a control character: {_short(name)!r}")
    return name


def _short(name: str) -> str:
    return name if len(name) <= 100 else f"{name[:97]}..."


def _read_all(data: IO[bytes]) -> None:
    while read(data):
        pass


def read(data: IO[bytes], size: int = CHUNK) -> bytes:
    """Read the next bytes of a file in an archive.

    Raises:
        PlatformError: BAD_ARCHIVE: they are not there.
    """
    with _converted():
        return data.read(size)


def _check_end(tar: tarfile.TarFile) -> None:
    rest = cast("IO[bytes]", tar.fileobj)
    while data := read(rest):
        if any(data):
            raise bad_archive("has more behind its end mark")

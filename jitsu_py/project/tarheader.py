"""Headers of a tar archive (POSIX ustar, with pax where it is too narrow), always the same bytes.

Not left to `tarfile`, whose headers are Python's to change (between 3.8 and 3.9 the device numbers did),
while the hash of an archive has to tell whether a project changed.
"""

from __future__ import annotations

from typing import Final

BLOCK: Final = 512
"""Bytes that everything in a tar is a multiple of."""

END: Final = bytes(2 * BLOCK)
"""What ends an archive."""

_NAME: Final = 100
_PREFIX: Final = 155
_LARGEST: Final = 8**11 - 1  # eleven octal digits, 8 GiB
_FILE: Final = b"0"
_PAX: Final = b"x"


def header(path: str, *, size: int, mode: int, mtime: int) -> bytes:
    """Return the header of a regular file, a pax header before it where the name or size needs one.

    Args:
        size: bytes.
        mode: permission bits.
        mtime: seconds since 1970.
    """
    records, name, prefix = b"", path.encode("ascii", "replace"), b""
    if path.isascii() and (parts := _split(name)) is not None:
        prefix, name = parts
    else:
        records += _record(b"path", path.encode())
        name = name[-_NAME:]
    if size > _LARGEST:
        records += _record(b"size", str(size).encode())
    plain = _block(name, prefix, _FILE, size if size <= _LARGEST else 0, mode, mtime)
    if not records:
        return plain
    extra = _block(b"././@PaxHeader", b"", _PAX, len(records), 0o644, mtime)
    return extra + records + padding(len(records)) + plain


def padding(size: int) -> bytes:
    """Return the zeros that follow content of `size` bytes."""
    return bytes(-size % BLOCK)


def _split(name: bytes) -> tuple[bytes, bytes] | None:
    """Part a path into what fits the header's two fields; None: it does not."""
    if len(name) <= _NAME:
        return b"", name
    at = name.rfind(b"/", 0, _PREFIX + 1)
    return (name[:at], name[at + 1 :]) if at > 0 and 0 < len(name) - at - 1 <= _NAME else None


def _record(key: bytes, value: bytes) -> bytes:
    """Return `<length> <key>=<value>\\n`, where the length counts its own digits."""
    rest = len(key) + len(value) + 3
    length = rest
    while len(str(length)) + rest != length:
        length = len(str(length)) + rest
    return b"%d %s=%s\n" % (length, key, value)


def _block(name: bytes, prefix: bytes, kind: bytes, size: int, mode: int, mtime: int) -> bytes:
    # name; mode, owner, group, size, time; checksum; kind; link; magic; names of the owners; device; prefix
    fields = (
        name.ljust(_NAME, b"\0")
        + b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (mode, 0, 0, size, mtime)
        + b" " * 8
        + kind
        + bytes(100)
        + b"ustar\00000"
        + bytes(64)
        + b"0000000\0" * 2
        + prefix.ljust(_PREFIX, b"\0")
        + bytes(12)
    )
    return fields[:148] + b"%06o\0 " % sum(fields) + fields[156:]

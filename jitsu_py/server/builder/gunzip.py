"""The bytes inside a gzip file: exactly one member, whole, checked, and never more than allowed."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import BinaryIO

CHUNK: Final = 64 * 1024
"""Bytes taken from the file, and given out, at a time."""

RATIO_FROM: Final = 16 * 1024 * 1024
"""Bytes below which an archive may be as compressible as it likes."""


def bad_archive(message: str) -> PlatformError:
    """The error for an archive that is refused.

    Args:
        message: goes on after "The archive ", e.g. "is not gzip".
    """
    return PlatformError(Code.BAD_ARCHIVE, f"The archive {message}.")


class Gunzip:
    """A forward-only reader of what a gzip file holds.

    Args:
        file: the gzip file, at its start.
        packed: its size, bytes.
        most: bytes it may unpack to.
        ratio: how many times its own size it may unpack to, once that is more than `RATIO_FROM`.
        check: called for every chunk; raises to stop the reading.
    """

    def __init__(
        self, file: BinaryIO, *, packed: int, most: int, ratio: int, check: Callable[[], None] = lambda: None
    ) -> None:
        self._file = file
        self._inflate = zlib.decompressobj(wbits=31)
        self._packed = packed
        self._most = most
        self._ratio = ratio
        self._check = check
        self._pending = b""
        self.count = 0
        """Bytes given out so far."""
        self.allowance: int | None = None
        """Bytes that may be read before it is set again; None: no bound. Going beyond it is an error."""

    def read(self, size: int = -1) -> bytes:
        """Return at least one byte and at most `CHUNK` of them, or nothing at the end.

        Raises:
            PlatformError: BAD_ARCHIVE: no gzip, damaged, cut off, something behind it, or too much in it.
        """
        self._check()
        wanted = CHUNK if size < 0 else min(size, CHUNK)
        data = b""
        while not data and not self._inflate.eof:
            data = self._more(wanted)
        if not data:
            self._check_end()
        self._account(len(data))
        return data

    def _more(self, wanted: int) -> bytes:
        packed = self._pending or self._file.read(CHUNK)
        if not packed:
            raise bad_archive("is cut off: its gzip stream has no end" if self._packed else "is empty")
        try:
            data = self._inflate.decompress(packed, wanted)
        except zlib.error as error:
            raise bad_archive(self._what(error)) from error
        self._pending = self._inflate.unconsumed_tail
        return data

    def _what(self, error: zlib.error) -> str:
        if self.count == 0 and "header" in str(error):
            return "is not gzip"
        return f"is damaged: gzip says {str(error).rpartition(': ')[2]!r}"

    def _check_end(self) -> None:
        if self._inflate.unused_data or self._file.read(1):
            raise bad_archive("has more behind the end of its gzip stream")

    def _account(self, got: int) -> None:
        self.count += got
        if self.count > self._most:
            raise bad_archive(f"unpacks to more than the {self._most:,} bytes allowed")
        if self.count > RATIO_FROM and self.count > self._ratio * self._packed:
            raise bad_archive(f"unpacks to more than {self._ratio} times its size: it looks like a bomb")
        if self.allowance is not None:
            self.allowance -= got
            if self.allowance < 0:
                raise bad_archive("has a header that is too large")

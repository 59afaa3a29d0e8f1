"""From what a drone printed to blocks of lines, and back. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LONGEST: Final = 1024 * 1024
"""Bytes of a line; a longer one is kept in parts."""

BLOCK: Final = 64 * 1024
"""Bytes of a block, unless one line is longer."""


def whole_lines(chunk: bytes) -> bytes:
    """The part of a chunk that ends with a line; a line that outgrows the bound is cut there."""
    end = chunk.rfind(b"\n") + 1
    return chunk[:end] if end or len(chunk) <= LONGEST else chunk[: _boundary(chunk, LONGEST)]


def blocks_of(whole: bytes) -> Iterator[tuple[int, bytes]]:
    """Cut whole lines into blocks: how many lines, and their bytes without the last line's end."""
    at = 0
    while at < len(whole):
        end = whole.rfind(b"\n", at, at + BLOCK) + 1 or _end_of_line(whole, at)
        block = whole[at:end].removesuffix(b"\n")
        yield block.count(b"\n") + 1, block
        at = end


def _end_of_line(whole: bytes, at: int) -> int:
    """Where the line that begins there ends, or where its first part does."""
    end = whole.find(b"\n", at, at + LONGEST + 1) + 1
    if end:
        return end
    return len(whole) if len(whole) - at <= LONGEST else _boundary(whole, at + LONGEST)


def _boundary(data: bytes, end: int) -> int:
    """The last place up to `end` that is not in the middle of a character of UTF-8."""
    for back in range(4):
        if end < len(data) and data[end - back] & 0xC0 != 0x80:
            return end - back
    return end


def texts_of(block: bytes, needle: bytes | None) -> Iterator[tuple[int, bytes]]:
    """The lines of a block, the last first, each with its number; only those with the needle in them."""
    if needle is not None and needle not in block.lower():
        return
    lines = block.split(b"\n")
    for number in range(len(lines) - 1, -1, -1):
        if needle is None or needle in lines[number].lower():
            yield number, lines[number]


def as_text(line: bytes) -> str:
    """A line as people read it."""
    return line.removesuffix(b"\r").decode("utf-8", "replace")

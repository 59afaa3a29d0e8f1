"""The lines in what a program prints: whole, readable, never too long."""

from __future__ import annotations

import codecs
import re
from typing import Final

LINE_LIMIT: Final = 64 * 1024
"""Characters of a line that are kept."""

ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
"""Colours, cursor moves and titles, by ECMA-48."""

CONTROLS: Final = dict.fromkeys([*range(9), *range(10, 32), 127])


class LineSplitter:
    """Cuts bytes, as they come in, into lines of text.

    Invalid UTF-8 is replaced. Of a progress bar drawn with carriage returns the last state is kept.
    Escape sequences and control characters are dropped. A line over `LINE_LIMIT` is cut, and says so.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._line = ""
        self._cut = 0

    def feed(self, data: bytes) -> list[str]:
        """Take the next bytes; return the lines that ended in them."""
        return self._split(self._decoder.decode(data))

    def close(self) -> list[str]:
        """Return the last line, if it did not end."""
        lines = self._split(self._decoder.decode(b"", final=True))
        return [*lines, self._end()] if self._line else lines

    def _split(self, text: str) -> list[str]:
        *ended, rest = text.split("\n")
        lines = []
        for part in ended:
            self._add(part)
            lines.append(self._end())
        self._add(rest)
        return lines

    def _add(self, text: str) -> None:
        # A carriage return that is not part of a line's end begins the line again.
        if "\r" in text[:-1] or (self._line.endswith("\r") and text):
            whole = self._line + text
            kept = whole[:-1].rpartition("\r")[2] + whole[-1]
            self._line, self._cut = "", 0
            text = kept
        room = LINE_LIMIT - len(self._line)
        self._line += text[:room]
        self._cut += len(text[room:])

    def _end(self) -> str:
        line = ESCAPES.sub("", self._line.rstrip("\r")).translate(CONTROLS)
        if self._cut:
            line += f" … [{self._cut:,} more characters cut]"
        self._line, self._cut = "", 0
        return line

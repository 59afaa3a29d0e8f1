"""What a run finds out about where it runs: terminals, their width and colours, whether anybody answers."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping


class Surroundings:
    """The streams and the environment of a run.

    Args:
        color: auto, always or never.
        no_input: whether --no-input was given.
        environ: the environment's variables: NO_COLOR, FORCE_COLOR, CI, TERM, COLUMNS, JITSU_NO_INPUT.
        stdin: where answers to questions come from.
        stderr: where questions are put.
    """

    def __init__(
        self, color: str, no_input: bool, environ: Mapping[str, str], stdin: TextIO, stderr: TextIO
    ) -> None:
        self._color = color
        self._no_input = no_input
        self._environ = environ
        self._in = stdin
        self._err = stderr

    def is_terminal(self, file: TextIO | None) -> bool:
        """Whether a person looks at `file`; None and closed ones are nobody's (pythonw, `>&-`)."""
        try:
            return file is not None and file.isatty()
        except ValueError:
            return False

    def moves(self, file: TextIO) -> bool:
        """Whether spinners and bars may be drawn on `file`."""
        return self.is_terminal(file) and self._environ.get("TERM") != "dumb" and not self._environ.get("CI")

    def colour(self, file: TextIO) -> bool:
        """Whether text on `file` is coloured; NO_COLOR and FORCE_COLOR as https://no-color.org says."""
        if self._color != "auto":
            return self._color == "always"
        if self._environ.get("NO_COLOR"):
            return False
        if self._environ.get("FORCE_COLOR", "0") not in {"", "0"}:
            return True
        return self.is_terminal(file) and self._environ.get("TERM") != "dumb"

    def width(self, file: TextIO) -> int:
        """Columns of the terminal behind `file`, 80 where there is none."""
        columns = self._environ.get("COLUMNS", "")
        if columns.isdecimal() and int(columns) > 0:
            return int(columns)
        try:
            return os.get_terminal_size(file.fileno()).columns or 80
        except (OSError, ValueError):
            return 80

    def why_not_asking(self) -> str:
        """Why no question can be asked; empty when one can."""
        if self._no_input:
            return "--no-input was given"
        if self._environ.get("JITSU_NO_INPUT"):
            return "JITSU_NO_INPUT is set"
        if self._environ.get("CI"):
            return "CI is set"
        return "" if self.is_terminal(self._in) and self.is_terminal(self._err) else "there is no terminal"

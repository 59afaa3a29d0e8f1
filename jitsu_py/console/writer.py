"""Puts text on stdout and stderr: whole, in order, safe, secrets starred, out of the way of what moves."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, TextIO

from jitsu_py.console.fields import safe

if TYPE_CHECKING:
    from collections.abc import Callable

    from jitsu_py.console.live import Spinner
    from jitsu_py.console.surroundings import Surroundings


class Writer:
    """The streams of a run.

    Args:
        out: stdout; None when it was closed before we began: what is written there goes nowhere.
        err: stderr, the same.
        around: tells where colours go.
    """

    def __init__(self, out: TextIO | None, err: TextIO | None, around: Surroundings) -> None:
        self._out = out
        self._err = err
        self._around = around
        self._lock = threading.RLock()
        self._secrets: set[str] = set()
        self._spinner: Spinner | None = None
        self._first = False
        self.above: Callable[[str], None] | None = None
        """While a progress bar is drawn: writes a line above it."""

    def print(self, text: str) -> None:
        """Write an answer to stdout; nothing moves any more."""
        self.rest()
        self._write(self._out, text + "\n")

    def tell(self, text: str, code: str = "", *, mark: str = "") -> None:
        """Write words to stderr.

        Args:
            text: made safe, secrets starred.
            code: of the terminal's colour, for all of it, or for `mark` where there is one.
            mark: what stands before it, such as "error:".
        """
        if self._first:
            self.rest()
        shown = safe(self._starred(text))
        line = f"{self._paint(mark, code)} {shown}" if mark else self._paint(shown, code)
        if self.above:
            self.above(line)
        else:
            self._write(self._err, line + "\n")

    def tell_json(self, text: str) -> None:
        """Write JSON, which is safe by itself, to stderr."""
        self._write(self._err, self._starred(text) + "\n")

    def hide(self, secret: str) -> None:
        """Star this secret wherever it would appear on stderr."""
        if len(secret) >= 4:
            self._secrets.add(secret)

    def spin(self, label: str, *, first: bool = False) -> None:
        """Turn a spinner on stderr until `rest`; the `first` one of a run only until the first word."""
        from jitsu_py.console.live import FIRST_SECONDS, Spinner

        # Where one turned already the next goes on; loading us took a part of the first one's time.
        went_by = FIRST_SECONDS if self._spinner else time.process_time() if first else 0
        self.rest()
        self._first = first
        if self._err is not None:
            self._spinner = Spinner(
                self._err,
                self._lock,
                label[: self._around.width(self._err) - 9],
                max(FIRST_SECONDS - went_by, 0),
            )
            self._spinner.start()

    def rest(self) -> None:
        """End the spinner, if one turns, and leave its line empty."""
        if self._spinner:
            self._spinner.stop()
        self._spinner, self._first = None, False

    @property
    def spinning(self) -> bool:
        """Whether a spinner turns that says for what."""
        return self._spinner is not None and not self._first

    def _paint(self, text: str, code: str) -> str:
        painted = code and self._err is not None and self._around.colour(self._err)
        return f"\x1b[{code}m{text}\x1b[0m" if painted else text

    def _starred(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def _write(self, file: TextIO | None, text: str) -> None:
        if file is None:
            return
        with self._lock:
            if self._spinner:
                self._spinner.clear()
            try:
                file.write(text)
            except UnicodeEncodeError:
                file.write(text.encode(file.encoding, "backslashreplace").decode(file.encoding))
            file.flush()

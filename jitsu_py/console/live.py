"""What moves on a terminal while something is under way: a spinner, a progress bar."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
ASCII_FRAMES = "|/-\\"

FIRST_SECONDS = 0.08
"""What is done sooner needs no spinner; what is not shows one within 0.1 s."""

FRAME_SECONDS = 0.08
"""How long a frame stays."""


class Spinner:
    """Turns on a line of its own until stopped, with the seconds that have gone by.

    Not rich's, whose loading alone takes longer than most answers.

    Args:
        file: the terminal.
        lock: held while anything is written to the terminal.
        label: what is under way.
        delay: before the first frame, seconds.
    """

    def __init__(self, file: TextIO, lock: threading.RLock, label: str, delay: float = FIRST_SECONDS) -> None:
        self._delay = delay
        self._file = file
        self._lock = lock
        self._label = label
        self._stop = threading.Event()
        self._drawn = False
        self._thread = threading.Thread(target=self._turn, daemon=True)

    def start(self) -> None:
        """Begin; the first frame shows after the delay."""
        self._thread.start()

    def stop(self) -> None:
        """End, and leave the line empty."""
        self._stop.set()
        # ^C can come while it is being started.
        if self._thread.is_alive():
            self._thread.join()
        self.clear()

    def clear(self) -> None:
        """Empty the line so that something else can be written there; the next frame draws it anew."""
        with self._lock:
            if self._drawn:
                self._file.write("\r\x1b[K")
                self._file.flush()
                self._drawn = False

    def _turn(self) -> None:
        # A terminal that was closed needs no frames; whoever writes next will tell.
        with suppress(OSError, ValueError):
            self._draw()

    def _draw(self) -> None:
        frames = FRAMES if "utf" in (self._file.encoding or "").lower() else ASCII_FRAMES
        began, turn = time.monotonic(), 0
        pause = self._delay
        while not self._stop.wait(pause):
            pause = FRAME_SECONDS
            seconds = int(time.monotonic() - began)
            told = f" {seconds} s" if seconds else ""
            with self._lock:
                self._file.write(f"\r\x1b[K{frames[turn % len(frames)]} {self._label}{told}")
                self._file.flush()
                self._drawn = True
            turn += 1


@contextmanager
def bar(
    file: TextIO, label: str, total: int, width: int, *, colour: bool
) -> Iterator[tuple[Callable[[int], None], Callable[[str], None]]]:
    """Show a progress bar (bytes) that goes away at its end.

    Yields:
        What takes the bytes just done, and what writes a line above the bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, ProgressColumn, TextColumn
    from rich.text import Text

    columns: list[ProgressColumn] = [TextColumn("{task.description}", markup=False), BarColumn(None)]
    columns += [DownloadColumn(binary_units=True)] if width >= 60 else []
    console = Console(file=file, width=width, force_terminal=True, no_color=not colour, highlight=False)
    with Progress(
        *columns, console=console, transient=True, redirect_stdout=False, redirect_stderr=False
    ) as shown:
        task = shown.add_task(label, total=total)
        yield (lambda done: shown.advance(task, done)), (lambda line: console.print(Text.from_ansi(line)))

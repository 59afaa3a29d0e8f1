"""What a build tells: events to whoever listens, and the same as plain lines in its log."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Any, Final

from jitsu_py.wire import Event

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from jitsu_py.server.errors import PlatformError

Emit = Callable[[dict[str, Any]], None]
"""Takes an event, as in `wire.Event`. Called in the event loop's thread; it should be quick and not raise."""

OUTPUT_LIMIT: Final = 32 * 1024 * 1024
"""Characters of the tools' output that one build tells; what comes beyond is not kept."""


class Voice:
    """The events of one build.

    Args:
        log: file that is written from its beginning; what cannot be written is lost, the build goes on.
        emit: takes the events.
    """

    def __init__(self, log: Path, emit: Emit) -> None:
        self._path = log
        self._log: IO[str] | None = None
        self._emit = emit
        self._told = 0
        self.seconds: dict[str, float] = {}
        """How long each step took that has ended."""

    def __enter__(self) -> Voice:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._log = self._path.open("w", encoding="utf-8", errors="replace")
        except OSError:
            self._log = None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        log, self._log = self._log, None
        if log is not None:
            try:
                log.close()
            except OSError:
                return

    @contextmanager
    def timed(self, name: str) -> Iterator[None]:
        """Measure a step."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - began

    def step(self, name: str, message: str) -> None:
        """Tell that a step began, or what it came to."""
        self._write(message)
        self._send(Event.STEP, name=name, message=message)

    def place(self, place: int) -> None:
        """Tell the place in the queue."""
        self.step("queue", f"Waiting for other builds to end: place {place} in the queue")

    def line(self, text: str, stream: str) -> None:
        """Tell what a tool printed."""
        self._printed(text, stream, self._send)

    def aside(self, text: str, stream: str) -> None:
        """Write what a tool printed to the log only."""
        self._printed(text, stream, lambda _event, **_facts: None)

    def _printed(self, text: str, stream: str, send: Callable[..., None]) -> None:
        before = self._told
        self._told += len(text) + 1
        if self._told <= OUTPUT_LIMIT:
            self._write(text)
            send(Event.LINE, text=text, stream=stream)
        elif before <= OUTPUT_LIMIT:
            self._write("[what follows is too much to keep]")
            send(Event.LINE, text="[what follows is too much to keep]", stream="stderr")

    def remark(self, text: str) -> None:
        """Tell what a person should know, as a line of its own."""
        self._write(text)
        self._send(Event.LINE, text=text, stream="stderr")

    def note(self, text: str) -> None:
        """Write to the log only."""
        self._write(text)

    def failed(self, error: PlatformError) -> None:
        """Write to the log why the build failed; whoever waits for it gets the error itself."""
        self._write(f"Failed: {error.message}")
        if hint := error.details.get("hint"):
            self._write(str(hint))

    def _send(self, event: Event, **facts: str) -> None:
        self._emit({"event": event.value, "time": datetime.now(UTC).isoformat(), **facts})

    def _write(self, text: str) -> None:
        if self._log is None:
            return
        try:
            self._log.write(f"{text}\n")
            self._log.flush()
        except OSError:
            # A full disk. The build's own writes fail as well, and say so.
            self._log = None

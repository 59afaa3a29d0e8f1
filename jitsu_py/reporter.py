"""How work below the commands reports what it does, without knowing a terminal."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager


class Reporter(Protocol):
    """Receives what happens. The console draws it, `Silent` drops it, a test keeps it."""

    def step(self, text: str) -> None:
        """A new stage of the work began."""

    def line(self, text: str) -> None:
        """A program (npm, the app) printed this line."""

    def warn(self, text: str) -> None:
        """The work goes on, but a person should know this."""

    def progress(self, label: str, total: int | None) -> AbstractContextManager[Callable[[int], None]]:
        """Follow work of `total` bytes (None: unknown); the yielded function takes the bytes just done."""


class Silent:
    """A reporter for programs that use the library and want no words."""

    def step(self, text: str) -> None: ...

    def line(self, text: str) -> None: ...

    def warn(self, text: str) -> None: ...

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        yield lambda _done: None

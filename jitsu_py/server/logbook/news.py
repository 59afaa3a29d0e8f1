"""Tells those who follow a log that there is more of it."""

from __future__ import annotations

import contextlib
import threading
from collections import defaultdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class News:
    """Who is to be told of which app's new lines. Any thread may call it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._listeners: defaultdict[str, list[Callable[[], None]]] = defaultdict(list)

    @contextlib.contextmanager
    def listening(self, app: str, call: Callable[[], None]) -> Iterator[None]:
        """Inside the block, `call` is called after every commit of lines of the app, in whatever thread."""
        with self._lock:
            self._listeners[app].append(call)
        try:
            yield
        finally:
            with self._lock:
                self._listeners[app].remove(call)
                if not self._listeners[app]:
                    del self._listeners[app]

    def tell(self, app: str) -> None:
        """Lines of the app were committed, or its log was removed."""
        with self._lock:
            listeners = list(self._listeners.get(app, ()))
        for call in listeners:
            with contextlib.suppress(RuntimeError):  # its event loop is closed
                call()

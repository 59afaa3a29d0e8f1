"""How long a build may take, and work in threads that keeps to it."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, TypeVar

from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")


class Patience:
    """The time of one build.

    Args:
        timeout: seconds from now that it may take.
    """

    def __init__(self, timeout: float) -> None:
        self._began = time.monotonic()
        self._timeout = timeout

    def elapsed(self) -> float:
        """Seconds since the beginning."""
        return time.monotonic() - self._began

    def deadline(self) -> float:
        """The event loop's time at which it is over."""
        return asyncio.get_running_loop().time() + self._timeout - self.elapsed()

    async def in_thread(self, work: Callable[[Callable[[], None]], T]) -> T:
        """Run something in a thread that stops soon after the task is cancelled, or too late.

        Args:
            work: given what it is to call now and then; that raises to stop it.

        Raises:
            PlatformError: BUILD_TIMED_OUT.
        """
        stop = threading.Event()

        def check() -> None:
            if stop.is_set():
                raise _StoppedError
            if self.elapsed() > self._timeout:
                message = "The build took too long and was stopped."
                raise PlatformError(Code.BUILD_TIMED_OUT, message, blame=Blame.APPLICATION)

        task = asyncio.ensure_future(asyncio.to_thread(work, check))
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            stop.set()
            await asyncio.wait([task])
            task.exception()
            raise


class _StoppedError(Exception):
    """Ends a thread whose task was cancelled."""


async def to_the_end(work: Awaitable[T]) -> T:
    """Await something that is not to be interrupted; a cancellation meanwhile takes effect afterwards."""
    task = asyncio.ensure_future(work)
    cancelled = False
    while not task.done():
        try:
            await asyncio.shield(task)
        except asyncio.CancelledError:
            cancelled = True
    if cancelled:
        raise asyncio.CancelledError
    return task.result()

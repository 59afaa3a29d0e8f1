"""A build under way, for those who follow it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from jitsu_py.server.builder.space import Space
from jitsu_py.server.times import now
from jitsu_py.wire import Event

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PING_EVERY: Final = 10.0
"""Seconds of silence after which a follower of a build is told that the server is still there."""

EVENTS_KEPT: Final = 20_000
"""Of a running build, for those who follow it; the whole output is in its log file."""

STOPPED: Final = "The server stopped during this build. Deploy again."


NOTHING: Final = Space(0, 0)


@dataclass
class Build:
    """A build under way, and what it has said so far. It goes on when nobody follows it."""

    snapshot_id: int
    events: list[dict[str, Any]] = field(default_factory=list)
    ended: bool = False
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    """Set by the task at its first step."""
    why: str = STOPPED
    """What is said of it when it is cancelled."""
    fresh: bool = False
    """Dependencies are installed anew."""
    need: Space = NOTHING
    """What it is expected to take on the disk in all."""

    def emit(self, event: dict[str, Any]) -> None:
        """Add an event; the one that is `done` or `failed` ends the build."""
        self.ended = event["event"] in {Event.DONE, Event.FAILED}
        if self.ended or len(self.events) < EVENTS_KEPT:
            self.events.append(event)
        self.changed.set()
        self.changed = asyncio.Event()

    async def follow(self) -> AsyncIterator[dict[str, Any]]:
        """Every event from the first on, with pings in long silences."""
        seen = 0
        while not (self.ended and seen == len(self.events)):
            if seen < len(self.events):
                yield self.events[seen]
                seen += 1
                continue
            changed = self.changed
            try:
                async with asyncio.timeout(PING_EVERY):
                    await changed.wait()
            except TimeoutError:
                yield {"event": Event.PING, "time": now()}

    async def verdict(self) -> dict[str, Any]:
        """The last event."""
        while not self.ended:
            await self.changed.wait()
        return self.events[-1]

    async def cancel(self, why: str = STOPPED) -> None:
        """End it; returns when nothing of it is left."""
        self.why = why
        if self.task is not None:
            # A task that is cancelled before its first step never takes it, and nobody would hear of the end.
            await self.begun.wait()
            self.task.cancel()
            await asyncio.wait([self.task])


def in_words(ref: str, event: dict[str, Any]) -> str:
    """A build's event as lines of the app's log; "": it says nothing there."""
    match event["event"]:
        case Event.STEP:
            return str(event["message"])
        case Event.LINE:
            return str(event["text"])
        case Event.DONE:
            return f"snapshot {ref} built in {event['seconds']:.1f} s"
        case Event.FAILED:
            return f"snapshot {ref} was not built: {event['message']}"
    return ""

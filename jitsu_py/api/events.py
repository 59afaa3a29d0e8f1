"""What a build says while it goes on."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from jitsu_py.api import fields

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class BuildEvent:
    """One event of a build; kinds that we do not know yet are passed on as they are."""

    kind: str
    """A `wire.Event`: `step`, `line`, `ping`, `done` or `failed`."""
    name: str = ""
    """Of a step: `unpack`, `engine`, `install`, `build`."""
    text: str = ""
    """A line's text without its end, or what a step says of itself."""
    stream: str = ""
    """Of a line: `stdout` or `stderr`."""
    raw: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """As the server sent it."""

    @classmethod
    def parse(cls, data: Mapping[str, Any]) -> BuildEvent:
        """Read one line of the stream; only its kind must be there."""
        return cls(
            kind=fields.text(data, "event"),
            name=fields.maybe_text(data, "name"),
            text=fields.maybe_text(data, "text") or fields.maybe_text(data, "message"),
            stream=fields.maybe_text(data, "stream"),
            raw=data,
        )

"""How a thing is described once, for the table, the single view and JSON; and how its values read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

T = TypeVar("T")

_COLOUR = re.compile(r"\x1b\[[0-9;:]*m")
_CONTROL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""What moves the cursor, rings, rewrites or reorders; tab and line feed are left."""


def safe(text: str) -> str:
    """`text` with nothing in it that a terminal would obey: colours dropped, the rest of it made visible.

    >>> safe("\x1b[31mred\x1b[0m \x1b]0;title\x07")
    'red \\\\x1b]0;title\\\\x07'
    """
    return _CONTROL.sub(lambda found: repr(found.group())[1:-1], _COLOUR.sub("", text))


def one_line(text: str) -> str:
    """`text` made safe and put on a single line."""
    return safe(text).replace("\n", " ").replace("\t", " ")


def text(value: Any) -> str:
    """A value as people read it: nothing is a dash, lists are joined."""
    if value is None or value in ("", [], ()):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{one_line(str(key))}: {text(one)}" for key, one in value.items()) or "-"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(text(one) for one in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return one_line(str(value))


def size(value: int | None) -> str:
    """Bytes as B, KiB, MiB or GiB."""
    if value is None:
        return "-"
    amount = float(value)
    for unit in ("B", "KiB", "MiB"):
        if amount < 1024:
            return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
        amount /= 1024
    return f"{amount:.1f} GiB"


def iso(moment: datetime | None) -> str | None:
    """A moment as JSON has it: ISO 8601, UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def age(value: str | None) -> str:
    """An ISO 8601 time as the time since then: "3 hours ago"."""
    try:
        moment = datetime.fromisoformat(value or "")
    except ValueError:
        return text(value)
    seconds = (datetime.now(UTC) - moment).total_seconds()
    if abs(seconds) < 45:
        return "just now"
    for unit, length in (
        ("year", 31557600),
        ("month", 2629800),
        ("day", 86400),
        ("hour", 3600),
        ("minute", 60),
    ):
        if (count := round(abs(seconds) / length)) >= 1:
            words = f"{count} {unit}{'s' if count > 1 else ''}"
            return f"{words} ago" if seconds > 0 else f"in {words}"
    return "just now"


@dataclass(frozen=True)
class Field(Generic[T]):
    """One fact about a thing."""

    name: str
    """Its key in JSON: an interface."""
    label: str
    """Its column's head, and its name in the single view."""
    get: Callable[[T], Any]
    """The fact as JSON knows it."""
    human: Callable[[Any], str] = text
    """How the fact reads on a terminal."""
    plain: Callable[[Any], str] | None = None
    """How it reads where no terminal is; None: the same."""
    cell: Callable[[T], str] | None = None
    """How it reads where one value does not say enough: "1/2"; comes before `human` and `plain`."""
    listed: bool = True
    """Whether tables have it; the single view and JSON have all."""

    def show(self, thing: T, terminal: bool) -> str:
        """The fact as text, safe for a terminal."""
        if self.cell:
            return one_line(self.cell(thing))
        how = self.human if terminal or self.plain is None else self.plain
        return one_line(how(self.get(thing)))


def data(thing: T, fields: Sequence[Field[T]]) -> dict[str, Any]:
    """A thing as JSON has it."""
    return {field.name: field.get(thing) for field in fields}

"""What is asked of a log: rows, moments, filters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, get_args

from jitsu_py.server.datemath import DateMathError, moment
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.logbook import Stream, Wanted
from jitsu_py.wire import Code

MOST_ROWS = 10_000
FILTERS = ("grep", "stream", "drone", "snapshot")
STREAMS = get_args(Stream)


@dataclass(frozen=True)
class Asked:
    """A query as the seed has it."""

    since: str
    """`from`, as sent."""
    until: str
    """As sent."""
    rows: int
    wanted: Wanted
    redact: bool
    """Whether the values of the apps' environments are to be hidden."""


def posted(body: Mapping[str, Any]) -> Asked:
    """Read the seed's query; our filters may stand beside it.

    Raises:
        PlatformError: BAD_REQUEST, naming the key and the place.
    """
    since, until = body.get("from", "NOW-1DAY"), body.get("until", "NOW")
    rows = number("rows", body.get("rows", 100), 0)
    now = datetime.now(UTC)
    wanted = _wanted(body, seconds("from", since, now), seconds("until", until, now))
    return Asked(since, until, rows, wanted, flag("redact", body.get("redact", False)))


def filters(query: Mapping[str, str]) -> Wanted:
    """Read our own filters of a GET.

    Raises:
        PlatformError: BAD_REQUEST, naming the key and the place.
    """
    now = datetime.now(UTC)
    since, until = (seconds(key, query[key], now) if key in query else None for key in ("since", "until"))
    return _wanted(query, since, until)


def number(name: str, value: object, least: int, most: int = MOST_ROWS) -> int:
    """A whole number, or its digits, within bounds.

    Raises:
        PlatformError: BAD_REQUEST.
    """
    found = value
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 20:
        found = int(value)
    if isinstance(found, bool) or not isinstance(found, int) or not least <= found <= most:
        raise _wrong(name, f"is a whole number from {least} to {most}, not {str(value)[:80]!r}")
    return found


def flag(name: str, value: object) -> bool:
    """Yes or no, as JSON or a query has it: true, "true" and "1" are yes.

    Raises:
        PlatformError: BAD_REQUEST.
    """
    known = {True: True, False: False, "true": True, "1": True, "false": False, "0": False, "": False}
    if isinstance(value, bool | str) and value in known:
        return known[value]
    raise _wrong(name, f"is true or false, not {str(value)[:80]!r}")


def places(value: str) -> dict[str, int]:
    """Ids of lines by the name of their app, as JSON, behind which a stream of several apps goes on.

    Raises:
        PlatformError: BAD_REQUEST.
    """
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _wrong("after", 'is a JSON object of ids by app, such as {"shop": 42}')
    return {app: number("after", line, 0, 2**62) for app, line in found.items()}


def seconds(name: str, value: object, now: datetime) -> float:
    """The moment that a date maths expression names, epoch seconds.

    Raises:
        PlatformError: BAD_REQUEST; `details.position` is the index of the character that is wrong.
    """
    if not isinstance(value, str):
        raise _wrong(name, f"is a moment such as NOW-1DAY or 2026-01-31T12:00:00Z, not {str(value)[:80]!r}")
    try:
        return moment(value, now).timestamp()
    except DateMathError as error:
        details = {"field": name, "expression": error.expression, "position": error.position}
        raise PlatformError(Code.BAD_REQUEST, f"{name}: {error}.", details=details) from error


def _wanted(asked: Mapping[str, Any], since: float | None, until: float | None) -> Wanted:
    given = {key: asked[key] for key in FILTERS if asked.get(key) not in (None, "")}
    for key, value in given.items():
        if not isinstance(value, str) or len(value) > 1000:
            raise _wrong(key, "is a string of at most 1000 characters")
    if given.get("stream", "stdout") not in STREAMS:
        raise _wrong("stream", f"is one of {', '.join(STREAMS)}, not {given['stream'][:80]!r}")
    return Wanted(since=since, until=until, **given)


def _wrong(name: str, why: str) -> PlatformError:
    return PlatformError(Code.BAD_REQUEST, f"{name} {why}.", details={"field": name})

"""Moments as the seed's log queries write them: Solr's date maths.

    expression = base {operation}
    base       = "NOW" | ISO 8601 date or time; without a zone it is UTC
    operation  = ("+" | "-") digits unit | "/" unit
    unit       = YEAR MONTH DAY DATE HOUR MINUTE SECOND MILLI MILLISECOND, also with an S at the end

`NOW-1DAY+2HOURS` is read from left to right; `/DAY` goes back to the day's beginning. The case of letters
does not matter. (Solr's own manual, "Date Math Syntax".)
"""

from __future__ import annotations

import calendar
import re
from datetime import UTC, datetime, timedelta
from typing import Final

LONGEST: Final = 200
"""Characters of an expression."""

_ISO = re.compile(r"\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?(?:Z|[+-]\d{2}:\d{2})?)?", re.I)
_NOW = re.compile("NOW", re.IGNORECASE)
_SIGN = re.compile("[+-]")
_NUMBER = re.compile("[0-9]{1,9}")
_WORD = re.compile("[A-Za-z]+")

_UNITS: Final = {
    "YEAR": "year",
    "MONTH": "month",
    "DAY": "day",
    "DATE": "day",
    "HOUR": "hour",
    "MINUTE": "minute",
    "SECOND": "second",
    "MILLI": "millisecond",
    "MILLISECOND": "millisecond",
}
_PARTS: Final = ("year", "month", "day", "hour", "minute", "second")


class DateMathError(ValueError):
    """An expression that cannot be read.

    Args:
        expression: all of it.
        position: index of the character at which it goes wrong.
        reason: what was wanted there.
    """

    def __init__(self, expression: str, position: int, reason: str) -> None:
        shown = expression if len(expression) <= LONGEST else expression[:LONGEST] + "…"
        super().__init__(f"{shown!r} goes wrong at character {position + 1}: {reason}")
        self.expression = shown
        self.position = position
        self.reason = reason


def moment(expression: str, now: datetime) -> datetime:
    """The moment that an expression names, in UTC.

    Raises:
        DateMathError: it is none, or lies outside the years 1 to 9999.
    """
    return _Reader(expression, now.astimezone(UTC)).read()


class _Reader:
    def __init__(self, expression: str, now: datetime) -> None:
        self._text = expression
        self._now = now
        self._at = 0

    def read(self) -> datetime:
        if len(self._text) > LONGEST:
            raise self._wrong(f"it is longer than {LONGEST} characters", LONGEST)
        found = self._base()
        while self._at < len(self._text):
            found = self._operation(found)
        return found

    def _base(self) -> datetime:
        if self._take(_NOW):
            return self._now
        start = self._at
        text = self._take(_ISO)
        if not text:
            raise self._wrong("NOW or an ISO date such as 2026-01-31T12:00:00Z is wanted")
        try:
            read = datetime.fromisoformat(text)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        except (ValueError, OverflowError) as error:
            raise self._wrong(f"there is no such date ({error})", start) from error

    def _operation(self, moment: datetime) -> datetime:
        start = self._at
        if self._text[self._at] == "/":
            self._at += 1
            return _rounded(moment, self._unit())
        sign = self._take(_SIGN)
        if not sign:
            raise self._wrong("+, - or / is wanted")
        number = self._take(_NUMBER)
        if not number:
            raise self._wrong("a number is wanted")
        unit = self._unit()
        try:
            return _moved(moment, int(sign + number), unit)
        except (OverflowError, ValueError) as error:
            raise self._wrong("this leaves the years 1 to 9999", start) from error

    def _unit(self) -> str:
        start, word = self._at, self._take(_WORD).upper()
        unit = _UNITS.get(word) or _UNITS.get(word.removesuffix("S"))
        if unit is None:
            raise self._wrong(f"a unit is wanted: {', '.join(_UNITS)}", start)
        return unit

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        if match is None:
            return ""
        self._at = match.end()
        return match.group()

    def _wrong(self, reason: str, position: int | None = None) -> DateMathError:
        return DateMathError(self._text, self._at if position is None else position, reason)


def _rounded(moment: datetime, unit: str) -> datetime:
    """Back to the beginning of the unit."""
    if unit == "millisecond":
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    smaller = _PARTS[_PARTS.index(unit) + 1 :]
    return moment.replace(
        month=1 if "month" in smaller else moment.month,
        day=1 if "day" in smaller else moment.day,
        hour=0 if "hour" in smaller else moment.hour,
        minute=0 if "minute" in smaller else moment.minute,
        second=0 if "second" in smaller else moment.second,
        microsecond=0,
    )


def _moved(moment: datetime, count: int, unit: str) -> datetime:
    if unit in {"year", "month"}:
        months = moment.year * 12 + moment.month - 1 + count * (12 if unit == "year" else 1)
        year, month = divmod(months, 12)
        if not 1 <= year <= 9999:
            raise OverflowError(year)
        # The 31st of a month that has none is its last day.
        day = min(moment.day, calendar.monthrange(year, month + 1)[1])
        return moment.replace(year=year, month=month + 1, day=day)
    return moment + timedelta(**{f"{unit}s": count})

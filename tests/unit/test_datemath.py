"""Solr's date maths: read from left to right, wrong at a place."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsu_py.server.datemath import DateMathError, moment

NOW = datetime(2024, 2, 29, 13, 14, 15, 678901, tzinfo=UTC)

UNITS = st.sampled_from(
    ["YEAR", "MONTHS", "DAY", "DATE", "hours", "MINUTE", "SECONDS", "MILLI", "MILLISECONDS"]
)


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("NOW", NOW),
        ("now", NOW),
        ("NOW-3YEARS", datetime(2021, 2, 28, 13, 14, 15, 678901, tzinfo=UTC)),
        ("NOW-1DAY+2HOURS", NOW - timedelta(hours=22)),
        ("NOW/DAY", datetime(2024, 2, 29, tzinfo=UTC)),
        ("NOW/YEAR", datetime(2024, 1, 1, tzinfo=UTC)),
        ("NOW/MONTH-1MONTH", datetime(2024, 1, 1, tzinfo=UTC)),
        ("NOW/MONTH-1MILLI", datetime(2024, 1, 31, 23, 59, 59, 999000, tzinfo=UTC)),
        ("NOW/MILLISECOND", NOW.replace(microsecond=678000)),
        ("2026-01-31", datetime(2026, 1, 31, tzinfo=UTC)),
        ("2026-01-31T12:00", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31T12:00:00.5Z", datetime(2026, 1, 31, 12, 0, 0, 500000, tzinfo=UTC)),
        ("2026-01-31T12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00Z+1MONTH", datetime(2026, 2, 28, 12, tzinfo=UTC)),
        ("2026-01-31-1DAY", datetime(2026, 1, 30, tzinfo=UTC)),
    ],
)
def test_what_expressions_name(expression: str, expected: datetime) -> None:
    """Every form of the grammar, by example."""
    assert moment(expression, NOW) == expected


@pytest.mark.parametrize(
    ("expression", "position", "wanted"),
    [
        ("", 0, "NOW"),
        ("yesterday", 0, "NOW"),
        ("NOW-", 4, "number"),
        ("NOW-DAY", 4, "number"),
        ("NOW-3", 5, "unit"),
        ("NOW-3YEERS", 5, "unit"),
        ("NOW 1DAY", 3, "+, - or /"),
        ("NOW-1DAY!", 8, "+, - or /"),
        ("NOW/", 4, "unit"),
        ("NOW-1DAY/WEEK", 9, "unit"),
        ("2026-02-30", 0, "no such date"),
        ("2026-01-31T25:00:00Z", 0, "no such date"),
        ("NOW+1DAY-9999YEARS", 8, "1 to 9999"),
        ("NOW+999999999YEARS", 3, "1 to 9999"),
        ("NOW+9999999999DAYS", 13, "unit"),
        ("NOW" + "+1DAY" * 100, 200, "longer"),
        ("NOW-٣DAYS", 4, "number"),
    ],
)
def test_errors_point_at_the_place(expression: str, position: int, wanted: str) -> None:
    """The position is the index of the first character that cannot be there."""
    with pytest.raises(DateMathError) as caught:
        moment(expression, NOW)
    assert caught.value.position == position
    assert wanted in caught.value.reason
    assert f"character {position + 1}" in str(caught.value)


@given(st.lists(st.tuples(st.integers(-500, 500), UNITS), max_size=6))
def test_steps_are_taken_from_left_to_right(steps: list[tuple[int, str]]) -> None:
    """An expression of many steps is the steps one after the other."""
    text = "".join(f"{count:+d}{unit}" for count, unit in steps)
    expected = NOW
    for count, unit in steps:
        expected = moment(f"NOW{count:+d}{unit}", expected)
    assert moment("NOW" + text, NOW) == expected


@given(st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 12, 31)), UNITS)  # noqa: DTZ001
def test_rounding_goes_back_and_stays(naive: datetime, unit: str) -> None:
    """A rounded moment is not later, less than one unit away, and rounds to itself."""
    now = naive.replace(tzinfo=UTC)
    rounded = moment(f"NOW/{unit}", now)
    assert rounded <= now
    assert now < moment(f"NOW+1{unit}", rounded)
    assert moment(f"NOW/{unit}", rounded) == rounded


@given(st.datetimes(min_value=datetime(1000, 1, 1), max_value=datetime(9000, 1, 1)))  # noqa: DTZ001
def test_an_iso_time_is_itself(naive: datetime) -> None:
    """What `isoformat` writes is read back."""
    written = naive.replace(tzinfo=UTC)
    assert moment(written.isoformat().replace("+00:00", "Z"), NOW) == written


@given(st.one_of(st.text(), st.text("NOW+-/0123456789DAYSTMONTH:Z .")))
def test_anything_is_read_or_refused(text: str) -> None:
    """No input gives another error than ours."""
    with contextlib.suppress(DateMathError):
        assert moment(text, NOW).tzinfo is UTC

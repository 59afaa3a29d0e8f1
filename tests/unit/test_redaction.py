"""Which spellings of a secret are hidden, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsu_py.server.redaction import STARS, _hide

KEY = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n"


@pytest.mark.parametrize(
    ("value", "line", "shown"),
    [
        ("s3cret", "the key is s3cret.", "the key is ***."),
        ("s3cret", "s3crets3cret", "******"),
        ("a+b/c d", "GET /?key=a%2Bb%2Fc%20d", "GET /?key=***"),
        ("a+b/c d", "key=a%2Bb%2Fc+d", "key=***"),
        ('quo"te\\', '{"key": "quo\\"te\\\\"}', '{"key": "***"}'),
        ("schlüssel", '{"key": "schl\\u00fcssel"} schlüssel', '{"key": "***"} ***'),
        ("postgres://me:p%40ssword@db/x", "p@ssword or p%40ssword", "*** or ***"),
        ("redis://:hunter22@127.0.0.1:6379", "to redis://:hunter22@127.0.0.1:6379", "to ***"),
        (KEY, "line 2: MIIEvQIBADANBg", "line 2: ***"),
        ("(.*)+[", "regular (.*)+[ text", "regular *** text"),
        ("abc", "abc", "abc"),
        ("production", "in production", "in production"),
        ("TRUE", "TRUE", "TRUE"),
        ("8080", "port 8080", "port 8080"),
        ("123456", "pin 123456", "pin ***"),
        ("http://[broken", "http://[broken", "***"),
        ("", "nothing", "nothing"),
    ],
)
def test_spellings(value: str, line: str, shown: str) -> None:
    """A value is found as it is, as JSON, as a part of a URL; short and common ones are nobody's secret."""
    assert _hide(frozenset([value]))(line) == shown


def test_the_longer_secret_goes_whole() -> None:
    """Where one value begins another, nothing of the longer one is left."""
    assert _hide(frozenset(["abcd", "abcdefgh"]))("abcdefgh abcd") == f"{STARS} {STARS}"


WORDS = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]))


@given(WORDS, WORDS)
def test_no_value_survives(value: str, around: str) -> None:
    """Whatever the value and the line around it, the value is not in what is shown."""
    value = f"Zq7_{value}"
    assert value not in _hide(frozenset([value]))(around + value + around)

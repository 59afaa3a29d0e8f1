"""Lines of other people's programs on a terminal: their colours stay, and nothing else has an effect."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsu_py.console.lines import PALETTE, Painter, coloured, colourless

SGR = re.compile(r"\x1b\[[0-9;:]*m")
EVIL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f\u202e\u2066]")

HOSTILE = [
    "\x1b[2J",  # clears the screen
    "\x1b]0;title\x07",
    "\x1b]52;c;cm0gLXJm\x07",  # writes the clipboard
    "\x1b]8;;http://evil\x1b\\click\x1b]8;;\x1b\\",
    "\x1b[1A\x1b[2K",
    "\x1b[?1049h",
    "\x1b[6n",  # makes the terminal type an answer
    "\x1bPq#0\x1b\\",
    "\x1b[>4;2m",  # no colour: xterm's keyboard mode
    "\x9b2J",
    "over\rwritten",
    "\x08\x08\x07",
    "\u202etxt.exe",
    "\x1b[" + "1;" * 500 + "m",
    "\x1b",
    "\x1b[\x1b[31mm",
    "\x1b[31",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_hostile_is_left(text: str) -> None:
    """Whatever moves, rings, writes or asks is shown as text; what is printable of it stays readable."""
    for shown in (coloured(text), colourless(text)):
        assert not EVIL.search(SGR.sub("", shown))
        assert "\x1b" not in SGR.sub("", shown)


@given(st.text(alphabet=st.sampled_from("\x1b[]m;01a?\x9b\r\n\x07\u202e:")))
def test_nothing_is_put_together_from_pieces(text: str) -> None:
    """No mixture of the letters that escape sequences are made of becomes one."""
    assert not EVIL.search(SGR.sub("", coloured(text)))
    assert "\x1b" not in colourless(text)


def test_colours_stay_where_they_are_shown() -> None:
    """An app's colours are kept, end with its line, and are dropped without a trace where none are shown."""
    red = "\x1b[31mred\x1b[39m \x1b[38;2;1;2;3mtrue\x1b[38:5:9m"
    assert coloured(red) == red + "\x1b[0m"
    assert colourless(red) == "red true"
    assert coloured("plain\ttab") == "plain\ttab"


def test_each_origin_keeps_a_colour_of_its_own() -> None:
    """Ten drones are told apart, each by the same colour in all its lines; without colour, by name alone."""
    painter = Painter(colour=True)
    origins = [f"drone{number}" for number in range(len(PALETTE))]
    first = [painter.line("x", origin=origin) for origin in origins]
    assert len({line.replace(origin, "") for line, origin in zip(first, origins, strict=True)}) == 10
    assert [painter.line("x", origin=origin) for origin in origins] == first
    assert "31m" not in "".join(first)
    plain = Painter(colour=False).line("\x1b[31mx", time="now", origin="\x1b[2Jd")
    assert plain == "now \\x1b[2Jd  x"

"""Output of tools becomes lines that a person and a log can take."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jitsu_py.server.builder.lines import LINE_LIMIT, LineSplitter


def lines(*chunks: bytes) -> list[str]:
    """What a splitter makes of chunks."""
    splitter = LineSplitter()
    return [line for chunk in chunks for line in splitter.feed(chunk)] + splitter.close()


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        ([], []),
        ([b"a\nb\n"], ["a", "b"]),
        ([b"a\n\nb"], ["a", "", "b"]),
        ([b"a", b"b", b"\nc"], ["ab", "c"]),
        ([b"a\r\n", b"b\r", b"\nc\r\n"], ["a", "b", "c"]),
        ([b"10%\r50%\r100%\ndone\n"], ["100%", "done"]),
        ([b"10%\r", b"50%\r", b"100%\r", b"\n"], ["100%"]),
        ([b"10%\r", b"rest"], ["rest"]),
        (["grüße\n".encode()[:3], "grüße\n".encode()[3:]], ["grüße"]),
        ([b"a\xffb\n"], ["a\ufffdb"]),
        ([b"end\xc3"], ["end\ufffd"]),
        ([b"\x1b[31mred\x1b[0m \x1b]0;title\x07plain\n"], ["red plain"]),
        ([b"a\x00b\x08c\td\n"], ["abc\td"]),
    ],
)
def test_lines(chunks: list[bytes], expected: list[str]) -> None:
    """Lines are whole, decoded, without colours, and of a progress bar only the last state."""
    assert lines(*chunks) == expected


def test_cuts_a_line_that_is_too_long() -> None:
    """A line without end does not fill the memory, and says that it was cut."""
    (line,) = lines(*[b"x" * 50_000] * 4, b"\n")
    assert line == "x" * LINE_LIMIT + f" … [{200_000 - LINE_LIMIT:,} more characters cut]"
    assert lines(b"x" * 100_000 + b"\nnext\n")[1] == "next"


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=5))
def test_chunks_make_no_difference(data: bytes, cuts: list[int]) -> None:
    """However the pipe cuts the bytes, the lines are the same."""
    edges = [0, *sorted(cuts), len(data)]
    chunks = [data[start:end] for start, end in pairwise(edges)]
    assert lines(*chunks) == lines(data)

"""The console: what is safe to print, how values read, what moves, who is asked."""

from __future__ import annotations

import io
import re
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jitsu_py.console import Console
from jitsu_py.console.fields import Field, age, one_line, safe, size, text
from jitsu_py.console.tables import plain, table
from jitsu_py.errors import BuildFailedError, UsageError

if TYPE_CHECKING:
    from jitsu_py.reporter import Reporter

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


class Run:
    """A console with its streams."""

    def __init__(self, *, terminal: bool, answers: str = "", **flags: Any) -> None:
        kind = Screen if terminal else io.StringIO
        self.out, self.err, self.given = kind(), kind(), kind(answers)
        environ = {"COLUMNS": "80"} | flags.pop("environ", {})
        self.console = Console(flags, environ=environ, stdin=self.given, stdout=self.out, stderr=self.err)

    def said(self) -> str:
        """What stderr shows, without what moves and colours."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.err.getvalue())


def test_a_console_is_a_reporter() -> None:
    """The work below the commands can report to it."""
    reporter: Reporter = Run(terminal=False).console
    reporter.step("building")


@settings(deadline=None)
@given(st.text())
def test_nothing_that_a_terminal_obeys(given: str) -> None:
    """Whatever the text, nothing a terminal obeys is left in it; plain text stays as it is."""
    assert not FORBIDDEN.search(safe(given))
    assert "\n" not in one_line(given)
    if given.isprintable():
        assert safe(given) == given


def test_colours_of_others_are_dropped() -> None:
    """Colours in an app's lines go; other sequences are shown as what they are."""
    assert safe("\x1b[1;31mred\x1b[0m\x1b]0;title\x07") == "red\\x1b]0;title\\x07"


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "-"),
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536, "1.5 KiB"),
        (5 * 2**20, "5.0 MiB"),
        (3 * 2**30, "3.0 GiB"),
    ],
)
def test_sizes(value: int | None, shown: str) -> None:
    """Bytes read as people count them."""
    assert size(value) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "just now"),
        (50, "1 minute ago"),
        (7200, "2 hours ago"),
        (86400 * 3, "3 days ago"),
        (-7300, "in 2 hours"),
        (-5, "just now"),
    ],
)
def test_ages(seconds: float, shown: str) -> None:
    """A time reads as how long ago it was."""
    assert age((datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()) == shown


@pytest.mark.parametrize("value", [None, "", "soon", "2020-13-01"])
def test_ages_of_no_time(value: str | None) -> None:
    """What is no time is shown as it is."""
    assert age(value) == text(value)


def test_values() -> None:
    """Nothing is a dash, lists are joined, yes and no are words."""
    assert [text(value) for value in (None, [], {}, True, ["a", "b"], {"a": 1})] == [
        "-",
        "-",
        "-",
        "yes",
        "a, b",
        "a: 1",
    ]


def test_plain_tables_cut_nothing() -> None:
    """A pipe gets aligned columns and every character."""
    assert plain([["NAME", "URL"], ["x" * 100, "u"]]).splitlines()[1] == "x" * 100 + "  u"


@pytest.mark.parametrize("width", [10, 20, 40, 80, 300])
@settings(deadline=None, max_examples=40)
@given(
    rows=st.lists(
        st.tuples(*[st.text(st.characters(categories=["L", "N"]), max_size=60)] * 4), min_size=1, max_size=4
    )
)
def test_drawn_tables_fit(width: int, rows: list[tuple[str, ...]]) -> None:
    """On a terminal no line is wider than it is."""
    from rich.cells import cell_len

    drawn = table(["NAME", "STATE", "URL", "SNAPSHOT"], rows, width, colour=False)
    assert all(cell_len(line) <= width for line in drawn.splitlines())


FIELDS: list[Field[dict[str, Any]]] = [
    Field("name", "NAME", lambda thing: thing["name"]),
    Field("size", "SIZE", lambda thing: thing["size"], human=size, listed=False),
]


def test_one_description_three_views() -> None:
    """Table, single view and JSON come from the same fields; the table leaves out what is not for it."""
    run = Run(terminal=False)
    run.console.table([{"name": "a", "size": 2048}], FIELDS, empty="none")
    run.console.record({"name": "a", "size": 2048}, FIELDS)
    assert run.out.getvalue() == "NAME\na\nname  a\nsize  2.0 KiB\n"
    as_json = Run(terminal=False, json=True)
    as_json.console.table([], FIELDS, empty="none")
    as_json.console.record({"name": "ä\x9b", "size": 1}, FIELDS)
    assert as_json.out.getvalue() == '[]\n{\n  "name": "\\u00e4\\u009b",\n  "size": 1\n}\n'
    assert as_json.err.getvalue() == ""


def test_an_error_shows_everything() -> None:
    """Message, the app's own lines, what to do, and the request."""
    run = Run(terminal=False)
    run.console.error(
        BuildFailedError("npm failed", hint="mend it", request_id="r1", output=["a\x1b[2J", "b"])
    )
    assert run.err.getvalue() == "error: npm failed\n  a\\x1b[2J\n  b\nhint: mend it\nrequest: r1\n"


def test_quiet() -> None:
    """--quiet silences words and programs, not warnings and errors."""
    run = Run(terminal=True, quiet=True)
    run.console.say("a")
    run.console.step("b")
    run.console.line("c")
    with run.console.progress("d", 10) as advance:
        advance(10)
    assert run.err.getvalue() == ""
    run.console.warn("careful")
    run.console.warn("careful")
    assert run.said() == "warning: careful\n"


def test_secrets_are_starred() -> None:
    """A secret that was handed over shows nowhere on stderr."""
    run = Run(terminal=False, debug=True)
    run.console.hide("t0ken")
    run.console.debug("sent t0ken")
    run.console.error(UsageError("bad t0ken", hint="t0ken"))
    assert "t0ken" not in run.err.getvalue()
    assert "***" in run.err.getvalue()


def test_a_spinner_shows_in_time_and_goes() -> None:
    """Something moves soon, lines of a program stay whole beside it, and nothing is left of it."""
    run = Run(terminal=True)
    run.console.step("Building")
    deadline = time.monotonic() + 5  # on a busy machine its thread gets its turn late
    while not re.search("[⠋⠙|/]", run.err.getvalue()):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    for number in range(20):
        run.console.line(f"line {number}")
        time.sleep(0.01)
    run.console.answer("done")
    shown = run.err.getvalue()
    assert run.out.getvalue() == "done\n"
    assert all(f"line {number}\x1b[0m\n" in shown for number in range(20))
    assert not re.search("[⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏]|[|/] ", shown.rpartition("\r\x1b[K")[2])


def test_a_bar_leaves_lines_whole() -> None:
    """What a program prints while a progress bar is drawn stands above it, whole."""
    run = Run(terminal=True)
    with run.console.progress("Uploading", 100) as advance:
        for number in range(10):
            advance(10)
            run.console.line(f"line {number}")
    lines = [line.strip() for line in run.said().splitlines()]
    assert all(f"line {number}" in lines for number in range(10))


def test_nothing_moves_on_a_pipe() -> None:
    """Without a terminal progress is its label, once."""
    run = Run(terminal=False)
    with run.console.progress("Uploading", 100) as advance:
        advance(100)
    with run.console.waiting("Asking"):
        time.sleep(0.1)
    assert run.err.getvalue() == "Uploading\n"


@pytest.mark.parametrize(
    ("terminal", "flags", "why"),
    [
        (False, {}, "no terminal"),
        (True, {"no_input": True}, "--no-input"),
        (True, {"environ": {"CI": "1"}}, "CI"),
        (True, {"environ": {"JITSU_NO_INPUT": "1"}}, "JITSU_NO_INPUT"),
    ],
)
def test_nobody_to_ask(terminal: bool, flags: dict[str, Any], why: str) -> None:
    """Where nobody answers every kind of question is refused, with the reason and the flag."""
    console = Run(terminal=terminal, **flags).console
    assert not console.interactive
    for ask in (
        lambda: console.questions.ask("Name", flag="--name", default="x"),
        lambda: console.questions.ask_secret("Secret", flag="--name"),
        lambda: console.confirm("Sure?", flag="--name"),
    ):
        with pytest.raises(UsageError, match=why) as caught:
            ask()
        assert "--name" in caught.value.hint


def test_asking() -> None:
    """A bare return takes the default, a question of yes or no is asked until answered; --yes answers it."""
    run = Run(terminal=True, answers="\nmaybe\nyes\n\n")
    assert run.console.questions.ask("Name", flag="", default="shop") == "shop"
    assert run.console.confirm("Sure?") is True
    assert run.console.confirm("Sure?") is False
    assert run.out.getvalue() == ""
    assert Run(terminal=False, yes=True).console.confirm("Sure?") is True

"""What a terminal shows and a pipe does not: tables, ages, colours, spinners, bars."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import left
from tests.unit.loopback import Reply, Request, answer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.people import Person
    from tests.unit.loopback import Server

APPS = [
    {
        "name": name,
        "user": "ada",
        "state": state,
        "subdomain": name,
        "urls": [f"http://{name}.localhost:8080"],
        "drones": 1,
        "maxDrones": 2,
        "running": "0.1.0",
        "ctime": "2020-01-01T00:00:00Z",
    }
    for name, state in (("shop", "started"), ("a-rather-long-name-for-an-app-of-somebody", "stopped"))
]


@pytest.fixture
def server(person: Person) -> Iterator[Server]:
    """A platform with two apps, whose answer takes a quarter of a second."""

    def respond(request: Request) -> Reply:
        time.sleep(0.25)
        if request.path == "/apps/ada":
            return answer({"apps": APPS})
        return answer({"drones": []} if request.path.endswith("/drones") else {"app": APPS[0]})

    with serving(respond) as running:
        person.more |= {"JITSU_HOST": running.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        yield running


def plain(text: str) -> str:
    """The text without what moves and colours."""
    return re.sub(r"\r\x1b\[K.*?(?=\r)|\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize("columns", [20, 40, 60, 80, 200])
def test_tables_fit(columns: int, person: Person) -> None:
    """Whatever the width, no line is longer than the terminal and no fact is cut off."""
    shown = plain(left(person.sit("list", columns=columns)))
    lines = [line.rstrip() for line in shown.replace("\r", "").split("\n")]
    assert max(map(len, lines)) <= columns
    joined = re.sub(r"\s", "", shown)
    assert "a-rather-long" in joined
    assert "0.1.0" in joined


@pytest.mark.usefixtures("server")
def test_colour_is_for_terminals(person: Person) -> None:
    """A terminal gets colours unless NO_COLOR or a flag forbids it; a pipe gets them only when told to."""
    colour = "\x1b[32m"
    assert colour in left(person.sit("list"))
    for words, more in ((["--no-colors"], {}), (["--color", "never"], {}), ([], {"NO_COLOR": "1"})):
        assert colour not in left(person.with_(more).sit("list", *words))
    assert "\x1b" not in person.jitsu("list").out
    assert colour in person.jitsu("list", "--color", "always").out
    assert colour in person.jitsu("list", FORCE_COLOR="1").out


@pytest.mark.usefixtures("server")
def test_times_are_relative_for_people(person: Person) -> None:
    """A terminal tells how long ago; a pipe and JSON tell when."""
    assert re.search(r"\d+ years ago", left(person.sit("view", "shop")))
    assert "2020-01-01T00:00:00Z" in person.jitsu("view", "shop").out
    assert person.jitsu("view", "shop", "--json").json()["ctime"] == "2020-01-01T00:00:00Z"


@pytest.mark.usefixtures("server")
def test_a_spinner_turns_while_we_wait(person: Person) -> None:
    """A terminal shows that something is under way; nothing moves in CI, when quiet, on a dumb terminal."""
    assert "Asking for the apps" in left(person.sit("list"))
    for words, more in ((["-q"], {}), (["--json"], {}), ([], {"CI": "1"}), ([], {"TERM": "dumb"})):
        assert "Asking for the apps" not in left(person.with_(more).sit("list", *words))
    assert person.jitsu("list").err == ""


@pytest.mark.usefixtures("server")
def test_the_first_sign_comes_early(person: Person) -> None:
    """Something shows before the answer does, as soon as we are loaded: long before the platform answered."""
    terminal = person.sit("list")
    terminal.expect(r"[^\r\n ]")
    early = time.monotonic()
    left(terminal)
    assert time.monotonic() - early > 0.25


@pytest.mark.usefixtures("server")
def test_a_terminal_whose_letters_are_few(person: Person) -> None:
    """An ASCII terminal gets the table and the spinner without an error."""
    terminal = person.sit("list", LANG="C", LC_ALL="C", PYTHONIOENCODING="ascii")
    assert "shop" in left(terminal)
    assert terminal.exitstatus == 0


def test_hostile_answers(person: Person) -> None:
    """Whatever a server puts into its texts, no terminal obeys it: not in tables, errors or JSON."""
    evil = "x\x1b]0;owned\x07\x9b2J\u202e\r\n\x1b[1A"

    def respond(request: Request) -> Reply:
        if request.path == "/apps/ada":
            return answer({"apps": [{**APPS[0], "name": evil, "description": evil}]})
        return answer({"error": "not_found", "message": evil}, 404)

    with serving(respond) as running:
        person.more |= {"JITSU_HOST": running.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        runs = (["list"], ["view", "x"], ["list", "--json"], ["view", "x", "--json"])
        for words in runs:
            shown = left(person.sit(*words))
            told = person.jitsu(*words)
            for text in (shown, told.out, told.err):
                assert not re.search(r"\x1b\]|\x07|\x9b|\u202e|\x1b\[1A", text), words


def test_debug_tells_requests_and_no_secret(person: Person, server: Server) -> None:
    """--debug tells each request and its time on stderr, and never the token."""
    done = person.jitsu("list", "--debug", JITSU_TOKEN="sentinel-token")
    assert "GET" in done.err
    assert "/apps/ada" in done.err
    assert "sentinel" not in done.err + done.out
    assert server.requests

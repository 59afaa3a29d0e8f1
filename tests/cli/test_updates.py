"""The update notice through the real command line, with an index on loopback."""

from __future__ import annotations

import json
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import left
from tests.unit.loopback import Reply, answer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.people import Person
    from tests.unit.loopback import Respond, Server

NEWS = "jitsu 99.0.0 is out"

pytestmark = pytest.mark.slow


@contextmanager
def index(person: Person, respond: Respond) -> Iterator[Server]:
    """Run an index of packages; the person's commands ask it."""
    with serving(respond) as server:
        person.more |= {
            "JITSU_UPDATE_INDEX": f"{server.url}/pypi/jitsu-py/json",
            "JITSU_NO_UPDATE_NOTICE": "",
        }
        yield server


def released(version: object, **more: object) -> Reply:
    """What an index says of a package."""
    return answer({"info": {"name": "jitsu-py", "version": version, "yanked": False, **more}, "urls": []})


def cache(person: Person) -> Path:
    """Where it is kept."""
    return person.folder / ".cache" / "jitsu" / "update.json"


def wait_for(person: Person, text: str) -> None:
    """Until the background process has kept what it found."""
    deadline = time.monotonic() + 20
    while text not in (cache(person).read_text() if cache(person).exists() else ""):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def age(person: Person, key: str) -> None:
    """Let a day go by."""
    data = json.loads(cache(person).read_text())
    cache(person).write_text(json.dumps({**data, key: data[key] - 90_000}))


def test_a_new_version_is_told_once_a_day(person: Person) -> None:
    """The index is asked once a day behind the command's back; the next one tells, after its answer, once."""
    with index(person, lambda _: released("99.0.0")) as server:
        assert NEWS not in left(person.sit("host"))
        wait_for(person, "99.0.0")
        assert server.paths() == ["GET /pypi/jitsu-py/json"]
        shown = left(person.sit("host"))
        assert shown.index("this machine") < shown.index(NEWS)
        assert "pip install --upgrade jitsu_py" in shown
        assert "?" not in shown.partition(NEWS)[2].replace("\x1b[?", "")
        assert NEWS not in left(person.sit("host"))
        assert len(server.requests) == 1
        age(person, "told")
        age(person, "asked")
        assert NEWS in left(person.sit("host"))
        deadline = time.monotonic() + 20
        while len(server.requests) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(server.requests) == 2
    assert cache(person).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("words", "more"),
    [
        ([], {"CI": "true"}),
        ([], {"JITSU_NO_UPDATE_NOTICE": "1"}),
        ([], {"TERM": "dumb"}),
        (["-q"], {}),
        (["--json"], {}),
    ],
)
def test_where_nothing_is_asked_or_told(words: list[str], more: dict[str, str], person: Person) -> None:
    """In CI, when quiet, for JSON, on a dumb terminal and when switched off: no word, no request."""
    known = {"asked": 0.0, "told": 0.0, "latest": "99.0.0"}
    cache(person).parent.mkdir(parents=True)
    cache(person).write_text(json.dumps(known))
    with index(person, lambda _: released("99.0.0")) as server:
        assert NEWS not in left(person.with_(more).sit("host", *words))
        assert NEWS not in person.jitsu("host", *words).err
        time.sleep(0.5)
        assert server.requests == []
    assert json.loads(cache(person).read_text()) == known


def words(shown: str) -> str:
    """What stays on a terminal, without the spinner that a busy machine gives time to turn."""
    return shown.rpartition("\x1b[K")[2]


def test_an_index_that_does_not_answer_delays_nothing(person: Person) -> None:
    """Whatever the index does, the command is as fast as ever, silent about it, and asks no more that day."""

    def slow(_request: object) -> Reply:
        time.sleep(20)
        return released("99.0.0")

    with index(person, slow) as server:
        began = time.monotonic()
        terminal = person.sit("host")
        shown = words(left(terminal))
        assert time.monotonic() - began < 15
        assert terminal.exitstatus == 0
        left(person.sit("host"))
        assert len(server.requests) == 1
    person.more["JITSU_UPDATE_INDEX"] = server.url
    age(person, "asked")
    assert words(left(person.sit("host"))) == shown
    person.more["JITSU_UPDATE_INDEX"] = "file:///etc/passwd"
    age(person, "asked")
    assert words(left(person.sit("host"))) == shown


def test_a_cache_that_cannot_be_kept(person: Person) -> None:
    """Where the cache cannot be written, or makes no sense, nothing is said and nothing breaks."""
    (person.folder / ".cache").write_text("a file, not a folder")
    with index(person, lambda _: released("99.0.0")) as server:
        terminal = person.sit("host")
        assert "this machine" in left(terminal)
        assert terminal.exitstatus == 0
        assert server.requests == []
        (person.folder / ".cache").unlink()
        cache(person).parent.mkdir(parents=True)
        cache(person).write_text("[" * 99_999)
        assert NEWS not in left(person.sit("host"))
        wait_for(person, "99.0.0")

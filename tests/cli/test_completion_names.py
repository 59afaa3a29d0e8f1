"""The names that completion scripts ask for: fresh, few requests, silent, harmless."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.test_completion_shells import warm
from tests.unit.loopback import Reply, Request, answer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.people import Person
    from tests.unit.loopback import Server

ASK = ("completion", "bash", "--names")


@pytest.fixture
def server(person: Person) -> Iterator[Server]:
    """A platform where each user has an app of the user's name, and one that a terminal should not see."""

    def respond(request: Request) -> Reply:
        user = request.path.rpartition("/")[2]
        return answer({"apps": [{"name": name, "user": user} for name in (user, "evil\x1b[2J", "a\nb")]})

    with serving(respond) as running:
        person.more |= {"JITSU_HOST": running.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        yield running


def kept(person: Person) -> list[Path]:
    """The files of the cache, without those that say that somebody fetches."""
    folder = person.folder / ".cache" / "jitsu" / "completion"
    return [path for path in folder.iterdir() if not path.name.endswith((".busy", ".new"))]


def test_names_are_fresh_for_a_minute(person: Person, server: Server) -> None:
    """A second Tab asks nobody; names older than a minute are fetched again, and never shown."""
    assert warm(person, "apps") == ["ada"]
    asked = len(server.requests)
    assert person.jitsu(*ASK, "apps").out == "ada\n"
    assert len(server.requests) == asked
    [file] = kept(person)
    file.write_text("gone\n")
    os.utime(file, (time.time() - 61, time.time() - 61))
    assert person.jitsu(*ASK, "apps").out in {"", "ada\n"}
    assert warm(person, "apps") == ["ada"]
    assert len(server.requests) == asked + 1


def test_names_belong_to_who_asks(person: Person, server: Server) -> None:
    """Another user, another host, by flag or environment, has names of its own."""
    assert warm(person, "apps") == ["ada"]
    assert warm(person.with_({"JITSU_USERNAME": "bob"}), "apps") == ["bob"]
    asked = len(server.requests)
    other = server.url.replace("127.0.0.1", "localhost")
    assert warm(person, "apps", "--host", other, "view") == ["ada"]
    assert len(server.requests) == asked + 1


@pytest.mark.usefixtures("server")
def test_the_cache_is_its_owners(person: Person) -> None:
    """What was told can be read by its owner alone."""
    warm(person, "apps")
    [file] = kept(person)
    assert file.stat().st_mode & 0o777 == 0o600
    assert file.parent.stat().st_mode & 0o777 == 0o700


def test_a_tab_starts_no_platform(person: Person) -> None:
    """Where the platform on this machine does not run, nothing is told and nothing is started."""
    done = person.jitsu(*ASK, "apps")
    assert (done.code, done.out) == (0, "")
    assert not (person.folder / "state").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("apps", "--", "--host"),
        ("apps", "--", "--help", "--version"),
        ("snapshots", "--", "view", "a/b/c"),
        ("databases", "--", "--nonsense", "=", "", "\x1b"),
    ],
)
def test_silent_on_every_error(words: tuple[str, ...], person: Person, free_port: int) -> None:
    """Whatever the line is, and with nobody there, the answer is nothing and the exit code 0."""
    person.more |= {"JITSU_HOST": f"http://127.0.0.1:{free_port}", "JITSU_TOKEN": "t", "JITSU_USERNAME": "a"}
    done = person.jitsu(*ASK, *words)
    assert (done.code, done.out, done.err) == (0, "", "")
    broken = person.jitsu(*ASK, *words, JITSU_CONFIG="/proc/nowhere", XDG_CACHE_HOME="/proc/nowhere")
    assert (broken.code, broken.out, broken.err) == (0, "", "")


def test_a_failure_is_remembered_shortly(person: Person) -> None:
    """After a refusal the platform is left alone for some seconds, not for a minute."""
    replies = iter([answer({"error": "unauthorized", "message": "No."}, 401)])

    def respond(_request: Request) -> Reply:
        return next(replies, answer({"apps": [{"name": "shop", "user": "ada"}]}))

    with serving(respond) as server:
        person.more |= {"JITSU_HOST": server.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        deadline = time.monotonic() + 10
        person.jitsu(*ASK, "apps")
        while not (server.requests and kept(person)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert person.jitsu(*ASK, "apps").out == ""
        assert warm(person, "apps") == ["shop"]


@pytest.mark.usefixtures("server")
def test_the_current_folder_is_not_trusted(person: Person) -> None:
    """Modules that lie in the folder where Tab is pressed are not loaded when names are fetched."""
    trap = person.folder / "clone"
    trap.mkdir()
    (trap / "requests.py").write_text(f"open({str(person.folder / 'pwned')!r}, 'w')")
    program = [sys.executable, "-P", "-m", "jitsu_py", *ASK, "apps"]
    deadline = time.monotonic() + 20
    told = ""
    while not told and time.monotonic() < deadline:
        told = subprocess.run(
            program, cwd=trap, env=person.environment(), capture_output=True, text=True, check=True
        ).stdout
    assert told == "ada\n"
    assert not (person.folder / "pwned").exists()

"""Pipes, closed streams, full disks and silence: a script never hangs and never reads a lie."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import JITSU
from tests.unit.loopback import answer, events, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.people import Person

LINES = [
    [],
    ["apps"],
    ["deploy"],
    ["list"],
    ["view"],
    ["start"],
    ["stop"],
    ["restart"],
    ["destroy"],
    ["destroy", "shop"],
    ["snapshots"],
    ["snapshots", "list"],
    ["snapshots", "activate"],
    ["snapshots", "activate", "shop"],
    ["logs"],
    ["logs", "shop"],
    ["install"],
    ["users"],
    ["login"],
    ["logout"],
    ["whoami"],
    ["config"],
    ["config", "set", "host"],
    ["host"],
    ["server"],
    ["server", "status"],
    ["help"],
]


@pytest.fixture
def served(person: Person) -> Iterator[Person]:
    """Somebody whose platform has many apps and one of everything."""
    app = {"name": "shop", "user": "ada", "state": "started", "urls": ["http://shop.localhost"], "drones": 1}
    line = {"time": 1, "service": "logs/stdout", "description": "x" * 200}

    def respond(request: object) -> object:
        path = getattr(request, "path", "")
        if path.startswith("/logs"):
            return answer([line] * 2000)
        if path.endswith("/drones"):
            return answer({"drones": []})
        if path.endswith("/start"):
            return events({"event": "done", "app": app})
        if path.endswith("/snapshots"):
            return answer({"snapshots": [{"id": "0.1.0", "state": "ready"}]})
        return answer({"apps": [app] * 2000}) if path == "/apps/ada" else answer({"app": app})

    with serving(respond) as running:  # type: ignore[arg-type]
        person.more |= {"JITSU_HOST": running.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        yield person


@pytest.mark.parametrize("words", LINES, ids=" ".join)
def test_nothing_waits_for_a_silent_stdin(words: list[str], served: Person) -> None:
    """With stdin a pipe that never speaks, every command ends by itself, with a code that is published."""
    reading, writing = os.pipe()
    try:
        done = subprocess.run(
            [*JITSU, *words],
            cwd=served.folder,
            env=served.environment(),
            stdin=reading,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
    finally:
        os.close(reading)
        os.close(writing)
    assert done.returncode in {0, 2, 3, 4, 6, 9}, done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "words", [["list"], ["list", "--json"], ["logs", "shop"], ["--help"], ["list", "--color", "always"]]
)
def test_a_reader_that_leaves(words: list[str], served: Person) -> None:
    """`| head -1` gets its line; the command ends quietly and says that all is well."""
    script = f"set -o pipefail; {' '.join([*JITSU, *words])} | head -n 1"
    done = subprocess.run(
        ["bash", "-c", script],
        cwd=served.folder,
        env=served.environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
@pytest.mark.parametrize("words", [["list"], ["--version"], ["--help"]])
def test_an_answer_that_cannot_be_written(words: list[str], served: Person) -> None:
    """When the answer cannot be written, a full disk say, the code is not 0 and one sentence says why."""
    done = subprocess.run(
        ["bash", "-c", f"{' '.join([*JITSU, *words])} > /dev/full"],
        cwd=served.folder,
        env=served.environment(),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 1
    assert "No space left" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed: str, served: Person) -> None:
    """Streams that were closed before we began are no reason to crash."""
    for words, code in (("config list", 0), ("view nothing --dir x", 0), ("nonsense", 2)):
        done = subprocess.run(
            ["bash", "-c", f"{' '.join(JITSU)} {words} {closed}"],
            cwd=served.folder,
            env=served.environment(),
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )
        assert done.returncode == code, (words, done.stderr)


def test_stdout_has_the_answer_alone(served: Person) -> None:
    """Words, warnings and errors are on stderr; stdout has the answer or nothing."""
    assert served.jitsu("start", "shop").out == "http://shop.localhost\n"
    assert served.jitsu("nonsense").out == ""
    assert served.jitsu("config", "set", "color", "never").out == ""
    quiet = served.jitsu("start", "shop", "-q")
    assert (quiet.out, quiet.err) == ("http://shop.localhost\n", "")

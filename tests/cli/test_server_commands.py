"""`jitsu server` and the platform that starts by itself, `jitsu install`: a stranger's first minutes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.cli.explained import explained
from tests.cli.people import left

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.people import Person

pytestmark = pytest.mark.slow


@pytest.fixture
def newcomer(person: Person) -> Iterator[Person]:
    """Somebody whose platform is stopped in the end, whoever started it."""
    yield person
    assert person.jitsu("server", "stop", timeout=100).code == 0


def test_start_status_restart_stop(newcomer: Person, free_port: int) -> None:
    """The platform starts once, says where it is, is replaced by a new process, and stops."""
    started = newcomer.jitsu("server", "start", "--api-port", str(free_port))
    assert started.code == 0, started.err
    assert started.out == f"http://127.0.0.1:{free_port}\n"
    again = newcomer.jitsu("server", "start")
    assert (again.code, again.out) == (0, started.out)
    assert "already" in again.err
    status = newcomer.jitsu("server", "status", "--json").json()
    assert status["home"] == str(newcomer.folder / "state")
    assert psutil.pid_exists(status["pid"])
    assert newcomer.jitsu("host").out == started.out
    restarted = newcomer.jitsu("server", "restart", "--json").json()
    assert restarted["pid"] != status["pid"]
    assert explained("server restart", restarted)
    assert newcomer.jitsu("server", "logs", "5").code == 0
    assert newcomer.jitsu("server", "stop", "--json", timeout=100).json() == {"stopped": True}
    assert newcomer.jitsu("server", "status").code == 9
    assert newcomer.jitsu("server", "stop", "--json").json() == {"stopped": False}


def test_it_starts_by_itself_and_says_so(newcomer: Person) -> None:
    """With no host set the first command that needs the platform starts it and says so; the next finds it."""
    first = newcomer.jitsu("list", "--json")
    assert (first.code, first.json()) == (0, [])
    assert "Starting the platform on this machine" in first.err
    second = newcomer.jitsu("list", "--json")
    assert (second.code, second.err) == (0, "")


def test_a_start_that_fails(person: Person) -> None:
    """A state folder that cannot be written is a clear error of the first command, not a trace."""
    for words in (["list"], ["server", "start"]):
        done = person.jitsu(*words, JITSU_HOME="/proc/nowhere")
        assert done.code in {2, 9, 11}
        assert "/proc/nowhere" in done.err
        assert "Traceback" not in done.err


def test_without_the_servers_packages(person: Person) -> None:
    """Where the `server` extra is not installed the error says what to type."""
    (person.folder / "sitecustomize.py").write_text(
        "import importlib.util as u\n"
        "real = u.find_spec\n"
        "u.find_spec = lambda name, *more: None if name == 'fastapi' else real(name, *more)\n"
    )
    done = person.jitsu("list", PYTHONPATH=str(person.folder))
    assert done.code == 9
    assert "pip install" in done.err
    assert "fastapi" in done.err


def test_from_nothing_to_live(newcomer: Person) -> None:
    """A stranger's path: install, deploy, look, change, deploy again, remove; on a terminal and by pipe."""
    installed = newcomer.jitsu("install", "helloworld", "shop")
    assert (installed.code, installed.out) == (0, "shop\n")
    folder = newcomer.folder / "shop"
    before = (folder / "package.json").read_bytes()
    assert json.loads(before)["name"] == "shop"
    terminal = newcomer.sit("deploy", cwd=folder)
    terminal.timeout = 120
    shown = left(terminal)
    assert terminal.exitstatus == 0, shown
    assert "http://shop.localhost" in shown
    assert "added" in shown
    same = newcomer.jitsu("deploy", "shop", timeout=120)
    assert (same.code, "Nothing changed since 0.1.0" in same.err) == (0, True)
    again = newcomer.jitsu("deploy", "shop", "--force", timeout=120)
    assert again.code == 0
    assert again.out.startswith("http://shop.localhost")
    assert (folder / "package.json").read_bytes() == before
    rows = newcomer.jitsu("snapshots", "list", "--json", cwd=folder).json()
    assert [row["id"] for row in rows] == ["0.1.0", "0.1.0-1"]
    assert newcomer.jitsu("destroy", "--confirm", cwd=folder).code == 0


def test_install(person: Person) -> None:
    """A starter goes into a new folder of its name; never over something; its list is asked on a terminal."""
    assert person.jitsu("install", "helloworld").out == "helloworld\n"
    taken = person.jitsu("install", "helloworld")
    assert taken.code == 5
    assert person.jitsu("install", "nothing").code == 4
    assert person.jitsu("install").code == 2
    terminal = person.sit("init")
    terminal.expect("Which starter")
    terminal.sendline("nothing")
    left(terminal)
    assert terminal.exitstatus == 4
    answer = person.jitsu("install", "helloworld", "a folder/é", "--json").json()
    assert answer["name"] == "e"
    assert (person.folder / "a folder" / "é" / "server.js").is_file()

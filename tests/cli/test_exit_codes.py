"""Every published exit code, reached by the real command line."""

from __future__ import annotations

import json
import os
import signal
import time
from typing import TYPE_CHECKING

import pytest

from jitsu_py.cli import EXIT_CODES
from jitsu_py.errors import JitsuError
from tests.cli.people import JITSU, left
from tests.unit.loopback import Reply, Request, answer, serving

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.people import Person
    from tests.platforms import LocalPlatform


def project(folder: Path, code: str, **manifest: object) -> Path:
    """A project whose server.js is `code`."""
    folder.mkdir()
    (folder / "package.json").write_text(json.dumps({"name": folder.name, "version": "0.1.0", **manifest}))
    (folder / "server.js").write_text(code)
    return folder


def test_the_table_and_the_classes_agree() -> None:
    """Every class of error has a published code, and every code but 0 has a class."""
    codes = {JitsuError.exit_code} | {kind.exit_code for kind in JitsuError.__subclasses__()}
    assert codes | {0} == set(EXIT_CODES)


def test_0_done(person: Person) -> None:
    """0: what was asked for is done."""
    assert person.jitsu("config", "list").code == 0


def test_1_a_bug(person: Person) -> None:
    """1: what nobody foresaw, a broken library say, is one sentence; the trace comes with --debug only."""
    (person.folder / "requests.py").write_text("raise RuntimeError('broken in two')")
    path = os.pathsep.join(filter(None, [str(person.folder), os.environ.get("PYTHONPATH")]))
    person.more |= {"JITSU_HOST": "http://127.0.0.1:1", "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
    broken = person.jitsu("list", PYTHONPATH=path)
    assert broken.code == 1
    assert "broken in two" in broken.err
    assert "--debug" in broken.err
    assert "Traceback" not in broken.err
    debugged = person.jitsu("list", "--debug", PYTHONPATH=path)
    assert debugged.code == 1
    assert "Traceback" in debugged.err
    assert person.jitsu("list", "--json", PYTHONPATH=path).error()["error"] == "bug"


def test_2_usage(person: Person) -> None:
    """2: the command line cannot be understood."""
    assert person.jitsu("nonsense").code == 2


def test_2_the_current_folder_is_gone(person: Person) -> None:
    """Somebody else removed it: that is said, whatever the command."""
    gone = 'mkdir gone && cd gone && rmdir ../gone && exec "$@"'
    for words in (["deploy"], ["list"], ["config", "list"]):
        done = person.run(["sh", "-c", gone, "sh", *JITSU, *words])
        assert (done.code, done.out) == (2, "")
        assert done.err.startswith("error: the current folder is gone")


def test_3_not_logged_in(person: Person) -> None:
    """3: nobody knows who we are, or the platform refuses us."""
    assert person.jitsu("list", JITSU_HOST="http://127.0.0.1:1").code == 3
    with serving(lambda _request: answer({"error": "unauthorized", "message": "No."}, 401)) as server:
        refused = person.jitsu("list", JITSU_HOST=server.url, JITSU_USERNAME="ada", JITSU_TOKEN="t0ken")
    assert refused.code == 3


def test_9_unreachable(person: Person, free_port: int) -> None:
    """9: nobody answers."""
    host = f"http://127.0.0.1:{free_port}"
    assert person.jitsu("list", JITSU_HOST=host, JITSU_USERNAME="ada", JITSU_TOKEN="t").code == 9
    assert person.jitsu("server", "status").code == 9


def test_10_timed_out(person: Person) -> None:
    """10: somebody is there and takes too long."""

    def slow(_request: Request) -> Reply:
        time.sleep(3)
        return answer({"apps": []})

    with serving(slow) as server:
        person.more |= {"JITSU_HOST": server.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        assert person.jitsu("list", "--timeout", "0.3").code == 10


def test_11_refused(person: Person) -> None:
    """11: the platform is there and cannot or will not."""
    with serving(lambda _request: answer({"error": "disk_full", "message": "Full."}, 503)) as server:
        person.more |= {"JITSU_HOST": server.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        told = person.jitsu("stop", "shop", "--json").error()
    assert (told["exit_code"], told["error"], told["message"]) == (11, "disk_full", "Full.")


def test_130_interrupted(person: Person) -> None:
    """130: ^C, with a word on what goes on without us."""

    def slow(_request: Request) -> Reply:
        time.sleep(5)
        return answer({})

    with serving(slow) as server:
        person.more |= {"JITSU_HOST": server.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        terminal = person.sit("start", "shop")
        terminal.expect("Starting shop")
        terminal.kill(signal.SIGINT)
        assert "goes on starting shop" in left(terminal)
        assert terminal.exitstatus == 130


HALF_A_CLASS = """
import os, signal
class Field:
    def __set_name__(self, owner, name):
        os.kill(os.getpid(), signal.SIGINT)
class Half:
    field = Field()
"""

MADE_OF_A_STRING = """
import os, signal
exec("os.kill(os.getpid(), signal.SIGINT)\\nfor _ in range(9): pass")
"""
"""As dataclasses and named tuples make their methods."""


@pytest.mark.slow
@pytest.mark.parametrize("module", ["click", "requests"])
@pytest.mark.parametrize("text", [HALF_A_CLASS, MADE_OF_A_STRING], ids=["class", "string"])
def test_130_interrupted_while_it_loads(module: str, text: str, person: Person) -> None:
    """130, and a word: ^C finds a library half read, or, worse, a class half made."""
    (person.folder / f"{module}.py").write_text(text)
    path = os.pathsep.join(filter(None, [str(person.folder), os.environ.get("PYTHONPATH")]))
    person.more |= {"JITSU_HOST": "http://127.0.0.1:1", "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
    done = person.jitsu("list", PYTHONPATH=path)
    assert (done.code, done.out, done.err) == (130, "", "error: interrupted\n")


def test_the_codes_of_apps(owner: Person, shared_platform: LocalPlatform) -> None:
    """4 not found, 5 conflict, 6 the project, 7 the build, 8 the start: each with its reason."""
    assert owner.jitsu("view", "nothing").code == 4

    good = project(owner.folder / "good", "require('http').createServer((q, r) => r.end('good')).listen(80)")
    assert owner.jitsu("deploy", cwd=good).code == 0
    assert owner.jitsu("deploy", "--snapshot", "0.1.0", cwd=good).code == 5

    empty = owner.folder / "empty"
    empty.mkdir()
    assert owner.jitsu("deploy", cwd=empty).code == 6
    for name, wrong in (("odd", {"env": {"A": {}}}), ("good", {"domains": ["a b"]})):
        refused = owner.jitsu("deploy", cwd=project(owner.folder / f"{name}-6", "", name=name, **wrong))
        assert refused.code == 6, refused.err
        assert f"package.json: {next(iter(wrong))} cannot be used" in refused.err

    scripts = {"install": "echo this cannot be built; exit 3", "start": "node server.js"}
    unbuilt = owner.jitsu("deploy", cwd=project(owner.folder / "unbuilt", "", scripts=scripts))
    assert unbuilt.code == 7
    assert "this cannot be built" in unbuilt.err

    (good / "server.js").write_text("console.error('out of luck'); process.exit(1)")
    crashed = owner.jitsu("deploy", cwd=good)
    assert crashed.code == 8
    assert "out of luck" in crashed.err
    assert shared_platform.get("good").text == "good"

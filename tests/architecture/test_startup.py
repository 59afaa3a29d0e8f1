"""What a command line loads, seen in fresh interpreters (design, section 5)."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import Person
from tests.unit.loopback import answer, serving

if TYPE_CHECKING:
    from pathlib import Path

PROBE = """
import sys
from jitsu_py.cli import main
try:
    main(sys.argv[1:])
finally:
    sys.stderr.write("LOADED " + " ".join(sorted(sys.modules)) + "\\n")
"""


def loaded(words: list[str], person: Person) -> tuple[set[str], set[str]]:
    """The third-party packages and our own modules that a command line loads beyond a bare interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *words],
        cwd=person.folder,
        env=person.environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    names = done.stderr.rpartition("LOADED ")[2].split()
    assert done.returncode == 0, done.stderr
    foreign = {name.partition(".")[0] for name in names} - sys.stdlib_module_names - _bare()
    return foreign - {"jitsu_py", "__main__"}, {name for name in names if name.startswith("jitsu_py.")}


def _bare() -> set[str]:
    """What the interpreter loads by itself here: `.pth` files may bring more than the standard library."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody with nothing set."""
    return Person(tmp_path)


@pytest.mark.parametrize("words", [["--help"], [], ["--version"], ["help"], ["help", "exit-codes"], ["-h"]])
def test_help_loads_click_alone(words: list[str], person: Person) -> None:
    """--help and --version load click, the grammar, the errors, and none of our commands."""
    foreign, ours = loaded(words, person)
    assert foreign <= {"click"}
    assert ours <= {"jitsu_py.cli", "jitsu_py.grammar", "jitsu_py.errors"}


@pytest.mark.parametrize("words", [["config", "list"], ["config", "get", "timeout"], ["host"]])
def test_settings_load_no_network(words: list[str], person: Person) -> None:
    """Commands about settings load neither requests nor rich nor keyring."""
    foreign, ours = loaded(words, person)
    assert foreign <= {"click"}
    assert not [name for name in ours if name.startswith(("jitsu_py.api", "jitsu_py.server"))]


@pytest.mark.parametrize(
    "words", [["list"], ["list", "--json"], ["view", "shop"], ["whoami"], ["logs", "shop"]]
)
def test_asking_loads_requests_and_little_else(words: list[str], person: Person) -> None:
    """With a token in the environment and a pipe for stdout: no rich, keyring, tomlkit and no server."""
    app = {"name": "shop", "user": "ada"}
    replies = {
        "/apps/ada": {"apps": [app]},
        "/apps/ada/shop": {"app": app},
        "/apps/ada/shop/drones": {"drones": []},
        "/logs/ada/shop/100": [],
    }
    with serving(
        lambda request: answer(replies.get(request.path.partition("?")[0], {"authorized": True}))
    ) as server:
        person.more |= {"JITSU_HOST": server.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        foreign, ours = loaded(words, person)
    assert "requests" in foreign
    assert (
        foreign <= {"click", "requests", "urllib3", "certifi", "idna", "charset_normalizer"} | _of_requests()
    )
    assert not [
        name for name in ours if name.startswith(("jitsu_py.server", "jitsu_py.project", "jitsu_py.deploy"))
    ]


def _of_requests() -> set[str]:
    """What requests brings along by itself in this environment."""
    code = "import sys, requests, click; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in done.stdout.split()}

"""Completion in real bash, zsh and fish."""

from __future__ import annotations

import shlex
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.shells import Shell
from tests.unit.loopback import Reply, Request, answer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.people import Person
    from tests.platforms import LocalPlatform
    from tests.unit.loopback import Server

SHELLS = ["bash", "zsh", "fish"]

HOSTILE = [
    "it's `touch pwned`",
    "$(touch pwned) & more",
    'say "hi" now',
    "jitsu@laptop",
    "ärger im app",
    "b*[a]?",
]

WORDS = {
    "jitsu depl": "jitsu deploy ",
    "jitsu apps li": "jitsu apps list ",
    "jitsu pub": "jitsu publish ",
    "jitsu conf --json se": "jitsu conf --json set ",
    "jitsu --json --host x config se": "jitsu --json --host x config set ",
    "jitsu deploy --dry": "jitsu deploy --dry-run ",
    "jitsu apps list --qui": "jitsu apps list --quiet ",
    "jitsu --color ne": "jitsu --color never ",
    "jitsu --color=ne": "jitsu --color=never ",
    "jitsu deploy --release=pat": "jitsu deploy --release=patch ",
    "jitsu config get time": "jitsu config get timeout ",
    "jitsu install hello": "jitsu install helloworld ",
    "jitsu completion fi": "jitsu completion fish ",
    "jitsu help snapshots act": "jitsu help snapshots activate ",
    "jitsu nonsense x": "jitsu nonsense x",
    "jitsu host x": "jitsu host x",
    "jitsu config set color --": "jitsu config set color --",
}
"""What is typed, and the line after Tab; the last one has many ways to go on."""


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    """The name of a shell."""
    name: str = request.param
    return name


@pytest.fixture
def server(person: Person) -> Iterator[Server]:
    """A platform with apps and tokens of odd names, and snapshots of one app."""

    def respond(request: Request) -> Reply:
        if request.path == "/apps/ada":
            return answer({"apps": [{"name": name, "user": "ada"} for name in ["shop", *HOSTILE]]})
        if request.path == "/apps/ada/shop/snapshots":
            return answer({"snapshots": [{"id": "0.1.0"}, {"id": "7.0.0-beta"}]})
        return answer({"error": "not_found", "message": "No."}, 404)

    with serving(respond) as running:
        person.more |= {"JITSU_HOST": running.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        yield running


def warm(person: Person, kind: str, *words: str) -> list[str]:
    """The names of a kind, once they are there: on a busy machine the first Tab may be too early."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        done = person.jitsu("completion", "bash", "--names", kind, "--", *words)
        if done.out:
            return done.out.splitlines()
        time.sleep(0.2)
    raise AssertionError("the platform's names never came")


def test_words_and_flags(shell: str, person: Person) -> None:
    """Commands, aliases, flags, their values and starters are completed, wherever global flags stand."""
    with Shell(shell, person) as terminal:
        found = {line: terminal.tab(line) for line in WORDS}
    assert found == WORDS


def test_words_start_no_python(shell: str, person: Person) -> None:
    """What the command tree knows is completed without running anything."""
    with Shell(shell, person) as terminal:
        (person.folder / "bin" / "jitsu").write_text(f"#!/bin/sh\ntouch {person.folder}/started\n")
        for line in WORDS:
            terminal.tab(line)
        assert not (person.folder / "started").exists()
        terminal.tab("jitsu view sho")
        assert (person.folder / "started").exists()


@pytest.mark.slow
def test_names_of_a_real_platform(shell: str, owner: Person, shared_platform: LocalPlatform) -> None:
    """The apps of the platform in use are completed, as argument and as a flag's value."""
    app = f"bookshop-{shell}"
    assert shared_platform.call("POST", f"/apps/{shared_platform.user}", {"name": app, "subdomain": app}).ok
    warm(owner, "apps")
    with Shell(shell, owner) as terminal:
        assert terminal.tab(f"jitsu view {app[:-2]}") == f"jitsu view {app} "
        assert terminal.tab(f"jitsu env set -a {app[:-2]}") == f"jitsu env set -a {app} "


@pytest.mark.usefixtures("server")
def test_names_with_odd_letters(shell: str, person: Person) -> None:
    """Names with blanks, quotes, wildcards and commands in them arrive whole, quoted, and nothing runs."""
    assert warm(person, "apps") == ["shop", *HOSTILE]
    with Shell(shell, person) as terminal:
        for name in HOSTILE:
            begun = "\\$\\(" if name.startswith("$(") else name[:1] if name.startswith("b") else name[:2]
            assert shlex.split(terminal.tab(f"jitsu view {begun}")) == ["jitsu", "view", name]
        assert shlex.split(terminal.tab("jitsu view jitsu@la")) == ["jitsu", "view", "jitsu@laptop"]
        terminal.tab("jitsu view ")
    assert not (person.folder / "pwned").exists()


@pytest.mark.usefixtures("server")
def test_inside_quotes(shell: str, person: Person) -> None:
    """A word that was begun with a quote is completed inside it."""
    warm(person, "apps")
    with Shell(shell, person) as terminal:
        assert terminal.tab('jitsu view "ärg').rstrip(' "') == 'jitsu view "ärger im app'
        assert terminal.tab("jitsu view 'sho").rstrip(" '") == "jitsu view 'shop"


@pytest.mark.usefixtures("server")
def test_snapshots_belong_to_an_app(shell: str, person: Person) -> None:
    """Snapshot ids are those of the app on the line, else of the folder's."""
    (person.folder / "package.json").write_text('{"name": "shop", "version": "0.1.0"}')
    warm(person, "snapshots", "snapshots", "activate", "shop")
    with Shell(shell, person) as terminal:
        assert terminal.tab("jitsu snapshots activate shop 7") == "jitsu snapshots activate shop 7.0.0-beta "
        assert terminal.tab("jitsu snapshots activate other 7") == "jitsu snapshots activate other 7"
        assert terminal.tab("jitsu deploy --snapshot 7") == "jitsu deploy --snapshot 7.0.0-beta "


def test_folders(shell: str, person: Person) -> None:
    """Folders are completed where folders are meant, blanks and quotes in them included."""
    (person.folder / "my app's").mkdir()
    (person.folder / "my file").touch()
    with Shell(shell, person) as terminal:
        for line in ("jitsu deploy my", "jitsu start --dir my", "jitsu start --dir=my"):
            assert shlex.split(terminal.tab(line))[-1].removeprefix("--dir=") == "my app's/"
        assert terminal.tab("jitsu --cacert my\\ f").rstrip() == "jitsu --cacert my\\ file"


def test_profiles(shell: str, person: Person) -> None:
    """Profiles come from the user's file; no platform is asked."""
    assert person.jitsu("config", "set", "--profile", "workshop", "host", "x.example").code == 0
    with Shell(shell, person) as terminal:
        assert terminal.tab("jitsu list --profile wor") == "jitsu list --profile workshop "


def test_a_server_that_is_down(shell: str, person: Person, free_port: int) -> None:
    """Nobody answers: nothing is completed, nothing is said, and it does not take long."""
    person.more |= {
        "JITSU_HOST": f"http://127.0.0.1:{free_port}",
        "JITSU_USERNAME": "ada",
        "JITSU_TOKEN": "t0ken",
    }
    with Shell(shell, person) as terminal:
        begun = time.monotonic()
        assert terminal.tab("jitsu view sho") == "jitsu view sho"
        assert time.monotonic() - begun < 3
        assert terminal.run("echo quiet").strip().endswith("quiet")


def test_a_server_that_never_answers(shell: str, person: Person) -> None:
    """Somebody is there and says nothing: a Tab goes on within a second, the next one at once."""
    slow = {"until": time.monotonic() + 6}

    def respond(_request: Request) -> Reply:
        time.sleep(max(0, slow["until"] - time.monotonic()))
        return answer({"apps": [{"name": "shop", "user": "ada"}]})

    with serving(respond) as running:
        person.more |= {"JITSU_HOST": running.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        with Shell(shell, person) as terminal:
            times = []
            for _ in range(3):
                begun = time.monotonic()
                assert terminal.tab("jitsu view sho") == "jitsu view sho"
                times.append(time.monotonic() - begun)
        slow["until"] = 0.0
    # One second is the rule; the rest is for a machine that runs other tests as well.
    assert max(times) < 3
    assert min(times[1:]) < 1.5

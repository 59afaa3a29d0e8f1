"""Every command without anybody to answer it: none hangs, none breaks, none tells a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import pytest

from jitsu_py.cli import EXIT_CODES
from tests.architecture.test_commands import CONTEXTS
from tests.cli.people import Person
from tests.cli.zygote import Zygote, zygote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.platforms import LocalPlatform

LIMIT = 60
"""Seconds after which a command counts as hanging; none should need more than one or two."""

SENTINEL = "sentinel-4c1d2e7a90b35f68"

BY_NAME = {
    "app": "shop",
    "snapshot": "0.1.0",
    "folder": "project",
    "key": "timeout",
    "value": "30",
    "url": "http://127.0.0.1:9",
    "starter": "helloworld",
    "username": "ada",
    "user": "ada",
    "email": "ada@example.com",
    "kind": "redis",
    "type": "redis",
    "provider": "github",
}
"""A word for each parameter, by its name."""

BY_COMMAND = {
    "": [],
    "help": ["deploy"],
    "env get": ["shop", "KEY"],
    "env delete": ["shop", "KEY"],
    "env set": ["shop", "KEY=value"],
    "env save": ["shop", "saved.json"],
    "env load": ["shop", "saved.json"],
    # Following ends with the app only: one that is not there.
    "logs tail": ["nothing"],
    "completion": ["bash"],
    # As root they would change the machine that the tests run on.
    "server install": ["--print"],
    "server uninstall": ["--scope", "user"],
    "list": [],
    "apps list": [],
}
"""The words of commands whose parameters do not say enough."""


@dataclass(frozen=True)
class World:
    """Where a command runs."""

    person: Person
    secret: str
    """The token in its environment."""


def words(context: click.Context) -> list[str]:
    """A command line for a command: its name, and a word for everything that it takes."""
    path = context.command_path.partition(" ")[2]
    if path in BY_COMMAND:
        return [*path.split(), *BY_COMMAND[path]]
    found = path.split()
    for param in context.command.params:
        if not isinstance(param, click.Argument):
            continue
        if isinstance(param.type, click.Choice):
            found.append(str(param.type.choices[0]))
        elif isinstance(param.type, click.types.IntParamType):
            found.append("1")
        else:
            found += [BY_NAME.get(param.name or "", "shop")] * max(1, param.nargs)
    return found


def project(person: Person) -> None:
    """A folder that cannot be deployed without a question: it has no start script."""
    folder = person.folder / "project"
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text('{"name": "shop"}')


@pytest.fixture(scope="module")
def home(shared_platform: LocalPlatform) -> LocalPlatform:
    """A platform with an app that has nothing to run."""
    assert shared_platform.call("POST", f"/apps/{shared_platform.user}", {"name": "shop"}).ok
    return shared_platform


@pytest.fixture
def with_platform(tmp_path: Path, home: LocalPlatform) -> World:
    """Somebody whose platform runs, and whose token is in the environment."""
    variables = {"JITSU_HOST": home.status.api, "JITSU_USERNAME": home.user, "JITSU_TOKEN": home.token}
    return _world(tmp_path, variables)


@pytest.fixture
def without_platform(tmp_path: Path, free_port: int) -> World:
    """Somebody whose platform is not there."""
    variables = {
        "JITSU_HOST": f"http://127.0.0.1:{free_port}",
        "JITSU_USERNAME": "ada",
        "JITSU_TOKEN": SENTINEL,
    }
    return _world(tmp_path, variables)


def _world(folder: Path, variables: dict[str, str]) -> World:
    # A state folder that cannot be: `server start` and its like end instead of leaving a platform behind.
    (folder / "state").write_text("")
    person = Person(folder, {**variables, "BROWSER": "true"})
    project(person)
    return World(person, variables["JITSU_TOKEN"])


@pytest.fixture(scope="module")
def lines() -> Iterator[Zygote]:
    """What runs the command lines; a process for each would spend nearly all its time on starting."""
    with zygote() as ready:
        yield ready


def hold(
    lines: Zygote, world: World, context: click.Context, *, closed: list[str], silent: list[str]
) -> None:
    """A command keeps to the rules, with stdin closed and with a silent one, and these flags."""
    for stdin, flags in (("closed", closed), ("silent", silent)):
        line = [*words(context), *flags]
        done = lines.run(line, world.person.environment(), world.person.folder, stdin=stdin, limit=LIMIT)
        told = f"{line}: {done.code}\n{done.out}{done.err}"
        assert done.code in set(EXIT_CODES) - {1}, told
        assert "--debug" in flags or "Traceback" not in done.err, told
        assert world.secret not in done.out + done.err, told


@pytest.mark.slow
def test_one_that_waits_is_found_out(with_platform: World, lines: Zygote) -> None:
    """A command that reads from a silent stdin is killed when its time is over, and that is seen."""
    person = with_platform.person
    reads = ["env", "set", "--stdin", "--app", "shop"]
    done = lines.run(reads, person.environment(), person.folder, stdin="silent", limit=3)
    assert done.code == -9


@pytest.mark.slow
def test_the_worlds_are_what_they_say(with_platform: World, without_platform: World) -> None:
    """With a platform the token is good; without one nobody answers."""
    assert with_platform.person.jitsu("view", "shop").code == 0
    assert without_platform.person.jitsu("view", "shop").code == 9


@pytest.mark.slow
@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.command_path)
def test_with_a_platform(context: click.Context, with_platform: World, lines: Zygote) -> None:
    """Against a running platform every command ends by itself, with a published code, its token untold."""
    hold(lines, with_platform, context, closed=["--debug"], silent=[])


@pytest.mark.slow
@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.command_path)
def test_without_a_platform(context: click.Context, without_platform: World, lines: Zygote) -> None:
    """Where no platform answers every command ends by itself, with a published code, its token untold."""
    hold(lines, without_platform, context, closed=[], silent=["--json", "--debug"])

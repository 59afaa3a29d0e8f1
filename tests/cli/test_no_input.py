"""Every command without anybody to answer it: none hangs, none breaks, none tells a secret."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import pytest

from jitsu_py.cli import EXIT_CODES
from tests.architecture.test_commands import CONTEXTS
from tests.cli.people import JITSU, Person

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


@contextmanager
def silent_pipe() -> Iterator[int]:
    """The reading end of an open pipe that never speaks."""
    import os

    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)


def finished(world: World, line: list[str], stdin: int | None) -> subprocess.CompletedProcess[str]:
    """Run a command line; stdin: a descriptor, or None for a closed one."""
    command = [*JITSU, *line] if stdin is not None else ["sh", "-c", 'exec "$@" <&-', "sh", *JITSU, *line]
    return subprocess.run(
        command,
        cwd=world.person.folder,
        env=world.person.environment(),
        stdin=stdin,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )


def hold(world: World, context: click.Context, *, closed: list[str], silent: list[str]) -> None:
    """A command keeps to the rules, with stdin closed and with a silent one, and these flags."""
    with silent_pipe() as pipe:
        for stdin, flags in ((None, closed), (pipe, silent)):
            line = [*words(context), *flags]
            done = finished(world, line, stdin)
            told = f"{line}: {done.returncode}\n{done.stdout}{done.stderr}"
            assert done.returncode in set(EXIT_CODES) - {1}, told
            assert "--debug" in flags or "Traceback" not in done.stderr, told
            assert world.secret not in done.stdout + done.stderr, told


@pytest.mark.slow
def test_the_worlds_are_what_they_say(with_platform: World, without_platform: World) -> None:
    """With a platform the token is good; without one nobody answers."""
    assert with_platform.person.jitsu("view", "shop").code == 0
    assert without_platform.person.jitsu("view", "shop").code == 9


@pytest.mark.slow
@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.command_path)
def test_with_a_platform(context: click.Context, with_platform: World) -> None:
    """Against a running platform every command ends by itself, with a published code, its token untold."""
    hold(with_platform, context, closed=["--debug"], silent=[])


@pytest.mark.slow
@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.command_path)
def test_without_a_platform(context: click.Context, without_platform: World) -> None:
    """Where no platform answers every command ends by itself, with a published code, its token untold."""
    hold(without_platform, context, closed=[], silent=["--json", "--debug"])

"""What is said of the answers with --json: whole, and of commands that there are."""

from __future__ import annotations

import click

from jitsu_py import answers
from jitsu_py.answers.facts import KINDS, SOURCES
from tests.architecture.test_commands import CONTEXTS

LEAVES = {
    context.command_path.partition(" ")[2]: context.command
    for context in CONTEXTS
    if not isinstance(context.command, click.Group)
}
TYPES = {"string", "integer", "number", "boolean", "object", "time", "any"}


def without_flags(path: str) -> str:
    """The words of the command alone: `cloud list` is `cloud` with a word behind it."""
    words = [word for word in path.split() if not word.startswith("-")]
    return "cloud" if words == ["cloud", "list"] else " ".join(words)


def test_every_command_says_what_it_answers() -> None:
    """Each command is in jitsu_py/answers/commands.py under one of its names, and nothing else is."""
    named = [without_flags(path) for path in answers.given()]
    assert set(named) <= set(LEAVES), "answers of commands that are none"
    explained = {id(LEAVES[path].callback) for path in named}
    missing = [path for path, command in LEAVES.items() if id(command.callback) not in explained]
    assert not missing, f"add to jitsu_py/answers/commands.py: {missing}"


def test_every_kind_is_whole() -> None:
    """What is printed is what is explained, by types there are, and every kind is somebody's answer."""
    kinds = {kind.name: kind for kind in answers.kinds()}
    assert set(SOURCES) <= set(kinds)
    for kind in kinds.values():
        for fact in kind.facts:
            assert fact.type.strip("[]?") in TYPES, (kind.name, fact)
            assert fact.means
            assert not fact.means.endswith("."), (kind.name, fact)
    given = {answer.strip("[]") for answer in answers.given().values()} - {"", "lines", "string"}
    assert given | {"error"} == set(KINDS)


def test_the_help_tells_all_of_it() -> None:
    """Every command and every kind is on the page."""
    page = answers.page()
    assert all(f"jitsu {path}" in page for path in answers.given())
    assert all(f"\n{name}\n" in page for name in KINDS)

"""Every command shows how it is used, and what it shows is right."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import click
import pytest

from jitsu_py import examples
from jitsu_py.cli import root
from tests.architecture.test_commands import CONTEXTS

if TYPE_CHECKING:
    from collections.abc import Iterator

BY_PATH = {context.command_path.partition(" ")[2]: context for context in CONTEXTS}

LINES = [(path, one) for path in BY_PATH for one in examples.of(path)]


def calls(line: str) -> Iterator[list[str]]:
    """The words behind each `jitsu` of a shell's line."""
    words: list[str] | None = None
    split = shlex.shlex(line, posix=True, punctuation_chars=True)
    split.wordchars += "@:+"
    for word in split:
        if set(word) <= set("();<>|&"):
            if words is not None:
                yield words
            words = None
        elif words is not None:
            words.append(word)
        elif word == "jitsu":
            words = []
    if words is not None:
        yield words


def parsed(words: list[str]) -> click.Command:
    """The command that the words reach; a usage error when it would not take them."""
    context = root.make_context("jitsu", list(words))
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        if not rest:
            break
        name, command, rest = context.command.resolve_command(context, rest)
        assert command is not None
        context = command.make_context(name, rest, parent=context)
    return context.command


def test_every_command_has_an_example() -> None:
    """jitsu_py/examples.py has one for each command, and its help ends with it."""
    missing = [path for path in BY_PATH if not examples.of(path)]
    assert not missing, f"add examples to jitsu_py/examples.py for {missing}"
    for path, context in BY_PATH.items():
        epilog = context.command.epilog or ""
        assert all(one.line in epilog for one in examples.of(path)), path


@pytest.mark.parametrize(("path", "example"), LINES, ids=[f"{path}: {one.line}" for path, one in LINES])
def test_every_example_parses(path: str, example: examples.Example) -> None:
    """Each example is a line that the parser takes, of the command it stands by (or a group's, of a verb)."""
    reached = [parsed(words) for words in calls(example.line)]
    meant = BY_PATH[path].command
    if isinstance(meant, click.Group) and path:
        assert {id(one) for one in reached} & {id(verb) for verb in [meant, *meant.commands.values()]}
    elif path:
        assert any(one is meant for one in reached)
    assert example.does.endswith(":")
    assert example.does[0].isupper()


def test_examples_are_of_commands_there_are() -> None:
    """No example outlived its command."""
    assert set(examples.EXAMPLES) <= set(BY_PATH)

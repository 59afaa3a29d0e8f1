"""The command tree: complete, explained, consistent with its table."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import pytest

from jitsu_py.cli import ALIASES, COMMANDS, root

if TYPE_CHECKING:
    from collections.abc import Iterator


def tree(command: click.Command, context: click.Context) -> Iterator[click.Context]:
    """Every command below `command`, each in its context."""
    yield context
    if isinstance(command, click.Group):
        for name in command.list_commands(context):
            verb = command.get_command(context, name)
            assert verb is not None, name
            yield from tree(verb, click.Context(verb, parent=context, info_name=name))


CONTEXTS = list(tree(root, click.Context(root, info_name="jitsu")))


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.command_path)
def test_every_command_explains_itself(context: click.Context) -> None:
    """Every command has a help text that begins with a sentence, and every flag says what it does."""
    command = context.command
    assert command.help
    assert command.get_short_help_str(200).endswith(".")
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.help, param.opts


@pytest.mark.parametrize("context", CONTEXTS, ids=lambda context: context.command_path)
def test_every_command_takes_the_global_flags(context: click.Context) -> None:
    """--json, --quiet, --host and the others are understood everywhere, and no letter means two things."""
    names = [name for param in context.command.params for name in [*param.opts, *param.secondary_opts]]
    assert {"--json", "--quiet", "--debug", "--yes", "--confirm", "--no-input", "--host", "--help"} <= set(
        names
    )
    flags = [name for name in names if name.startswith("-")]
    assert len(flags) == len(set(flags))


def test_the_tables_summaries_are_the_commands_own() -> None:
    """What --help says of a command without loading it is what the command says of itself."""
    context = CONTEXTS[0]
    for name, entry in COMMANDS.items():
        command = root.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str(200) == entry.summary, name


def test_aliases_are_free_words() -> None:
    """No alias is a command's name, and each leads somewhere."""
    assert not set(ALIASES) & set(COMMANDS)
    assert set(ALIASES.values()) <= set(COMMANDS)

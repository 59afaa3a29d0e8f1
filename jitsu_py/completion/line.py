"""What a half-typed command line says so far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Sequence


def understood(root: click.Group, words: Sequence[str]) -> dict[str, Any]:
    """The flags and words that a line has before the one that is being completed, by parameter.

    Nothing of it is run, and what cannot be understood is passed over.

    Args:
        words: without the program's name and the word being completed.
    """
    found: dict[str, Any] = {}
    context = click.Context(root, info_name="jitsu", resilient_parsing=True)
    # The word being completed stands for itself: a flag before it has its value then.
    rest = [*words, ""]
    while True:
        command = context.command
        given, rest, _ = command.make_parser(context).parse_args(rest)
        found |= {name: value for name, value in given.items() if value is True or _is_word(value)}
        verb = command.get_command(context, rest[0]) if isinstance(command, click.Group) and rest else None
        if verb is None:
            return found
        context = click.Context(verb, parent=context, info_name=rest[0], resilient_parsing=True)
        rest = rest[1:]


def _is_word(value: object) -> bool:
    return isinstance(value, str) and value != ""

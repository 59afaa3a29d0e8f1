"""The command tree as data: what completions, man pages and README's tables are made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from jitsu_py import grammar
from jitsu_py.tree import kinds

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True)
class Flag:
    """A flag of a command."""

    names: tuple[str, ...]
    """As typed, dashes included: short ones first."""
    metavar: str
    """What stands for its value; empty: it takes none."""
    summary: str
    kind: str
    """What its value can be completed to (`kinds`); empty: it takes none."""


@dataclass(frozen=True)
class Argument:
    """A word that a command takes."""

    name: str
    kind: str
    """What it can be completed to (`kinds`)."""
    many: bool
    """Whether it goes on to the end of the line."""


@dataclass(frozen=True)
class Node:
    """A command or a group."""

    path: str
    """The words that lead to it from `jitsu`, which is left out: "apps list"; empty: `jitsu` itself."""
    aliases: tuple[str, ...]
    """Other words for its last one."""
    summary: str
    """One sentence."""
    description: str
    """The paragraphs behind the summary, an empty line between; may be empty."""
    usage: str
    """What may follow its name: "[OPTIONS] [APP]"."""
    flags: tuple[Flag, ...]
    """Its own; those that all commands take stand in the root's."""
    arguments: tuple[Argument, ...]
    verbs: tuple[Node, ...]
    """Below it, in the order of its help; empty: it is no group."""

    @property
    def name(self) -> str:
        """Its last word; `jitsu` for the root."""
        return self.path.rpartition(" ")[2] or "jitsu"

    def walk(self) -> Iterator[Node]:
        """This one and all below it."""
        yield self
        for verb in self.verbs:
            yield from verb.walk()


def grow(root: grammar.Group) -> Node:
    """The whole tree; loads every command."""
    return _node(click.Context(root, info_name="jitsu"), "", ())


def _node(context: click.Context, path: str, aliases: tuple[str, ...]) -> Node:
    command = context.command
    summary, _, description = (command.help or "").partition("\n\n")
    arguments = [param for param in command.params if isinstance(param, click.Argument)]
    return Node(
        path=path,
        aliases=aliases,
        summary=" ".join(summary.split()),
        description=description.strip(),
        usage=" ".join(command.collect_usage_pieces(context)),
        flags=tuple(_flag(param) for param in _flags_of(command, is_root=not path)),
        arguments=tuple(Argument(_name(one), kinds.of(path, one), one.nargs < 0) for one in arguments),
        verbs=tuple(_verbs(context, path)),
    )


def _verbs(context: click.Context, path: str) -> Iterator[Node]:
    group = context.command
    if not isinstance(group, click.Group):
        return
    aliases = group.aliases if isinstance(group, grammar.Group) else {}
    for name in group.list_commands(context):
        verb = group.get_command(context, name)
        if verb is None or verb.hidden:
            continue
        others = tuple(alias for alias, meant in aliases.items() if meant == name)
        yield _node(click.Context(verb, parent=context, info_name=name), f"{path} {name}".strip(), others)


def _flags_of(command: click.Command, *, is_root: bool) -> Iterator[click.Option]:
    everywhere = {name for flag in grammar.global_flags() for name in flag.opts}
    for param in command.params:
        if not isinstance(param, click.Option) or (param.hidden and not is_root):
            continue
        if is_root or param.expose_value or not everywhere.issuperset(param.opts):
            yield param


def _flag(option: click.Option) -> Flag:
    names = tuple(sorted(option.opts, key=lambda name: name.startswith("--")))
    takes_none = option.is_flag or option.count
    metavar = "" if takes_none else (option.metavar or (option.name or "").upper())
    return Flag(names, metavar, option.help or "", "" if takes_none else kinds.of("", option))


def _name(argument: click.Argument) -> str:
    return argument.name or ""

"""What commands answer with --json: every kind of object, its keys with type and meaning, and who gives it.

The keys and their order come from the very descriptions that commands print by, where a kind has one; a test
holds them against each other, and against what every command really prints.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TYPES = """\
Types are string, integer, number, boolean, object, and time: a string such as 2026-01-31T09:30:00Z, in UTC.
A type in brackets is a list of it; one with a question mark may be null. Keys are not renamed, nor do they
change their meaning; new ones may come. Text is ASCII, what is none is escaped."""


@dataclass(frozen=True)
class Fact:
    """One key of an answer."""

    key: str
    type: str
    """See `TYPES`; "any" where it depends."""
    means: str
    optional: bool = False
    """Whether it may be left out."""


@dataclass(frozen=True)
class Kind:
    """An object that commands answer."""

    name: str
    facts: tuple[Fact, ...]
    """In the order in which they are printed."""


def kinds() -> Iterator[Kind]:
    """Every kind, by name.

    Raises:
        LookupError: a key that commands print is not explained, or one is explained that none prints.
    """
    from jitsu_py.answers import facts as table

    for name in sorted(table.KINDS):
        described = {key: _fact(key, *words) for key, words in table.KINDS[name].items()}
        keys = _printed(table.SOURCES[name]) if name in table.SOURCES else list(described)
        if set(keys) != set(described):
            differing = ", ".join(sorted(set(keys) ^ set(described)))
            raise LookupError(f"{name}: explain in jitsu_py/answers/facts.py what is printed: {differing}")
        yield Kind(name, tuple(described[key] for key in keys))


def kind(name: str) -> Kind:
    """The kind of that name."""
    return next(one for one in kinds() if one.name == name)


def given() -> dict[str, str]:
    """What each command answers, by its words: a kind, a list of it in brackets, a type, or nothing."""
    from jitsu_py.answers.commands import GIVEN

    return GIVEN


def page() -> str:
    """All of it as text, for `jitsu help json`."""
    lines = [TYPES, ""]
    for path, answer in given().items():
        lines.append(f"jitsu {path:<28} {answer or '-'}")
    for one in kinds():
        lines += ["", one.name]
        for fact in one.facts:
            named = f"{fact.key} ({fact.type}{', not always' if fact.optional else ''})"
            lines.append(f"  {named}: {fact.means}")
    return "\n".join(lines)


def _fact(key: str, type_: str, means: str) -> Fact:
    optional = type_.startswith("optional ")
    return Fact(key, type_.removeprefix("optional "), means, optional)


def _printed(source: str) -> list[str]:
    """The keys of a description of fields, `module:attribute` below `jitsu_py.commands`."""
    from importlib import import_module

    module, _, attribute = source.partition(":")
    fields = getattr(import_module(f"jitsu_py.commands.{module}"), attribute)
    return [field.name for field in fields]

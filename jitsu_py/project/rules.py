"""The rules of one ignore file, in order, and what they say of a path."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from itertools import groupby
from typing import TYPE_CHECKING, Final

from jitsu_py.project import globs

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

# What JavaScript's trim() takes off; Python's strip() takes other characters.
_SPACE: Final = (
    "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)


@dataclass(frozen=True)
class Rule:
    """One rule, and where it stands."""

    source: str
    """The file or list it comes from, as a person would name it."""
    line: int
    """In that file, from 1; 0 where it is no file of lines."""
    text: str
    pattern: globs.Pattern

    def __str__(self) -> str:
        return f"{self.source}{f', line {self.line}' if self.line else ''}: {self.text}"


class Ask(Enum):
    """What a path is asked as."""

    FILE = "file"
    FOLDER = "folder"
    """A folder on the way to files, which also a rule for a file below it lets pass."""
    EXACT = "exact"
    """A folder for itself."""


@dataclass(frozen=True)
class Group:
    """Neighbouring rules that all put in or all leave out, which makes their order among them irrelevant."""

    negate: bool
    rules: tuple[Rule, ...]
    _base: re.Pattern[str] | None
    _path: re.Pattern[str] | None
    _base_folder: re.Pattern[str] | None
    _path_folder: re.Pattern[str] | None
    _names: dict[str, int] = field(default_factory=dict)

    def match(self, name: str, path: str, ask: Ask) -> Rule | None:
        """Return the first rule that a path matches.

        Args:
            name: the path's last name.
            path: below the folder of the rules.
        """
        if ask is Ask.FOLDER:
            found = _find(self._base_folder, f"{name}/")
            found = found if found >= 0 else _find(self._path_folder, f"{path}/")
        else:
            # Few names make up most trees (index.js, package.json), and this is the innermost loop.
            found = self._names.get(name, -2)
            if found == -2:
                found = self._names[name] = _find(self._base, name)
            if found < 0 and self._path is not None:
                found = _find(self._path, path if ask is Ask.FILE else f"{path}/")
        return self.rules[found] if found >= 0 else None


def parse(text: str, source: str, *, lines: bool = True) -> list[Group]:
    """Read the rules of an ignore file.

    Args:
        source: how reasons name it.
        lines: it is a file that a person can look lines up in.
    """
    rules = []
    for number, line in enumerate(re.split(r"\r?\n", text), start=1):
        trimmed = line.strip(_SPACE)
        if (pattern := globs.pattern(trimmed)) is not None:
            rules.append(Rule(source, number if lines else 0, trimmed, pattern))
    return group(rules)


def group(rules: Iterable[Rule]) -> list[Group]:
    """Join neighbouring rules of the same kind, keeping their order."""
    found = []
    for negate, some in groupby(rules, key=lambda rule: rule.pattern.negate):
        kept = tuple(some)
        found.append(
            Group(
                negate,
                kept,
                _compiled([rule.pattern.base for rule in kept]),
                _compiled([rule.pattern.path for rule in kept]),
                _compiled([rule.pattern.base_folder for rule in kept]),
                _compiled([rule.pattern.path_folder for rule in kept]),
            )
        )
    return found


def _compiled(lists: Sequence[tuple[str, ...]]) -> re.Pattern[str] | None:
    """Compile the rules' expressions to one in which the capture that matched is the rule's number."""
    if not any(lists):
        return None
    return re.compile("|".join(f"({'|'.join(each or (globs.NEVER,))})" for each in lists), re.DOTALL)


def _find(expression: re.Pattern[str] | None, text: str) -> int:
    if expression is None:
        return -1
    found = expression.fullmatch(text)
    return found.lastindex - 1 if found and found.lastindex else -1

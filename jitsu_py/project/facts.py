"""What reading one source file finds."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

LOCAL: Final = re.compile(r"""["'`]\.{0,2}/|[\w.]*__dirname|path\.(?:join|resolve)\(""")
"""How an expression begins that can only name a file of the project."""

LONGEST_EXPRESSION: Final = 120
"""Characters of an expression that a report shows."""


@dataclass(frozen=True)
class Import:
    """A module that a file asks for."""

    specifier: str
    line: int
    """From 1."""
    optional: bool = False
    """Within `try`, so that the file copes where it is not there."""


@dataclass(frozen=True)
class EnvRead:
    """A variable of the environment that a file reads."""

    name: str
    line: int
    default: bool
    """The code has a value for where it is not set."""


@dataclass(frozen=True)
class Dynamic:
    """A module that a file asks for by an expression."""

    expression: str
    line: int


@dataclass
class Facts:
    """All of a file."""

    imports: list[Import] = field(default_factory=list)
    env: list[EnvRead] = field(default_factory=list)
    dynamic: list[Dynamic] = field(default_factory=list)

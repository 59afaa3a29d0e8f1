"""What the look through a project's code reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection

    from jitsu_py.project.declared import Standing
    from jitsu_py.project.leaks import Leak

GIVEN: Final = frozenset(
    {
        "PORT",
        "HOST",
        "NODE_ENV",
        "HOME",
        "PATH",
        "PWD",
        "USER",
        "LOGNAME",
        "SHELL",
        "TMPDIR",
        "TEMP",
        "TMP",
        "TZ",
    }
    | {
        "LANG",
        "LC_ALL",
        "TERM",
        "CI",
        "DEBUG",
        "NODE_DEBUG",
        "NODE_OPTIONS",
        "NODE_PATH",
        "NO_COLOR",
        "FORCE_COLOR",
    }
)
"""Variables that the platform or the system gives, or that are for switches that nobody has to set."""


@dataclass(frozen=True)
class Use:
    """A place in the code."""

    path: str
    """From the project's folder."""
    line: int
    """From 1."""
    text: str
    """What stands there: the specifier, the variable or the expression."""


@dataclass(frozen=True)
class Missing:
    """A module that the code asks for and the manifest does not declare for running."""

    name: str
    """Of the package: `lodash` for `lodash/fp`."""
    standing: Standing
    uses: tuple[Use, ...]
    """By path and line."""
    optional: bool
    """Everywhere within `try`: the code copes without it."""


@dataclass(frozen=True)
class Variable:
    """A variable of the environment that the code reads."""

    name: str
    uses: tuple[Use, ...]
    """By path and line."""
    default: bool
    """The code has a value of its own wherever it reads it."""


@dataclass(frozen=True)
class Report:
    """All that the code tells; every list is sorted."""

    missing: list[Missing]
    variables: list[Variable]
    secrets: list[Leak]
    dynamic: list[Use]
    """Modules asked for by an expression, which nobody can tell before the app runs."""
    skipped: list[Use]
    """Source files that were not read; the text says why."""
    files: int
    """How many source files were read."""

    def unset(self, known: Collection[str]) -> list[Variable]:
        """List the variables that the app will lack: no default, not `known`, not given by the platform."""
        return [each for each in self.variables if not each.default and each.name not in {*known, *GIVEN}]

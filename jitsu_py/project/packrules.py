"""The rules that npm packs a package by: its own lists, and those that a package.json makes."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from jitsu_py.project import rules

if TYPE_CHECKING:
    from collections.abc import Sequence

    from jitsu_py.project.package import Package

NPM: Final = "npm's own rules"
FILES: Final = '"files" in package.json'
NAMED: Final = "package.json names it"

_LEFT_OUT: Final = (
    *(".npmignore", ".gitignore"),
    *("**/.git", "**/.svn", "**/.hg", "**/CVS", "**/.git/**", "**/.svn/**", "**/.hg/**", "**/CVS/**"),
    *("/.lock-wscript", "/.wafpickle-*", "/build/config.gypi", "npm-debug.log", "**/.npmrc"),
    *(".*.swp", ".DS_Store", "**/.DS_Store/**", "._*", "**/._*/**", "*.orig", "/archived-packages/**"),
)
"""In every folder, where nothing says otherwise; in npm 11's order."""

_PAPERS: Final = ("readme", "copying", "license", "licence")
_ALWAYS: Final = ("package.json", *(f"{name}{{,.*[^~$]}}" for name in _PAPERS))
"""In a package's own folder, whatever is said elsewhere."""

_NEVER: Final = (
    *("/.git", "/node_modules", ".npmrc"),
    *("/package-lock.json", "/yarn.lock", "/pnpm-lock.yaml", "/bun.lockb"),
)
"""Not in a package's own folder; jitsu puts the lockfiles back, for the build."""


@dataclass
class OwnRules:
    """What holds from a package's own folder downwards."""

    listed: list[rules.Group] | None = None
    """What `files` makes; None without it."""
    strict: list[rules.Group] = field(default_factory=list)
    """What nothing below the manifest overrides."""
    required: list[str] = field(default_factory=list)
    """Paths of the files that `files` names one by one."""


def everywhere(also: Sequence[str] = ()) -> list[rules.Group]:
    """Return the rules that hold in every folder.

    Args:
        also: the ignore files between a workspace and its root, whole.
    """
    parents = "the ignore files of the workspace's root"
    return rules.parse("\n".join(_LEFT_OUT), NPM, lines=False) + [
        group for text in also for group in rules.parse(text, parents)
    ]


def below(required: Sequence[str]) -> list[rules.Group]:
    """Return the strict rules of a sub-folder, whose files `required` are named by `files`."""
    kept = [f"!{name}" for name in required]
    return rules.parse("/.git", NPM, lines=False) + rules.parse("\n".join(kept), FILES, lines=False)


def own(package: Package, folder: str) -> OwnRules:
    """Return the rules that a package's manifest makes for its folder."""
    found, listed, single = OwnRules(), ["*"], list[str]()
    for entry in package.files or ():
        pattern = entry[1:] if entry.startswith("./") else entry
        pattern += "*" if pattern.endswith("/*") else ""
        kind = _kind(folder, pattern.lstrip("!"))
        if kind is None:
            listed.append(f"!{pattern}")
        elif stat.S_ISREG(kind):
            single.insert(0, f"!{pattern}")
            found.required.append(pattern.removeprefix("/"))
        elif stat.S_ISDIR(kind):
            listed += [f"!{pattern}", f"!{pattern}/**"]
    if package.files is not None:
        found.listed = rules.parse("\n".join(listed), FILES, lines=False)
    found.strict = [
        *rules.parse("\n".join(single), FILES, lines=False),
        *rules.parse("\n".join(("/.git", *(f"!/{name}" for name in _ALWAYS), *_NEVER)), NPM, lines=False),
        *rules.parse("\n".join(f"!/{path}" for path in package.named), NAMED, lines=False),
    ]
    return found


def _kind(folder: str, path: str) -> int | None:
    """Return the mode of what `files` names, links not followed; None: it is a pattern."""
    joined = os.path.normpath(f"{folder}/{path}") + ("/" if path.endswith("/") else "")
    try:
        return os.lstat(joined).st_mode
    except (OSError, ValueError):
        return None

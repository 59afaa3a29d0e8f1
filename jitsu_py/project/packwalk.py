"""The walk through a package's folder that npm's packing makes, folder by folder, rule by rule."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jitsu_py.errors import ProjectError
from jitsu_py.project import globs, mounts, packrules, rules
from jitsu_py.project.rules import Ask

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from jitsu_py.project.package import Package

IGNORE_FILES: Final = (".npmignore", ".gitignore")
"""The first one that a folder has counts, the other is nothing then."""


class Kind(Enum):
    """How a package came to be packed, which decides whose rules hold in its own folder."""

    ROOT = "root"
    """It is the project."""
    LINKED = "linked"
    """A bundled dependency that node_modules only links to: packed like a project."""
    BUNDLED = "bundled"
    """A bundled dependency that is installed: only its manifest counts."""


@dataclass(frozen=True)
class Verdict:
    """Whether something is packed, and by which rule; None: no rule speaks of it."""

    packed: bool
    rule: rules.Rule | None


@dataclass(frozen=True)
class Level:
    """A folder on the way down, and the rules that it brings."""

    start: int
    """Where a path below it begins in a path from the package's folder, in JavaScript's characters."""
    groups: tuple[rules.Group, ...]
    exact: bool
    """The folder itself is in, so its rules may put back what rules above leave out."""


@dataclass(frozen=True)
class Found:
    """A file, link or device that the walk met."""

    path: str
    """From the package's folder, `/` between folders."""
    entry: os.DirEntry[str]
    verdict: Verdict


@dataclass
class Walk:
    """A walk through one package's folder."""

    folder: str
    package: Package | None
    kind: Kind = Kind.ROOT
    outer: Sequence[str] = ()
    """The ignore files between a workspace and its root, whole."""
    nested: bool = False
    """The package has workspaces, which makes npm take every package.json below for an ignore file."""
    mounts: list[str] = field(default_factory=list)
    """Paths of the folders that are mounts, filled by the walk."""
    _everywhere: list[rules.Group] = field(init=False)
    _below: list[rules.Group] = field(init=False)
    _required: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._everywhere = packrules.everywhere()
        self._below = packrules.below(())

    def entries(self, *, closed: bool = False) -> Iterator[Found]:
        """Yield everything in the folders that the rules let pass, what they leave out too, in no order.

        Args:
            closed: look into the other folders as well, save node_modules and .git.

        Raises:
            ProjectError: a folder or an ignore file cannot be read.
        """
        device, bound = Path(self.folder).stat().st_dev, mounts.below(self.folder)
        waiting: list[tuple[str, tuple[Level, ...], Verdict | None]] = [("", (), None)]
        while waiting:
            prefix, levels, out = waiting.pop()
            entries = self._listed(prefix)
            if out is None:
                levels = (*levels, self.level(prefix, levels, {entry.name for entry in entries}))
            for entry in entries:
                path = prefix + entry.name
                folder = entry.is_dir(follow_symlinks=False)
                verdict = out or self.verdict(path, levels, Ask.FOLDER if folder else Ask.FILE)
                if not folder:
                    yield Found(path, entry, verdict)
                elif verdict.packed:
                    waiting.append((f"{path}/", levels, None))
                    if path in bound or _elsewhere(entry, device):
                        self.mounts.append(path)
                elif closed and entry.name not in ("node_modules", ".git"):
                    waiting.append((f"{path}/", levels, verdict))

    def verdict(self, path: str, levels: Sequence[Level], ask: Ask) -> Verdict:
        """Say whether the rules of `levels` put a path in."""
        text = globs.units(readable(path))
        name = text[text.rfind("/") + 1 :]
        packed, rule = True, None
        for level in levels:
            if not packed and not level.exact:
                break
            below = text[level.start :]
            for group in level.groups:
                if group.negate != packed and (found := group.match(name, below, ask)) is not None:
                    packed, rule = group.negate, found
        return Verdict(packed, rule)

    def level(self, prefix: str, above: Sequence[Level], names: Collection[str]) -> Level:
        """Return the rules of a folder.

        Args:
            prefix: its path with a slash behind it; empty for the package's own.
            above: the levels on the way to it.
            names: what is in it.
        """
        if not above:
            return Level(0, tuple(self._own(names)), exact=True)
        folder = prefix.rstrip("/")
        strict = packrules.below(self._required.get(folder, ())) if folder in self._required else self._below
        groups = (*self._everywhere, *self._read(prefix, names), *strict)
        exact = any(self.verdict(folder, above, ask).packed for ask in (Ask.FILE, Ask.EXACT))
        return Level(len(globs.units(readable(prefix))), groups, exact)

    def _own(self, names: Collection[str]) -> list[rules.Group]:
        made = packrules.OwnRules() if self.package is None else packrules.own(self.package, self.folder)
        for path in map(os.path.normpath, made.required):
            # npm hands a file that "files" names on to its folder, but only one level down.
            if path.count("/") == 1:
                folder, name = path.split("/")
                self._required.setdefault(folder, []).append(name)
        if self.kind is Kind.BUNDLED:
            return [*(made.listed or ()), *made.strict]
        first = packrules.everywhere(self.outer) if self.outer else self._everywhere
        read = self._ignored("", names) if made.listed is None else made.listed
        return [*first, *read, *made.strict]

    def _read(self, prefix: str, names: Collection[str]) -> list[rules.Group]:
        if self.nested and "package.json" in names:
            return self._parsed(f"{prefix}package.json")
        return self._ignored(prefix, names)

    def _ignored(self, prefix: str, names: Collection[str]) -> list[rules.Group]:
        name = next((each for each in IGNORE_FILES if each in names), None)
        return self._parsed(prefix + name) if name else []

    def _parsed(self, path: str) -> list[rules.Group]:
        try:
            text = Path(self.folder, path).read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise unreadable(path, error) from error
        return rules.parse(text, path)

    def _listed(self, prefix: str) -> list[os.DirEntry[str]]:
        try:
            with os.scandir(f"{self.folder}/{prefix}") as found:
                return list(found)
        except OSError as error:
            raise unreadable(prefix or self.folder, error) from error


def _elsewhere(entry: os.DirEntry[str], device: int) -> bool:
    try:
        return entry.stat(follow_symlinks=False).st_dev != device
    except OSError:
        return False  # listing the folder says it better


def readable(path: str) -> str:
    """Return the path as npm reads it: with a mark for every byte that is no UTF-8."""
    if path.isascii():
        return path
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def unreadable(path: str, error: OSError) -> ProjectError:
    """Return the error for something in the project that cannot be read."""
    return ProjectError(
        f"Cannot read {path}: {(error.strerror or str(error)).lower()}.",
        hint="Change who may read it, or name it in .jitsuignore, one name a line.",
        code="unreadable",
    )

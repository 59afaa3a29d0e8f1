"""The collecting of a project's files: npm's walk, jitsu's rules on top, bundled dependencies, reasons."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from jitsu_py.errors import ProjectError
from jitsu_py.project import notices, packrules, workspaces
from jitsu_py.project.bundles import bundles
from jitsu_py.project.jitsuignore import NAME, JitsuIgnore
from jitsu_py.project.packwalk import Kind, Verdict, Walk, readable, unreadable

if TYPE_CHECKING:
    from jitsu_py.project.bundles import Bundle
    from jitsu_py.project.package import Package
    from jitsu_py.project.packwalk import Found

LOCKFILES: Final = ("package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml")
"""Always sent, other than by npm: the build installs what they say."""

_SHOWN: Final = 5  # paths that an error names, of many


@dataclass(frozen=True)
class PackFile:
    """A file that goes into the archive."""

    path: str
    """Below the project's folder, with `/` between folders."""
    size: int
    """Bytes."""
    mode: int
    """Permission bits in the archive: 0o644 or 0o755."""
    why: str
    """What put it in, a phrase."""


@dataclass(frozen=True)
class Reason:
    """Whether a path is packed, and why."""

    packed: bool
    why: str
    """A phrase."""


@dataclass
class Listing:
    """The files of one project, as they are found."""

    root: str
    package: Package
    files: dict[str, PackFile] = field(default_factory=dict)
    """By path."""
    notices: list[notices.Notice] = field(default_factory=list)
    bundled: list[str] = field(default_factory=list)
    """Paths of the bundled dependencies."""
    _ignore: JitsuIgnore = field(init=False)
    _unnamable: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._ignore = JitsuIgnore(self.root)

    def read(self) -> None:
        """Collect the project's own files, then those of the dependencies that travel with it.

        Raises:
            ProjectError: something cannot be read, or has a name that no archive can hold.
        """
        if not self._read_own(closed=self._ignore.puts_back("")):
            # A .jitsuignore further down puts back what npm leaves out: closed folders count as well.
            self.files.clear()
            self.notices.clear()
            self._read_own(closed=True)
        for bundle in bundles(self.root, self.package):
            self._read_bundle(bundle)
        if self._unnamable:
            raise _bad_names(self._unnamable)

    def walk(self) -> Walk:
        """Return npm's walk through the project."""
        names = self.package.workspaces
        nested = bool(names and workspaces.members(self.root, names))
        return Walk(self.root, self.package, outer=workspaces.outer_ignores(self.root), nested=nested)

    def reason(self, path: str, verdict: Verdict) -> Reason:
        """Say what becomes of a path that npm's rules give the verdict on."""
        if path == "package.json":
            return Reason(True, "it says how the app is built and started")
        if path.rpartition("/")[2] == NAME:
            return Reason(False, "it is for jitsu, not for the app")
        if (said := self._ignore.says(path)) is not None:
            return Reason(said.packed, said.why)
        if path in LOCKFILES:
            return Reason(True, "the build installs what it says")
        return Reason(verdict.packed, _why(verdict))

    def _read_own(self, *, closed: bool) -> bool:
        """Collect the project's own files; False: closed folders have to be looked into, and were not."""
        walk = self.walk()
        for found in walk.entries(closed=closed):
            folder, slash, name = found.path.rpartition("/")
            if name == NAME and not closed and self._ignore.puts_back(folder + slash):
                return False
            self._take(found, found.path)
        self.notices += map(notices.about_mount, walk.mounts)
        return True

    def _read_bundle(self, bundle: Bundle) -> None:
        if bundle.path.startswith(".."):
            raise ProjectError(
                f"The bundled dependency {bundle.path} lies outside of the project.",
                hint="Install it into the project's own node_modules, or take it out of bundleDependencies.",
            )
        if bundle.kind is Kind.LINKED and not _inside(self.root, bundle.target):
            self.notices.append(notices.about_outside(bundle.path, bundle.target))
        self.bundled.append(bundle.path)
        for found in Walk(f"{self.root}/{bundle.path}", bundle.package, bundle.kind).entries():
            self._take(found, f"{bundle.path}/{found.path}")

    def _take(self, found: Found, path: str) -> None:
        reason = self.reason(path, found.verdict)
        if not reason.packed:
            return
        try:
            info = found.entry.stat(follow_symlinks=False)
        except FileNotFoundError:
            return  # gone since its folder was read, so it is no part of the project any more
        except OSError as error:
            raise unreadable(path, error) from error
        if stat.S_ISLNK(info.st_mode):
            self.notices.append(notices.about_link(self.root, path))
        elif not stat.S_ISREG(info.st_mode):
            self.notices.append(notices.about_special(path, info.st_mode))
        elif "*" in found.entry.name:
            self.notices.append(notices.about_name(path))
        elif readable(path) != path:
            self._unnamable.append(readable(path))
        else:
            executable = info.st_mode & stat.S_IXUSR or path in self.package.commands
            self.files[path] = PackFile(path, info.st_size, 0o755 if executable else 0o644, reason.why)


def _why(verdict: Verdict) -> str:
    rule = verdict.rule
    if rule is None:
        return "nothing leaves it out"
    pattern = rule.text.lstrip("!")
    if rule.source == packrules.NPM:
        return "npm always packs it" if verdict.packed else f"npm never packs {pattern}"
    if rule.source == packrules.NAMED:
        return f"package.json names it: {pattern.lstrip('/')}"
    if rule.source == packrules.FILES:
        listed = f"{packrules.FILES}: {pattern if verdict.packed else f'!{pattern}'}"
        return f"not in {packrules.FILES}" if rule.text == "*" else listed
    return str(rule)


def _inside(root: str, target: str) -> bool:
    real = os.path.realpath(root)
    return target == real or target.startswith(f"{real}/")


def _bad_names(paths: list[str]) -> ProjectError:
    more = f" and {len(paths) - _SHOWN} more" if len(paths) > _SHOWN else ""
    shown = ", ".join(sorted(paths)[:_SHOWN]) + more
    return ProjectError(
        f"These names are no UTF-8, and npm cannot pack them: {shown}.",
        hint="Rename the files, or name their folder in .jitsuignore.",
        code="bad_name",
        details={"paths": sorted(paths)},
    )

"""Which files of a project are deployed, and why: those that npm would pack, and the lockfiles.

What differs from `npm pack`, on purpose: the lockfiles of the project's own folder are always in, since the
build installs what they say; `.jitsuignore` overrules npm's rules; and what npm passes over in silence
(links, sockets, names that it cannot take) is told in a notice, or refused.
"""

from __future__ import annotations

import os
import posixpath
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from jitsu_py.errors import ProjectError
from jitsu_py.project.listing import LOCKFILES, Listing, PackFile, Reason
from jitsu_py.project.notices import About, Notice, about_files
from jitsu_py.project.package import package
from jitsu_py.project.rules import Ask

if TYPE_CHECKING:
    from jitsu_py.project.manifest import Manifest

__all__ = ["LOCKFILES", "About", "Notice", "PackFile", "Reason", "Survey", "explain", "packlist", "survey"]


@dataclass(frozen=True)
class Survey:
    """What would be packed, and what a person should know of it."""

    files: list[PackFile]
    """Sorted by path."""
    notices: list[Notice]
    """Sorted by path."""

    @property
    def size(self) -> int:
        """Bytes of all files together, before compression."""
        return sum(file.size for file in self.files)


def packlist(folder: Path, manifest: Manifest) -> list[PackFile]:
    """List the files that npm would pack, and the lockfiles, sorted by path.

    Raises:
        ProjectError: something cannot be read, or has a name that no archive can hold.
    """
    return survey(folder, manifest).files


def survey(folder: Path, manifest: Manifest) -> Survey:
    """List the files, and all that a person should know before they are sent.

    Raises:
        ProjectError: as `packlist`.
    """
    listing = _listing(folder, manifest)
    listing.read()
    if "package.json" not in listing.files:
        raise _no_manifest(folder)
    paths = sorted(listing.files)
    notices = listing.notices + about_files(listing.root, paths, listing.bundled)
    return Survey([listing.files[path] for path in paths], sorted(notices, key=lambda notice: notice.path))


def explain(folder: Path, manifest: Manifest, path: str) -> Reason:
    """Say why a path is packed or not.

    Args:
        path: of a file or folder, from the project's folder; it need not exist.

    Raises:
        ProjectError: the path leads out of the project.
    """
    inside = posixpath.normpath(path.replace(os.sep, "/"))
    if inside.startswith(("../", "/")) or inside in ("..", "."):
        raise ProjectError(f"{path} is not in the project.", hint=f"Name a path from {folder}.")
    listing = _listing(folder, manifest)
    listing.read()
    if (file := listing.files.get(inside)) is not None:
        return Reason(True, file.why)
    if count := sum(each.startswith(f"{inside}/") for each in listing.files):
        return Reason(True, f"a folder, of which {count:,} files are packed")
    told = next((notice.message for notice in listing.notices if notice.path == inside), None)
    return Reason(False, told) if told else _left_out(listing, inside)


def _left_out(listing: Listing, path: str) -> Reason:
    root, walk = Path(listing.root), listing.walk()
    levels = [walk.level("", (), _names(root))]
    folders = path.split("/")
    for depth in range(1, len(folders)):
        prefix = "/".join(folders[:depth])
        verdict = walk.verdict(prefix, levels, Ask.FOLDER)
        if not verdict.packed:
            return Reason(False, f"{prefix}/ is left out: {listing.reason(prefix, verdict).why}")
        levels.append(walk.level(f"{prefix}/", levels, _names(root / prefix)))
    asked = Ask.FOLDER if (root / path).is_dir() else Ask.FILE
    reason = listing.reason(path, walk.verdict(path, levels, asked))
    if not reason.packed:
        return reason
    return Reason(False, "there is no file in it" if (root / path).exists() else "there is no such file")


def _names(folder: Path) -> set[str]:
    return {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()


def _listing(folder: Path, manifest: Manifest) -> Listing:
    return Listing(str(folder.absolute()), package(manifest.data, str(folder)))


def _no_manifest(folder: Path) -> ProjectError:
    if (folder / "package.json").is_symlink():
        return ProjectError(
            f"{folder / 'package.json'} is a link, which no archive of npm's holds.",
            hint="Replace the link by a copy of the file.",
        )
    hint = "Write one: npm init."
    return ProjectError(f"There is no package.json in {folder}.", hint=hint, code="no_manifest")

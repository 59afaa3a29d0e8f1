"""Copies of folder trees, made from a list of what is in them; a tree that is not as listed is not copied.

Where the file system shares blocks between files (Btrfs, XFS, APFS) the copy takes no room. Never by hard
links: whoever writes to one copy would write to all.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

CHECK_EVERY: Final = 64
"""Files between two looks whether to go on."""

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
"""How a folder is opened."""

FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""How a file is opened; a pipe in its place is not waited for."""

USUAL_MODES: Final = (0o644, 0o755)

HIDDEN_LOCKFILE: Final = "node_modules/.package-lock.json"
"""npm trusts it only while it is no older than the packages."""

CANNOT: Final = {errno.EXDEV, errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM}
"""What `copy_file_range` answers where a kernel or file system has it not."""


class DamagedError(Exception):
    """A tree is not as it was when it was listed; the message says where."""


class UnsuitableError(Exception):
    """A tree holds what a copy of it would not be the same with; the message says what."""


@dataclass(frozen=True)
class File:
    """A file of a tree."""

    path: str
    """Relative to the root, slash-separated."""
    size: int
    """Bytes."""
    changed: int
    """Its time of change, nanoseconds: another one means that somebody wrote to it."""
    mode: int
    """Permissions."""


@dataclass(frozen=True)
class Listing:
    """What is in a tree."""

    folders: tuple[tuple[str, int], ...]
    """Path and permissions, parents first."""
    files: tuple[File, ...]
    links: tuple[tuple[str, str], ...]
    """Path and target."""

    @property
    def roots(self) -> list[str]:
        """Paths of what lies in none of the folders."""
        inner = {path for path, _ in self.folders}
        paths = (*(path for path, _ in (*self.folders, *self.links)), *(file.path for file in self.files))
        return [path for path in paths if path.rpartition("/")[0] not in inner]

    @property
    def bytes(self) -> int:
        """Of all files together, in blocks of 4 KiB as a disk takes them."""
        return sum(-(-file.size // 4096) * 4096 for file in self.files) + 4096 * len(self.folders)

    def to_json(self) -> dict[str, Any]:
        """As kept in a file."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Listing:
        """Back from a file.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        return cls(
            tuple((str(path), int(mode)) for path, mode in data["folders"]),
            tuple(File(**file) for file in data["files"]),
            tuple((str(path), str(target)) for path, target in data["links"]),
        )


def listing(root: Path, names: tuple[str, ...], beside: tuple[str, ...] = ()) -> Listing:
    """List what is in a tree.

    Args:
        root: its folder.
        names: paths in it of what belongs to it; what is not there is passed over.
        beside: paths of folders that it may link to, wherever it is.

    Raises:
        UnsuitableError: it has links that lead elsewhere, sockets or devices.
    """
    found = _Found([], [], [])
    for name in names:
        if (root / name).is_dir() and not (root / name).is_symlink():
            found.folders.append((name, stat.S_IMODE((root / name).stat().st_mode)))
            _walk(root / name, f"{name}/", found)
        elif (root / name).is_file():
            found.files.append(_file(name, (root / name).stat()))
    for path, target in found.links:
        _check_link(path, target, (*names, *beside))
    found.files.sort(key=lambda file: file.path == HIDDEN_LOCKFILE)
    return Listing(tuple(found.folders), tuple(found.files), tuple(found.links))


@dataclass
class _Found:
    folders: list[tuple[str, int]]
    files: list[File]
    links: list[tuple[str, str]]


def _walk(folder: Path | str, prefix: str, found: _Found) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            path = prefix + entry.name
            if entry.is_symlink():
                found.links.append((path, os.readlink(entry.path)))  # noqa: PTH115 - as in clone()
            elif entry.is_dir():
                found.folders.append((path, stat.S_IMODE(entry.stat().st_mode)))
                _walk(entry.path, f"{path}/", found)
            elif entry.is_file():
                found.files.append(_file(path, entry.stat()))
            else:
                raise UnsuitableError(f"{path} is no file")


def _file(path: str, status: os.stat_result) -> File:
    return File(path, status.st_size, status.st_mtime_ns, stat.S_IMODE(status.st_mode))


def _check_link(path: str, target: str, names: tuple[str, ...]) -> None:
    place = os.path.normpath(os.path.join(os.path.dirname(path), target))  # noqa: PTH118, PTH120 - no real path
    if target.startswith("/") or not any(place == name or place.startswith(f"{name}/") for name in names):
        raise UnsuitableError(f"{path} is a link to {target}, which is elsewhere")


def clone(listed: Listing, source: Path, target: Path, check: Callable[[], None]) -> Listing:
    """Copy a tree; programs may write to it meanwhile, and then it is not copied.

    Args:
        listed: what is in it; times and sizes are compared with what is found.
        source: where it is.
        target: an existing folder without any of its entries; folders above them are made. Nobody else writes
            to it.
        check: called now and then; raises to stop.

    Returns:
        The same list with the copies' times.

    Raises:
        DamagedError: the source is not as listed. What was copied by then stays.
        OSError: the disk is full, or the like.
    """
    there = str(target)
    for path in listed.roots:
        (target / path).parent.mkdir(parents=True, exist_ok=True)
    for folder, _ in listed.folders:
        os.mkdir(f"{there}/{folder}")  # noqa: PTH102 - a Path for each of ten thousands takes its time
    for path, link in listed.links:
        os.symlink(link, f"{there}/{path}")  # noqa: PTH211 - as above
    copies = []
    with _Inside(source) as inside:
        for number, file in enumerate(listed.files):
            if number % CHECK_EVERY == 0:
                check()
            copies.append(replace(file, changed=_copy(file, inside, f"{there}/{file.path}")))
    for folder, mode in reversed(listed.folders):
        if mode not in USUAL_MODES:
            os.chmod(f"{there}/{folder}", mode)  # noqa: PTH101 - as above
    return replace(listed, files=tuple(copies))


class _Inside:
    """The folders of a tree, each opened from the one above it: no link on the way leads out of the tree."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._opened: list[tuple[str, int]] = []
        """Path and handle of those above the file that was opened last, the outermost first."""

    def __enter__(self) -> Self:
        try:
            self._opened.append(("", os.open(self._root, FOLDER)))
        except OSError as error:
            raise DamagedError(f"{self._root.name}: {error.strerror}") from error
        return self

    def __exit__(self, *_: object) -> None:
        while self._opened:
            os.close(self._opened.pop()[1])

    def open(self, path: str) -> int:
        """A handle for reading a file.

        Raises:
            OSError: it is not there, or not what it was.
        """
        folder, _, name = path.rpartition("/")
        return os.open(name, FILE, dir_fd=self._folder(folder))

    def _folder(self, folder: str) -> int:
        while not f"{folder}/".startswith(self._opened[-1][0]):
            os.close(self._opened.pop()[1])
        at = self._opened[-1][0]
        for name in filter(None, folder[len(at) :].split("/")):
            at = f"{at}{name}/"
            self._opened.append((at, os.open(name, FOLDER, dir_fd=self._opened[-1][1])))
        return self._opened[-1][1]


def _copy(file: File, inside: _Inside, target: str) -> int:
    """Copy a file; the copy's time of change."""
    try:
        opened = inside.open(file.path)
    except OSError as error:
        raise DamagedError(f"{file.path}: {error.strerror}") from error
    try:
        _check_same(file, opened)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        made = os.open(target, flags, file.mode | stat.S_IWUSR)
        try:
            _transfer(opened, made, file)
            _check_same(file, opened)
            if file.mode not in USUAL_MODES:
                os.fchmod(made, file.mode)
            return os.fstat(made).st_mtime_ns
        finally:
            os.close(made)
    finally:
        os.close(opened)


def _check_same(file: File, handle: int) -> None:
    status = os.fstat(handle)
    if (status.st_size, status.st_mtime_ns) != (file.size, file.changed):
        raise DamagedError(f"{file.path} was changed")


def _transfer(source: int, target: int, file: File) -> None:
    left = file.size
    try:
        while left and hasattr(os, "copy_file_range"):
            # Shares the blocks where the file system can, else copies within the kernel.
            count = os.copy_file_range(source, target, left)
            if count == 0:
                raise DamagedError(f"{file.path} ends early")
            left -= count
    except OSError as error:
        if error.errno not in CANNOT or left != file.size:
            raise
    if left:
        with open(source, "rb", closefd=False) as here, open(target, "wb", closefd=False) as there:
            shutil.copyfileobj(here, there, 1024 * 1024)

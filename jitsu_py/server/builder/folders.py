"""Folders that appear and go as a whole."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from collections.abc import Callable


def set_aside(folder: Path, work: Path) -> Path:
    """Take a folder out of its place at once, if it is there; where it can be removed at leisure.

    Args:
        work: a folder of the same file system.
    """
    aside = work / f"removed-{os.urandom(8).hex()}"
    with contextlib.suppress(FileNotFoundError):
        folder.chmod(0o700)  # a folder that its owner may not write to cannot be moved
        folder.rename(aside)
    return aside


def remove_tree(folder: Path) -> bool:
    """Remove a folder and what is in it, also what its owner may not write to; return whether it is gone."""
    if folder.is_symlink() or folder.is_file():
        folder.unlink(missing_ok=True)
    else:
        shutil.rmtree(folder, onerror=_allow_and_retry)
    return not os.path.lexists(folder)


def _allow_and_retry(function: Callable[..., Any], path: str, _error: object) -> None:
    if not os.path.lexists(path):
        return
    try:
        for place in (Path(path).parent, Path(path)):
            if not place.is_symlink():
                place.chmod(stat.S_IMODE(place.stat().st_mode) | stat.S_IRWXU)
        if function in (os.unlink, os.rmdir, os.remove):
            function(path)
        else:
            shutil.rmtree(path, ignore_errors=True)
    except OSError:
        return


def put_in_place(made: Path, place: Path, aside: Path) -> None:
    """Rename a folder to its final place; what is there already goes aside and is removed.

    Args:
        made: the new folder.
        place: where it belongs, on the same file system; its parent is made.
        aside: a folder on that file system, for what was there.
    """
    place.parent.mkdir(parents=True, exist_ok=True)
    if os.path.lexists(place):
        old = aside / uuid4().hex
        place.rename(old)
        made.rename(place)
        remove_tree(old)
    else:
        made.rename(place)

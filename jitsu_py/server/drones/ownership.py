"""Hands a drone's files to the user that it runs as."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def hand_over(folder: Path, user: int) -> None:
    """Make a user, and its group, the owner of a folder and all in it, unless it owns the folder already.

    The folder itself comes last, so that what was interrupted is begun again. No link is followed, nor
    anything put in the place of a folder meanwhile: who may write there now gets nothing else handed over.
    A file that has another name, a hard link, stays whose it is: under that name it may be another app's.

    Args:
        user: its number.

    Raises:
        OSError: the folder is not there; it is not for this process to give away.
    """
    if folder.lstat().st_uid == user:
        return
    for _, folders, files, here in os.fwalk(folder, onerror=_fail):
        for name in (*folders, *files):
            found = os.stat(name, dir_fd=here, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode) or found.st_nlink == 1:
                os.chown(name, user, user, dir_fd=here, follow_symlinks=False)
    os.chown(folder, user, user, follow_symlinks=False)


def _fail(error: OSError) -> None:
    raise error

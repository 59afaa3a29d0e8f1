"""Folders that go as a whole."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

from jitsu_py.server.builder.folders import remove_tree

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_not_there_is_gone_and_nothing_around_it_changes(tmp_path: Path) -> None:
    """The folder that it would be in stays open to whom it was open."""
    tmp_path.chmod(0o755)
    assert remove_tree(tmp_path / "none")
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_what_its_owner_may_not_write_to_goes_all_the_same(tmp_path: Path) -> None:
    """Files in closed folders, too."""
    deep = tmp_path / "tree" / "closed" / "deep"
    deep.mkdir(parents=True)
    (deep / "file").touch()
    for folder in (deep, deep.parent, tmp_path / "tree"):
        folder.chmod(0o500)
    assert remove_tree(tmp_path / "tree")

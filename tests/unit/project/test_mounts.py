"""Folders that are mounts: named before what is in them is packed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from jitsu_py.project import manifest
from jitsu_py.project.packlist import About, survey
from tests.unit.project import trees

if TYPE_CHECKING:
    from pathlib import Path

APART = ["unshare", "--map-root-user", "--mount", "sh", "-euc"]
"""A place of our own for mounts, gone when the command ends; needs no root where the system lets users."""

LOOK = """
mount --bind "$1/elsewhere" "$1/app/bound here"
mount -t tmpfs tmpfs "$1/app/memory"
exec "$2" -m tests.unit.project.test_mounts "$1/app"
"""


def test_mounts_are_named(tmp_path: Path) -> None:
    """Also a bind mount from the same disk, whose device number tells nothing."""
    can = shutil.which("unshare") and subprocess.run([*APART, "true"], capture_output=True, check=False)
    if not can or can.returncode:
        pytest.skip("this system lets nobody mount")
    trees.write(tmp_path / "app", None, **{"bound here/x.js": "", "memory/y.js": "", "plain/z.js": ""})
    trees.write(tmp_path / "elsewhere", None, **{"a.js": ""})

    told = subprocess.run(
        [*APART, LOOK, "sh", str(tmp_path), sys.executable], capture_output=True, text=True, check=False
    )

    assert (told.stdout.split("\n")[:-1], told.stderr) == (["bound here", "memory"], "")


def _say(folder: Path) -> None:
    for notice in survey(folder, manifest.read(folder)).notices:
        if notice.about is About.MOUNT:
            print(notice.path)


if __name__ == "__main__":
    from pathlib import Path

    _say(Path(sys.argv[1]))

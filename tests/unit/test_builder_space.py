"""A snapshot that would fill the disk is refused with the figures, before it is unpacked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.builder.space import (
    AMPLE_BYTES,
    PACKAGE_BYTES,
    PACKAGE_INODES,
    RESERVED,
    RESERVED_INODES,
    Space,
    check_space,
    expected,
    free,
    needed,
    taken,
    unclaimed,
)
from jitsu_py.server.builder.unpack import ArchiveFile, Contents, Limits, inspect, unpack
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code
from tests.unit.archives import write_app

if TYPE_CHECKING:
    from pathlib import Path

NEED = Space(10 * 1024 * 1024, 100)


def test_small_files_take_whole_blocks_and_folders_count() -> None:
    """Ten thousand files of a byte take 40 MB."""
    files = tuple(ArchiveFile(f"a/b/{number}", 1, 0o644) for number in range(10_000))
    assert needed(Contents(files, {}, 10_000)) == Space(4096 * 10_002, 10_002)


def test_the_estimate_is_what_it_takes(tmp_path: Path) -> None:
    """To the inode, and to the block but for the file system's own."""
    files = {f"lib/{number % 3}/{number}.js": "x" * number * 100 for number in range(100)}
    archive = write_app(tmp_path / "a.tgz", {"name": "a", "version": "1.0.0"}, files)
    need = needed(inspect(archive, Limits()))
    unpack(archive, tmp_path / "app", Limits())
    paths = list((tmp_path / "app").rglob("*"))
    assert need.inodes == len(paths)
    assert need.bytes >= sum(path.stat().st_size for path in paths if path.is_file())


@pytest.mark.parametrize(
    "there",
    [
        Space(NEED.bytes + RESERVED, NEED.inodes and NEED.inodes + RESERVED_INODES),
        Space(NEED.bytes + RESERVED, None),
    ],
)
def test_what_fits_is_taken(there: Space) -> None:
    """To the last byte; some file systems count no inodes."""
    check_space(NEED, there)


@pytest.mark.parametrize(
    ("there", "says"),
    [
        (
            Space(NEED.bytes + RESERVED - 1, None),
            "takes 10 MiB unpacked, and the server's disk has 74 MiB free",
        ),
        (Space(10**12, 1099), "has 100 files and folders, and the server's disk has room for 1,099"),
        (Space(0, 0), "takes 10 MiB"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_figures(there: Space, says: str) -> None:
    """Bytes and inodes; it is the server's fault, and what helps is said."""
    with pytest.raises(PlatformError) as caught:
        check_space(NEED, there)
    assert says in caught.value.message
    assert (caught.value.code, caught.value.blame) == (Code.DISK_FULL, Blame.SYSTEM)
    assert caught.value.details["free"] == {"bytes": there.bytes, "inodes": there.inodes}
    assert caught.value.details["hint"]


def test_this_disk_has_room(tmp_path: Path) -> None:
    """The figures are the file system's."""
    assert free(tmp_path).bytes > 0


LOCK = {
    "package-lock.json": '{"packages": {' + '"a": {"resolved": "https://x/a.tgz"},\n' * 300 + '"b": {}}}',
    "yarn.lock": 'a@1:\n  version "1"\n  resolved "https://x/a.tgz#1"\n' * 200,
    "pnpm-lock.yaml": "  a@1:\n    resolution: {integrity: sha512-x}\n" * 100,
}


@pytest.mark.parametrize(("name", "count"), [(name, 300 - 100 * turn) for turn, name in enumerate(LOCK)])
def test_a_lockfile_says_how_many_packages_come(tmp_path: Path, name: str, count: int) -> None:
    """With little room the snapshot is expected to take what they do; with ample room nobody counts."""
    app = {"name": "a", "version": "1.0.0"}
    archive = write_app(tmp_path / "a.tgz", app, {name: LOCK[name], "lib/package-lock.json": LOCK[name] * 9})
    contents = inspect(archive, Limits())
    assert contents.locked == count
    own = needed(contents)
    need, how = expected(contents, Space(own.bytes, 10_000), None)
    assert need == Space(own.bytes + count * PACKAGE_BYTES, (own.inodes or 0) + count * PACKAGE_INODES)
    assert f"{count} packages" in how
    assert expected(contents, Space(own.bytes + AMPLE_BYTES, None), None)[0] == own


def test_the_last_build_says_what_the_next_takes(tmp_path: Path) -> None:
    """Dependencies and what is built included; it is refused before anything is unpacked."""
    archive = write_app(tmp_path / "a.tgz", {"name": "a", "version": "1.0.0"}, {"server.js": ""})
    last = tmp_path / "last"
    (last / "node_modules" / "big").mkdir(parents=True)
    for number in range(20):
        (last / "node_modules" / "big" / f"{number}.js").write_bytes(b"x" * 1_000_000)
    there = Space(RESERVED + 1024 * 1024, None)
    need, how = expected(inspect(archive, Limits()), there, last)
    assert (need.bytes > 20_000_000, need.inodes) == (True, 22)
    assert need == taken(last)
    with pytest.raises(PlatformError, match=r"takes 20 MiB with its dependencies, as its last build did"):
        check_space(need, there, how)


def test_what_builds_under_way_will_take_is_not_free(tmp_path: Path) -> None:
    """Less what they have taken already; never less than nothing; with ample room nobody measures."""
    need = Space(1_000_000, 10)
    assert unclaimed(Space(5_000_000, 100), [], tmp_path) == Space(5_000_000, 100)
    assert unclaimed(Space(5_000_000, 100), [need, need], tmp_path) == Space(3_000_000, 80)
    assert unclaimed(Space(5_000_000, None), [need], tmp_path) == Space(4_000_000, None)
    assert unclaimed(Space(1_500_000, 15), [need, need], tmp_path) == Space(0, 0)
    (tmp_path / "half").write_bytes(b"x" * 409_600)
    assert unclaimed(Space(5_000_000, 100), [need], tmp_path) == Space(4_409_600, 91)
    ample = Space(AMPLE_BYTES + need.bytes, None)
    assert unclaimed(ample, [need], tmp_path) == ample

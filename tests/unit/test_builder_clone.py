"""Copies of trees: the same in all that matters, apart from the original, or none."""

from __future__ import annotations

import os
import resource
import socket
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.builder.clone import DamagedError, Listing, UnsuitableError, clone, listing

if TYPE_CHECKING:
    from collections.abc import Callable


def go_on() -> None:
    """Nothing stops it."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A small node_modules with everything that one may have."""
    modules = tmp_path / "source" / "node_modules"
    (modules / ".bin").mkdir(parents=True)
    (modules / "dep" / "locked").mkdir(parents=True)
    (modules / "dep" / "index.js").write_text("module.exports = 1")
    (modules / "dep" / "run.js").write_text("#!/usr/bin/env node")
    (modules / "dep" / "run.js").chmod(0o755)
    (modules / "dep" / "empty").touch()
    (modules / "dep" / "big").write_bytes(os.urandom(3_000_001))
    (modules / "dep" / "locked" / "file").write_text("x")
    (modules / "dep" / "locked" / "file").chmod(0o400)
    (modules / "dep" / "locked").chmod(0o500)
    (modules / ".bin" / "run").symlink_to("../dep/run.js")
    (modules / ".package-lock.json").write_text("{}")
    return tmp_path / "source"


def shape(root: Path) -> dict[str, tuple[object, ...]]:
    """Everything below a folder that a program could see, but for times."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ("link", str(path.readlink()))
        elif path.is_dir():
            found[name] = ("folder", path.stat().st_mode)
        else:
            found[name] = ("file", path.stat().st_mode, path.read_bytes())
    return found


def copied(tree: Path, target: Path) -> Path:
    """The tree, cloned from a list that went through JSON."""
    target.mkdir()
    listed = Listing.from_json(listing(tree, ("node_modules", "none")).to_json())
    clone(listed, tree, target, go_on)
    return target


@pytest.mark.parametrize("by_the_kernel", [True, False])
def test_a_copy_is_the_same(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, by_the_kernel: bool
) -> None:
    """Content, permissions, links; npm's own list comes last, as npm wants it; by the kernel or not."""
    if not by_the_kernel:
        monkeypatch.delattr(os, "copy_file_range", raising=False)
    target = copied(tree, tmp_path / "target")
    assert shape(target) == shape(tree)
    newest = max(path.lstat().st_mtime_ns for path in target.rglob("*") if path.is_file())
    assert (target / "node_modules/.package-lock.json").stat().st_mtime_ns == newest


def test_a_copy_shares_nothing(tree: Path, tmp_path: Path) -> None:
    """Whoever writes to a copy changes neither the original nor another copy."""
    target = copied(tree, tmp_path / "target")
    for path in target.rglob("*"):
        assert path.is_symlink() or path.is_dir() or path.stat().st_nlink == 1
    (target / "node_modules/dep/index.js").write_text("broken")
    assert (tree / "node_modules/dep/index.js").read_text() == "module.exports = 1"


@pytest.mark.parametrize(
    "damage",
    [
        lambda file: file.unlink(),
        lambda file: file.write_text("module.exports = 2"),
        lambda file: os.truncate(file, 3),
        lambda file: (file.unlink(), file.symlink_to("/etc/passwd")),
        lambda file: (file.unlink(), file.mkdir()),
        lambda file: (file.unlink(), subprocess.run(["mkfifo", file], check=True)),
        lambda file: (file.parent.rename(file.parents[2] / "aside"), file.parent.symlink_to("../aside")),
    ],
)
def test_a_tree_that_is_not_as_listed_is_refused(
    tree: Path, tmp_path: Path, damage: Callable[[Path], object]
) -> None:
    """A file that is gone, written to, cut or replaced is noticed, even when its size is the same."""
    listed = listing(tree, ("node_modules",))
    damage(tree / "node_modules/dep/index.js")
    (tmp_path / "target").mkdir()
    with pytest.raises(DamagedError, match="dep"):
        clone(listed, tree, tmp_path / "target", go_on)


@pytest.mark.parametrize("target", ["/etc/passwd", "../../outside", "../../../x"])
def test_links_that_lead_elsewhere_make_a_tree_unfit(tree: Path, target: str) -> None:
    """A copy of them would point to what was another build's."""
    (tree / "node_modules/out").symlink_to(target)
    with pytest.raises(UnsuitableError, match="node_modules/out is a link"):
        listing(tree, ("node_modules",))


def test_a_socket_makes_a_tree_unfit(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It cannot be copied."""
    monkeypatch.chdir(tree / "node_modules")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("s")
        with pytest.raises(UnsuitableError, match="node_modules/s is no file"):
            listing(tree, ("node_modules",))


def test_a_tree_that_is_written_to_meanwhile_is_refused(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that changes while it is copied is noticed, too: its app may be running by then."""
    real = os.copy_file_range

    def slow(source: int, target: int, count: int) -> int:
        done = real(source, target, count)
        (tree / "node_modules/dep/index.js").write_text("module.exports = 2")
        return done

    listed = listing(tree, ("node_modules",))
    monkeypatch.setattr(os, "copy_file_range", slow)
    (tmp_path / "target").mkdir()
    with pytest.raises(DamagedError, match=r"dep/index\.js was changed"):
        clone(listed, tree, tmp_path / "target", go_on)


def test_no_more_folders_are_open_than_lie_above_each_other(tmp_path: Path) -> None:
    """However many there are."""
    for number in range(300):
        (tmp_path / f"source/node_modules/dep{number}/lib").mkdir(parents=True)
        (tmp_path / f"source/node_modules/dep{number}/lib/index.js").write_text(str(number))
        (tmp_path / f"source/node_modules/dep{number}/package.json").write_text("{}")
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (len(list(Path("/proc/self/fd").iterdir())) + 20, limits[1]))
    try:
        target = copied(tmp_path / "source", tmp_path / "target")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert shape(target) == shape(tmp_path / "source")


def test_a_clone_can_be_stopped(tree: Path, tmp_path: Path) -> None:
    """A build that is cancelled does not copy on."""

    def stop() -> None:
        raise RuntimeError("stopped")

    (tmp_path / "target").mkdir()
    with pytest.raises(RuntimeError, match="stopped"):
        clone(listing(tree, ("node_modules",)), tree, tmp_path / "target", stop)

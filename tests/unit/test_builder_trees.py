"""The cache of installed trees: found by fingerprint, whole or not at all, bounded, gone at any time."""

from __future__ import annotations

import json
import os
import shutil
import threading
import time
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.builder.clone import listing
from jitsu_py.server.builder.trees import ENTRY, LIST, Missed, Taken, Trees

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PARTS = {"Node": "1", "package-lock.json": "a"}


def go_on() -> None:
    """Nothing stops it."""


def app(root: Path, size: int = 10, files: int = 3) -> Path:
    """An app with something installed."""
    for number in range(files):
        place = root / "node_modules" / f"dep{number}"
        place.mkdir(parents=True)
        (place / "index.js").write_bytes(bytes(size))
    return root


def take(
    trees: Trees, target: Path, parts: dict[str, str] | None = None, *, pinned: bool = True
) -> Taken | Missed:
    """Clone a tree into a new app."""
    target.mkdir()
    return trees.take(parts or PARTS, "ada/app", target, pinned=pinned, check=go_on)


def keep(trees: Trees, source: Path, parts: dict[str, str] | None = None) -> str:
    """Keep an app's tree."""
    listed = listing(source, ("node_modules",))
    return trees.keep(parts or PARTS, "ada/app", source, listed, check=go_on)


@pytest.fixture
def trees(tmp_path: Path) -> Trees:
    """A cache with one tree."""
    made = Trees(tmp_path / "trees")
    assert keep(made, app(tmp_path / "app")) == ""
    return made


def entry(root: Path) -> Path:
    """The only tree's folder."""
    return next(path for path in (root / "trees").iterdir() if path.name != "apps")


def test_what_was_kept_is_taken(trees: Trees, tmp_path: Path) -> None:
    """As often as one likes, with its figures."""
    for number in range(2):
        taken = take(trees, tmp_path / str(number))
        assert isinstance(taken, Taken)
        assert (taken.files, taken.age < 60) == (3, True)
        assert sorted(path.name for path in (tmp_path / str(number) / "node_modules").iterdir()) == [
            "dep0",
            "dep1",
            "dep2",
        ]


def test_the_first_miss_says_nothing(tmp_path: Path) -> None:
    """There is nothing that could have been reused."""
    assert take(Trees(tmp_path / "trees"), tmp_path / "new") == Missed("")


def test_a_miss_names_what_has_changed(trees: Trees, tmp_path: Path) -> None:
    """In words that a person knows, against this app's last build."""
    missed = take(trees, tmp_path / "new", {"Node": "2", "yarn.lock": "b"})
    assert missed == Missed("changed since the last build: Node, yarn.lock, package-lock.json")
    assert not list((tmp_path / "new").iterdir())


def _cut(place: Path) -> None:
    os.truncate(place / LIST, 20)


def _no_list(place: Path) -> None:
    (place / LIST).unlink()


def _no_marker(place: Path) -> None:
    (place / ENTRY).unlink()


def _nonsense(place: Path) -> None:
    (place / ENTRY).write_text("[]")


def _no_file(place: Path) -> None:
    (place / "tree/node_modules/dep2/index.js").unlink()


def _no_tree(place: Path) -> None:
    shutil.rmtree(place / "tree")


def _written_to(place: Path) -> None:
    (place / "tree/node_modules/dep1/index.js").write_bytes(bytes(9) + b"!")


def _a_file(place: Path) -> None:
    shutil.rmtree(place)
    place.write_text("x")


@pytest.mark.parametrize(
    "damage", [_cut, _no_list, _no_marker, _nonsense, _no_file, _no_tree, _written_to, _a_file]
)
def test_damage_is_noticed_and_made_good(
    trees: Trees, tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    """Nothing of a damaged tree stays in the app; the next install takes its place."""
    damage(entry(tmp_path))
    missed = take(trees, tmp_path / "new")
    assert isinstance(missed, Missed)
    assert "damaged" in missed.why
    assert not list((tmp_path / "new").iterdir())
    assert keep(trees, tmp_path / "app") == ""
    assert isinstance(take(trees, tmp_path / "again"), Taken)


def test_a_half_made_tree_is_none_and_is_swept(trees: Trees, tmp_path: Path) -> None:
    """What a killed server was writing goes at the next start."""
    entry(tmp_path).rename(tmp_path / "trees" / ".half")
    assert take(trees, tmp_path / "new") == Missed("it is no longer in the cache")
    trees.sweep()
    assert [path.name for path in (tmp_path / "trees").iterdir()] == ["apps"]


def test_the_cache_may_be_deleted_at_any_time(trees: Trees, tmp_path: Path) -> None:
    """Before, and while it is copied from."""
    source = app(tmp_path / "many", files=300)
    keep(trees, source, {"x": "y"})
    looked = []

    def delete() -> None:
        looked.append(1)
        if len(looked) == 2:
            shutil.rmtree(tmp_path / "trees")

    (tmp_path / "new").mkdir()
    missed = trees.take({"x": "y"}, "ada/app", tmp_path / "new", pinned=True, check=delete)
    assert isinstance(missed, Missed)
    assert not list((tmp_path / "new").iterdir())
    assert keep(trees, source) == ""
    assert isinstance(take(trees, tmp_path / "again"), Taken)


def test_without_a_lockfile_a_tree_grows_old(trees: Trees, tmp_path: Path) -> None:
    """After a day newer versions are looked for; what a lockfile pins stays right."""
    marker = entry(tmp_path) / ENTRY
    marker.write_text(json.dumps({**json.loads(marker.read_text()), "installed": time.time() - 90_000}))
    assert isinstance(take(trees, tmp_path / "pinned"), Taken)
    missed = take(trees, tmp_path / "loose", pinned=False)
    assert isinstance(missed, Missed)
    assert "older than a day" in missed.why


def test_the_least_lately_used_go_first(tmp_path: Path) -> None:
    """As many as it takes; one that was used counts as young."""
    trees = Trees(tmp_path / "trees", limit=120_000)
    source = app(tmp_path / "app", size=9000)
    for number in range(2):
        keep(trees, source, {"n": str(number)})
        for marker in (tmp_path / "trees").glob(f"*/{ENTRY}"):
            os.utime(marker, (marker.stat().st_mtime - 100,) * 2)
    assert isinstance(take(trees, tmp_path / "used", {"n": "0"}), Taken)
    keep(trees, source, {"n": "2"})
    assert isinstance(take(trees, tmp_path / "0", {"n": "0"}), Taken)
    assert isinstance(take(trees, tmp_path / "1", {"n": "1"}), Missed)
    assert isinstance(take(trees, tmp_path / "2", {"n": "2"}), Taken)


def test_a_tree_larger_than_the_cache_is_not_kept(tmp_path: Path) -> None:
    """It would only drive out the others."""
    trees = Trees(tmp_path / "trees", limit=1000)
    assert keep(trees, app(tmp_path / "app")) == "they are larger than the cache may be"


def test_many_at_once_do_not_collide(tmp_path: Path) -> None:
    """Builds of one fingerprint that end together all get by, and one tree is there in the end."""
    trees = Trees(tmp_path / "trees")
    source = app(tmp_path / "app", files=50)
    told: list[object] = []

    def build(number: int) -> None:
        told.append(keep(trees, source))
        told.append(type(take(trees, tmp_path / str(number))))

    threads = [threading.Thread(target=build, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(map(str, told)) == sorted(map(str, [""] * 6 + [Taken] * 6))
    assert len(list((tmp_path / "trees").iterdir())) == 2


def test_where_nothing_can_be_written_nothing_is_kept(tmp_path: Path) -> None:
    """And the build goes on."""
    (tmp_path / "trees").write_text("a file")
    trees = Trees(tmp_path / "trees")
    assert take(trees, tmp_path / "new") == Missed("")
    assert "cannot be written" in keep(trees, app(tmp_path / "app"))
    trees.sweep()


def test_trees_of_an_apps_own_packages(tmp_path: Path) -> None:
    """They lie apart, may link to each other, and when one is damaged the packages themselves stay."""
    trees = Trees(tmp_path / "trees")
    names = ("node_modules", "packages/web/node_modules")
    source = app(tmp_path / "app")
    inner = source / "packages/web/node_modules/dep9"
    inner.mkdir(parents=True)
    (inner / "index.js").write_text("1")
    (source / "node_modules/web").symlink_to("../packages/web")
    listed = listing(source, names, ("packages/web",))
    assert trees.keep(PARTS, "ada/app", source, listed, check=go_on) == ""
    assert isinstance(take(trees, tmp_path / "copy"), Taken)
    assert (tmp_path / "copy/node_modules/web/node_modules/dep9/index.js").read_text() == "1"
    (entry(tmp_path) / "tree/packages/web/node_modules/dep9/index.js").write_text("broken")
    target = tmp_path / "other"
    (target / "packages/web").mkdir(parents=True)
    (target / "packages/web/index.js").write_text("own")
    assert isinstance(trees.take(PARTS, "ada/app", target, pinned=True, check=go_on), Missed)
    assert [path.name for path in target.rglob("*")] == ["packages", "web", "index.js"]

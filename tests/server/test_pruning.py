"""What nobody needs goes, and nothing else: old snapshots, dependencies, downloads."""

from __future__ import annotations

import os
import shutil
import time
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.pruning import TREE_DAYS, prune
from tests.e2e import steps
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


@pytest.fixture
def small(home: Path) -> Iterator[LocalPlatform]:
    """A platform that keeps many snapshots by itself; the settings say two from then on."""
    home.mkdir()
    settings = home / "server.toml"
    settings.write_text("[builds]\nkeep = 50\n[drones]\nboot = 20\ngrace = 2\ndrain = 1\n")
    with LocalPlatform(home) as running:
        settings.write_text(settings.read_text().replace("50", "2"))
        yield running


def refs(platform: LocalPlatform, path: str) -> list[str]:
    """The ids of an app's snapshots, oldest first."""
    return [one["id"] for one in steps.shown(platform, path)["snapshots"]]


def test_snapshots(small: LocalPlatform) -> None:
    """The newest stay, and whatever serves, served before or is active; the rest goes with its files."""
    path = steps.serve(small, "many")
    for ref in ("2", "3"):
        steps.put(small, path, ref, steps.says(ref))
    small.call("POST", f"{path}/snapshots/2/activate")
    steps.act(small, path, "start")
    for ref in ("4", "5", "6"):
        steps.put(small, path, ref, steps.says(ref))
    small.call("POST", f"{path}/snapshots/4/activate")
    before = refs(small, path)
    told = prune(small.home, dry_run=True)
    assert [one.name for one in told] == [f"{small.user}/many 3"]
    assert (told[0].kind, told[0].bytes > 0) == ("snapshot", True)
    assert refs(small, path) == before == ["1", "2", "3", "4", "5", "6"]
    assert prune(small.home) == told
    assert refs(small, path) == ["1", "2", "4", "5", "6"]
    assert not (small.home / "builds" / small.user / "many" / "3").exists()
    assert len(list((small.home / "snapshots").iterdir())) == 5
    assert prune(small.home) == []
    assert small.get("many").text == "2"
    steps.act(small, path, "start")
    assert small.get("many").text == "4"


def test_dependencies_and_downloads(home: Path) -> None:
    """Trees that no build used for a month and what an account left that is gone; no server need run."""
    trees, downloads = home / "cache" / "trees", home / "cache" / "downloads"
    for place in (trees / "old", trees / "new", downloads / "gone"):
        place.mkdir(parents=True)
        (place / "entry.json").write_text("{}")
    before = time.time() - (TREE_DAYS + 1) * 86400
    os.utime(trees / "old" / "entry.json", (before, before))
    told = prune(home, dry_run=True)
    assert [(one.kind, one.name) for one in told] == [("dependencies", "old"), ("downloads", "gone")]
    assert prune(home) == told
    assert [path.name for path in trees.iterdir()] == ["new"]
    assert list(downloads.iterdir()) == []
    assert list((home / "work").iterdir()) == []


def test_package_managers(platform: LocalPlatform) -> None:
    """One that no build used for a month goes, unless a snapshot's start script may call it."""
    path = steps.create(platform, "calls")
    manifest = {"packageManager": "yarn@1.22.22", "dependencies": {"ms": "2.1.3"}}
    steps.put(platform, path, "1", steps.files("calls", steps.says("up"), **manifest))
    managers = platform.home / "engines" / "node" / ".managers"
    (used,) = managers.glob("*/*/.digests.json")
    for version in ("1.0.0", "1.1.0"):
        shutil.copytree(used.parent, managers / "pnpm" / version)
    before = time.time() - (TREE_DAYS + 1) * 86400
    for old in (used, managers / "pnpm/1.0.0/.digests.json"):
        os.utime(old, (before, before))
    told = prune(platform.home, dry_run=True)
    assert [(one.kind, one.name) for one in told] == [("manager", "pnpm 1.0.0")]
    assert prune(platform.home) == told
    assert used.exists()
    assert [folder.name for folder in (managers / "pnpm").iterdir()] == ["1.1.0"]
    steps.put(platform, path, "2", steps.files("calls", steps.says("two"), **manifest))
    assert used.stat().st_mtime > before + 86400
    assert platform.call("DELETE", path).status_code == 200
    os.utime(used, (before, before))
    assert [one.name for one in prune(platform.home)] == ["yarn 1.22.22"]

"""The engines of a platform: seen, fetched ahead, pruned, never one that a snapshot needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jitsu_py.server import engines
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

SMALL = "0.10.48"
"""The smallest download."""


def test_listed_without_anything_fetched(home: Path) -> None:
    """The machine's own are there; none is removed."""
    kept = engines.listed(home)
    assert kept
    assert not any(one.fetched or one.used_by for one in kept)
    assert engines.prune(home) == []


def test_added_and_pruned(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fetched once; young ones stay, for a build may be waiting for them."""
    told: list[str] = []
    kept = engines.add(home, SMALL, told.append)
    assert (kept.version, kept.fetched, kept.used_by) == (SMALL, True, ())
    assert kept.bytes > 10_000_000
    assert told[0].startswith(f"Fetching Node {SMALL}")
    assert engines.add(home, "0.10", told.append) == kept
    assert len(told) == 1
    assert not list((home / "work").iterdir())
    assert engines.prune(home) == []
    monkeypatch.setattr(engines, "YOUNG_SECONDS", 0)
    assert engines.prune(home, dry_run=True) == [kept]
    assert kept in engines.listed(home)
    assert engines.prune(home) == [kept]
    assert not any(one.fetched for one in engines.listed(home))
    assert not list((home / "engines" / "node").glob(".tools/*"))


def test_what_a_snapshot_was_built_for_stays(
    platform: LocalPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also while the server runs; a removed snapshot needs nothing more."""
    files = hello("old", engines={"node": "0.10"})
    files["server.js"] = "require('http').createServer(function (q, r) { r.end('old') }).listen(3000)"
    assert platform.call("POST", f"/apps/{platform.user}", {"name": "old"}).status_code == 201
    path = f"/apps/{platform.user}/old/snapshots/1"
    assert platform.call("POST", path, data=archive(files)).status_code == 200
    monkeypatch.setattr(engines, "YOUNG_SECONDS", 0)
    assert engines.prune(platform.home) == []
    used = next(kept for kept in engines.listed(platform.home) if kept.version == SMALL)
    assert used.used_by == (f"{platform.user}/old 1",)
    assert platform.call("DELETE", path).status_code == 200
    assert [kept.version for kept in engines.prune(platform.home)] == [SMALL]


def test_what_cannot_be_added(home: Path) -> None:
    """No range, or none that npm has."""
    for wanted in ("newest, please", "0.9999.x"):
        with pytest.raises(PlatformError) as caught:
            engines.add(home, wanted, print)
        assert caught.value.code is Code.ENGINE_NOT_FOUND

"""Starters: what they are made of, and where they may be put."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from jitsu_py import starters
from jitsu_py.errors import ConflictError, NotFoundError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("starter", starters.known(), ids=lambda starter: starter.name)
def test_every_starter_is_ready_to_deploy(starter: starters.Starter) -> None:
    """A starter has a description, a start script, engines, a lockfile with checksums and no address."""
    manifest = json.loads((starter.folder / "package.json").read_text())
    assert manifest["name"] == starter.name
    assert starter.description
    assert manifest["scripts"]["start"]
    assert manifest["engines"]["node"]
    assert "subdomain" not in manifest
    text = (starter.folder / "package-lock.json").read_text()
    packages = json.loads(text)["packages"]
    assert len(packages) > 1
    assert all("integrity" in package for path, package in packages.items() if path)
    assert '"resolved"' not in text


def test_helloworld_is_first() -> None:
    """The starter of the manual is there, and first."""
    assert starters.known()[0].name == "helloworld"


def test_put(tmp_path: Path) -> None:
    """A starter's files are all there, under the app's name."""
    files = starters.put("helloworld", tmp_path / "a" / "shop", "shop")
    assert {str(file) for file in files} >= {"package.json", "package-lock.json", "server.js"}
    for name in ("package.json", "package-lock.json"):
        assert json.loads((tmp_path / "a" / "shop" / name).read_text())["name"] == "shop"


def test_put_into_an_empty_folder(tmp_path: Path) -> None:
    """An empty folder is taken as it is."""
    starters.put("helloworld", tmp_path, "shop")
    assert (tmp_path / "server.js").is_file()


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """A folder that holds anything, or a file of that name, is refused and left as it was."""
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(ConflictError, match="not empty"):
        starters.put("helloworld", tmp_path, "shop")
    with pytest.raises(ConflictError, match="is a file"):
        starters.put("helloworld", tmp_path / "mine", "shop")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert (tmp_path / "mine").read_text() == "precious"


def test_a_place_that_cannot_be_written() -> None:
    """A folder that cannot be made is an error that names it."""
    from pathlib import Path

    with pytest.raises(UsageError, match="/proc/nowhere"):
        starters.put("helloworld", Path("/proc/nowhere"), "shop")


@pytest.mark.parametrize("name", ["nothing", "../starters/helloworld", "", "/"])
def test_unknown_starters(name: str, tmp_path: Path) -> None:
    """A name that is no starter's is not found, whatever it looks like."""
    with pytest.raises(NotFoundError) as caught:
        starters.put(name, tmp_path, "shop")
    assert "helloworld" in caught.value.hint

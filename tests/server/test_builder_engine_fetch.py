"""A Node that this machine has not comes from npm: once, whole, checked; or it is said why not."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psutil
import pytest

from jitsu_py.server.builder.engine_fetch import HALF, EngineStore, node_package
from jitsu_py.server.builder.process import MARK
from jitsu_py.server.builder.registry import Room, is_intact, newest
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Blame, Code
from tests.server.fake_registry import FakeRegistry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from jitsu_py.server.builder.engines import Engine

pytestmark = pytest.mark.slow

PACKAGE = "node-test-x64"


def program(version: str) -> str:
    """A program that says it is a Node of that version, and where it lies."""
    return f'#!/bin/sh\nprintf \'["v%s", "%s"]\' {version} "$(cd "$(dirname "$0")"; pwd)/node"\n'


@pytest.fixture
def registry() -> Iterator[FakeRegistry]:
    """A registry with builds of a Node that never was."""
    fake = FakeRegistry()
    for version in ("0.5.1", "0.5.2", "0.5.10", "0.5.11-rc.1"):
        fake.add(PACKAGE, version, programs={"bin/node": program(version)})
    fake.add(PACKAGE, "0.6.0", programs={"bin/node": "#!/bin/sh\nexit 1\n"})
    fake.add(PACKAGE, "0.7.0", integrity="sha512-" + base64.b64encode(bytes(64)).decode())
    with fake:
        yield fake


@dataclass
class World:
    """A store, and what it said."""

    root: Path
    registry: str
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        (self.root / "npmrc").write_text(f"registry={self.registry}/\n")
        self.folder = self.root / "engines"
        self.store = EngineStore(
            self.folder, cache=self.root / "cache", npmrc=self.root / "npmrc", package=PACKAGE
        )

    async def find(self, wanted: str, number: int = 0) -> Engine:
        """Find an engine, for a build of its own."""
        deadline = asyncio.get_running_loop().time() + 120
        return await self.store.find(wanted, Room(self.root / f"work{number}", deadline, self.told.append))

    def refused(self, wanted: str) -> PlatformError:
        """The error of an engine that is not to be had."""
        with pytest.raises(PlatformError) as caught:
            asyncio.run(self.find(wanted))
        assert caught.value.code is Code.ENGINE_NOT_FOUND
        return caught.value

    def kept(self) -> list[str]:
        """Versions in the folder, and what is half made."""
        found = self.folder.iterdir() if self.folder.is_dir() else ()
        return sorted(path.name for path in found if path.name != ".tools")


@pytest.fixture
def world(tmp_path: Path, registry: FakeRegistry) -> World:
    """A store of the test's own."""
    return World(tmp_path, registry.url)


def test_the_newest_that_matches_is_fetched_once(world: World, registry: FakeRegistry) -> None:
    """And used from then on without asking anybody."""
    engine = asyncio.run(world.find("0.5.x"))
    assert engine.version == "0.5.10"
    assert engine.npm
    assert world.told == [f"Fetching Node 0.5.10 from npm ({PACKAGE}), once for this server"]
    assert world.kept() == ["0.5.10"]
    registry.asked.clear()
    assert asyncio.run(world.find("~0.5.0")).node == engine.node
    assert registry.asked == []


def test_many_builds_wait_for_one_download(world: World, registry: FakeRegistry) -> None:
    """The others say so, and get it too."""

    async def together() -> list[Engine]:
        return await asyncio.gather(*(world.find("0.5.2", number) for number in range(3)))

    assert {engine.version for engine in asyncio.run(together())} == {"0.5.2"}
    assert sum(path.endswith("0.5.2.tgz") for path in registry.asked) == 1
    assert world.told.count("Waiting for Node 0.5.2, which another build is fetching") == 2


def test_a_cancelled_download_leaves_nothing_and_the_next_takes_over(world: World) -> None:
    """Neither half an engine nor an npm that runs on."""

    async def cancel() -> Engine:
        first = asyncio.create_task(world.find("0.5.1", 1))
        second = asyncio.create_task(world.find("0.5.1", 2))
        while not world.told:
            await asyncio.sleep(0.01)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        return await second

    assert asyncio.run(cancel()).version == "0.5.1"
    assert world.kept() == ["0.5.1"]
    time.sleep(0.2)
    assert not [p for p in psutil.process_iter() if _works_in(p, world.root / "work1")]


def _works_in(process: psutil.Process, work: Path) -> bool:
    try:
        return process.environ().get(MARK) == str(work) and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def test_a_damaged_download_is_refused(world: World) -> None:
    """Its digest is not the registry's; nothing is kept."""
    error = world.refused("0.7.0")
    assert "it cannot be fetched: " in error.message
    assert world.kept() == []


def test_a_node_that_does_not_run_here_is_refused(world: World) -> None:
    """An old libc, say; it is not offered to the next one either."""
    error = world.refused("0.6.0")
    assert error.message == "Node 0.6.0 was fetched, but does not run on this machine."
    assert error.blame is Blame.SYSTEM
    assert world.kept() == []


def test_half_an_engine_is_made_good(world: World) -> None:
    """What somebody broke is fetched again."""
    (world.folder / "0.5.1" / "bin").mkdir(parents=True)
    (world.folder / "0.5.1" / "bin" / "node").touch()
    (world.folder / f"{HALF}x").mkdir()
    assert asyncio.run(world.find("0.5.1")).version == "0.5.1"
    world.store.sweep()
    assert world.kept() == ["0.5.1"]


def test_no_match_anywhere(world: World) -> None:
    """Said with what is at hand."""
    error = world.refused("0.4.x")
    assert "package.json asks for Node '0.4.x'; at hand: " in error.message
    assert "npm has none that matches either" in error.message
    assert error.details["available"]


def test_no_network(world: World) -> None:
    """A clear word within seconds, and npm's own reason."""
    (world.root / "npmrc").write_text("registry=http://127.0.0.1:1/\n")
    began = time.monotonic()
    error = world.refused("0.5.x")
    assert "it cannot be fetched: The package registry cannot be reached" in error.message
    assert error.blame is Blame.SYSTEM
    assert time.monotonic() - began < 60


def test_a_machine_without_builds(tmp_path: Path) -> None:
    """npm has none for it: no npm is asked."""
    store = EngineStore(tmp_path / "engines", cache=tmp_path / "cache", npmrc=None, package="")
    with pytest.raises(PlatformError, match="there are no Node builds for this machine"):
        asyncio.run(store.find("0.5.x", Room(tmp_path / "work", 1e9, print)))


def test_the_newest_by_npms_rules() -> None:
    """No release candidates unless asked for; numbers are no texts."""
    versions = ["0.9.9", "0.10.2", "0.10.11", "0.11.0-rc.1", "4.0.0"]
    assert newest(versions, "0.10.x") == "0.10.11"
    assert newest(versions, ">=0.10 <1") == "0.10.11"
    assert newest(versions, "^5") is None


def test_digests(tmp_path: Path) -> None:
    """The strongest given counts; without any an archive is not taken."""
    archive = tmp_path / "a.tgz"
    archive.write_bytes(b"data")
    sha512 = "sha512-" + base64.b64encode(hashlib.sha512(b"data").digest()).decode()
    sha1 = hashlib.sha1(b"data").hexdigest()
    assert is_intact(archive, {"integrity": sha512})
    assert is_intact(archive, {"shasum": sha1})
    assert not is_intact(archive, {"integrity": sha512[:-8] + "AAAAAA==", "shasum": sha1})
    assert not is_intact(archive, {"shasum": "0" * 40})
    assert not is_intact(archive, {})
    assert not is_intact(archive, None)


def test_this_machine_has_builds() -> None:
    """Linux and macOS, Intel and ARM."""
    assert node_package().startswith("node-")

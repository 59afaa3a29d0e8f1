"""Fixtures for every layer: a state folder of the test's own, and a real platform in it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.couches import fetched, lend
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator


def pytest_configure() -> None:
    """Let ^C reach what tests start, also where a shell that runs the tests in the background ignores it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def free_port() -> int:
    """A port of the loopback interface that nobody listened on a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """An empty place for a state folder."""
    return tmp_path / "home"


@pytest.fixture
def platform(home: Path) -> Iterator[LocalPlatform]:
    """A platform of the test's own, running."""
    with LocalPlatform(home) as running:
        yield running


@pytest.fixture(scope="module")
def shared_platform() -> Iterator[LocalPlatform]:
    """A platform that the tests of a module share; each uses apps of its own."""
    folder = Path(tempfile.mkdtemp(prefix="jitsu-test-"))
    try:
        with LocalPlatform(folder / "home") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def couch_shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the server of couches is kept for the whole run, for `tests.couches` to give to platforms."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base


@pytest.fixture
def couches(shared_platform: LocalPlatform, couch_shelf: Path) -> dict[str, Any]:
    """The shared platform has the server of couches, fetched once for the whole run; what that told."""
    lend(couch_shelf, shared_platform.home)
    return fetched(couch_shelf)

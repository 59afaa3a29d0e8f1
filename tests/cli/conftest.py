"""Fixtures of the command line's tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.people import Person

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform


@pytest.fixture
def person(tmp_path: Path) -> Person:
    """Somebody new: nothing set, no platform started."""
    return Person(tmp_path)


@pytest.fixture
def owner(tmp_path: Path, shared_platform: LocalPlatform) -> Person:
    """Somebody whose platform runs on this machine; the module's tests share it."""
    return Person(tmp_path, {"JITSU_HOME": str(shared_platform.home)})

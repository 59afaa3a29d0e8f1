"""What several end-to-end tests share and takes long to get."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.old_clients import OldClients

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def old_clients(tmp_path_factory: pytest.TempPathFactory) -> OldClients:
    """The npm clients of 2013–2015, installed once."""
    folder: Path = tmp_path_factory.mktemp("old-clients")
    return OldClients.install(folder)

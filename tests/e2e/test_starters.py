"""Every starter goes live as it is: installed, deployed and visited as a stranger would."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jitsu_py import starters

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]

SAYS = {
    "helloworld": ("/", "Hello World"),
    "express": ("/api/time", '{"time":'),
    "socket.io": ("/socket.io/?EIO=4&transport=polling", '"upgrades":["websocket"]'),
    "http-server": ("/", "It is live"),
}


def test_every_starter_is_tried() -> None:
    """No starter is added without a line above."""
    assert {one.name for one in starters.known()} == set(SAYS)


@pytest.mark.parametrize("starter", SAYS)
def test_a_starter_goes_live(starter: str, shared_platform: LocalPlatform, tmp_path: Path) -> None:
    """Install, deploy, visit: two commands and a URL."""
    name = f"try-{starter.replace('.', '-')}"
    assert shared_platform.jitsu("install", starter, name, cwd=tmp_path).returncode == 0
    deployed = shared_platform.jitsu("deploy", name, cwd=tmp_path)
    assert deployed.returncode == 0, deployed.stderr
    path, text = SAYS[starter]
    assert text in shared_platform.get(name, path).text

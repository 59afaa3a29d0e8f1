"""What the doctor says of bounds and sandboxes, for machines and servers that this one is not."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from jitsu_py import wire
from jitsu_py.server import run
from jitsu_py.server.confinement import Means
from jitsu_py.server.doctor import bounds, examine

if TYPE_CHECKING:
    from pathlib import Path


def means(*, is_root: bool, groups: int = 0, why: str = "") -> Means:
    """A server's."""
    return Means(is_root, "" if why else "/usr/bin/bwrap", why, groups)


def test_where_nothing_keeps_the_bounds() -> None:
    """A user's processes are counted by the system all the same, root's by nobody: each is told apart."""
    root, other = bounds(means(is_root=True)), bounds(means(is_root=False))
    assert (root.state, other.state) == ("warning", "warning")
    assert "nothing bounds their processes" in root.found
    assert "another user" in root.hint
    assert "processes" not in other.found
    assert "systemd 254" in other.hint


def test_where_the_kernel_does() -> None:
    """Whoever the server is."""
    for is_root in (True, False):
        found = bounds(means(is_root=is_root, groups=2))
        assert (found.state, found.hint) == ("ok", "")


def test_it_is_the_servers_means_that_are_told(tmp_path: Path) -> None:
    """Not those of who asks: root, say, of a service that has a user of its own. A newer one may say more."""
    told = means(is_root=False, why="bubblewrap is not allowed")
    running = run.Status(os.getpid(), 0.0, "http://a", "http://b", "1", "ada", asdict(told))
    (tmp_path / wire.RUN_FILE).parent.mkdir()
    said = {**asdict(running), "of a newer one": 1, "means": {**asdict(told), "of a newer one": 1}}
    (tmp_path / wire.RUN_FILE).write_text(json.dumps(said))
    with run.hold(tmp_path):
        found = {one.check: one for one in examine(tmp_path)}
    assert [found[check].state for check in ("server", "sandbox", "drones", "bounds")] == [
        "ok",
        *["warning"] * 3,
    ]
    assert "users" not in found
    assert "run as the server's user" in found["drones"].found

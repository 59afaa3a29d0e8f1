"""What the doctor says of bounds, for machines that this one is not."""

from __future__ import annotations

from pathlib import Path

from jitsu_py.server.confinement import Hierarchy
from jitsu_py.server.doctor import bounds


def test_where_nothing_keeps_the_bounds() -> None:
    """A user's processes are counted by the system all the same, root's by nobody: each is told apart."""
    root, other = bounds(None, is_root=True), bounds(None, is_root=False)
    assert (root.state, other.state) == ("warning", "warning")
    assert "nothing bounds their processes" in root.found
    assert "another user" in root.hint
    assert "processes" not in other.found
    assert "Delegate=yes" in other.hint


def test_where_the_kernel_does() -> None:
    """Whoever the server is."""
    hierarchy = Hierarchy(2, {"memory": Path("/"), "pids": Path("/")})
    for is_root in (True, False):
        found = bounds(hierarchy, is_root=is_root)
        assert (found.state, found.hint) == ("ok", "")

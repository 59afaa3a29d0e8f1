"""Which server may work on what another version wrote: it migrates by itself, or it is refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.databases.kinds import Program
from jitsu_py.server.databases.registry import kind_of

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("type_", "recorded", "now", "may"),
    [
        ("redis", "redis-server 7.0.15", "redis-server 7.0.15", True),
        ("redis", "redis-server 6.2.1", "redis-server 8.0.0", True),
        ("redis", "redis-server 7.4.0", "redis-server 7.0.15", False),
        ("redistogo", "redis-server 7.2.5", "valkey-server 8.1.8", True),
        ("redis", "redis-server 7.4.0", "valkey-server 8.1.8", False),
        ("redis", "valkey-server 8.1.8", "redis-server 8.0.0", False),
        ("redis", "valkey-server 8.1.8", "valkey-server 9.0.0", True),
        ("redis", "valkey-server 9.0.0", "valkey-server 8.1.8", False),
        ("mongo", "SecantusDB 0.7.0b3", "SecantusDB 0.7.2", True),
        ("mongo", "SecantusDB 0.7.0b3", "SecantusDB 0.8.0", False),
        ("mongo", "SecantusDB 1.0.0", "SecantusDB 1.4.0", True),
        ("mongohq", "SecantusDB 0.7.0b3", "mongod 7.0.14", False),
        ("mongo", "mongod 7.0.14", "mongod 7.0.20", True),
        ("mongo", "mongod 7.0.14", "mongod 8.0.0", False),
        ("couch", "pouchdb-server 4.2.0", "pouchdb-server 4.3.0", True),
        ("couch", "pouchdb-server 4.2.0", "pouchdb-server 5.0.0", False),
    ],
)
def test_a_server_touches_only_what_it_can_read(
    type_: str, recorded: str, now: str, may: bool, tmp_path: Path
) -> None:
    """Who is refused is told both versions, and that nothing was changed."""
    name, _, version = now.partition(" ")
    why = kind_of(type_, tmp_path).refusal(recorded, Program(name, version, (name,)))
    if may:
        assert why is None
    else:
        assert why is not None
        assert recorded in why
        assert now in why
        assert "Nothing was changed" in why

"""`jitsu databases backup`, `backups`, `restore`, `schedule` on a real platform."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.test_databases_commands import db, made, redis

if TYPE_CHECKING:
    from tests.cli.people import Person

pytestmark = pytest.mark.slow


def test_backups(owner: Person) -> None:
    """A backup restores its database and another one, from the server and from a file."""
    url = made(owner, "source")["url"]
    redis(url, "SET a before", "RPUSH list 1 2 3")
    kept = db(owner, "backup", "source", "-o", "kept.backup", "--json").json()
    assert kept["size"] == (owner.folder / "kept.backup").stat().st_size
    assert (owner.folder / "kept.backup").stat().st_mode & 0o777 == 0o600
    assert [row["id"] for row in db(owner, "backups", "source", "--json").json()] == [kept["id"]]
    redis(url, "SET a after", "SET b more")
    assert db(owner, "restore", "source", kept["id"]).code == 2
    assert redis(url, "GET a")[1] == "after"
    assert db(owner, "restore", "source", kept["id"], "--yes").code == 0
    assert redis(url, "GET a", "EXISTS b", "LRANGE list 0 -1")[:3] == ["$6", "before", ":0"]
    other = made(owner, "copy")["url"]
    assert db(owner, "restore", "copy", "kept.backup", "--yes", "--json").json()["restored"] == "kept.backup"
    assert redis(other, "GET a")[1] == "before"
    near = db(owner, "restore", "source", kept["id"][:-1], "--yes", "--json").error()
    assert (near["exit_code"], near["hint"]) == (4, f"did you mean {kept['id']}?")
    (owner.folder / "junk").write_bytes(b"no backup at all" * 100)
    refused = db(owner, "restore", "copy", "junk", "--yes")
    assert refused.code not in {0, 1}
    assert redis(other, "GET a")[1] == "before"
    assert db(owner, "backups", "source", "--destroy", kept["id"], "--yes", "--json").json() == []


def test_schedule(owner: Person) -> None:
    """It is set, shown and taken back; what it cannot be is refused."""
    made(owner, "timed")
    assert "not by themselves" in db(owner, "schedule", "timed").out
    told = db(owner, "schedule", "timed", "daily", "--keep", "3", "--json").json()
    assert told["schedule"] == {"every": "daily", "keep": 3}
    assert "daily, 3 kept" in db(owner, "schedule", "timed").out
    assert db(owner, "schedule", "timed", "off", "--json").json()["schedule"]["every"] is None
    assert db(owner, "schedule", "timed", "yearly").code == 2
    assert db(owner, "schedule", "timed", "daily", "--keep", "0").code == 2

"""Databases and their backups in the client: what is read, what is sent, what stays secret."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py import errors
from jitsu_py.api import Client
from jitsu_py.api.backups import Backup
from jitsu_py.api.databases import Attachment, Database, Schedule
from tests.unit.loopback import POWERED, Reply, Request, answer, serving

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FULL: dict[str, Any] = {
    "name": "cache",
    "user": "ada",
    "type": "redis",
    "state": "full",
    "why": "The disk is full.",
    "server": "valkey-server 8.1.1",
    "limits": None,
    "size": 4096,
    "memory": 64,
    "url": "redis://:s3cret-word@127.0.0.1:6400",
    "metadata": {"host": "127.0.0.1", "port": 6400, "password": "s3cret-word"},
    "apps": [{"name": "shop", "variables": ["REDIS_URL"]}],
    "schedule": {"every": "daily", "keep": 3},
    "ctime": "2026-01-02T03:04:05Z",
}


def ask(call: Callable[[Client], Any], reply: Any = None, status: int = 200) -> tuple[Any, Request]:
    """Call a server that answers so; give what came of it and the request."""
    told = answer({"database": FULL} if reply is None else reply, status)
    with serving(lambda _: told) as server, Client(server.url, "ada", "token") as client:
        return call(client), server.requests[0]


def test_a_database_in_full() -> None:
    """All of it is read."""
    one = Database.parse(FULL)
    assert (one.kind, one.variable, one.state, one.why) == ("redis", "REDIS_URL", "full", "The disk is full.")
    assert (one.port, one.password, one.url) == (6400, "s3cret-word", FULL["url"])
    assert one.apps == (Attachment("shop", ("REDIS_URL",)),)
    assert (one.schedule, one.limits) == (Schedule("daily", 3), "")


def test_a_database_of_next_to_nothing() -> None:
    """What an old server, or one that tells no secrets, leaves out is empty; what must be there is."""
    one = Database.parse({"name": "old", "user": "ada", "type": "mongohq", "metadata": None, "apps": None})
    assert (one.kind, one.variable, one.url, one.port, one.apps) == ("mongo", "MONGO_URL", "", 0, ())
    assert one.schedule == Schedule("", 0)
    with pytest.raises(errors.ServerRefusedError, match="`type` is missing"):
        Database.parse({"name": "old", "user": "ada"})
    with pytest.raises(errors.ServerRefusedError, match="is no object"):
        Database.parse({"name": "old", "user": "ada", "type": "redis", "apps": [3]})


def test_secrets_are_not_shown_by_accident() -> None:
    """Neither `repr` nor a format string has the password."""
    assert "s3cret" not in f"{Database.parse(FULL)!r} {Database.parse(FULL)}"


@pytest.mark.parametrize(
    ("call", "method", "path", "body"),
    [
        (lambda c: c.databases.get("cache"), "GET", "/databases/ada/cache", None),
        (lambda c: c.databases.get("bob/cache"), "GET", "/databases/bob/cache", None),
        (
            lambda c: c.databases.create("redis", "cache", attach="shop", memory=32),
            "POST",
            "/databases/ada/cache",
            {"type": "redis", "attach": "shop", "memory": 32},
        ),
        (lambda c: c.databases.create("mongo", "m"), "POST", "/databases/ada/m", {"type": "mongo"}),
        (lambda c: c.databases.attach("cache", "shop"), "PUT", "/databases/ada/cache/apps/shop", None),
        (
            lambda c: c.databases.attach("cache", "shop", "FAST"),
            "PUT",
            "/databases/ada/cache/apps/shop?as=FAST",
            None,
        ),
        (lambda c: c.databases.detach("cache", "shop"), "DELETE", "/databases/ada/cache/apps/shop", None),
        (lambda c: c.databases.rotate("cache"), "POST", "/databases/ada/cache/rotate", {}),
        (
            lambda c: c.databases.rotate("cache", restart=True),
            "POST",
            "/databases/ada/cache/rotate?restart=true",
            {},
        ),
        (lambda c: c.databases.start("cache"), "POST", "/databases/ada/cache/start", {}),
        (lambda c: c.databases.stop("cache"), "POST", "/databases/ada/cache/stop", {}),
        (
            lambda c: c.databases.update("cache", schedule=Schedule("", 5), memory=128),
            "PUT",
            "/databases/ada/cache",
            {"schedule": {"every": None, "keep": 5}, "memory": 128},
        ),
        (
            lambda c: c.backups.restore("cache", "b-1"),
            "POST",
            "/databases/ada/cache/restore",
            {"backup": "b-1"},
        ),
    ],
)
def test_what_is_sent(call: Callable[[Client], Any], method: str, path: str, body: Any) -> None:
    """Method, path and body of each route; the database in the reply is read."""
    found, request = ask(call)
    assert (request.method, request.path) == (method, path)
    assert (request.json() if request.body else None) == body
    assert found == Database.parse(FULL)


def test_lists_and_removals() -> None:
    """Lists keep the server's order; a removal needs no more than the server's yes."""
    found, request = ask(lambda c: c.databases.list(), {"databases": [FULL, {**FULL, "name": "b"}]})
    assert ([one.name for one in found], request.path) == (["cache", "b"], "/databases/ada")
    found, request = ask(lambda c: c.backups.list("cache"), {"backups": [{"id": "b-2"}, {"id": "b-1"}]})
    assert ([one.id for one in found], request.path) == (["b-2", "b-1"], "/databases/ada/cache/backups")
    made, request = ask(lambda c: c.backups.create("cache"), {"backup": {"id": "b-3", "size": 7}}, 201)
    assert (made.id, made.size, request.method) == ("b-3", 7, "POST")
    _, request = ask(lambda c: c.databases.destroy("cache"), {"ok": True})
    assert (request.method, request.path) == ("DELETE", "/databases/ada/cache")
    _, request = ask(lambda c: c.backups.destroy("cache", "b-1"), {"ok": True})
    assert (request.method, request.path) == ("DELETE", "/databases/ada/cache/backups/b-1")


def test_a_backup_is_fetched_whole_and_for_its_owner_only(tmp_path: Path) -> None:
    """Bytes are checked by their hash; nobody else may read the file; a wrong one leaves nothing."""
    content = bytes(range(256)) * 1000
    digest = hashlib.sha256(content).hexdigest()
    target, seen = tmp_path / "cache.backup", []
    with (
        serving(lambda _: Reply(200, content, dict(POWERED))) as server,
        Client(server.url, "ada", "token") as client,
    ):
        whole = Backup.parse({"id": "b-1", "sha256": digest})
        client.backups.fetch("cache", whole, target, lambda got, _length: seen.append(got))
        assert server.paths() == ["GET /databases/ada/cache/backups/b-1"]
        wrong = Backup.parse({"id": "b-1", "sha256": "0" * 64})
        with pytest.raises(errors.ServerRefusedError, match="b-1"):
            client.backups.fetch("cache", wrong, tmp_path / "other", lambda *_: None)
    assert (target.read_bytes(), sum(seen)) == (content, len(content))
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [target]


def test_a_file_is_sent_as_it_is(tmp_path: Path) -> None:
    """A restore sends the file's bytes with their length, and tells how far it is."""
    file = tmp_path / "cache.backup"
    file.write_bytes(b"\x00\xff" * 300_000)
    sent: list[int] = []
    found, request = ask(lambda c: c.backups.restore_file("cache", file, sent.append))
    assert (request.path, request.headers["content-type"]) == (
        "/databases/ada/cache/restore",
        "application/octet-stream",
    )
    assert request.body == file.read_bytes()
    assert (sum(sent), found.name) == (600_000, "cache")


def test_refusals_keep_the_servers_words() -> None:
    """A name that is taken, or a variable, is a conflict; a type that is none a usage error."""
    conflict = {"error": "name_taken", "message": "There is a database cache already."}
    with pytest.raises(errors.ConflictError, match="already"):
        ask(lambda c: c.databases.create("redis", "cache"), conflict, 409)
    unknown = {"error": "something_new", "message": "Another database has REDIS_URL."}
    with pytest.raises(errors.ConflictError, match="REDIS_URL"):
        ask(lambda c: c.databases.attach("cache", "shop"), unknown, 409)
    with pytest.raises(errors.UsageError, match="type"):
        ask(lambda c: c.databases.create("x", "c"), {"error": "bad_request", "message": "type is wrong"}, 400)

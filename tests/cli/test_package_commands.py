"""`jitsu package`: the list and the archive of what a deploy would send; no platform is needed."""

from __future__ import annotations

import hashlib
import json
import tarfile
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.people import Person


@pytest.fixture
def folder(person: Person) -> Path:
    """A project with something to send, something to leave out and a secret."""
    place = person.folder / "shop"
    (place / "lib").mkdir(parents=True)
    (place / "package.json").write_text(json.dumps({"name": "@me/shop", "version": "1.2.3"}))
    (place / "server.js").write_text("x" * 2048)
    (place / "lib" / "a.js").write_text("a")
    (place / ".npmignore").write_text("*.log\n")
    (place / "debug.log").write_text("log")
    (place / ".env").write_text("KEY=1")
    return place


def test_list(person: Person, folder: Path) -> None:
    """Files, sizes and reasons, the total beside them; what looks like a secret is warned of."""
    done = person.jitsu("package", "list", cwd=folder)
    assert done.code == 0, done.err
    assert done.out.splitlines()[0].split() == ["PATH", "SIZE", "WHY"]
    assert "2.0 KiB" in done.out
    assert "debug.log" not in done.out
    assert "4 files, 2.0 KiB" in done.err
    assert ".env may hold secrets" in done.err
    answer = person.jitsu("package", "ls", "shop", "--json").json()
    assert list(answer) == ["files", "count", "size", "notices"]
    assert list(answer["files"][0]) == ["path", "size", "mode", "why"]
    assert [file["path"] for file in answer["files"]] == [".env", "lib/a.js", "package.json", "server.js"]
    assert answer["count"] == 4
    assert answer["notices"] == [
        {"path": ".env", "about": "secret", "message": answer["notices"][0]["message"]}
    ]


def test_why(person: Person, folder: Path) -> None:
    """One path is explained: code 0 where it is packed, 4 where not, 6 where it is no part of the project."""
    packed = person.jitsu("package", "list", "--why", "lib/a.js", "--json", cwd=folder)
    assert (packed.code, sorted(packed.json())) == (0, ["packed", "path", "why"])
    out = person.jitsu("package", "list", "--why", "debug.log", cwd=folder)
    assert (out.code, "*.log" in out.out) == (4, True)
    assert person.jitsu("package", "list", "--why", "nothing", cwd=folder).code == 4
    assert person.jitsu("package", "list", "--why", "../x", cwd=folder).code == 6


def test_create(person: Person, folder: Path) -> None:
    """The archive has npm's name and shape, the same bytes each time, and never itself inside."""
    first = person.jitsu("package", "create", cwd=folder)
    assert (first.code, first.out) == (0, "me-shop-1.2.3.tgz\n")
    target = folder / "me-shop-1.2.3.tgz"
    content = target.read_bytes()
    with tarfile.open(target) as tar:
        assert "package/server.js" in tar.getnames()
    assert person.jitsu("package", "create", cwd=folder).code == 2
    assert target.read_bytes() == content
    again = person.jitsu("package", "create", "--yes", "--json", cwd=folder).json()
    assert sorted(again) == ["file", "files", "md5", "sha256", "size"]
    assert target.read_bytes() == content
    assert again["sha256"] == hashlib.sha256(content).hexdigest()
    (person.folder / "out").mkdir()
    assert person.jitsu("package", "create", "shop", "-o", "out").out == "out/me-shop-1.2.3.tgz\n"
    assert person.jitsu("package", "create", "--dir", "shop", "-o", "x.tgz").out == "x.tgz\n"


def test_an_archive_is_no_answer_for_stdout(person: Person, folder: Path) -> None:
    """`-o -` is refused wherever something is written: no file of that name appears."""
    lines = (["package", "create"], ["snapshots", "fetch", "shop"], ["databases", "backup", "cache"])
    for words in lines:
        done = person.jitsu(*words, "-o", "-", cwd=folder)
        assert (done.code, done.out) == (2, "")
        assert "goes into a file" in done.err
    assert not (folder / "-").exists()


def test_create_that_cannot_be(person: Person, folder: Path) -> None:
    """No project and an unwritable place end with their codes, and leave nothing behind."""
    assert person.jitsu("package", "create").code == 6
    assert person.jitsu("package", "list", "nowhere").code == 6
    before = sorted(folder.iterdir())
    nowhere = person.jitsu("package", "create", "-o", "no/where.tgz", cwd=folder)
    assert nowhere.code in {2, 6}
    assert "no/where.tgz" in nowhere.err
    assert sorted(folder.iterdir()) == before

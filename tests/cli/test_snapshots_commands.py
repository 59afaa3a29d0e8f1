"""`jitsu snapshots create, view, log, fetch, destroy` and `jitsu rollback` on a real platform."""

from __future__ import annotations

import hashlib
import json
import signal
import tarfile
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import left
from tests.platforms import archive, hello
from tests.unit.loopback import POWERED, Reply, Request, answer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.people import Person
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

LISTED = ["id", "state", "active", "running", "size", "ctime", "filename", "md5", "sha256"]


def put(platform: LocalPlatform, name: str, *versions: str) -> None:
    """Have an app live, its last version running."""
    for version in versions:
        files = archive(hello(name, f"{name} {version}", version=version))
        done = platform.call("POST", f"/apps/{platform.user}/snapshots/{version}", data=files)
        assert done.status_code == 200, done.text


def project(folder: Path, name: str, version: str = "0.1.0", **scripts: str) -> Path:
    """A project on disk."""
    files = hello(name, f"{name} {version}", version=version)
    manifest = json.loads(files["package.json"])
    manifest["scripts"] |= scripts
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text(json.dumps(manifest))
    (folder / "server.js").write_text(str(files["server.js"]))
    return folder


def test_create(owner: Person, shared_platform: LocalPlatform) -> None:
    """A snapshot is packed and built, its id alone on stdout; what runs and what is active stay."""
    put(shared_platform, "creates", "0.1.0")
    folder = project(owner.folder / "p", "creates")
    made = owner.jitsu("snapshots", "create", cwd=folder)
    assert (made.code, made.out) == (0, "0.1.0-1\n"), made.err
    shown = owner.jitsu("snapshots", "create", "--snapshot", "mine", "--json", cwd=folder).json()
    assert list(shown) == [*LISTED, "engine", "error", "files"]
    assert (shown["id"], shown["state"], shown["active"]) == ("mine", "ready", False)
    assert {file["path"] for file in shown["files"]} == {"package.json", "server.js"}
    assert owner.jitsu("snapshots", "create", "--snapshot", "mine", cwd=folder).code == 5
    app = owner.jitsu("view", "creates", "--json").json()
    assert (app["running"], app["active"]) == ("0.1.0", "0.1.0")
    assert json.loads((folder / "package.json").read_text())["version"] == "0.1.0"


def test_create_that_cannot_be(owner: Person, shared_platform: LocalPlatform) -> None:
    """No app is 4 and makes none; no project is 6; a build that fails is 7 with its lines, and is kept."""
    folder = project(owner.folder / "p", "uncreated", install="echo out of luck; exit 3")
    assert owner.jitsu("snapshots", "create", cwd=folder).code == 4
    assert owner.jitsu("view", "uncreated").code == 4
    assert owner.jitsu("snapshots", "create", "--dir", "nowhere").code == 6
    shared_platform.call("POST", f"/apps/{shared_platform.user}", {"name": "uncreated"})
    failed = owner.jitsu("snapshots", "create", "uncreated", cwd=folder)
    assert failed.code == 7
    assert "out of luck" in failed.err
    assert "out of luck" in owner.jitsu("snapshots", "log", "uncreated").out
    viewed = owner.jitsu("snapshots", "view", "uncreated", "--json").json()
    assert (viewed["state"], viewed["error"]["error"]) == ("failed", "install_failed")
    assert owner.jitsu("rollback", "uncreated").code == 4
    assert owner.jitsu("rollback", "uncreated", "0.1.0").code == 5


def test_view_and_log(owner: Person, shared_platform: LocalPlatform) -> None:
    """Without an id the newest is meant; the folder names the app; an unknown id is 4."""
    put(shared_platform, "viewed", "0.1.0", "0.2.0")
    (owner.folder / "package.json").write_text('{"name": "viewed"}')
    assert owner.jitsu("snapshots", "view", "--json").json()["id"] == "0.2.0"
    assert owner.jitsu("snapshots", "view", "0.1.0", "--json").json()["id"] == "0.1.0"
    record = owner.jitsu("snapshots", "view", "viewed", "0.1.0").out
    assert "files     2, " in record
    log = owner.jitsu("snapshots", "log", "0.1.0", "--json").json()
    assert sorted(log) == ["app", "id", "lines"]
    assert log["lines"] == owner.jitsu("snapshots", "log", "viewed", "0.1.0").out.splitlines()
    assert owner.jitsu("snapshots", "view", "viewed", "9.9.9").code == 4
    assert owner.jitsu("snapshots", "log", "none", "9.9.9").code == 4
    assert owner.jitsu("snapshots", "list", "vieved", "--json").error()["hint"] == "did you mean viewed?"


def test_fetch(owner: Person, shared_platform: LocalPlatform) -> None:
    """The archive comes down byte for byte, under a name of its own or the one given; over none unasked."""
    put(shared_platform, "fetched", "0.1.0", "0.2.0")
    done = owner.jitsu("snapshots", "fetch", "fetched")
    assert (done.code, done.out) == (0, "fetched-0.2.0.tgz\n")
    with tarfile.open(owner.folder / "fetched-0.2.0.tgz") as tar:
        assert "package/package.json" in tar.getnames()
    answered = owner.jitsu("snapshots", "fetch", "fetched", "0.1.0", "-o", "x.tgz", "--json").json()
    assert sorted(answered) == ["app", "file", "id", "sha256", "size"]
    content = (owner.folder / "x.tgz").read_bytes()
    assert hashlib.sha256(content).hexdigest() == answered["sha256"]
    assert len(content) == answered["size"]
    assert owner.jitsu("snapshots", "fetch", "fetched", "-o", "x.tgz").code == 2
    assert (owner.folder / "x.tgz").read_bytes() == content
    assert owner.jitsu("snapshots", "fetch", "fetched", "-o", "x.tgz", "--yes").code == 0
    (owner.folder / "into").mkdir()
    assert owner.jitsu("snapshots", "fetch", "fetched", "-o", "into").out == "into/fetched-0.2.0.tgz\n"
    nowhere = owner.jitsu("snapshots", "fetch", "fetched", "-o", "no/where.tgz")
    assert (nowhere.code, "cannot be written" in nowhere.err) == (2, True)
    assert sorted(path.name for path in owner.folder.iterdir()) == ["fetched-0.2.0.tgz", "into", "x.tgz"]


@pytest.mark.parametrize("how", ["cut", "wrong", "interrupted"])
def test_fetch_leaves_no_part(how: str, person: Person) -> None:
    """A download that breaks, is not what was uploaded, or is interrupted leaves no file."""

    def slowly() -> Iterator[bytes]:
        yield b"x" * 1000
        time.sleep(5 if how == "interrupted" else 0)
        yield b"x" * 1000

    def respond(request: Request) -> Reply | None:
        if "range" in request.headers:
            return None  # what broke does not go on
        if request.path.endswith(".tgz"):
            return Reply(200, slowly(), dict(POWERED), cut=how == "cut")
        row = {"id": "0.1.0", "state": "ready", "size": 2000, "sha256": "0" * 64}
        return answer({"snapshots": [row]})

    with serving(respond) as running:
        person.more |= {"JITSU_HOST": running.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        if how == "interrupted":
            terminal = person.sit("snapshots", "fetch", "shop")
            terminal.expect("Downloading 0.1.0")
            time.sleep(0.5)
            terminal.kill(signal.SIGINT)
            left(terminal)
            assert terminal.exitstatus == 130
        else:
            assert person.jitsu("snapshots", "fetch", "shop").code == (9 if how == "cut" else 11)
    assert list(person.folder.iterdir()) == []


def test_destroy(owner: Person, shared_platform: LocalPlatform) -> None:
    """The id is typed, or --confirm stands for it; what is active stays, with the reason."""
    put(shared_platform, "sheds", "0.1.0", "0.2.0", "0.3.0")
    assert owner.jitsu("snapshots", "destroy", "sheds").code == 2
    assert owner.jitsu("snapshots", "destroy", "sheds", "0.1.0").code == 2
    assert owner.jitsu("snapshots", "destroy", "sheds", "9.9.9", "--confirm").code == 4
    assert owner.jitsu("snapshots", "destroy", "sheds", "0.3.0", "--confirm").code == 5
    terminal = owner.sit("snapshots", "destroy", "sheds")
    terminal.expect("Which one")
    terminal.sendline("0.1.0")
    terminal.expect("Type 0.1.0 to confirm: ")
    terminal.sendline("yes")
    assert "nothing was removed" in left(terminal)
    gone = owner.jitsu("snapshots", "rm", "sheds", "0.1.0", "--confirm", "--json").json()
    assert gone == {"app": "sheds", "id": "0.1.0", "destroyed": True}
    rows = owner.jitsu("snapshots", "list", "sheds", "--json").json()
    assert [row["id"] for row in rows] == ["0.2.0", "0.3.0"]
    assert list(rows[0]) == LISTED


def test_rollback(owner: Person, shared_platform: LocalPlatform) -> None:
    """Each rollback goes one further back, says from where to where, and answers with the URL."""
    put(shared_platform, "back", "0.1.0", "0.2.0", "0.3.0")
    (owner.folder / "package.json").write_text('{"name": "back"}')
    first = owner.jitsu("rollback")
    assert first.code == 0, first.err
    assert first.out.startswith("http://back.localhost")
    assert "from 0.3.0 to 0.2.0" in first.err
    assert shared_platform.get("back").text == "back 0.2.0"
    second = owner.jitsu("rollback", "back", "--json").json()
    assert second == {
        "app": "back",
        "user": shared_platform.user,
        "from": "0.2.0",
        "to": "0.1.0",
        "url": second["url"],
    }
    assert owner.jitsu("rollback").code == 4, "there is nothing before the first"
    assert owner.jitsu("rollback", "0.3.0").code == 0
    assert shared_platform.get("back").text == "back 0.3.0"
    assert owner.jitsu("rollback", "back", "9.9.9").code == 4
    for words in (["rollback"], ["snapshots", "view"]):
        unknown = owner.jitsu(*words, "9.9.9")
        assert (unknown.code, "back has no snapshot 9.9.9" in unknown.err) == (4, True), unknown.err
        assert "`jitsu snapshots list back` shows them" in unknown.err
    assert "no app" in owner.jitsu("rollback", "nobodys").err


def test_a_rollback_passes_over_what_never_came_up(owner: Person, shared_platform: LocalPlatform) -> None:
    """Without a name it goes to the newest that served; where none did, it says how to name one."""
    put(shared_platform, "skips", "0.1.0")
    crash = {**hello("skips", version="0.1.1"), "server.js": "process.exit(1)"}
    path = f"/apps/{shared_platform.user}/skips/snapshots/0.1.1"
    assert shared_platform.call("POST", path, data=archive(crash)).ok
    put(shared_platform, "skips", "0.2.0")
    back = owner.jitsu("rollback", "skips")
    assert back.code == 0, back.err
    assert "from 0.2.0 to 0.1.0" in back.err
    nothing = owner.jitsu("rollback", "skips")
    assert nothing.code == 4
    assert "no snapshot that ever served before 0.1.0" in nothing.err
    assert "jitsu rollback skips SNAPSHOT" in nothing.err
    assert owner.jitsu("rollback", "skips", "0.1.1").code == 8, "one that is named is tried"


def test_a_rollback_that_fails(owner: Person, shared_platform: LocalPlatform) -> None:
    """When the earlier one does not come up the code is 8, its lines are shown, and what served stays."""
    put(shared_platform, "stays", "0.1.0")
    crash = {**hello("stays", version="0.2.0"), "server.js": "console.error('no luck'); process.exit(1)"}
    path = f"/apps/{shared_platform.user}/stays/snapshots/0.2.0"
    assert shared_platform.call("POST", path, data=archive(crash)).ok
    failed = owner.jitsu("rollback", "stays", "0.2.0")
    assert failed.code == 8
    assert "no luck" in failed.err
    assert "0.1.0 still serves" in failed.err
    app = owner.jitsu("view", "stays", "--json").json()
    assert (app["running"], app["active"]) == ("0.1.0", "0.1.0")
    assert shared_platform.get("stays").text == "stays 0.1.0"

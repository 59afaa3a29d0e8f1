"""Apps, snapshots and logs by the command line, on a real platform with a real app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.cli.people import left
from tests.platforms import archive, hello
from tests.unit.loopback import answer, serving

if TYPE_CHECKING:
    from tests.cli.people import Person
    from tests.platforms import LocalPlatform
    from tests.unit.loopback import Reply, Request

pytestmark = pytest.mark.slow


def put(platform: LocalPlatform, name: str, *versions: str) -> None:
    """Have an app live, its last version running."""
    for version in versions or ("0.1.0",):
        files = archive(hello(name, f"{name} {version}", version=version))
        answer = platform.call("POST", f"/apps/{platform.user}/snapshots/{version}", data=files)
        assert answer.status_code == 200, answer.text


def test_list_and_view(owner: Person, shared_platform: LocalPlatform) -> None:
    """One description gives the table, the single view and JSON; variables are in none: they hold secrets."""
    put(shared_platform, "shown")
    shared_platform.call("PUT", f"/apps/{shared_platform.user}/shown", {"env": {"KEY": "sentinel"}})
    table = owner.jitsu("list").out
    head, *rows = table.splitlines()
    assert head.split() == ["NAME", "STATE", "URL", "DRONES", "SNAPSHOT"]
    row = next(row for row in rows if row.startswith("shown")).split()
    assert row[:2] + row[3:] == ["shown", "started", "1/1", "0.1.0"]
    listed = next(app for app in owner.jitsu("ls", "--json").json() if app["name"] == "shown")
    viewed = owner.jitsu("view", "shown", "--json").json()
    (process,) = viewed.pop("processes")
    assert viewed == listed
    assert (process["number"], process["state"], process["pid"] > 0) == (1, "ready", True)
    shown = f"1: {process['id']} ready, pid {process['pid']}, port {process['port']}, started "
    assert shown in owner.jitsu("view", "shown").out
    assert (viewed["state"], viewed["drones"], viewed["maxDrones"], viewed["url"]) == (
        "started",
        1,
        1,
        row[2],
    )
    assert "sentinel" not in str(viewed) + owner.jitsu("v", "shown").out + table
    assert owner.jitsu("apps", "view", f"{shared_platform.user}/shown").code == 0


def test_stop_start_restart(owner: Person, shared_platform: LocalPlatform) -> None:
    """The verbs change what runs, by every name they have; the answer of a start is the URL."""
    put(shared_platform, "acted")
    assert owner.jitsu("stop", "acted").code == 0
    assert shared_platform.get("acted").status_code == 503
    started = owner.jitsu("apps", "start", "acted")
    assert started.out.startswith("http://acted.localhost")
    assert shared_platform.get("acted").text == "acted 0.1.0"
    assert owner.jitsu("restart", "acted", "--json").json()["state"] == "started"


def test_the_folder_names_the_app(owner: Person, shared_platform: LocalPlatform) -> None:
    """Without a name the package.json here or in --dir names the app; without both it is a usage error."""
    put(shared_platform, "folder")
    project = owner.folder / "project"
    project.mkdir()
    (project / "package.json").write_text('{"name": "@scope/folder"}')
    assert owner.jitsu("view", "--json", cwd=project).json()["name"] == "folder"
    assert owner.jitsu("view", "--dir", "project", "--json").json()["name"] == "folder"
    assert owner.jitsu("view").code == 2
    (project / "package.json").write_text("{nonsense")
    assert owner.jitsu("view", cwd=project).code == 6
    assert owner.jitsu("view", "--dir", "nowhere").code == 6


@pytest.mark.parametrize("name", ["a/b/c", "/a", "a/", "../x", "a\nb", "%2e%2e"])
def test_names_that_are_none(name: str, owner: Person) -> None:
    """What cannot be an app's name is refused or not found, and nothing else happens."""
    assert owner.jitsu("view", name).code in {2, 3, 4}


def test_a_name_that_is_nearly_right(owner: Person, shared_platform: LocalPlatform) -> None:
    """An app that is not there is code 4, names the nearest one, and tells the request."""
    put(shared_platform, "nearby")
    told = owner.jitsu("view", "neraby", "--json").error()
    assert (told["exit_code"], told["error"], told["hint"]) == (4, "not_found", "did you mean nearby?")
    assert told["request_id"]


def test_snapshots(owner: Person, shared_platform: LocalPlatform) -> None:
    """Snapshots are listed oldest first; an older one is made active by its id and runs after a start."""
    put(shared_platform, "versions", "0.1.0", "0.2.0")
    rows = owner.jitsu("snapshots", "list", "versions", "--json").json()
    assert [(row["id"], row["running"]) for row in rows] == [("0.1.0", False), ("0.2.0", True)]
    assert owner.jitsu("snapshots", "activate", "versions", "0.1.0").code == 0
    assert shared_platform.get("versions").text == "versions 0.2.0"
    owner.jitsu("start", "versions")
    assert shared_platform.get("versions").text == "versions 0.1.0"
    for unknown in ("9.9.9", "9/9"):
        gone = owner.jitsu("snapshots", "activate", "versions", unknown)
        assert (gone.code, "hint: `jitsu snapshots list versions`" in gone.err) == (4, True)
    assert owner.jitsu("snapshots", "activate", "none", "0.1.0").code == 4


def test_a_list_that_fails_hides_no_other_error(person: Person) -> None:
    """It was asked for to suggest a name: that there is no such app stays what is said."""

    def respond(request: Request) -> Reply:
        return answer({}, 500) if request.path == "/apps/ada" else answer({"error": "not_found"}, 404)

    with serving(respond) as server:
        person.more |= {"JITSU_HOST": server.url, "JITSU_USERNAME": "ada", "JITSU_TOKEN": "t0ken"}
        assert person.jitsu("view", "shop").code == 4


def test_activate_with_one_word(owner: Person, shared_platform: LocalPlatform) -> None:
    """One word is a snapshot where the folder's app has such a one; else an app, and the id is asked."""
    put(shared_platform, "single", "0.1.0", "0.2.0")
    (owner.folder / "package.json").write_text('{"name": "single"}')
    assert owner.jitsu("snapshots", "activate", "0.1.0").out == "0.1.0\n"
    assert owner.jitsu("snapshots", "activate", "single").code == 2
    terminal = owner.sit("snapshots", "activate", "single")
    terminal.expect(r"Which one \[0.2.0\]: ")
    terminal.sendline("")
    assert "0.2.0" in left(terminal)
    assert terminal.exitstatus == 0


def test_logs(owner: Person, shared_platform: LocalPlatform) -> None:
    """The newest lines come oldest first, as many as asked for, in today's words and those of old."""
    files = hello("talks")
    files["server.js"] = "for (let i = 1; i <= 50; i++) console.log('line ' + i + ' \\u001b[2J');" + str(
        files["server.js"]
    )
    shared_platform.call("POST", f"/apps/{shared_platform.user}/snapshots/0.1.0", data=archive(files))
    for words in (["talks", "3"], ["app", "talks", "3"]):
        lines = owner.jitsu("logs", *words).out.splitlines()
        assert len(lines) == 3
    texts = [line["text"] for line in owner.jitsu("logs", "talks", "--json").json()]
    printed = [text for text in texts if text.startswith("line")]
    assert [text.split()[1] for text in printed] == [str(number) for number in range(1, 51)]
    assert "line 7 \x1b[2J" in owner.jitsu("logs", "talks", "--raw").out
    terminal = owner.sit("logs", "talks", "--raw", columns=200)
    shown = left(terminal)
    assert "line 7 \\x1b[2J" in shown
    assert "\x1b[2J" not in shown
    for words in (["talks", "0"], ["talks", "3", "4"], ["talks", "x"]):
        assert owner.jitsu("logs", *words).code == 2


def test_destroying_asks_for_the_name(owner: Person, shared_platform: LocalPlatform) -> None:
    """What destroys wants the name typed; another word, a bare return or no terminal removes nothing."""
    put(shared_platform, "doomed")
    assert owner.jitsu("destroy", "doomed").code == 2
    for word in ("yes", "doome"):
        terminal = owner.sit("destroy", "doomed")
        terminal.expect("Type doomed to confirm: ")
        terminal.sendline(word)
        assert "nothing was removed" in left(terminal)
        assert terminal.exitstatus == 2
    assert owner.jitsu("view", "doomed").code == 0
    terminal = owner.sit("destroy", "doomed")
    terminal.expect("Type doomed to confirm: ")
    terminal.sendline("doomed")
    left(terminal)
    assert terminal.exitstatus == 0
    assert owner.jitsu("view", "doomed").code == 4


def test_destroying_by_script(owner: Person, shared_platform: LocalPlatform) -> None:
    """--confirm stands for the name in scripts."""
    put(shared_platform, "scripted")
    assert owner.jitsu("destroy", "scripted", "--confirm", "--json").json()["destroyed"] is True
    assert owner.jitsu("view", "scripted").code == 4

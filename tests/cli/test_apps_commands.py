"""`jitsu apps create, update, setdrones, cloud, browse, available` on a real platform."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import left
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.people import Person
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

APP = [
    "name",
    "user",
    "state",
    "condition",
    "url",
    "urls",
    "subdomain",
    "domains",
    "drones",
    "maxDrones",
    "running",
    "active",
    "version",
    "description",
    "engines",
    "cloud",
    "snapshots",
    "databases",
    "ctime",
    "mtime",
]


def put(platform: LocalPlatform, name: str) -> None:
    """Have an app live."""
    path = f"/apps/{platform.user}/snapshots/0.1.0"
    assert platform.call("POST", path, data=archive(hello(name))).ok


def manifest(folder: Path, **keys: object) -> None:
    """Write a package.json."""
    (folder / "package.json").write_text(json.dumps(keys))


def test_create(owner: Person, shared_platform: LocalPlatform) -> None:
    """A name is claimed with its subdomain, from the folder or by name; twice is a conflict."""
    manifest(owner.folder, name="@me/Claimed".lower(), version="1.0.0", env={"A": 1}, subdomain="mine")
    made = owner.jitsu("create")
    assert made.code == 0, made.err
    assert made.out.startswith("http://mine.localhost")
    app = shared_platform.call("GET", f"/apps/{shared_platform.user}/claimed").json()["app"]
    assert (app["version"], app["env"], app["state"]) == ("1.0.0", {"A": "1"}, "stopped")
    assert owner.jitsu("apps", "create").code == 5
    named = owner.jitsu("apps", "create", "bynameonly", "--json").json()
    assert list(named) == APP
    assert (named["subdomain"], named["snapshots"]) == ("bynameonly", [])
    assert owner.jitsu("create", "bynameonly").code == 5
    assert owner.jitsu("create", "Bad Name!").code == 2
    (owner.folder / "package.json").unlink()
    assert owner.jitsu("create").code == 2


def test_create_where_the_subdomain_is_taken(owner: Person) -> None:
    """A subdomain that follows from the name gives way, with a word; one that was asked for does not."""
    assert owner.jitsu("create", "first", "--subdomain", "wanted").code == 0
    second = owner.jitsu("create", "wanted")
    assert second.code == 0, second.err
    assert "the subdomain wanted is taken" in second.err
    refused = owner.jitsu("create", "third", "--subdomain", "wanted", "--json").error()
    assert (refused["exit_code"], refused["error"]) == (5, "subdomain_taken")
    assert owner.jitsu("view", "third").code == 4
    terminal = owner.sit("create", "third", "--subdomain", "wanted")
    terminal.expect("Another subdomain")
    terminal.sendline("other")
    assert "http://other.localhost" in left(terminal)


def test_update(owner: Person, shared_platform: LocalPlatform) -> None:
    """What differs is shown key by key, variables by name alone, and sent; the same again is no changes."""
    shared_platform.call("POST", f"/apps/{shared_platform.user}", {"name": "updated", "version": "1.0.0"})
    keys = {
        "name": "updated",
        "version": "1.1.0",
        "scripts": {"start": "node a.js"},
        "env": {"KEY": "sentinel"},
    }
    manifest(owner.folder, **keys)
    dry = owner.jitsu("apps", "update", "--dry-run")
    assert (dry.code, "nothing was sent" in dry.err) == (0, True)
    done = owner.jitsu("apps", "update", "--json")
    assert "sentinel" not in done.out + done.err
    answer = done.json()
    assert sorted(answer) == ["app", "changes", "sent", "user"]
    assert {"key": "version", "old": "1.0.0", "new": "1.1.0"} in answer["changes"]
    assert {"key": "scripts.start", "old": None, "new": "node a.js"} in answer["changes"]
    assert {"key": "env.KEY", "old": None, "new": "(hidden)"} in answer["changes"]
    again = owner.jitsu("apps", "update")
    assert (again.code, again.out, again.err) == (0, "", "no changes\n")
    assert owner.jitsu("apps", "update", "--json").json()["changes"] == []
    manifest(owner.folder, **{**keys, "scripts": {"start": "node b.js"}})
    shown = owner.jitsu("apps", "update", "updated").out
    assert shown.splitlines()[1].split() == ["scripts.start", "node", "a.js", "node", "b.js"]


def test_update_that_cannot_be(owner: Person, shared_platform: LocalPlatform) -> None:
    """No app is 4, no project 6, a subdomain of another app 5; nothing is sent then."""
    manifest(owner.folder, name="nosuch", version="1.0.0")
    assert owner.jitsu("apps", "update").code == 4
    for name in ("holder", "wisher"):
        shared_platform.call("POST", f"/apps/{shared_platform.user}", {"name": name})
    manifest(owner.folder, name="wisher", version="2.0.0", subdomain="holder")
    assert owner.jitsu("apps", "update").code == 5
    assert owner.jitsu("view", "wisher", "--json").json()["version"] != "2.0.0"
    (owner.folder / "package.json").write_text("{")
    assert owner.jitsu("apps", "update", "wisher").code == 6


def test_update_of_what_runs(owner: Person, shared_platform: LocalPlatform) -> None:
    """A running app is said to need a restart, unless only its host names changed, which count at once."""
    put(shared_platform, "runs")
    manifest(
        owner.folder, name="runs", version="0.1.0", scripts={"start": "node server.js"}, subdomain="runz"
    )
    moved = owner.jitsu("apps", "update")
    assert "restart" not in moved.err
    assert shared_platform.get("runz").text == "hello"
    manifest(owner.folder, name="runs", version="0.1.0", scripts={"start": "node ./server.js"})
    assert "jitsu restart runs" in owner.jitsu("apps", "update").err


def test_scale(owner: Person, shared_platform: LocalPlatform) -> None:
    """The wanted number of drones runs when the command ends; a number that cannot be changes nothing."""
    put(shared_platform, "scaled")
    done = owner.jitsu("scale", "scaled", "2", "--json")
    assert done.json() == [{"provider": "local", "datacenter": "local", "drones": 2, "ram": None}]
    app = owner.jitsu("view", "scaled", "--json").json()
    assert (app["drones"], app["maxDrones"]) == (2, 2)
    (owner.folder / "package.json").write_text('{"name": "scaled"}')
    assert owner.jitsu("apps", "setdrones", "1").code == 0
    assert owner.jitsu("view", "--json").json()["drones"] == 1
    same = owner.jitsu("scale", "1")
    assert (same.code, "no changes" in same.err) == (0, True)
    for words in ([], ["0"], ["scaled", "x"], ["scaled", "-1"], ["scaled", "1", "2"], ["99999"]):
        assert owner.jitsu("scale", *words).code == 2, words
    assert owner.jitsu("scale", "sclaed", "2", "--json").error()["hint"] == "did you mean scaled?"


def test_cloud(owner: Person, shared_platform: LocalPlatform) -> None:
    """The cloud of an app is shown and changed in today's words and those of old; what there is is listed."""
    put(shared_platform, "clouded")
    places = owner.jitsu("cloud", "list", "--json").json()
    assert places == [{"provider": "local", "datacenter": "local", "endpoint": shared_platform.status.api}]
    shown = owner.jitsu("cloud", "clouded").out.splitlines()
    assert shown[0].split() == ["PROVIDER", "DATACENTER", "DRONES", "RAM"]
    assert shown[1].split() == ["local", "local", "1", "default"]
    sized = owner.jitsu("apps", "cloud", "clouded", "--ram", "128", "--json").json()
    assert sized == [{"provider": "local", "datacenter": "local", "drones": 1, "ram": 128}]
    (owner.folder / "package.json").write_text('{"name": "clouded"}')
    assert owner.jitsu("cloud", "local", "local", "--drones", "2").code == 0
    assert owner.jitsu("cloud", "--json").json()[0]["drones"] == 2
    assert owner.jitsu("cloud", "clouded", "mars", "one").code == 2
    assert owner.jitsu("cloud", "a", "b", "c", "d").code == 2
    assert owner.jitsu("cloud", "clouded", "--drones", "0").code == 2
    assert owner.jitsu("cloud", "nosuch").code == 4


def test_open(owner: Person, shared_platform: LocalPlatform) -> None:
    """On a terminal with a screen the browser gets the URL; everywhere else it is printed alone."""
    put(shared_platform, "opened")
    printed = owner.jitsu("open", "opened")
    assert (printed.code, printed.err) == (0, "")
    assert printed.out.startswith("http://opened.localhost")
    answer = owner.jitsu("apps", "browse", "opened", "--json").json()
    assert sorted(answer) == ["app", "opened", "url", "user"]
    assert answer["opened"] is False
    tools = owner.folder / "bin"
    tools.mkdir()
    browser = tools / "xdg-open"
    browser.write_text(f'#!/bin/sh\necho "$1" > {owner.folder}/visited\n')
    browser.chmod(0o755)
    path = f"{tools}:{owner.environment()['PATH']}"
    terminal = owner.sit("open", "opened", DISPLAY=":7", PATH=path)
    assert printed.out.strip() in left(terminal)
    assert (owner.folder / "visited").read_text() == printed.out
    owner.jitsu("stop", "opened")
    assert "jitsu start opened" in owner.jitsu("open", "opened").err
    assert owner.jitsu("open", "nosuch").code == 4


def test_available(owner: Person, shared_platform: LocalPlatform) -> None:
    """A free name is code 0, a taken name or subdomain 5, both with an answer on stdout."""
    shared_platform.call("POST", f"/apps/{shared_platform.user}", {"name": "taken"})
    free = owner.jitsu("apps", "available", "stillfree")
    assert (free.code, free.out) == (0, "stillfree is free\n")
    assert owner.jitsu("apps", "available", "taken").out == "taken: the name is taken\n"
    gone = owner.jitsu("apps", "available", "taken", "--json")
    assert (gone.code, gone.json()) == (
        5,
        {"name": "taken", "available": False, "appname": False, "subdomain": True},
    )
    assert owner.jitsu("apps", "available", "other", "--subdomain", "taken").code == 5
    assert owner.jitsu("apps", "available", "Bad Name!").code == 2


def test_deploy_is_a_verb_of_apps(owner: Person) -> None:
    """`jitsu apps deploy` is `jitsu deploy`, with its aliases and its help."""
    helped = owner.jitsu("apps", "deploy", "--help")
    assert (helped.code, "--dry-run" in helped.out) == (0, True)
    assert "--release" in owner.jitsu("help", "apps", "push").out
    assert owner.jitsu("apps", "deploy", "nowhere").code == 6
    assert "deploy" in owner.jitsu("help", "apps").out

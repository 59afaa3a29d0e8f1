"""The plan of a deploy: what it finds out, and that it only reads."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py import errors
from jitsu_py.api import Client
from jitsu_py.deploy import DeployOptions, plan
from tests.unit.stand import Stand, standing

if TYPE_CHECKING:
    from pathlib import Path

    from jitsu_py.deploy import Plan

MANIFEST = {"name": "hello", "version": "0.1.0", "subdomain": "hello", "scripts": {"start": "node server.js"}}


def project(folder: Path, **changes: Any) -> Path:
    """A project on disk; a key of None is left out."""
    data = {key: value for key, value in {**MANIFEST, **changes}.items() if value is not None}
    (folder / "package.json").write_text(json.dumps(data, indent=2) + "\n")
    (folder / "server.js").write_text("require('http').createServer().listen(8080)\n")
    return folder


def planned(stand: Stand, folder: Path, **options: Any) -> Plan:
    """Plan against a stand; nothing may be written on the way."""
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    try:
        with standing(stand) as server, Client(server.url, "ada", "token") as client:
            return plan(client, DeployOptions(folder=folder, **options))
    finally:
        writes = [line for line in server.paths() if not line.startswith("GET") and "/available" not in line]
        assert writes == []
        assert before == {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def deployed_stand(*ids: str, **changes: Any) -> Stand:
    """A stand that has the app, the last id running."""
    cloud = {"cloud": [{"provider": "local", "datacenter": "local", "drones": 2, "ram": 128}]}
    app = {**MANIFEST, "env": {}, "user": "ada", "state": "started", "config": cloud, **changes}
    listed = [
        {"id": each, "state": "ready", "active": each == ids[-1], "running": each == ids[-1]} for each in ids
    ]
    return Stand(apps={"hello": app}, snapshots={"hello": listed})


def test_a_new_app(tmp_path: Path) -> None:
    """The first deploy creates the app and takes the version as the snapshot's id."""
    found = planned(Stand(), project(tmp_path))
    assert found.existing is None
    assert (found.key, found.subdomain, found.snapshot) == ("ada/hello", "hello", "0.1.0")
    assert [file.path for file in found.files] == ["package.json", "server.js"]
    assert found.data()["exists"] is False
    json.dumps(found.data())


def test_the_second_deploy_is_the_next_build(tmp_path: Path) -> None:
    """Where the version's id exists, the next build of it is used, and nothing else changes."""
    found = planned(deployed_stand("0.1.0", "0.1.0-1"), project(tmp_path))
    assert found.snapshot == "0.1.0-2"
    assert (found.settings, dict(found.body), found.cloud, found.diff) == ((), {}, None, "")
    assert found.data()["replaces"] == "0.1.0-1"


def test_settings_that_differ_are_listed(tmp_path: Path) -> None:
    """Old and new of every setting; only those are sent."""
    found = planned(deployed_stand("0.1.0"), project(tmp_path, version="0.2.0", domains="Hello.Example.com."))
    changes = {change.key: (change.old, change.new) for change in found.settings}
    assert changes == {"version": ("0.1.0", "0.2.0"), "domains": (None, ["hello.example.com"])}
    assert set(found.body) == {"version", "domains"}


def test_variables_are_laid_over_and_never_shown(tmp_path: Path) -> None:
    """package.json and --env add to what the app has; values stay out of plan and repr."""
    stand = deployed_stand("0.1.0", env={"KEEP": "kept-secret", "OLD": "old-secret"})
    folder = project(tmp_path, env={"NUMBER": 8080, "FLAG": True})
    found = planned(stand, folder, env={"OLD": "new-secret"})
    kept = {"KEEP": "kept-secret", "OLD": "new-secret", "NUMBER": "8080", "FLAG": "true"}
    assert found.body["env"] == kept
    assert {change.key for change in found.settings} == {"env.OLD", "env.NUMBER", "env.FLAG"}
    assert "secret" not in json.dumps(found.data()) + repr(found)


def test_keys_that_are_the_servers_are_not_settings(tmp_path: Path) -> None:
    """`config` in a package.json is npm's, `config` of an app the platform's."""
    found = planned(deployed_stand("0.1.0"), project(tmp_path, config={"port": 1}, state="x", user="eve"))
    assert dict(found.body) == {}


def test_scale(tmp_path: Path) -> None:
    """--drones and --ram change what they name and leave the rest."""
    found = planned(deployed_stand("0.1.0"), project(tmp_path), drones=3)
    assert found.cloud is not None
    assert (found.cloud.drones, found.cloud.ram) == (3, 128)
    assert [(change.key, change.old, change.new) for change in found.settings] == [("drones", 2, 3)]
    assert planned(deployed_stand("0.1.0"), tmp_path, drones=2).cloud is None


def test_release_bumps_in_the_plan_only(tmp_path: Path) -> None:
    """A bump is shown as the diff of package.json; the file is written later."""
    found = planned(deployed_stand("0.1.0"), project(tmp_path), release="minor")
    assert (found.manifest.version, found.snapshot) == ("0.2.0", "0.2.0")
    assert '+  "version": "0.2.0"' in found.diff
    assert found.unwritten is False


def test_a_taken_snapshot_id_is_refused_with_a_free_one(tmp_path: Path) -> None:
    """A chosen id is not changed behind the person's back."""
    with pytest.raises(errors.ConflictError) as caught:
        planned(deployed_stand("0.1.0"), project(tmp_path), snapshot="0.1.0")
    assert "--snapshot 0.1.0-1" in caught.value.hint
    assert planned(deployed_stand("0.1.0"), tmp_path, snapshot="mine").snapshot == "mine"


def test_a_taken_subdomain_is_refused_with_a_free_one(tmp_path: Path) -> None:
    """What package.json names and somebody else has is a conflict, before anything is written."""
    with pytest.raises(errors.ConflictError) as caught:
        planned(Stand(taken={"hello", "hello-ada"}), project(tmp_path))
    assert caught.value.details == {"subdomain": "hello", "free": "hello-2"}
    assert "hello-2" in caught.value.hint


def test_a_subdomain_nobody_chose_gives_way(tmp_path: Path) -> None:
    """Without one in package.json the next free one is taken, and said; the app keeps it later."""
    found = planned(Stand(taken={"hello"}), project(tmp_path, subdomain=None))
    assert found.subdomain == "hello-ada"
    assert "hello is taken" in found.notes[0]
    kept = planned(deployed_stand("0.1.0", subdomain="hello-ada"), tmp_path)
    assert (kept.subdomain, kept.notes, dict(kept.body)) == ("hello-ada", (), {})


def test_a_scope_is_no_part_of_the_name(tmp_path: Path) -> None:
    """`@acme/hello` is the app hello."""
    found = planned(deployed_stand("0.1.0"), project(tmp_path, name="@acme/hello"))
    assert (found.app, found.existing is None, dict(found.body)) == ("hello", False, {})


def test_defaults_stand_in_for_what_is_missing(tmp_path: Path) -> None:
    """Without answers the deploy goes on, and package.json stays as it is."""
    (tmp_path / "My App").mkdir()
    folder = tmp_path / "My App"
    (folder / "package.json").write_text("{}")
    (folder / "app.js").write_text("")
    found = planned(Stand(), folder)
    assert (found.app, found.manifest.version, found.snapshot) == ("my-app", "0.1.0", "0.1.0")
    assert found.manifest.start == "node app.js"
    assert (dict(found.written), found.unwritten) == ({}, True)


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        ({"name": "no spaces please", "version": "one"}, ["name", "version"]),
        ({"engines": {"node": "latest-ish"}}, ["engines.node"]),
        ({"subdomain": "-no-"}, ["subdomain"]),
    ],
)
def test_what_is_wrong_is_named_at_once(tmp_path: Path, changes: dict[str, Any], fields: list[str]) -> None:
    """No default replaces what a person wrote; all of it is said in one error."""
    with pytest.raises(errors.ProjectError) as caught:
        planned(Stand(), project(tmp_path, **changes))
    assert sorted(caught.value.details["fields"]) == sorted(fields)


def test_nothing_to_start(tmp_path: Path) -> None:
    """A project without anything to run is refused before a server is asked."""
    (tmp_path / "package.json").write_text('{"name": "x", "version": "1.0.0"}')
    with pytest.raises(errors.ProjectError):
        planned(Stand(), tmp_path)


def test_answers_complete_the_manifest(tmp_path: Path) -> None:
    """What a person answered counts as if it were written, and is written only when agreed."""
    folder = project(tmp_path, name=None)
    found = planned(Stand(), folder, answers={"name": "bye", "scripts": {"start": "node x.js"}})
    assert (found.app, found.manifest.start, dict(found.written)) == ("bye", "node x.js", {})
    agreed = planned(Stand(), folder, answers={"name": "bye"}, write=True)
    assert dict(agreed.written) == {"name": "bye"}
    assert '+  "name": "bye"' in agreed.diff


@pytest.mark.parametrize("wrong", [{"snapshot": "a/b"}, {"snapshot": "x" * 129}, {"drones": 0}, {"ram": -1}])
def test_options_that_cannot_be(tmp_path: Path, wrong: dict[str, Any]) -> None:
    """Options are checked before anything is read."""
    with pytest.raises(errors.UsageError):
        DeployOptions(folder=tmp_path, **wrong)

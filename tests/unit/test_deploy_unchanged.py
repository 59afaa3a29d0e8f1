"""A deploy of what the server has built already: nothing is built, and what should serve does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py import errors
from tests.unit.loopback import answer
from tests.unit.stand import Stand
from tests.unit.test_deploy_command import deploy as command
from tests.unit.test_deploy_execute import APP, BROKEN, Heard, deploy, npm
from tests.unit.test_deploy_plan import project

if TYPE_CHECKING:
    from pathlib import Path

START = f"POST {APP}/start"
LOOK = f"GET {APP}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project."""
    (tmp_path / "hello").mkdir()
    return project(tmp_path / "hello")


@pytest.fixture
def stand(folder: Path) -> Stand:
    """A stand on which the project serves as 0.1.0."""
    made = Stand()
    deploy(made, folder)
    return made


def test_what_serves_is_not_built_again(folder: Path, stand: Stand) -> None:
    """It is said, the result has the URL, and the server is asked to see that it runs."""
    heard = Heard()
    done, server = deploy(stand, folder, heard)
    assert server.paths() == [LOOK, START]
    assert (done.unchanged, done.snapshot, done.replaced, done.created) == (True, "0.1.0", "", False)
    assert done.url == "http://hello.localhost:8080"
    assert "Nothing changed since 0.1.0, which serves; --force builds anyway" in heard.steps
    assert list(stand.archives) == ["hello/0.1.0"]


def test_what_was_built_and_does_not_serve_is_put_live(folder: Path, stand: Stand) -> None:
    """Back to an old state of the files is back to the snapshot of it."""
    before = (folder / "server.js").read_text()
    (folder / "server.js").write_text("// other\n" + before)
    assert deploy(stand, folder)[0].snapshot == "0.1.0-1"
    (folder / "server.js").write_text(before)
    done, server = deploy(stand, folder)
    assert server.paths() == [LOOK, f"POST {APP}/snapshots/0.1.0/activate", START]
    assert (done.unchanged, done.snapshot, done.replaced) == (True, "0.1.0", "0.1.0-1")
    assert stand.running("hello") == "0.1.0"


def test_a_stopped_app_is_started(folder: Path, stand: Stand) -> None:
    """Active and not running: there is nothing to activate."""
    stand.snapshots["hello"][0]["running"] = False
    done, server = deploy(stand, folder)
    assert server.paths() == [LOOK, START]
    assert (done.unchanged, stand.running("hello")) == (True, "0.1.0")


def test_of_several_the_one_that_runs_is_taken(folder: Path, stand: Stand) -> None:
    """Then the active one, then the newest."""
    assert deploy(stand, folder, force=True)[0].snapshot == "0.1.0-1"
    for ref in ("0.1.0", "0.1.0-1"):
        for each in stand.snapshots["hello"]:
            each["running"] = each["active"] = each["id"] == ref
        assert deploy(stand, folder)[0].snapshot == ref
    for each in stand.snapshots["hello"]:
        each["running"] = each["active"] = False
    assert deploy(stand, folder)[0].snapshot == "0.1.0-1"


@pytest.mark.parametrize(
    "wish", [{"force": True}, {"clear_cache": True}, {"snapshot": "mine"}, {"env": {"A": "b"}}, {"drones": 3}]
)
def test_a_wish_is_a_build(folder: Path, stand: Stand, wish: dict[str, Any]) -> None:
    """--force, --clear-cache, a name for the snapshot, or settings that change."""
    done, _ = deploy(stand, folder, **wish)
    assert (done.unchanged, len(stand.archives)) == (False, 2)


@pytest.mark.parametrize("state", ["failed", "building"])
def test_only_what_is_ready_counts(folder: Path, stand: Stand, state: str) -> None:
    """A failed build is tried again."""
    stand.snapshots["hello"][0]["state"] = state
    assert deploy(stand, folder)[0].snapshot == "0.1.0-1"


def test_a_snapshot_that_goes_meanwhile_is_built_again(folder: Path, stand: Stand) -> None:
    """What the server has when the archive is packed counts, not what it had before."""
    empty = {**stand.shown("hello")["app"], "snapshots": []}
    stand.once(LOOK, lambda _: answer(stand.shown("hello")))
    stand.once(LOOK, lambda _: answer({"app": empty}))
    assert deploy(stand, folder)[0].unchanged is False


def test_scripts_around_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """predeploy may change what is packed, so it runs; postdeploy only when something was put live."""
    project(folder, scripts={"start": "node server.js", "predeploy": "x", "postdeploy": "y"})
    (folder / ".npmignore").write_text("npm\n")
    stand, heard = Stand(), Heard()
    with npm(folder, monkeypatch, 'echo "ran $3"'):
        deploy(stand, folder)
        assert deploy(stand, folder, heard)[0].unchanged
        assert heard.lines == ["ran predeploy"]
        stand.snapshots["hello"][0]["running"] = False
        assert deploy(stand, folder, heard)[0].unchanged
    assert heard.lines[1:] == ["ran predeploy", "ran postdeploy"]


def test_a_start_of_it_that_fails_is_told(folder: Path, stand: Stand) -> None:
    """Not built anew, and not called live."""
    stand.snapshots["hello"][0]["running"] = False
    stand.once(START, lambda _: answer(BROKEN, 400))
    with pytest.raises(errors.StartFailedError, match=r"0\.1\.0 did not start"):
        deploy(stand, folder)


def test_the_command_says_it(folder: Path, stand: Stand) -> None:
    """The URL alone on stdout; --json tells it as data."""
    done = command(stand, folder)
    assert (done.returncode, done.stdout) == (0, "http://hello.localhost:8080\n"), done.stderr
    assert "Nothing changed since 0.1.0, which serves" in done.stderr
    assert json.loads(command(stand, folder, "--json").stdout)["unchanged"] is True
    assert json.loads(command(stand, folder, "--json", "--force").stdout)["unchanged"] is False

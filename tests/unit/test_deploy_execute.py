"""Carrying out a deploy: the order of its steps, and what is left when one of them fails."""

from __future__ import annotations

import json
import os
import stat
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py import errors
from jitsu_py.api import Client
from jitsu_py.deploy import DeployOptions, absence, builds, execute, plan
from jitsu_py.wire import ORDER_KEY
from tests.unit.loopback import Reply, Request, answer, events
from tests.unit.stand import BUILD, Stand, standing
from tests.unit.test_deploy_plan import deployed_stand, project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from jitsu_py.deploy import Deployed
    from tests.unit.loopback import Server

APP = "/apps/ada/hello"
BROKEN = {"error": "crashed", "message": "The app ended.", "details": {"output": ["Error: no database"]}}


class Heard:
    """A reporter that keeps what it hears."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.bars: dict[str, list[int]] = {}
        self.open: list[str] = []
        self.on_line: Callable[[str], object] = lambda _text: None

    def step(self, text: str) -> None:
        self.steps.append(text)

    def line(self, text: str) -> None:
        assert self.open == [], "a line of the build under a bar"
        self.lines.append(text)
        self.on_line(text)

    def warn(self, text: str) -> None:
        self.warnings.append(text)

    @contextmanager
    def progress(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
        self.bars[label] = [total or 0]
        self.open.append(label)
        yield self.bars[label].append
        self.open.remove(label)


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Temporary files of a deploy go here, and none may stay."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    monkeypatch.setattr(absence, "POLL", 0.01)
    monkeypatch.setattr(builds, "ADMISSION", 0.1)
    yield folder
    assert list(folder.iterdir()) == []


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project."""
    (tmp_path / "hello").mkdir()
    return project(tmp_path / "hello")


@contextmanager
def npm(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> Iterator[None]:
    """Put a program named npm first on the path."""
    (folder / "npm").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "npm").chmod(stat.S_IRWXU)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    yield


def deploy(
    stand: Stand, folder: Path, heard: Heard | None = None, *, detach: bool = False, **options: Any
) -> tuple[Deployed, Server]:
    """Plan and execute against a stand."""
    with standing(stand) as server, Client(server.url, "ada", "token") as client:
        wanted = plan(client, DeployOptions(folder=folder, **options))
        server.requests.clear()
        return execute(wanted, client, heard or Heard(), detach=detach), server


def test_the_first_deploy(folder: Path) -> None:
    """Create, upload, activate, start, in that order; the result tells all of it."""
    heard = Heard()
    done, server = deploy(Stand(), folder, heard, env={"KEY": "v"})
    upload = f"POST {APP}/snapshots/0.1.0"
    assert server.paths() == ["POST /apps/ada", upload, f"{upload}/activate", f"POST {APP}/start"]
    assert server.requests[0].json()["env"] == {"KEY": "v"}
    assert (done.snapshot, done.created, done.replaced) == ("0.1.0", True, "")
    assert (done.url, done.files) == ("http://hello.localhost:8080", 2)
    order = "manifest create predeploy pack upload update activate start postdeploy"
    assert " ".join(done.steps) == order
    assert 0 < done.seconds < 60
    assert heard.lines == BUILD
    assert "Installing dependencies" in heard.steps


def test_the_second_deploy(folder: Path) -> None:
    """A redeploy sends nothing but the archive, and package.json is not touched."""

    def written() -> tuple[int, int]:  # being read is no change
        found = (folder / "package.json").stat()
        return found.st_ino, found.st_mtime_ns

    before, stand = written(), deployed_stand("0.1.0")
    done, server = deploy(stand, folder)
    upload = f"POST {APP}/snapshots/0.1.0-1"
    assert server.paths() == [upload, f"{upload}/activate", f"POST {APP}/start"]
    assert (done.snapshot, done.created, done.replaced) == ("0.1.0-1", False, "0.1.0")
    assert stand.running("hello") == "0.1.0-1"
    assert written() == before


def test_progress_of_packing_and_upload(folder: Path) -> None:
    """Both have a total, and reach it."""
    heard = Heard()
    deploy(Stand(), folder, heard)
    bars = {label.split()[0]: counts for label, counts in heard.bars.items()}
    for name in ("Packing", "Uploading"):
        total, *counts = bars[name]
        assert total == sum(counts) > 0


def test_dependencies_are_installed_anew(folder: Path) -> None:
    """The upload asks for it; also when it has to be said again after a lost connection."""
    stand = deployed_stand("0.1.0")
    upload = f"POST {APP}/snapshots/0.1.0-1?cache=no"
    stand.once(f"POST {APP}/snapshots/.*", lambda _: None)
    _, server = deploy(stand, folder, clear_cache=True)
    assert server.paths().count(upload) == 2
    assert not [path for path in server.paths() if path == upload.partition("?")[0]]


def test_settings_go_between_build_and_start(folder: Path) -> None:
    """An update waits until the build is good; scale comes with it."""
    project(folder, version="0.2.0")
    _, server = deploy(deployed_stand("0.1.0"), folder, drones=3)
    assert server.paths() == [
        f"POST {APP}/snapshots/0.2.0",
        f"PUT {APP}",
        f"POST {APP}/cloud",
        f"POST {APP}/snapshots/0.2.0/activate",
        f"POST {APP}/start",
    ]


def test_a_bump_is_written_and_packed(folder: Path) -> None:
    """--release changes the version on disk, nothing else, and the archive has it."""
    before = (folder / "package.json").read_text()
    stand = deployed_stand("0.1.0")
    done, _ = deploy(stand, folder, release="patch")
    assert done.snapshot == "0.1.1"
    assert (folder / "package.json").read_text() == before.replace("0.1.0", "0.1.1")
    assert stand.manifest("hello", "0.1.1")["version"] == "0.1.1"


def test_defaults_are_packed_and_not_written(tmp_path: Path) -> None:
    """The archive says what is missing on disk; the person's file stays."""
    folder = tmp_path / "plain"
    (folder / "lib").mkdir(parents=True)
    (folder / "package.json").write_text("{}")
    (folder / "app.js").write_text("")
    (folder / "lib" / "x.js").write_text("")
    stand = Stand()
    done, _ = deploy(stand, folder)
    assert (folder / "package.json").read_text() == "{}"
    packed = stand.manifest("plain", "0.1.0")
    assert (packed["name"], packed["scripts"]["start"]) == ("plain", "node app.js")
    assert done.files == 3


@pytest.mark.parametrize(
    ("pattern", "reply", "kind"),
    [
        (
            f"POST {APP}/snapshots/[^/]+",
            events({"event": "failed", "error": "build_failed", "message": "m"}),
            7,
        ),
        (f"POST {APP}/snapshots/[^/]+", answer({"error": "disk_full", "message": "m"}, 503), 11),
        (f"POST {APP}/snapshots/[^/]+", answer({"error": "bad_archive", "message": "m"}, 400), 6),
        (f"POST {APP}/start", answer(BROKEN, 400), 8),
        (f"POST {APP}/start", answer({"error": "internal_error", "message": "m"}, 500), 11),
    ],
)
def test_what_fails_has_its_exit_code_and_the_old_version_serves(
    folder: Path, pattern: str, reply: Reply, kind: int
) -> None:
    """Whatever goes wrong, what served before still does."""
    stand = deployed_stand("0.1.0")
    stand.once(pattern, lambda _: reply)
    with pytest.raises(errors.JitsuError) as caught:
        deploy(stand, folder)
    assert caught.value.exit_code == kind
    assert stand.running("hello") == "0.1.0"


def test_a_failed_start_says_what_serves(folder: Path) -> None:
    """The app's last lines, whether an older version serves, and that one is active again."""
    stand = deployed_stand("0.1.0")
    stand.once(f"POST {APP}/start", lambda _: answer(BROKEN, 400))
    with pytest.raises(errors.StartFailedError) as caught:
        deploy(stand, folder)
    assert caught.value.message == "0.1.0-1 did not start: The app ended. 0.1.0 still serves."
    assert caught.value.output == ("Error: no database",)
    assert caught.value.details["serving"] == "0.1.0"
    assert stand.active("hello") == "0.1.0"


def test_a_start_whose_connection_broke_is_asked_for_by_the_same_key(folder: Path) -> None:
    """So that the server knows it for the same; another deploy has another key."""
    keys = []
    for _ in range(2):
        stand, heard = Stand(), Heard()
        stand.once(f"POST {APP}/start", lambda _: None)
        done, server = deploy(stand, folder, heard)
        assert done.snapshot == "0.1.0"
        assert "connection was lost" in heard.warnings[0]
        keys.append([each.headers[ORDER_KEY] for each in server.requests if each.path.endswith("/start")])
    assert [len(each) for each in keys] == [2, 2]
    assert [len(set(each)) for each in keys] == [1, 1]
    assert keys[0] != keys[1]


def test_a_start_waits_for_a_server_that_is_away(folder: Path) -> None:
    """It is asked for again when the server answers again, not at once and never after."""
    stand, heard = Stand(), Heard()

    def away(_: Request) -> None:
        for _try in range(8):
            stand.once(f"GET {APP}", lambda _: None)

    stand.once(f"POST {APP}/start", away)
    stand.once(f"POST {APP}/start", lambda _: None)
    done, server = deploy(stand, folder, heard)
    assert done.snapshot == "0.1.0"
    assert ["connection was lost" in each for each in heard.warnings] == [True, True]
    assert server.paths().count(f"POST {APP}/start") == 3


def test_a_failed_first_start(folder: Path) -> None:
    """Nothing serves then, and the log is asked where the error has no lines."""
    stand = Stand()
    stand.once(f"POST {APP}/start", lambda _: answer({**BROKEN, "details": {}}, 400))
    with pytest.raises(errors.StartFailedError, match=r"Nothing serves now\.") as caught:
        deploy(stand, folder)
    assert caught.value.output == ("Error: boom",)


def test_a_failed_start_and_then_silence(folder: Path) -> None:
    """What serves is not guessed when the server does not say; the failure itself is still told."""
    stand, heard = deployed_stand("0.1.0"), Heard()
    stand.once(f"POST {APP}/start", lambda _: answer(BROKEN, 400))
    stand.once(f"POST {APP}/snapshots/0.1.0/activate", lambda _: answer({}, 500))
    with pytest.raises(errors.StartFailedError) as caught:
        deploy(stand, folder, heard)
    assert caught.value.message == "0.1.0-1 did not start: The app ended."
    assert caught.value.details["serving"] is None
    assert len(heard.warnings) == 1


def test_somebody_else_was_quicker(folder: Path) -> None:
    """An id taken between plan and upload gives way to the next, unless it was chosen."""
    stand = deployed_stand("0.1.0")

    def taken(request: Request) -> Reply:
        stand.admit(request, "hello", "0.1.0-1")
        return answer({"error": "snapshot_exists", "message": "taken"}, 409)

    stand.once(f"POST {APP}/snapshots/0.1.0-1", taken)
    done, _ = deploy(stand, folder)
    assert done.snapshot == "0.1.0-2"
    stand.once(f"POST {APP}/snapshots/mine", taken)
    with pytest.raises(errors.ConflictError):
        deploy(stand, folder, snapshot="mine")


def test_somebody_else_was_later(folder: Path) -> None:
    """Two deploys at once: the one whose version does not serve is told."""
    stand, heard = deployed_stand("0.1.0", "mine"), Heard()
    stand.once(f"POST {APP}/start", lambda _: answer(stand.shown("hello")))
    deploy(stand, folder, heard)
    assert heard.warnings == ["mine serves: it was deployed at the same time"]


def building(stand: Stand, state: str, after: int) -> Callable[[Request], Reply]:
    """An upload whose connection breaks after one line; the build ends after some questions."""

    def broken(request: Request) -> Reply:
        made = stand.admit(request, "hello", "0.1.0", "building")
        made["error"] = {"error": "install_failed", "message": "npm said no.", "blame": "application"}

        def asked(_: Request) -> Reply:
            return answer({"snapshots": [dict(made)]})

        def ended(_: Request) -> Reply:
            made["state"] = state
            return answer({"snapshots": [made]})

        for _ in range(after):
            stand.once(f"GET {APP}/snapshots", asked)
        stand.once(f"GET {APP}/snapshots", ended)
        step = {"event": "step", "name": "install", "message": "Installing dependencies"}
        return events(step, {"event": "line", "text": BUILD[0]}, cut=True)

    return broken


def test_a_lost_connection_is_taken_up_again(folder: Path) -> None:
    """The server builds on, we ask how far it is; every line is shown once."""
    stand, heard = Stand(), Heard()
    stand.once(f"POST {APP}/snapshots/0.1.0", building(stand, "ready", 3))
    done, server = deploy(stand, folder, heard)
    assert done.snapshot == "0.1.0"
    assert heard.lines == BUILD
    assert "connection was lost" in heard.warnings[0]
    assert server.paths().count(f"POST {APP}/snapshots/0.1.0") == 1


def test_a_build_that_fails_unseen(folder: Path) -> None:
    """What the server recorded is the error, with the lines of its log."""
    stand = Stand()
    stand.once(f"POST {APP}/snapshots/0.1.0", building(stand, "failed", 0))
    with pytest.raises(errors.BuildFailedError, match="npm said no") as caught:
        deploy(stand, folder)
    assert caught.value.output[-len(BUILD) :] == tuple(BUILD)


def test_an_upload_that_never_arrived_is_sent_again(folder: Path) -> None:
    """A server that does not know the snapshot gets the archive once more."""
    stand, heard = Stand(), Heard()
    stand.once(f"POST {APP}/snapshots/0.1.0", lambda _: None)
    done, server = deploy(stand, folder, heard)
    assert done.snapshot == "0.1.0"
    assert server.paths().count(f"POST {APP}/snapshots/0.1.0") == 2
    assert "Uploading 0.1.0 again" in heard.steps


def test_a_server_that_stays_away(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Patience ends, and the error says that the build may have gone on."""
    monkeypatch.setattr(absence, "PATIENCE", 0.2)
    stand = Stand()
    stand.once(f"POST {APP}/snapshots/0.1.0", lambda _: None)
    for _ in range(100):
        stand.once(f"GET {APP}/snapshots", lambda _: None)
    with pytest.raises(errors.UnreachableError) as caught:
        deploy(stand, folder)
    assert "did not come back" in caught.value.message
    assert "snapshots list" in caught.value.hint


def test_an_upload_that_is_cut_for_good(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error does not speak of a build: what did not arrive is not built."""
    monkeypatch.setattr(absence, "PATIENCE", 0.2)
    (folder / "blob").write_bytes(os.urandom(30_000_000))
    stand = deployed_stand("0.1.0")

    def cut(_: Request) -> None:
        for _try in range(100):
            stand.once(f"GET {APP}/snapshots", lambda _: None)

    stand.once(f"POST {APP}/snapshots/0.1.0-1", cut)
    with standing(stand) as server, Client(server.url, "ada", "token") as client:
        server.lazy = True
        wanted = plan(client, DeployOptions(folder=folder))
        with pytest.raises(errors.UnreachableError, match="did not come back") as caught:
            execute(wanted, client, Heard())
    assert caught.value.hint == "not all of it arrived, so nothing is built: deploy again"


def test_a_start_whose_answer_is_lost_is_said_again(folder: Path) -> None:
    """Start may be said twice."""
    stand = Stand()
    stand.once(f"POST {APP}/start", lambda _: None)
    done, server = deploy(stand, folder)
    assert server.paths().count(f"POST {APP}/start") == 2
    assert done.url


def test_detach_does_not_wait_for_the_start(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slow start goes on on the server; a quick failure is still heard."""
    monkeypatch.setattr("jitsu_py.deploy.starting.LEAVE", 0.2)
    stand = Stand()
    stand.once(f"POST {APP}/start", lambda _: time.sleep(0.5))
    done, _ = deploy(stand, folder, detach=True)
    assert done.detached
    stand.once(f"POST {APP}/start", lambda _: answer(BROKEN, 400))
    with pytest.raises(errors.StartFailedError, match="did not start"):
        deploy(stand, folder, detach=True)


def test_a_start_that_takes_too_long(folder: Path) -> None:
    """It is said that the server goes on."""
    stand = Stand()
    stand.once(f"POST {APP}/start", lambda _: time.sleep(0.5))
    with standing(stand) as server, Client(server.url, "ada", "token") as client:
        wanted = plan(client, DeployOptions(folder=folder))
        with pytest.raises(errors.TimedOutError, match="was not ready within") as caught:
            execute(wanted, client, Heard(), start_timeout=0.1)
    assert "goes on on the server" in caught.value.hint


def test_no_place_for_the_archive(folder: Path, scratch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A temporary folder that is not there is a clear error, before anything is written."""
    monkeypatch.setattr(tempfile, "tempdir", str(scratch / "gone"))
    stand = Stand()
    with pytest.raises(errors.ServerRefusedError, match="no place for the archive"):
        deploy(stand, folder)
    assert stand.apps == {}


def test_predeploy_runs_before_packing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What it makes is packed; its lines are shown; postdeploy comes last."""
    project(folder, scripts={"start": "node server.js", "predeploy": "x", "postdeploy": "y"})
    (folder / ".npmignore").write_text("npm\n")
    stand, heard = Stand(), Heard()
    with npm(folder, monkeypatch, 'echo "ran $3"; echo made > "made by $3"'):
        done, server = deploy(stand, folder, heard)
    assert [line for line in heard.lines if line.startswith("ran")] == ["ran predeploy", "ran postdeploy"]
    assert done.files == len(["package.json", "server.js", "made by predeploy"])
    assert server.paths()[-1] == f"POST {APP}/start"
    assert done.postdeploy == ""


def test_a_failing_predeploy_stops_before_the_upload(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last lines are the error's."""
    project(folder, scripts={"start": "node server.js", "predeploy": "x"})
    stand = deployed_stand("0.1.0")
    with (
        npm(folder, monkeypatch, "echo tests failed >&2; exit 3"),
        pytest.raises(errors.ProjectError) as caught,
    ):
        deploy(stand, folder)
    assert caught.value.output == ("tests failed",)
    assert caught.value.details == {"script": "predeploy", "exit_code": 3}
    assert stand.archives == {}


def test_a_failing_postdeploy_is_a_warning(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The app is live: the deploy succeeded, and the result says what did not."""
    project(folder, scripts={"start": "node server.js", "postdeploy": "x"})
    heard = Heard()
    with npm(folder, monkeypatch, "exit 3"):
        done, _ = deploy(Stand(), folder, heard)
    assert "exit code 3" in done.postdeploy
    assert "live all the same" in heard.warnings[0]


def stop(_: object) -> None:
    """Press ^C."""
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("Packing", "nothing was uploaded"),
        ("Uploading", "upload was not finished"),
        ("Starting", "start of 0.1.0-1 goes on"),
    ],
)
def test_interrupted(folder: Path, where: str, said: str) -> None:
    """^C says what is left, and what served before still does."""

    class Impatient(Heard):
        @contextmanager
        def progress(self, label: str, total: int | None) -> Iterator[Callable[[int], None]]:
            if label.startswith(where):
                stop(label)
            with super().progress(label, total) as advance:
                yield advance

    stand = deployed_stand("0.1.0")
    with pytest.raises(errors.InterruptedByUserError, match=said) as caught:
        deploy(stand, folder, Impatient())
    assert caught.value.exit_code == 130
    assert stand.running("hello") == "0.1.0"


def test_interrupted_while_it_builds(folder: Path) -> None:
    """The build goes on on the server, and how to see it is said."""
    heard = Heard()
    heard.on_line = stop
    with pytest.raises(errors.InterruptedByUserError) as caught:
        deploy(deployed_stand("0.1.0"), folder, heard)
    assert caught.value.message == "interrupted: the build of 0.1.0-1 goes on on the server"
    assert "jitsu snapshots list" in caught.value.hint


def test_interrupted_predeploy_ends_the_script(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that we started outlives us."""
    project(folder, scripts={"start": "node server.js", "predeploy": "x"})
    heard = Heard()
    heard.on_line = stop
    with (
        npm(folder, monkeypatch, "sleep 60 & echo $!; wait"),
        pytest.raises(errors.InterruptedByUserError, match="predeploy script was ended"),
    ):
        deploy(Stand(), folder, heard)
    state = Path(f"/proc/{heard.lines[0]}/stat")
    for _ in range(100):
        if not state.exists() or state.read_text().rpartition(")")[2].split()[0] == "Z":
            return
        time.sleep(0.02)
    pytest.fail("the script's child goes on")


def test_the_result_is_data(folder: Path) -> None:
    """--json can show it as it is."""
    from dataclasses import asdict

    done, _ = deploy(Stand(), folder)
    assert json.loads(json.dumps(asdict(done)))["snapshot"] == "0.1.0"

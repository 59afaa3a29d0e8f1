"""`jitsu deploy` as a person or a script meets it: stdout, stderr, exit codes, questions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.unit.loopback import answer, events
from tests.unit.stand import BUILD, Stand, standing
from tests.unit.test_deploy_plan import deployed_stand, project

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

URL = "http://hello.localhost:8080"
JITSU = [sys.executable, "-m", "jitsu_py"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project."""
    (tmp_path / "hello").mkdir()
    return project(tmp_path / "hello")


def environment(folder: Path, url: str) -> dict[str, str]:
    """Variables of a run that knows its server and its account, and nothing else."""
    kept = {name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ}
    state = folder.parent / "state"
    return {
        **kept,
        "HOME": str(state),
        "JITSU_HOME": str(state),
        "JITSU_CONFIG": str(state / "config.toml"),
        "JITSU_HOST": url,
        "JITSU_USERNAME": "ada",
        "JITSU_TOKEN": "t0ken-secret",
    }


def deploy(stand: Stand, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """Run the command in the project's folder, without a terminal."""
    with standing(stand) as server:
        return subprocess.run(
            [*JITSU, "deploy", *words],
            cwd=folder,
            env=environment(folder, server.url),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextmanager
def terminal(stand: Stand, folder: Path, *words: str) -> Iterator[pexpect.spawn[str]]:
    """Run the command on a terminal."""
    with standing(stand) as server:
        env = {**environment(folder, server.url), "TERM": "xterm", "COLUMNS": "200"}
        child = pexpect.spawn(
            sys.executable,
            ["-m", "jitsu_py", "deploy", *words],
            cwd=str(folder),
            env=env,
            encoding="utf-8",
            timeout=20,
            dimensions=(50, 200),
        )
        try:
            yield child
        finally:
            child.close(force=True)


def ended(child: pexpect.spawn[str]) -> int | None:
    """Wait for the end; give the exit code."""
    child.expect(pexpect.EOF)
    child.wait()
    status: int | None = child.exitstatus
    return status


def test_the_url_is_alone_on_stdout(folder: Path) -> None:
    """`url=$(jitsu deploy)` works; the build and the sentence are on stderr."""
    done = deploy(Stand(), folder)
    assert (done.returncode, done.stdout) == (0, f"{URL}\n"), done.stderr
    assert all(line in done.stderr for line in BUILD)
    assert "ada/hello 0.1.0 is live after" in done.stderr


def test_json_is_the_result(folder: Path) -> None:
    """--json gives the result as data, before or after the verb."""
    done = deploy(deployed_stand("0.1.0"), folder, "--json")
    result = json.loads(done.stdout)
    assert (result["url"], result["snapshot"], result["replaced"]) == (URL, "0.1.0-1", "0.1.0")
    assert result["steps"]["upload"] >= 0


def test_dry_run_shows_the_plan_and_stops(folder: Path) -> None:
    """Nothing is created; the plan is for people or for programs."""
    stand = Stand()
    done = deploy(stand, folder, "--dry-run", "--env", "KEY=hidden-value")
    assert done.returncode == 0, done.stderr
    assert "ada/hello (new)" in done.stdout
    assert stand.apps == {}
    data = json.loads(deploy(stand, folder, "--dry-run", "--json").stdout)
    assert (data["snapshot"], data["exists"], data["files"]) == (
        "0.1.0",
        False,
        ["package.json", "server.js"],
    )
    again = deploy(
        deployed_stand("0.1.0"), folder, "--dry-run", "--env", "KEY=hidden-value", "--release", "patch"
    )
    assert "env.KEY" in again.stdout
    assert '+  "version": "0.1.1"' in again.stdout
    assert "hidden-value" not in again.stdout + again.stderr + done.stdout + done.stderr


def test_the_folder_may_be_named(folder: Path) -> None:
    """`jitsu deploy DIR` from anywhere."""
    with standing(Stand()) as server:
        words = [*JITSU, "deploy", str(folder)]
        env = environment(folder, server.url)
        done = subprocess.run(words, cwd=folder.parent, env=env, capture_output=True, text=True, check=False)
    assert done.stdout == f"{URL}\n", done.stderr


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"name": "Not OK!", "version": "0.1.0"}'])
def test_a_wrong_project_is_exit_code_6(tmp_path: Path, text: str | None) -> None:
    """What is wrong with package.json is said before any server is looked for."""
    folder = tmp_path / "hello"
    folder.mkdir()
    (folder / "server.js").write_text("")
    if text is not None:
        (folder / "package.json").write_text(text)
    done = subprocess.run(
        [*JITSU, "--json", "deploy"],
        cwd=folder,
        env=environment(folder, "http://127.0.0.1:9"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (6, "")
    assert json.loads(done.stderr)["exit_code"] == 6


def test_a_failed_build_is_exit_code_7(folder: Path) -> None:
    """The build's last lines and the request's id come with it."""
    stand = Stand()
    failed = {"event": "failed", "error": "install_failed", "message": "npm ended with 1."}
    stand.once(".*/snapshots/.*", lambda _: events({"event": "line", "text": "npm ERR! nope"}, failed))
    done = deploy(stand, folder, "--json")
    error = json.loads(done.stderr[done.stderr.index("\n{") :])
    assert (done.returncode, error["error"], error["output"]) == (7, "install_failed", ["npm ERR! nope"])


def test_a_failed_start_is_exit_code_8(folder: Path) -> None:
    """Whether the old version serves is said."""
    stand = deployed_stand("0.1.0")
    stand.once(".*/start", lambda _: answer({"error": "crashed", "message": "It ended."}, 400))
    done = deploy(stand, folder)
    assert (done.returncode, done.stdout) == (8, "")
    assert "0.1.0 still serves" in done.stderr
    assert "Error: boom" in done.stderr


def test_a_taken_subdomain_is_exit_code_5(folder: Path) -> None:
    """A free one is proposed, nothing is written."""
    stand = Stand(taken={"hello"})
    done = deploy(stand, folder)
    assert (done.returncode, stand.apps) == (5, {})
    assert "hello-ada" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        *(["--env", "s3cret"], ["--release", "huge"]),
        *(["--drones", "0"], ["--drones", "65"], ["--drones", "x"], ["--ram", "15"]),
    ],
)
def test_wrong_flags_are_exit_code_2(folder: Path, words: list[str]) -> None:
    """Before anything is created or built; and a secret without its name is not repeated."""
    stand = Stand()
    done = deploy(stand, folder, *words)
    assert (done.returncode, done.stdout, stand.apps) == (2, "", {})
    assert "s3cret" not in done.stderr


def test_debug_shows_requests_and_no_secret(folder: Path) -> None:
    """Requests and timings on stderr."""
    done = deploy(Stand(), folder, "--debug", "--env", "KEY=hidden-value")
    assert "POST http://127.0.0.1" in done.stderr
    assert "t0ken-secret" not in done.stderr
    assert "hidden-value" not in done.stderr


def test_a_terminal_is_asked_for_what_is_missing(tmp_path: Path) -> None:
    """All questions first, then the diff, and package.json is written after a yes."""
    folder = tmp_path / "My App"
    folder.mkdir()
    (folder / "package.json").write_text("{}\n")
    (folder / "app.js").write_text("")
    stand = Stand()
    with terminal(stand, folder) as child:
        child.expect(r"name.*\[my-app\]")
        child.sendline("hello")
        child.expect(r"scripts\.start.*\[node app\.js\]")
        child.sendline("")
        child.expect(r"version.*\[0\.1\.0\]")
        child.sendline("one")
        child.expect(r'"one" is no version.*version \[0\.1\.0\]')
        child.sendline("")
        child.expect(r"\+.*hello")
        child.expect(r"Write this to package\.json")
        assert stand.apps == {}
        child.sendline("y")
        child.expect(URL)
        assert ended(child) == 0
    written = json.loads((folder / "package.json").read_text())
    assert written == {"name": "hello", "scripts": {"start": "node app.js"}, "version": "0.1.0"}


def test_a_terminal_is_asked_for_another_subdomain(folder: Path) -> None:
    """Before the first write; a no leaves package.json and deploys all the same."""
    before = (folder / "package.json").read_bytes()
    stand = Stand(taken={"hello"})
    with terminal(stand, folder) as child:
        child.expect(r"hello is taken\. Another subdomain \[hello-ada\]")
        child.sendline("")
        child.expect(r"Write this to package\.json")
        child.sendline("n")
        child.expect("http://hello-ada.localhost:8080")
        assert ended(child) == 0
    assert (folder / "package.json").read_bytes() == before
    assert stand.manifest("hello", "0.1.0")["subdomain"] == "hello-ada"


def test_interrupted_on_a_terminal(folder: Path) -> None:
    """^C during the build: exit code 130, and what goes on is said."""
    stand = Stand()

    def slow() -> Iterator[bytes]:
        import time

        yield b'{"event": "line", "text": "still at it"}\n'
        time.sleep(2)

    from jitsu_py.wire import NDJSON
    from tests.unit.loopback import POWERED, Reply

    stand.once(".*/snapshots/.*", lambda _: Reply(200, slow(), {**POWERED, "content-type": NDJSON}))
    with terminal(stand, folder) as child:
        child.expect("still at it")
        child.sendintr()
        child.expect("the build of 0.1.0 goes on on the server")
        assert ended(child) == 130


def test_help_loads_neither_client_nor_terminal_library() -> None:
    """`jitsu deploy --help` costs click and nothing more."""
    code = (
        "import sys; from jitsu_py.cli import run; run(['deploy', '--help']); "
        "print({'requests', 'rich', 'keyring', 'pathspec', 'nodesemver'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("set()\n")
    assert "--release" in done.stdout

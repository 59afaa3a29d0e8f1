"""The platform on this machine, seen from outside: its file, its process, its absence."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from jitsu_py import embedded
from jitsu_py.errors import NotLoggedInError, ServerRefusedError, UnreachableError

if TYPE_CHECKING:
    from pathlib import Path


def tell(home: Path, **more: Any) -> Path:
    """Write what a server that is this very process would say of itself."""
    said = {
        "pid": os.getpid(),
        "started": psutil.Process().create_time(),
        "api": "http://127.0.0.1:9002",
        "router": "http://localhost:8080",
        "version": "0.1.0",
        "user": "ada",
        **more,
    }
    (home / "run").mkdir(parents=True, exist_ok=True)
    file = home / "run" / "server.json"
    file.write_text(json.dumps({key: value for key, value in said.items() if value is not None}))
    return file


def test_a_running_platform_is_found(home: Path) -> None:
    """What a living process says of itself is believed."""
    tell(home)
    found = embedded.locate(home)
    assert found is not None
    assert (found.api, found.user, found.pid) == ("http://127.0.0.1:9002", "ada", os.getpid())


def test_nothing_there(home: Path) -> None:
    """No folder, no file: no platform."""
    assert embedded.locate(home) is None


def test_a_file_that_outlived_its_process(home: Path) -> None:
    """A file whose process has ended, is a zombie, or whose number another one got, is seen through."""
    child = subprocess.Popen([sys.executable, "-c", ""])
    while psutil.Process(child.pid).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    tell(home, pid=child.pid, started=time.time())
    assert embedded.locate(home) is None
    child.wait()
    assert embedded.locate(home) is None
    tell(home, started=time.time() - 86400)
    assert embedded.locate(home) is None


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"pid": "x"}', "\x00" * 100])
def test_a_file_that_makes_no_sense(text: str, home: Path) -> None:
    """A half-written or foreign file is no platform, and no crash."""
    tell(home).write_text(text)
    assert embedded.locate(home) is None


def test_a_file_that_lacks_something(home: Path) -> None:
    """A file of another version, without a key that is needed, is no platform."""
    tell(home, api=None)
    assert embedded.locate(home) is None


def test_the_local_token(home: Path) -> None:
    """The token is read from its file; where it cannot be, the error names the file."""
    tell(home)
    found = embedded.locate(home)
    assert found is not None
    with pytest.raises(NotLoggedInError, match="local-token"):
        found.token()
    (home / "local-token").write_text("t0ken\n")
    assert found.token() == "t0ken"


def test_what_a_failed_start_said() -> None:
    """The error that the started command printed comes out as itself; anything else as its last lines."""
    said = 'Starting {x}\n{\n"error": "disk_full", "message": "Full.", "hint": "Free some."\n}\n'
    error = embedded.failure(11, said)
    assert isinstance(error, ServerRefusedError)
    assert (error.code, error.message, error.hint) == ("disk_full", "Full.", "Free some.")
    odd = embedded.failure(-9, "killed\n")
    assert isinstance(odd, UnreachableError)
    assert odd.output == ("killed",)


@pytest.mark.slow
def test_what_lies_in_an_apps_folder_is_no_module_of_ours(tmp_path: Path) -> None:
    """A folder with files named as modules of Python starts the platform as any other does."""
    where = tmp_path / "app"
    where.mkdir()
    for name in ("json", "click", "requests", "jitsu_py", "subprocess"):
        (where / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    environment = {
        **{name: os.environ[name] for name in ("PATH", "PYTHONPATH") if name in os.environ},
        "HOME": str(tmp_path),
        "JITSU_HOME": str(tmp_path / "state"),
        "JITSU_CONFIG": str(tmp_path / "config.toml"),
    }

    def jitsu(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-m", "jitsu_py", *words],
            cwd=where,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    try:
        done = jitsu("list", "--json")
        assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr
    finally:
        jitsu("server", "stop")

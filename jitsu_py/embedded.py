"""The platform on this machine, seen from the outside: where it is, whether it runs, how to start it.

Knows the state folder and what `wire` says lies in it; the platform's own code is not imported.
"""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jitsu_py import errors, wire

if TYPE_CHECKING:
    from jitsu_py.reporter import Reporter

EXTRA = ("fastapi", "uvicorn", "sqlalchemy", "alembic", "argon2", "cryptography", "psutil")
"""Modules of the `server` extra, without which the platform cannot run."""

CLOCK_SECONDS = 60.0
"""By how much two readings of a process's start time may differ, seconds: clocks get corrected."""


@dataclass(frozen=True)
class Embedded:
    """A platform that runs on this machine."""

    home: Path
    """Its state folder."""
    pid: int
    api: str
    """Base URL of the API."""
    router: str
    """Base URL of the router, under whose port the apps answer."""
    user: str
    """The local account."""
    version: str

    def token(self) -> str:
        """The secret that stands for the local account's password.

        Raises:
            NotLoggedInError: its file cannot be read: it is another user's platform.
        """
        file = self.home / wire.LOCAL_TOKEN_FILE
        try:
            return file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise errors.NotLoggedInError(
                f"{file} cannot be read: {error.strerror}",
                hint="is it another user's state folder? see JITSU_HOME",
            ) from error


def home() -> Path:
    """The state folder: `JITSU_HOME`, else the user's data folder."""
    if given := os.environ.get("JITSU_HOME"):
        return Path(given).expanduser().absolute()
    import platformdirs

    return Path(platformdirs.user_data_dir("jitsu"))


def locate(folder: Path | None = None) -> Embedded | None:
    """The platform that runs in `folder` (default: `home()`), or None; a stale file is seen through."""
    folder = folder or home()
    found = _read(folder)
    if found is None:
        return None
    embedded, started = found
    return embedded if _same_process(embedded.pid, started) else None


def ensure(reporter: Reporter) -> Embedded:
    """The platform on this machine, started when it does not run; says so.

    Raises:
        JitsuError: it does not start; the class and the message are those of `jitsu server start`.
    """
    folder = home()
    if found := locate(folder):
        return found
    require_extra()
    reporter.step(f"Starting the platform on this machine ({folder})")
    _start(folder)
    started = _read(folder)
    if started is None:
        raise errors.UnreachableError(
            "the platform was started and is gone again", hint="see `jitsu server logs`"
        )
    return started[0]


def require_extra() -> None:
    """Refuse, with the command to type, where the platform's packages are not installed."""
    from importlib.util import find_spec

    if missing := [name for name in EXTRA if find_spec(name) is None]:
        raise errors.UnreachableError(
            f"the platform for this machine is not installed (no {', '.join(missing)})",
            hint=f"{sys.executable} -m pip install 'jitsu_py[server]', or `jitsu host URL`",
        )


def _read(folder: Path) -> tuple[Embedded, float] | None:
    try:
        data = json.loads((folder / wire.RUN_FILE).read_bytes())
        return _parse(folder, data), float(data["started"])
    except (OSError, ValueError, KeyError, TypeError):
        # Half-written, of another version or not there: no server that we can talk to.
        return None


def _parse(folder: Path, data: dict[str, Any]) -> Embedded:
    return Embedded(
        home=folder,
        pid=int(data["pid"]),
        api=str(data["api"]).rstrip("/"),
        router=str(data["router"]).rstrip("/"),
        user=str(data["user"]),
        version=str(data["version"]),
    )


def _same_process(pid: int, started: float) -> bool:
    """Whether `pid` is alive and began at `started` (epoch seconds), as far as this system tells cheaply."""
    stat = Path(f"/proc/{pid}/stat")
    if Path("/proc/self/stat").exists():
        return _linux_start(stat, started)
    if sys.platform == "win32":
        # os.kill(pid, 0) would end the process there; the request that follows will tell.
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _linux_start(stat: Path, started: float) -> bool:
    if sys.platform == "win32":
        return True
    try:
        # The name in the second field may hold blanks and brackets: count from behind its end.
        fields = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        kernel = Path("/proc/stat").read_text(encoding="utf-8")
        began = float(kernel.partition("btime ")[2].split()[0]) + float(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, ValueError, IndexError):
        return False
    return fields[0] != "Z" and abs(began - started) < CLOCK_SECONDS


def _start(folder: Path) -> None:
    """Run `jitsu server start` and turn its failure into ours."""
    import subprocess
    import tempfile

    # A file, not a pipe: the server that goes on in the background may keep it open.
    with tempfile.TemporaryFile() as words:
        done = subprocess.run(
            # -P: whatever lies in the current folder, an app's, is not taken for a module of ours.
            [sys.executable, "-P", "-m", "jitsu_py", "--json", "--no-input", "server", "start"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=words,
            env={**os.environ, "JITSU_HOME": str(folder)},
            check=False,
        )
        words.seek(0)
        said = words.read().decode("utf-8", "replace")
    if done.returncode != 0:
        raise failure(done.returncode, said)


def failure(code: int, said: str) -> errors.JitsuError:
    """The error that `jitsu server start --json` printed, as an error of ours.

    Args:
        code: its exit code.
        said: all that it wrote to stderr; the error is the JSON object at its end.
    """
    kinds = {kind.exit_code: kind for kind in errors.JitsuError.__subclasses__()}
    kind = kinds.get(code, errors.UnreachableError)
    start = said.rfind("\n{\n") + 1
    try:
        told = json.loads(said[start:])
        message, hint, name = (str(told[key]) for key in ("message", "hint", "error"))
        return kind(message, hint=hint, code=name, output=told.get("output", []))
    except (ValueError, KeyError, TypeError):
        lines = said.strip().splitlines()
        return kind(
            "the platform on this machine did not start", hint="see `jitsu server logs`", output=lines[-20:]
        )

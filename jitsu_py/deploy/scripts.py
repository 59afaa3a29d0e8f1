"""The `predeploy` and `postdeploy` scripts of package.json, run by npm on this machine."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections import deque
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from jitsu_py.errors import ProjectError

if TYPE_CHECKING:
    from jitsu_py.project.manifest import Manifest
    from jitsu_py.reporter import Reporter

GRACE = 3.0
"""Seconds that a script has to end after ^C before it is killed."""

LAST_LINES = 20
"""Lines of a failing script that its error carries."""


def has(manifest: Manifest, script: str) -> bool:
    """Tell whether package.json has a script of that name."""
    scripts = manifest.data.get("scripts")
    return isinstance(scripts, dict) and bool(scripts.get(script))


def releases(manifest: Manifest) -> bool:
    """Tell whether package.json names a command that the server runs before the switch (`jitsu.release`)."""
    own = manifest.data.get("jitsu")
    return isinstance(own, dict) and bool(own.get("release"))


def run(folder: Path, script: str, reporter: Reporter) -> None:
    """Run a script in the project's folder, its output as the reporter's lines.

    Raises:
        ProjectError: there is no npm, or the script failed; with its last lines.
    """
    reporter.step(f"Running {script}")
    status, last = followed([_npm(script), "run", "--silent", script], folder, reporter)
    if status != 0:
        raise ProjectError(
            f"the {script} script failed (exit code {status})",
            hint=f"run it by itself: npm run {script}",
            code=f"{script}_failed",
            output=last,
            details={"script": script, "exit_code": status},
        )


def followed(command: list[str], folder: Path, reporter: Reporter) -> tuple[int, deque[str]]:
    """Run a command in a folder, its output as the reporter's lines; its exit code and last lines."""
    last: deque[str] = deque(maxlen=LAST_LINES)
    # A session of its own: ^C ends the command and all it started through us, once and in order.
    with subprocess.Popen(
        command,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as child:
        try:
            assert child.stdout is not None
            for raw in child.stdout:
                line = raw.decode(errors="replace").rstrip("\r\n")
                last.append(line)
                reporter.line(line)
            return child.wait(), last
        except BaseException:
            _end(child)
            raise


def program(name: str) -> str | None:
    """Find npm or its like: on the PATH, else the one of the `server` extra beside our own Python."""
    return shutil.which(name) or shutil.which(name, path=str(Path(sys.executable).parent))


def _npm(script: str) -> str:
    found = program("npm")
    if found is None:
        raise ProjectError(
            f"package.json has a {script} script, and there is no npm to run it",
            hint="install Node.js, or take the script out",
            code=f"{script}_failed",
        )
    return found


def _end(child: subprocess.Popen[bytes]) -> None:
    """End a script and all it started: TERM, and KILL for what is left after the grace or a second ^C."""
    if sys.platform == "win32":
        # There are no groups there: taskkill follows the tree of processes below npm.
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(child.pid)], capture_output=True, check=False)
        return
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGTERM)
    with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
        child.wait(GRACE)
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child.pid, signal.SIGKILL)

"""The one door into this room: start, stop, look at, serve the platform of a state folder.

Importing this module loads nothing of the platform; `serve` does.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from jitsu_py import wire
from jitsu_py.server import settings as settings_file
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.hold import hold, is_held
from jitsu_py.wire import Blame, Code

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Self

__all__ = [
    "PlatformError",
    "Status",
    "hold",
    "is_held",
    "leave",
    "log_file",
    "restart",
    "serve",
    "start",
    "status",
    "stop",
    "understood",
]

START_TIME: Final = 60.0
"""Seconds that a server may take until it answers."""

ANSWER_TIME: Final = 5.0
"""Seconds that a server which runs already is given to answer a request."""

STOP_TIME: Final = 90.0
"""Seconds that a server may take to stop its drones and itself."""


@dataclass(frozen=True)
class Status:
    """What a running server says of itself."""

    pid: int
    started: float
    """Epoch seconds."""
    api: str
    """Base URL of the JSON API."""
    router: str
    """Base URL of the router; an app's host name takes the place of its host."""
    version: str
    user: str
    """The local account."""
    means: Mapping[str, Any] | None = None
    """What it has to hold programs with: the fields of `Means`."""
    unit: str = ""
    """The unit of systemd that starts it again; empty: it was started by hand."""
    is_new: bool = False
    """Whether this very call started it."""

    @classmethod
    def read(cls, said: Mapping[str, Any], *, is_new: bool = False) -> Self:
        """Read what a server says of itself.

        Raises:
            TypeError: something is missing.
        """
        return cls(**understood(cls, said) | {"is_new": is_new})


def understood(kind: type[Any], said: Mapping[str, Any]) -> dict[str, Any]:
    """What a server says, as far as there is a field for it: a newer one may say more."""
    return {field.name: said[field.name] for field in fields(kind) if field.name in said}


def status(home: Path) -> Status | None:
    """The server that runs for this state folder; None when none does."""
    if not home.is_dir() or not is_held(home):
        return None
    try:
        found = Status.read(json.loads((home / wire.RUN_FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None  # starting, or stopping
    # A server that was killed leaves its file, and the next one holds the folder before it writes its own.
    return found if _lives(found.pid) else None


def start(home: Path, *, api_port: int | None = None, router_port: int | None = None) -> Status:
    """Start the server in the background, unless it runs.

    Raises:
        PlatformError: it did not come to answer; the message says why, and nothing is left running.
    """
    settings_file.prepare(home)
    settings_file.load(home)
    running = _answering(home)
    if running is not None:
        return running
    return _spawn(home, api_port, router_port)


def stop(home: Path) -> bool:
    """Stop the server, its drones and its router, in order. False: none ran.

    Raises:
        PlatformError: it does not end.
    """
    return _end(home, signal.SIGTERM)


def restart(home: Path) -> Status:
    """Replace the server by a new one; drones and router go on meanwhile.

    One that is a service of systemd is replaced by that. Where a new one could not start, for wrong settings
    or a full disk, the old one stays.

    Raises:
        PlatformError: as `start` and `stop`.
    """
    settings_file.prepare(home)
    settings_file.load(home)
    before = _settled(home)
    leave(home)
    return _replaced(home) if before is not None and before.unit else start(home)


def leave(home: Path) -> bool:
    """End the server, and leave drones and router to the next one. False: none ran.

    Raises:
        PlatformError: it does not end.
    """
    return _end(home, signal.SIGHUP)


def serve(
    home: Path, *, api_port: int | None = None, router_port: int | None = None, report: int | None = None
) -> bool:
    """Run the platform in this process until TERM, INT or HUP.

    Args:
        report: file descriptor to which one line of JSON tells whether it serves or why not.

    Returns:
        Whether drones and router were left to the next server.

    Raises:
        PlatformError: it cannot start; nothing is left running.
    """
    try:
        settings_file.prepare(home)
        settings = settings_file.load(home, api_port=api_port, router_port=router_port)
        with hold(home):
            from jitsu_py.server import service

            return service.serve(settings, lambda told: _tell(report, {"ready": told}))
    except PlatformError as error:
        _tell(report, {"error": error.body()})
        raise


def log_file(home: Path) -> Path:
    """The platform's own log."""
    return home / settings_file.LOG_FILE


def _answering(home: Path) -> Status | None:
    """The running server, which answers."""
    return _settled(home, _answers)


def _settled(home: Path, is_fit: Callable[[Status], bool] = lambda _found: True) -> Status | None:
    """The running server; waits for one that is just starting or stopping, or is not fit yet."""
    deadline = time.monotonic() + START_TIME
    while is_held(home):
        found = status(home)
        if found is not None and is_fit(found):
            return found
        if time.monotonic() > deadline:
            raise PlatformError(
                Code.UNAVAILABLE,
                f"A server holds {home} and does not come to answer; see {log_file(home)}.",
                blame=Blame.SYSTEM,
            )
        time.sleep(0.05)
    return None


def _spawn(home: Path, api_port: int | None, router_port: int | None) -> Status:
    command = [sys.executable, "-P", "-m", "jitsu_py.server", "--home", str(home)]
    for flag, port in (("--api-port", api_port), ("--router-port", router_port)):
        command += [flag, str(port)] if port is not None else []
    output = home / settings_file.OUTPUT_FILE
    output.parent.mkdir(mode=0o700, exist_ok=True)
    reading, writing = os.pipe()
    with contextlib.ExitStack() as stack:
        stack.callback(os.close, reading)
        with output.open("wb") as file:
            child = subprocess.Popen(
                [*command, "--report", str(writing)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                pass_fds=[writing],
                start_new_session=True,
                cwd=home,
            )
        os.close(writing)
        pid, child.returncode = child.pid, 0  # it outlives this object, and that is no mistake
        try:
            told = _hear(reading)
        except BaseException:
            os.kill(pid, signal.SIGTERM)
            raise
    return _understood(home, told)


def _hear(reading: int) -> dict[str, Any]:
    """The one line that the child tells; {} when it ended without a word."""
    deadline, line = time.monotonic() + START_TIME, b""
    while not line.endswith(b"\n"):
        ready, _, _ = select.select([reading], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            raise PlatformError(Code.UNAVAILABLE, f"The server did not answer within {START_TIME:g} s.")
        chunk = os.read(reading, 65536)
        if not chunk:
            return {}
        line += chunk
    told: dict[str, Any] = json.loads(line)
    return told


def _understood(home: Path, told: dict[str, Any]) -> Status:
    if "ready" in told:
        return Status.read(told["ready"], is_new=True)
    if "error" in told:
        running = _answering(home)  # another start may have been faster
        if running is not None:
            return running
        error = told["error"]
        raise PlatformError(Code(error["error"]), error["message"], blame=Blame(error["blame"]))
    lines = (home / settings_file.OUTPUT_FILE).read_text(errors="replace").splitlines()[-20:]
    raise PlatformError(
        Code.INTERNAL,
        f"The server ended before it answered; see {log_file(home)}.",
        blame=Blame.SYSTEM,
        details={"output": lines},
    )


def _replaced(home: Path) -> Status:
    """The server that systemd starts in place of the one that ended."""
    deadline = time.monotonic() + START_TIME
    while (found := status(home)) is None:
        if time.monotonic() > deadline:
            raise PlatformError(
                Code.UNAVAILABLE,
                f"systemd did not start it again within {START_TIME:g} s; see `systemctl status jitsu`.",
                blame=Blame.SYSTEM,
            )
        time.sleep(0.05)
    return replace(found, is_new=True)


def _end(home: Path, how: signal.Signals) -> bool:
    if not home.is_dir():
        return False
    found = _settled(home)
    if found is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        os.kill(found.pid, how)
    deadline = time.monotonic() + STOP_TIME
    while is_held(home) or _lives(found.pid):
        if time.monotonic() > deadline:
            raise PlatformError(
                Code.UNAVAILABLE,
                f"The server (pid {found.pid}) did not stop within {STOP_TIME:g} s; see {log_file(home)}.",
                blame=Blame.SYSTEM,
            )
        time.sleep(0.05)
    return True


def _answers(found: Status) -> bool:
    """Whether a server takes requests; one that is slow to answer counts. One that was just killed has its
    process and holds its folder for a moment, and longer on a busy machine.
    """
    from http.client import HTTPConnection, HTTPException

    address = urlsplit(found.api)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=ANSWER_TIME)
    with contextlib.closing(connection):
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except TimeoutError:
            return True
        except (OSError, HTTPException):
            return False
    return True


def _lives(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG) == (0, 0)  # started by this very process
    import psutil

    try:
        # A server whose starter lives on and does not wait for it stays behind as a zombie.
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _tell(report: int | None, message: dict[str, Any]) -> None:
    if report is None:
        return
    with contextlib.suppress(BrokenPipeError):
        os.write(report, json.dumps(message).encode() + b"\n")
    os.close(report)

"""A real Secret Service for tests: gnome-keyring on a session bus of its own, unlocked, locked or silent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NAME = "org.freedesktop.secrets"
PROGRAMS = ("dbus-run-session", "gnome-keyring-daemon")
MISSING = "this test runs a real Secret Service: apt-get install gnome-keyring dbus"

GNOME_KEYRING = ["gnome-keyring-daemon", "--foreground", "--components=secrets"]
UNLOCKED = [*GNOME_KEYRING, "--unlock"]

SILENT = """
import time
from jeepney import DBus
from jeepney.io.blocking import open_dbus_connection
connection = open_dbus_connection(bus="SESSION")
connection.send_and_get_reply(DBus().RequestName("org.freedesktop.secrets"))
time.sleep(600)
"""
"""A service that takes the name and answers nobody."""


def require_programs() -> None:
    """Skip where the programs are not installed; in CI that is a failure."""
    if sys.platform == "linux" and all(map(shutil.which, PROGRAMS)):
        return
    if os.environ.get("CI"):
        pytest.fail(MISSING)
    pytest.skip(MISSING)


@contextmanager
def session(folder: Path, words: Sequence[str], password: str = "") -> Iterator[dict[str, str]]:
    """Run a Secret Service on a bus of its own; gives the variables of whoever lives in that session.

    Args:
        folder: where it keeps its files.
        words: the service's program and arguments.
        password: what it reads from stdin.
    """
    run = Path(tempfile.mkdtemp(prefix="jitsu-run-"))  # a socket's path may not be long
    variables = {"XDG_RUNTIME_DIR": str(run), "XDG_DATA_HOME": str(folder / "data")}
    script = 'echo "$DBUS_SESSION_BUS_ADDRESS"; exec "$@"'
    with subprocess.Popen(
        ["dbus-run-session", "--", "sh", "-c", script, "sh", *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env={"PATH": os.environ["PATH"], "HOME": str(folder), **variables},
        start_new_session=True,
    ) as process:
        try:
            assert process.stdin
            assert process.stdout
            process.stdin.write(password)
            process.stdin.close()
            address = process.stdout.readline().strip()
            _wait_for_the_name(address)
            yield {"DBUS_SESSION_BUS_ADDRESS": address, **variables}
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            shutil.rmtree(run, ignore_errors=True)


def _wait_for_the_name(address: str) -> None:
    from jeepney import DBus
    from jeepney.io.blocking import open_dbus_connection

    deadline = time.monotonic() + 20
    with open_dbus_connection(bus=address) as connection:
        while not connection.send_and_get_reply(DBus().NameHasOwner(NAME)).body[0]:
            assert time.monotonic() < deadline, "the Secret Service did not come up"
            time.sleep(0.05)

"""The platform as a service: a real systemd starts it, keeps it, replaces it, ends it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil
import pytest
import requests

from jitsu_py.server import run
from jitsu_py.server.drones.census import marked
from jitsu_py.server.unit import Unit, render
from tests.cli.explained import explained
from tests.platforms import archive, hello
from tests.server.systemd_world import Systemd, is_possible

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.slow

ODD = Path('/srv/it\'s "100%" $HOME/jitsu')
"""A path with all that systemd reads in its own way."""


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[Systemd]:
    """A systemd of the test's own."""
    if not is_possible():
        pytest.skip("only root can give a systemd of its own to a test, where there is one")
    with Systemd(tmp_path / "world") as running:
        yield running


def until(true: Callable[[], Any]) -> Any:
    """Wait for something."""
    end = time.monotonic() + 40
    while not (found := true()):
        assert time.monotonic() < end
        time.sleep(0.05)
    return found


@pytest.mark.parametrize("user", ["", "daemon"])
def test_systemd_finds_no_fault_with_the_unit(tmp_path: Path, user: str) -> None:
    """Whatever is in the paths."""
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    text = render(Unit(tmp_path, Path(sys.executable), os.environ["PATH"], user))
    unit = tmp_path / "jitsu.service"
    unit.write_text(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert ("WantedBy=multi-user.target" in text) is bool(user)


def test_nothing_covers_what_sandboxes_need(tmp_path: Path) -> None:
    """Where systemd covers a part of /proc the kernel mounts no other one, and bubblewrap refuses."""
    text = render(Unit(tmp_path, Path("/p"), "/bin", "daemon"))
    covering = ("ProtectHostname", "ProtectKernelTunables", "ProtectKernelLogs", "ProtectProc", "ProcSubset")
    assert not [word for word in covering if f"\n{word}=" in text]


def test_the_server_is_beside_what_it_bounds(tmp_path: Path) -> None:
    """In a control group of its own, where systemd knows how to put it there; others say that they do not."""
    for version, user, expected in ((254, "daemon", True), (252, "daemon", False), (257, "", False)):
        text = render(Unit(tmp_path, Path("/p"), "/bin", user, version))
        assert ("DelegateSubgroup=" in text) is expected
        assert "Delegate=yes" in text


def test_paths_are_quoted(tmp_path: Path) -> None:
    """As systemd.service(5) and systemd.unit(5) say; a line break cannot be."""
    text = render(Unit(ODD, Path("/opt/py thon"), "/a b:/c"))
    assert '"/opt/py thon" "-P"' in text
    assert '"/srv/it\'s \\"100%%\\" $$HOME/jitsu"' in text
    assert '"PATH=/a b:/c"' in text
    with pytest.raises(ValueError, match="line break"):
        render(Unit(tmp_path / "a\nExecStartPre=/bin/true", Path("/p"), "/bin"))


def test_a_service_from_install_to_uninstall(systemd: Systemd) -> None:
    """Apps live through a kill, a restart, a reload and the very installation, with the same processes."""
    home = Path(systemd.environment["JITSU_HOME"])
    home.mkdir()
    (home / "server.toml").write_text("[drones]\ngrace = 2\ndrain = 1\n")
    assert systemd.jitsu("server", "start", "--api-port", port(), "--router-port", port()).returncode == 0
    try:
        drone = deployed(systemd, home)
        made = systemd.jitsu("server", "install", "--scope", "user", "--json")
        assert made.returncode == 0, made.stderr
        assert json.loads(made.stdout)["home"] == str(home)
        assert explained("server install", json.loads(made.stdout))
        first = served_by(systemd, home, drone, not_by=0)

        os.kill(first, signal.SIGKILL)
        second = served_by(systemd, home, drone, not_by=first)
        assert systemd.jitsu("server", "restart").returncode == 0
        third = served_by(systemd, home, drone, not_by=second)
        assert systemd.run("systemctl", "--user", "reload", "jitsu").returncode == 0
        served_by(systemd, home, drone, not_by=third)

        gone = systemd.jitsu("server", "uninstall", "--scope", "user", "--json")
        assert json.loads(gone.stdout) == {"removed": True}, gone.stderr
        assert explained("server uninstall", json.loads(gone.stdout))
        assert run.status(home) is None
        assert not lives(drone)
        assert json.loads(systemd.jitsu("server", "uninstall", "--scope", "user", "--json").stdout) == {
            "removed": False
        }
    finally:
        systemd.run("systemctl", "--user", "stop", "jitsu")
        run.stop(home)


def test_without_systemd_it_says_what_to_do(tmp_path: Path) -> None:
    """Nothing is written where nothing would read it."""
    if Path("/run/systemd/system").exists():
        pytest.skip("systemd is in charge here")
    environment = {**os.environ, "HOME": str(tmp_path), "JITSU_HOME": str(tmp_path / "home")}
    done = subprocess.run(
        [sys.executable, "-m", "jitsu_py", "server", "install"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 9
    assert "no systemd" in done.stderr
    assert "jitsu_py.server --home" in done.stderr
    assert not (tmp_path / "home").exists()


def port() -> str:
    """One that is free."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def deployed(systemd: Systemd, home: Path) -> int:
    """Deploy an app that tells its process; the process's id."""
    found = run.status(home)
    assert found is not None
    files = {**hello("told"), "server.js": TELLS}
    login = (found.user, (home / "local-token").read_text().strip())
    url = f"{found.api}/apps/{found.user}/snapshots/0.1.0"
    answer = requests.post(url, data=archive(files), auth=login, timeout=90)
    assert answer.status_code == 200, answer.text
    return serving(home)


TELLS = "require('http').createServer((q, r) => r.end(String(process.pid))).listen(1)"


def serving(home: Path) -> int:
    """The leading process of the one drone, once the app answers, which knows another number in a sandbox."""
    assert visited(home).isdigit()
    (leader,) = {one.pid for one in marked(home.resolve()) if one.leads}
    return leader


def visited(home: Path) -> str:
    """What the app answers."""
    found = until(lambda: run.status(home))
    return requests.get(found.router, headers={"host": f"told.{host(found.router)}"}, timeout=30).text


def host(url: str) -> str:
    """The name in a URL, with its port."""
    return url.partition("://")[2]


def lives(pid: int) -> bool:
    """Whether a process runs; one that nobody waited for does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def served_by(systemd: Systemd, home: Path, drone: int, *, not_by: int) -> int:
    """Wait until the service's process is a new one that serves, and see that the drone is the old one."""

    def main() -> int:
        told = systemd.run("systemctl", "--user", "show", "--property=MainPID,ActiveState", "jitsu").stdout
        facts = dict(line.split("=") for line in told.splitlines())
        found = run.status(home)
        pid = int(facts["MainPID"]) if facts["ActiveState"] == "active" else 0
        return pid if found is not None and pid == found.pid and pid not in (0, not_by) else 0

    pid = int(until(main))
    assert serving(home) == drone
    return pid

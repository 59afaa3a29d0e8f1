"""The server as a process: started, found, restarted, stopped, and what it says when it cannot."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import psutil
import pytest
import requests

from jitsu_py.server import run
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slow


def test_it_starts_answers_and_stops(home: Path) -> None:
    """The state folder is made for its owner alone; after the stop nothing is left but the state."""
    with LocalPlatform(home) as platform:
        assert platform.status.is_new
        assert requests.get(platform.status.api, timeout=5).json()["service"] == "jitsu"
        assert platform.get("nothing").status_code == 404
        assert json.loads((home / "run" / "server.json").read_text())["pid"] == platform.status.pid
        for name in ("local-token", "secret.key"):
            assert (home / name).stat().st_mode & 0o777 == 0o600
        assert all(path.stat().st_mode & 0o777 == 0o700 for path in home.iterdir() if path.is_dir())
    assert run.status(home) is None
    assert not psutil.pid_exists(platform.status.pid) or _is_zombie(platform.status.pid)
    assert not [p for p in psutil.process_iter(["cmdline"]) if str(home) in " ".join(p.info["cmdline"] or [])]


def test_started_twice_it_says_that_it_runs(platform: LocalPlatform) -> None:
    """The second start finds the first, and so do ten at once."""
    again = run.start(platform.home)
    assert not again.is_new
    assert again.pid == platform.status.pid


def test_ten_starts_at_once_make_one_server(home: Path) -> None:
    """One wins, the others find it."""
    home.mkdir()
    with ThreadPoolExecutor(10) as pool:
        try:
            found = list(pool.map(lambda _: run.start(home), range(10)))
        finally:
            run.stop(home)
    assert len({status.pid for status in found}) == 1
    assert sum(status.is_new for status in found) == 1


def test_stopping_what_does_not_run_says_so(home: Path) -> None:
    """No error: it is as wanted."""
    assert run.stop(home) is False
    home.mkdir()
    assert run.stop(home) is False


def test_a_killed_server_is_no_obstacle(platform: LocalPlatform) -> None:
    """The run file it leaves is stale, and the next start notices."""
    os.kill(platform.status.pid, signal.SIGKILL)
    _wait_until(lambda: run.status(platform.home) is None)
    assert (platform.home / "run" / "server.json").exists()
    again = run.start(platform.home)
    assert again.is_new
    assert again.api == platform.status.api


DYING = """
import sys, time
from pathlib import Path
from jitsu_py.server.hold import hold
with hold(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(1)
"""


def test_a_server_that_is_just_dying_is_not_taken_for_running(home: Path) -> None:
    """For a moment it has its process, its file and the folder; only requests it takes no more."""
    home.mkdir()
    (home / "run").mkdir()
    with subprocess.Popen([sys.executable, "-c", DYING, str(home)], stdout=subprocess.PIPE) as dying:
        assert dying.stdout is not None
        assert dying.stdout.readline() == b"held\n"
        said = run.Status(dying.pid, 0.0, "http://127.0.0.1:1", "http://127.0.0.1:2", "1", "ada")
        (home / "run" / "server.json").write_text(json.dumps(asdict(said)))
        assert run.status(home) == said
        try:
            found = run.start(home)
            assert found.is_new
            assert found.pid != dying.pid
            assert requests.get(found.api, timeout=5).ok
        finally:
            run.stop(home)


def test_a_server_that_is_slow_to_answer_runs(
    platform: LocalPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is another's fault, and a second one would be no help."""
    monkeypatch.setattr(run, "ANSWER_TIME", 0.2)
    os.kill(platform.status.pid, signal.SIGSTOP)
    try:
        assert run.start(platform.home).pid == platform.status.pid
    finally:
        os.kill(platform.status.pid, signal.SIGCONT)


def has_version_6() -> bool:
    """Whether this machine has IPv6 at all; some containers have none."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


version_6 = pytest.mark.skipif(not has_version_6(), reason="there is no IPv6 here")


@pytest.mark.parametrize(
    ("address", "found_at"),
    [
        pytest.param("::1", "[::1]", marks=version_6),
        pytest.param("::", "[::1]", marks=version_6),
        ("0.0.0.0", "127.0.0.1"),
    ],
)
def test_it_listens_where_it_is_told(home: Path, address: str, found_at: str) -> None:
    """What it says of itself is an address that programs of this machine can use."""
    home.mkdir()
    (home / "server.toml").write_text(f'[api]\naddress = "{address}"\n[router]\naddress = "{address}"\n')
    with LocalPlatform(home) as platform:
        assert platform.status.api.startswith(f"http://{found_at}:")
        assert platform.call("GET", "/auth").status_code == 200
        assert not run.start(home).is_new
        router = int(platform.status.router.rpartition(":")[2])
        assert requests.get(f"http://{found_at}:{router}/", timeout=5).status_code == 404


def test_a_restart_keeps_its_ports(platform: LocalPlatform) -> None:
    """They are remembered, so that URLs stay."""
    again = run.restart(platform.home)
    assert again.pid != platform.status.pid
    assert (again.api, again.router) == (platform.status.api, platform.status.router)


@contextlib.contextmanager
def small_disk(place: Path, size: str) -> Iterator[Path]:
    """A disk of its own, of a size that `mount` understands."""
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", str(place)], check=True)


def filled(disk: Path) -> Path:
    """Fill a disk; the file to be removed for room."""
    filler = disk / "filler"
    with pytest.raises(OSError, match="space"), filler.open("wb") as file:
        file.write(b"x" * 40_000_000)
    return filler


def still_runs(platform: LocalPlatform) -> bool:
    """Whether it is the same server as at the beginning."""
    found = run.status(platform.home)
    return found is not None and found.pid == platform.status.pid


def test_a_restart_that_would_fail_leaves_the_server_alone(platform: LocalPlatform) -> None:
    """Wrong settings are better known while the old server still serves."""
    settings = platform.home / "server.toml"
    good = settings.read_text()
    settings.write_text("[drones]\nboot = -1\n")
    with pytest.raises(run.PlatformError, match="boot"):
        run.restart(platform.home)
    assert still_runs(platform)
    assert platform.call("GET", "/auth").status_code == 200
    settings.write_text(good)
    assert run.restart(platform.home).pid != platform.status.pid


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_restart_on_a_full_disk_leaves_the_server_alone(tmp_path: Path) -> None:
    """It goes on as well as it can; a new one could not begin."""
    with small_disk(tmp_path / "disk", "30m") as disk, LocalPlatform(disk / "home") as platform:
        filler = filled(disk)
        with pytest.raises(run.PlatformError, match="Free some space"):
            run.restart(platform.home)
        assert still_runs(platform)
        assert platform.call("GET", "/auth").status_code == 200
        filler.unlink()
        assert run.restart(platform.home).pid != platform.status.pid


@pytest.mark.parametrize(("unit", "by"), [("jitsu.service", "systemd"), ("", "us")])
def test_who_starts_it_again_is_told_by_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unit: str, by: str
) -> None:
    """Its environment says it too, and not to its own user, where it may take low ports."""
    told = run.Status(os.getpid(), 0.0, "http://a", "http://b", "1", "ada", unit=unit)
    monkeypatch.setattr(run, "_settled", lambda home: told)
    monkeypatch.setattr(run, "leave", lambda home: True)
    monkeypatch.setattr(run, "_replaced", lambda home: replace(told, user="systemd"))
    monkeypatch.setattr(run, "start", lambda home: replace(told, user="us"))
    assert run.restart(tmp_path).user == by


def test_taken_ports_are_passed_over_or_named(home: Path, free_port: int) -> None:
    """A port that is set must be had; the error names it. Nothing is left running."""
    with socket.socket() as other:
        other.bind(("127.0.0.1", free_port))
        other.listen()
        with pytest.raises(run.PlatformError, match=str(free_port)):
            run.start(home, api_port=free_port)
        with pytest.raises(run.PlatformError, match=str(free_port)):
            run.start(home, router_port=free_port)
    assert run.status(home) is None


def test_two_state_folders_run_side_by_side(tmp_path: Path) -> None:
    """Each takes the next free ports."""
    homes = [tmp_path / "one", tmp_path / "two"]
    try:
        found = [run.start(home) for home in homes]
    finally:
        for home in homes:
            run.stop(home)
    assert found[0].api != found[1].api
    assert found[0].router != found[1].router


def test_a_newer_state_folder_is_refused_untouched(home: Path) -> None:
    """The error says what to do; the database is as it was."""
    with LocalPlatform(home):
        pass
    with sqlite3.connect(home / "state.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    before = (home / "state.db").read_bytes()
    with pytest.raises(run.PlatformError, match="newer"):
        run.start(home)
    assert (home / "state.db").read_bytes() == before


def test_a_damaged_database_is_refused_untouched(home: Path) -> None:
    """A file that is no database stays as it is."""
    home.mkdir()
    (home / "state.db").write_bytes(b"this is no database, honestly" * 200)
    with pytest.raises(run.PlatformError, match=r"state\.db"):
        run.start(home)
    assert (home / "state.db").read_bytes().startswith(b"this is no database")


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("[api\n", "server.toml"),
        ("[nothing]\na = 1\n", "nothing"),
        ("[api]\nport = 70000\n", "port"),
        ("[api]\nprot = 1\n", "prot"),
        ("[drones]\nboot = -1\n", "boot"),
        ('[drones]\nfolders = "srv"\n', "folders"),
        ('[drones]\nfolders = "/srv:/"\n', "own folder"),
        ('[drones]\nusers = "7-3"\n', "users"),
        pytest.param(
            '[drones]\nusers = "1-99"\n',
            "of 1-99 is ",
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives apps users"),
        ),
        ("api = 3\n", "api"),
    ],
)
def test_wrong_settings_are_named(home: Path, text: str, word: str) -> None:
    """File, section and key, before anything starts."""
    home.mkdir()
    (home / "server.toml").write_text(text)
    with pytest.raises(run.PlatformError, match=word):
        run.start(home)


def test_a_state_folder_that_is_a_file_is_refused(home: Path) -> None:
    """The message names it and JITSU_HOME."""
    home.write_text("in the way")
    with pytest.raises(run.PlatformError, match="JITSU_HOME"):
        run.start(home)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may mount a small disk")
def test_a_full_disk_is_refused_with_a_sentence(tmp_path: Path) -> None:
    """Nothing half-made keeps the next start from working."""
    with small_disk(tmp_path / "disk", "256k") as disk:
        filled(disk)
        with pytest.raises(run.PlatformError, match=r"disk|space"):
            run.start(disk / "home")


@contextlib.contextmanager
def read_only(folder: Path) -> Iterator[None]:
    """Let nothing be written below the folder: by its mode or, since that does not stop root, by a mount."""
    is_root = os.geteuid() == 0
    if is_root:
        tried = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "ro", "tmpfs", str(folder)], capture_output=True, check=False
        )
        if tried.returncode:
            pytest.skip("root may not mount here, and nothing else stops root from writing")
    else:
        folder.chmod(0o500)
    try:
        yield
    finally:
        if is_root:
            subprocess.run(["umount", str(folder)], check=True)
        else:
            folder.chmod(0o700)


@pytest.mark.parametrize("is_new", [True, False], ids=["new", "used"])
def test_a_state_folder_that_cannot_be_written_is_refused_with_a_sentence(
    tmp_path: Path, is_new: bool
) -> None:
    """One that is to be made, and one that is there: named, with what to do; nothing runs afterwards."""
    place = tmp_path / "place"
    place.mkdir()
    home = place / "home" if is_new else place
    with read_only(place), pytest.raises(run.PlatformError, match="JITSU_HOME") as refused:
        run.start(home)
    assert str(home) in refused.value.message
    assert run.status(home) is None


def test_run_may_be_deleted_at_any_time(platform: LocalPlatform) -> None:
    """The server writes its run file again, and can be stopped by it."""
    import shutil

    shutil.rmtree(platform.home / "run", ignore_errors=True)  # the server may put a file back meanwhile
    _wait_until(lambda: run.status(platform.home) is not None, 15)
    assert requests.get(platform.status.api, timeout=5).ok


def test_serve_ends_on_term_with_zero(home: Path) -> None:
    """In the foreground it is an ordinary program."""
    home.mkdir()
    child = subprocess.Popen([sys.executable, "-m", "jitsu_py.server", "--home", str(home)])
    try:
        _wait_until(lambda: run.status(home) is not None, 30)
        child.send_signal(signal.SIGTERM)
        assert child.wait(30) == 0
    finally:
        child.kill()


def _wait_until(condition: object, seconds: float = 10) -> None:
    assert callable(condition)
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come about in time"
        time.sleep(0.05)


def _is_zombie(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True

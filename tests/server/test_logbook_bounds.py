"""What a log may take: of the disk, of the capture files, of other apps' time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import subprocess
import sys
import threading
import time
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.logbook import Keep, Logbook, Wanted
from jitsu_py.server.logbook import capture as capturing
from jitsu_py.server.logbook.holes import punch

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APP = "alice/hello"
MIB = 1024**2


def write(captures: Path, data: bytes, drone: str = "d1") -> Path:
    """Print as a drone does: appended to its capture file."""
    path = captures / f"{drone}.stdout"
    with path.open("ab") as file:
        file.write(data)
    return path


def numbered(first: int, count: int, width: int = 90) -> bytes:
    """Lines that begin with their number."""
    return b"".join(b"%d %s\n" % (number, b"x" * width) for number in range(first, first + count))


def numbers(logbook: Logbook, app: str = APP) -> list[int]:
    """The numbers of the lines that were printed, in the log's order."""
    found: list[int] = []
    after = 0
    while lines := logbook.next(app, after, 10_000):
        found += [int(line.text.partition(" ")[0]) for line in lines if line.stream == "stdout"]
        after = lines[-1].id
    return found


def takes(path: Path) -> int:
    """Bytes of the disk that a file takes."""
    return path.stat().st_blocks * 512


def settled(logbook: Logbook) -> None:
    """Collect and tidy until nothing changes any more."""
    for _ in range(200):
        logbook.collect()
        logbook.tidy()


def has_holes(folder: Path) -> bool:
    """Whether the file system below gives space back."""
    probe = folder / "probe"
    probe.write_bytes(b"x" * 64 * 1024)
    return punch(probe, 32 * 1024) and takes(probe) <= 32 * 1024


def test_a_capture_file_does_not_grow_with_what_was_taken_over(tmp_path: Path) -> None:
    """40 MiB printed by one drone that lives on: every line is there, and the file takes next to nothing."""
    if not has_holes(tmp_path):
        pytest.skip("the file system of the temporary folder has no holes")
    logbook = Logbook(tmp_path / "logs")
    captures = logbook.capture(APP, "d1", "1")
    for first in range(0, 40_000, 2_000):
        path = write(captures, numbered(first, 2_000, width=990))
        logbook.collect()
    assert path.stat().st_size > 35 * MIB
    assert takes(path) < 4 * MIB
    assert path.read_bytes()[-capturing.TAIL :] == numbered(39_900, 100, width=990)[-capturing.TAIL :]
    write(captures, b"40000 last words")
    again = Logbook(tmp_path / "logs")
    again.capture(APP, "d1", "1")
    again.ended(APP, "d1")
    assert numbers(again) == list(range(40_001))
    assert not path.exists()


def test_holes_lose_nothing_to_a_writer_in_a_hurry(tmp_path: Path) -> None:
    """A process prints 60 MB without a pause while its file is read and emptied behind it."""
    code = "import sys\nfor n in range(60000): sys.stdout.write('%d ' % n + 'y' * 993 + chr(10))"
    logbook = Logbook(tmp_path / "logs")
    captures = logbook.capture(APP, "d1", "1")
    with (
        (captures / "d1.stdout").open("ab") as file,
        subprocess.Popen([sys.executable, "-c", code], stdout=file) as child,
    ):
        while child.poll() is None:
            logbook.collect()
    logbook.ended(APP, "d1")
    assert numbers(logbook) == list(range(60_000))


def test_a_log_that_was_lost_begins_at_the_first_data(tmp_path: Path) -> None:
    """Somebody deletes log.db: what the capture file still has is read, not the holes before it."""
    if not has_holes(tmp_path):
        pytest.skip("the file system of the temporary folder has no holes")
    first = Logbook(tmp_path / "logs")
    captures = first.capture(APP, "d1", "1")
    write(captures, numbered(0, 30_000))
    first.collect()
    first.close()
    for path in (tmp_path / "logs" / APP).glob("log.db*"):
        path.unlink()
    second = Logbook(tmp_path / "logs")
    second.capture(APP, "d1", "1")
    write(captures, b"30000 new\n")
    lines = second.newest(APP, 10_000)
    assert lines[-1].text == "30000 new"
    assert not any("\0" in line.text for line in lines)


@pytest.fixture
def without_holes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder on a file system that cannot give back a part of a file; who may not mount one is told so."""
    folder = tmp_path / "ramfs"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "ramfs", "ramfs", folder], capture_output=True, check=False)
    if mounted.returncode:
        monkeypatch.setattr(capturing, "punch", lambda _path, _end: False)
    try:
        yield folder
    finally:
        if not mounted.returncode:
            subprocess.run(["umount", "-l", folder], check=True)


def silent_since(path: Path, seconds: float) -> None:
    """Let a file look as if nothing had been printed for a while."""
    moment = time.time() - seconds
    os.utime(path, (moment, moment))


def test_without_holes_a_file_is_emptied_when_it_is_large(without_holes: Path) -> None:
    """It is bounded all the same, and its writer goes on at the beginning."""
    logbook = Logbook(without_holes / "logs", Keep(bytes=400 * MIB))
    captures = logbook.capture(APP, "d1", "1")
    total = 0
    for _ in range(9):
        path = write(captures, numbered(total, 10_000, width=990))
        silent_since(path, 1)
        total += 10_000
        logbook.collect()
        assert path.stat().st_size < capturing.UNHOLED + 16 * MIB
    assert path.stat().st_size < 40 * MIB
    assert numbers(logbook) == list(range(total))
    assert not any(line.stream == "system" for line in logbook.newest(APP, 10))


def test_a_file_is_not_emptied_under_a_writer_in_a_hurry(
    without_holes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It waits for a quiet moment up to the log's own bound; then it is emptied, and the log says so."""
    monkeypatch.setattr(capturing, "UNHOLED", 4 * MIB)
    logbook = Logbook(without_holes / "logs", Keep(bytes=8 * MIB))
    captures = logbook.capture(APP, "d1", "1")
    printed = 0
    for part in range(10):
        path = write(captures, data := numbered(part * 1_000, 1_000, width=990))
        silent_since(path, -60)  # printed this very moment, however slow the machine is
        logbook.collect()
        printed += len(data)
        assert printed > 8 * MIB or path.stat().st_size == printed
    assert path.stat().st_size < 2 * MIB
    said = logbook.newest(APP, 10, Wanted(stream="system"))
    assert [line.text.partition(" bytes")[0] for line in said] == ["0"]
    assert "may be missing here" in said[0].text
    assert (said[0].drone, said[0].snapshot) == ("d1", "1")
    assert numbers(logbook) == list(range(10_000))


@pytest.mark.parametrize("is_away", [False, True], ids=["beside a server", "while none runs"])
def test_of_a_flood_the_newest_lines_win(tmp_path: Path, is_away: bool) -> None:
    """More waits than may be kept: the oldest is dropped, and a line at that place says how much it was."""
    logbook = Logbook(tmp_path / "logs", Keep(bytes=16 * MIB))
    captures = logbook.capture(APP, "d1", "1")
    write(captures, numbered(0, 10))
    logbook.collect()
    data = numbered(10, 19_990, width=990)
    if is_away:
        logbook.close()
        write(captures, data)
        logbook = Logbook(tmp_path / "logs", Keep(bytes=16 * MIB))
        logbook.capture(APP, "d1", "1")
    else:
        write(captures, data)
    settled(logbook)
    first, *_, last = logbook.newest(APP, 1_000_000)
    kept = numbers(logbook)
    assert kept == [*range(10), *range(20_000 - len(kept) + 10, 20_000)]
    assert last.id - first.id == len(kept)
    (said,) = logbook.newest(APP, 10, Wanted(stream="system"))
    rest = len(numbered(kept[10], len(kept) - 10, width=990))
    assert said.text == (
        f"{kept[10] - 10:,} lines ({len(data) - rest:,} bytes) of stdout were dropped here: "
        "the drone prints faster than its log may grow"
    )
    assert (said.id, said.drone, said.snapshot) == (11, "d1", "1")
    assert 7 * MIB < rest <= 8 * MIB
    write(captures, numbered(20_000, 30_000, width=990))
    settled(logbook)
    kept = numbers(logbook)
    assert kept[-1] == 49_999
    assert 0 not in kept
    logbook.close()
    assert takes(tmp_path / "logs" / APP / "log.db") < 24 * MIB


def test_old_lines_go(tmp_path: Path) -> None:
    """By age, of apps that run no longer too; younger lines stay, and at least one block always does."""
    logbook = Logbook(tmp_path / "logs", Keep(days=1))
    for app in (APP, "bob/stopped"):
        captures = logbook.capture(app, f"d-{app[0]}", "1")
        for age, text in ((3, b"old"), (2, b"older than a day"), (0.5, b"young"), (0, b"now")):
            path = write(captures, text + b"\n", f"d-{app[0]}")
            os.utime(path, (time.time() - age * 86400,) * 2)
            logbook.collect()
    logbook.ended("bob/stopped", "d-b")
    again = Logbook(tmp_path / "logs", Keep(days=1))
    again.tidy(aged=True)
    for app in (APP, "bob/stopped"):
        assert [line.text for line in again.newest(app, 10)] == ["young", "now"]
        assert again.count(app, Wanted()) == 2


def test_a_smaller_bound_frees_the_disk_little_by_little(tmp_path: Path) -> None:
    """The setting was lowered: no single step is long, and in the end the file is small."""
    first = Logbook(tmp_path / "logs", Keep(bytes=200 * MIB))
    captures = first.capture(APP, "d1", "1")
    for number in range(0, 60_000, 10_000):
        write(captures, numbered(number, 10_000, width=990))
        first.collect()
    first.ended(APP, "d1")
    first.close()
    path = tmp_path / "logs" / APP / "log.db"
    assert takes(path) > 50 * MIB
    second = Logbook(tmp_path / "logs", Keep(bytes=2 * MIB))
    sizes = []
    for turn in range(100):
        second.tidy(aged=turn == 0)
        with sqlite3.connect(path) as book:
            sizes.append(book.execute("SELECT sum(size) FROM blocks").fetchone()[0])
        book.close()
    assert max(before - after for before, after in pairwise(sizes)) <= 40 * MIB
    assert sizes[-1] < 2 * MIB
    second.close()
    assert takes(path) < 10 * MIB
    kept = numbers(second)
    assert kept == list(range(60_000 - len(kept), 60_000))


def test_readers_wait_for_no_writer(tmp_path: Path) -> None:
    """Somebody writes and does not come to an end: what is committed can be read meanwhile."""
    logbook = Logbook(tmp_path / "logs")
    logbook.note(APP, "committed")
    entered, leave = threading.Event(), threading.Event()

    def write_for_long() -> None:
        with logbook._book(APP).writing() as connection:
            connection.execute("INSERT INTO drones VALUES ('x', '1')")
            entered.set()
            leave.wait(60)

    writer = threading.Thread(target=write_for_long)
    writer.start()
    try:
        assert entered.wait(30)
        assert [line.text for line in logbook.newest(APP, 10)] == ["committed"]
        assert logbook.count(APP, Wanted(grep="COMMIT")) == 1
        assert logbook.end(APP) == 1
        assert [line.text for line in logbook.next(APP, 0, 10)] == ["committed"]
        logbook.note("bob/other", "a lock of its own")
    finally:
        leave.set()
        writer.join()
    assert [line.text for line in logbook.newest("bob/other", 1)] == ["a lock of its own"]


def test_one_flood_does_not_keep_the_others_waiting(tmp_path: Path) -> None:
    """A look takes a part of a flood, and of everybody else all there is."""
    logbook = Logbook(tmp_path / "logs")
    loud = logbook.capture("alice/loud", "a1", "1")
    quiet = logbook.capture("zoe/quiet", "z1", "1")
    write(loud, numbered(0, 60_000, width=990), "a1")
    write(quiet, b"1 hello\n", "z1")
    logbook.collect()
    with logbook._book("alice/loud").reading() as book:
        assert book is not None
        taken = book.execute("SELECT sum(size) FROM blocks").fetchone()[0]
    assert taken < 20 * MIB
    with logbook._book("zoe/quiet").reading() as book:
        assert book is not None
        assert book.execute("SELECT count(*) FROM blocks").fetchone()[0] == 1
    settled(logbook)
    assert numbers(logbook, "alice/loud") == list(range(60_000))


def test_an_answer_is_bounded(tmp_path: Path) -> None:
    """Ten thousand lines of 1 MB are asked for: what comes fits into memory, is the newest, and can go on."""
    logbook = Logbook(tmp_path / "logs", Keep(bytes=400 * MIB))
    captures = logbook.capture(APP, "d1", "1")
    for number in range(60):
        write(captures, b"%d " % number + b"z" * 1_000_000 + b"\n")
        logbook.collect()
    newest = logbook.newest(APP, 10_000)
    assert 20 <= len(newest) < 40
    assert newest[-1].text.startswith("59 ")
    assert numbers(logbook) == list(range(60))


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder with 8 MiB of space."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small file system")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_loses_nothing_of_what_was_printed(small_disk: Path) -> None:
    """While it is full lines wait in their capture file; with space again they are taken over, once."""
    logbook = Logbook(small_disk / "logs")
    captures = logbook.capture(APP, "d1", "1")
    write(captures, numbered(0, 100))
    logbook.collect()
    write(captures, numbered(100, 2_900, width=990))
    filler = small_disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(b"x" * 4096)
    for _ in range(3):
        logbook.collect()
        logbook.tidy()
    assert logbook.end(APP) == 100
    filler.unlink()
    settled(logbook)
    assert numbers(logbook) == list(range(3000))
    logbook.close()

"""What drones print: every line once, in order, whoever is killed meanwhile, and not for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from jitsu_py.server.logbook import LONGEST, Keep, Logbook, Note, Wanted

APP = "alice/hello"
ALL = 1_000_000


@pytest.fixture
def logbook(tmp_path: Path) -> Logbook:
    """An empty one."""
    return Logbook(tmp_path / "logs")


def texts(logbook: Logbook, rows: int = ALL) -> list[str]:
    """The log's lines, oldest first."""
    return [line.text for line in logbook.newest(APP, rows)]


def write(captures: Path, data: bytes, drone: str = "d1", stream: str = "stdout") -> None:
    """Print as a drone does: appended to its capture file."""
    with (captures / f"{drone}.{stream}").open("ab") as file:
        file.write(data)


def test_lines_keep_their_order_and_say_whose_they_are(logbook: Logbook) -> None:
    """Of each drone's stream, beside what the platform says; ids only grow."""
    captures = logbook.capture(APP, "d1", "0.1.0")
    logbook.note(APP, "launched", drone="d1", snapshot="0.1.0")
    write(captures, b"one\ntwo\n")
    logbook.collect()
    write(captures, b"oh\n", stream="stderr")
    write(captures, b"three\r\n\n")
    lines = logbook.newest(APP, 100)
    assert [(line.stream, line.text) for line in lines] == [
        ("system", "launched"),
        ("stdout", "one"),
        ("stdout", "two"),
        ("stdout", "three"),
        ("stdout", ""),
        ("stderr", "oh"),
    ]
    assert {(line.drone, line.snapshot) for line in lines} == {("d1", "0.1.0")}
    assert [line.id for line in lines] == sorted({line.id for line in lines})
    assert [line.text for line in logbook.newest(APP, 2)] == ["", "oh"]


def test_a_line_is_taken_when_it_is_whole(logbook: Logbook) -> None:
    """Half a line waits for its rest; what a drone leaves unfinished at its end counts as a line."""
    captures = logbook.capture(APP, "d1", "1")
    write(captures, b"whole\nhal")
    assert texts(logbook) == ["whole"]
    write(captures, b"f\nlast words")
    assert texts(logbook) == ["whole", "half"]
    logbook.ended(APP, "d1")
    assert texts(logbook) == ["whole", "half", "last words"]
    assert list(captures.iterdir()) == []
    logbook.ended(APP, "d1")


def test_long_lines_come_in_parts_and_binary_is_replaced(logbook: Logbook) -> None:
    """1 MB in one line, more than that, NULs and what is no UTF-8: nothing of it stops the log."""
    captures = logbook.capture(APP, "d1", "1")
    write(captures, b"a" * 1_000_000 + b"\n" + b"b" * (3 * LONGEST + 5) + b"\n" + b"\xff\0\xfe \xe2\x82\n")
    write(captures, b"after\n")
    found = texts(logbook)
    assert found[0] == "a" * 1_000_000
    assert "".join(found[1:-2]) == "b" * (3 * LONGEST + 5)
    assert max(map(len, found)) <= LONGEST
    assert found[-2].startswith("\ufffd\0\ufffd ")
    assert found[-1] == "after"


def test_a_line_without_an_end_does_not_wait_for_ever(logbook: Logbook) -> None:
    """Who prints megabytes without a newline is taken over all the same."""
    captures = logbook.capture(APP, "d1", "1")
    write(captures, b"x" * (5 * LONGEST))
    logbook.collect()
    logbook.ended(APP, "d1")
    assert "".join(texts(logbook)) == "x" * (5 * LONGEST)


@pytest.mark.slow
def test_a_burst_from_two_drones_loses_nothing(logbook: Logbook) -> None:
    """100,000 lines, written while they are read, in pieces that end anywhere."""

    def burst(drone: str) -> None:
        data = b"".join(b"%s line %d\n" % (drone.encode(), number) for number in range(50_000))
        rng, at = random.Random(drone), 0
        while at < len(data):
            size = rng.randrange(1, 40_000)
            write(captures, data[at : at + size], drone)
            at += size

    captures = logbook.capture(APP, "d1", "1")
    logbook.capture(APP, "d2", "1")
    began = time.monotonic()
    with ThreadPoolExecutor(3) as pool:
        printing = [pool.submit(burst, drone) for drone in ("d1", "d2")]
        while not all(future.done() for future in printing):
            logbook.collect()
        for future in printing:
            future.result()
    found = texts(logbook)
    print(f"100,000 lines in {time.monotonic() - began:.1f} s")
    for drone in ("d1", "d2"):
        expected = [f"{drone} line {number}" for number in range(50_000)]
        assert [text for text in found if text.startswith(drone)] == expected


def test_the_newest_lines_win(tmp_path: Path) -> None:
    """No more of an app than so many bytes on the disk; the rest is whole and keeps its ids."""
    logbook = Logbook(tmp_path / "logs", Keep(bytes=2 * 1024**2))
    captures = logbook.capture(APP, "d1", "1")
    for number in range(100):
        write(captures, b"".join(b"%d %s\n" % (number * 100 + line, b"x" * 990) for line in range(100)))
        logbook.collect()
        logbook.tidy()
    logbook.note(APP, "a note")
    found = logbook.newest(APP, ALL)
    assert found[-1].text == "a note"
    kept = [int(line.text.partition(" ")[0]) for line in found[:-1]]
    assert kept == list(range(10_000 - len(kept), 10_000))
    assert 1000 < len(kept) < 2100
    assert [line.id for line in found[:-1]] == [number + 1 for number in kept]
    logbook.close()
    assert (tmp_path / "logs" / APP / "log.db").stat().st_size < 8 * 1024**2


def test_a_removed_log_is_gone_and_does_not_come_back(logbook: Logbook, tmp_path: Path) -> None:
    """What still ends or prints of a removed app makes no new log; a new app of the name begins afresh."""
    captures = logbook.capture(APP, "d1", "1")
    write(captures, b"old\n")
    logbook.collect()
    logbook.remove(APP)
    logbook.collect()
    logbook.ended(APP, "d1")
    assert not (tmp_path / "logs" / APP).exists()
    assert logbook.newest(APP, 10) == []
    assert logbook.forsaken(APP) == []
    assert not (tmp_path / "logs" / APP).exists()
    write(logbook.capture(APP, "d2", "1"), b"new\n", "d2")
    assert texts(logbook) == ["new"]


def test_what_was_printed_without_a_server_is_read_by_the_next(tmp_path: Path) -> None:
    """From where the last one was; also of drones that ended meanwhile."""
    first = Logbook(tmp_path / "logs")
    captures = first.capture(APP, "d1", "1")
    first.capture(APP, "d2", "1")
    write(captures, b"a\nb\n")
    first.collect()
    write(captures, b"c\n")
    write(captures, b"died\n", "d2")
    second = Logbook(tmp_path / "logs")
    second.capture(APP, "d1", "1")
    assert second.forsaken(APP) == ["d2"]
    second.ended(APP, "d2")
    assert texts(second) == ["a", "b", "died", "c"]
    assert second.forsaken(APP) == []


COLLECT = """
import sys
from pathlib import Path
from typing import Any
from jitsu_py.server.logbook import Logbook
logbook = Logbook(Path(sys.argv[1]))
logbook.capture("alice/hello", "d1", "1")
print("ready", flush=True)
while True:
    logbook.collect()
"""


@pytest.mark.slow
def test_kill_9_in_the_middle_takes_no_line_twice_or_never(tmp_path: Path) -> None:
    """Lines and the place read up to are one transaction: killed twelve times, nothing is off by one."""
    logs, total = tmp_path / "logs", 60_000
    captures = Logbook(logs).capture(APP, "d1", "1")
    rng = random.Random(7)

    def print_lines() -> None:
        for number in range(0, total, 20):
            write(captures, b"".join(b"line %d\n" % each for each in range(number, number + 20)))
            time.sleep(0.001)

    printing = threading.Thread(target=print_lines)
    printing.start()
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", COLLECT, str(logs)], stdout=subprocess.PIPE, cwd=Path.cwd()
        )
        assert child.stdout is not None
        child.stdout.readline()
        time.sleep(rng.uniform(0, 0.1))
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()
    printing.join()
    logbook = Logbook(logs)
    logbook.capture(APP, "d1", "1")
    assert texts(logbook) == [f"line {number}" for number in range(total)]


def test_a_server_killed_between_file_and_tables_is_no_obstacle(tmp_path: Path) -> None:
    """An empty database file is given its tables."""
    place = tmp_path / "logs" / APP
    place.mkdir(parents=True)
    (place / "log.db").touch()
    logbook = Logbook(tmp_path / "logs")
    logbook.note(APP, "hello")
    assert texts(logbook) == ["hello"]


@pytest.mark.slow
def test_collecting_goes_on_after_trouble(logbook: Logbook, tmp_path: Path) -> None:
    """One app's damaged log does not silence the others, nor the timer."""
    broken = logbook.capture("alice/broken", "b1", "1")
    good = logbook.capture(APP, "d1", "1")
    (tmp_path / "logs" / "alice" / "broken" / "log.db").write_bytes(b"no database at all" * 100)

    async def scene() -> None:
        collecting = asyncio.create_task(logbook.run())
        for number in range(2):
            write(broken, b"x\n", "b1")
            write(good, b"line %d\n" % number)
            await asyncio.sleep(0.6)
        collecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await collecting

    asyncio.run(scene())
    assert [line.text for line in Logbook(tmp_path / "logs").newest(APP, 10)] == ["line 0", "line 1"]


@pytest.mark.slow
def test_ends_and_looks_at_once_do_not_meet(logbook: Logbook) -> None:
    """A drone's end, seen by two, while the timer and readers look: no error, nothing twice."""

    def drone(number: int) -> None:
        name = f"d{number}"
        write(logbook.capture(APP, name, "1"), b"only line of %d\n" % number, name)
        for _ in range(2):
            ends.append(pool.submit(logbook.ended, APP, name))

    ends: list[Future[None]] = []
    with ThreadPoolExecutor(8) as pool:
        futures: list[Future[Any]] = []
        for number in range(100):
            futures += [pool.submit(drone, number), pool.submit(logbook.collect)]
            futures += [pool.submit(logbook.newest, APP, 10)]
        for future in futures + ends:
            future.result()
    assert sorted(texts(logbook)) == sorted(f"only line of {number}" for number in range(100))


def test_parts_of_a_line_end_between_characters(logbook: Logbook) -> None:
    """A line of 3 MB of two-, three- and four-byte characters: put together, it is what was printed."""
    captures = logbook.capture(APP, "d1", "1")
    lines = ["x" + char * (3_000_000 // len(char.encode())) for char in ("ü", "語", "😀")]
    for line in lines:
        write(captures, line.encode() + b"\n")
    write(captures, b"y" * LONGEST + b"\n" + b"z" * LONGEST)
    for _ in range(9):
        logbook.collect()
    logbook.ended(APP, "d1")
    found = texts(logbook)
    assert found[-2:] == ["y" * LONGEST, "z" * LONGEST]
    assert "".join(found[:-2]) == "".join(lines)
    assert max(len(text.encode()) for text in found) <= LONGEST


def test_bytes_are_kept_as_they_were(logbook: Logbook, tmp_path: Path) -> None:
    """What is no UTF-8 is replaced where it is shown, not where it is kept."""
    raw = bytes(range(256)).replace(b"\n", b"") + b"\xed\xa0\x80\xff"
    write(logbook.capture(APP, "d1", "1"), raw + b"\n")
    assert len(texts(logbook)) == 1
    with contextlib.closing(sqlite3.connect(tmp_path / "logs" / APP / "log.db")) as book:
        assert book.execute("SELECT text FROM blocks").fetchall() == [(raw,)]


def test_times_are_those_of_printing_and_never_go_back(logbook: Logbook) -> None:
    """What was printed while nobody read has the time of its file; ids and times have one order."""
    captures = logbook.capture(APP, "d1", "1")
    logbook.capture(APP, "d2", "1")
    write(captures, b"an hour ago\n")
    hour_ago = time.time() - 3600
    os.utime(captures / "d1.stdout", (hour_ago, hour_ago))
    logbook.collect()
    write(captures, b"two hours ago\n", "d2")
    os.utime(captures / "d2.stdout", (hour_ago - 3600,) * 2)
    logbook.collect()
    logbook.note(APP, "now")
    lines = logbook.newest(APP, 10)
    assert abs(lines[0].time - hour_ago) < 1
    assert [line.time for line in lines] == sorted(line.time for line in lines)
    assert abs(lines[-1].time - time.time()) < 60
    wanted = Wanted(since=hour_ago - 1, until=hour_ago + 1)
    assert [line.text for line in logbook.newest(APP, 10, wanted)] == ["an hour ago", "two hours ago"]
    assert logbook.count(APP, wanted) == 2
    assert [line.text for line in logbook.newest(APP, 10, Wanted(since=hour_ago + 60))] == ["now"]


def test_a_note_of_several_lines_is_several_lines(logbook: Logbook) -> None:
    """In one go, and each found by itself."""
    logbook.notes(APP, [Note("one\ntwo", "d1", "1"), Note("three")])
    assert [(line.id, line.text, line.drone) for line in logbook.newest(APP, 9)] == [
        (1, "one", "d1"),
        (2, "two", "d1"),
        (3, "three", None),
    ]
    assert [line.text for line in logbook.next(APP, 1, 9, Wanted(grep="T"))] == ["two", "three"]


def test_those_who_follow_are_told(logbook: Logbook) -> None:
    """At once of what is there, in time of what comes and of a removal; else after a while."""

    async def scene() -> list[bool]:
        found = [await logbook.changed(APP, 0, 0.05)]
        logbook.note(APP, "one")
        found.append(await logbook.changed(APP, 0, 60))
        found.append(await logbook.changed(APP, 1, 0.05))
        for act in (lambda: logbook.note(APP, "two"), lambda: logbook.remove(APP)):
            waiting = asyncio.create_task(logbook.changed(APP, logbook.end(APP), 60))
            await asyncio.sleep(0.05)
            await asyncio.to_thread(act)
            found.append(await waiting)
        return found

    assert asyncio.run(scene()) == [False, True, False, True, True]


def test_a_log_of_rows_becomes_one_of_blocks(tmp_path: Path) -> None:
    """As the first version kept it: every line is there with its id, time and drone; the place is kept."""
    place = tmp_path / "logs" / APP
    place.mkdir(parents=True)
    with contextlib.closing(sqlite3.connect(place / "log.db")) as book:
        book.executescript("""
            CREATE TABLE lines (id INTEGER PRIMARY KEY, time REAL NOT NULL, stream TEXT NOT NULL,
                drone TEXT, snapshot TEXT, text TEXT NOT NULL);
            CREATE TABLE drones (id TEXT PRIMARY KEY, snapshot TEXT NOT NULL);
            CREATE TABLE places (file TEXT PRIMARY KEY, offset INTEGER NOT NULL);
            INSERT INTO drones VALUES ('d1', '1');
            INSERT INTO places VALUES ('d1.stdout', 4);
            PRAGMA user_version = 1;
        """)
        for number in range(7, 2000):
            row = (number, 100.0 + number // 900, "stdout", f"d{number % 3 // 2}", "1", f"line {number}")
            book.execute("INSERT INTO lines VALUES (?, ?, ?, ?, ?, ?)", row)
        book.commit()
    logbook = Logbook(tmp_path / "logs", Keep(days=1e6))
    lines = logbook.newest(APP, ALL)
    assert [(line.id, line.text) for line in lines] == [
        (number, f"line {number}") for number in range(7, 2000)
    ]
    assert [line.drone for line in lines] == [f"d{number % 3 // 2}" for number in range(7, 2000)]
    captures = logbook.capture(APP, "d1", "1")
    write(captures, b"old\nnew\n")
    assert [(line.id, line.text) for line in logbook.newest(APP, 1)] == [(2000, "new")]

"""What the router's lines are counted to, and how much of them is kept."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from jitsu_py.server.router.access import FIFO, AccessLog, writing
from jitsu_py.server.router.tally import DRONES, Tally, Traffic, class_of, count, upper

if TYPE_CHECKING:
    from pathlib import Path


@given(st.integers(0, 10**8))
def test_a_time_is_right_within_five_percent(milliseconds: int) -> None:
    """A class is as wide as promised, and never says less than the time was."""
    shown = upper(class_of(milliseconds))
    assert milliseconds - 1 <= shown <= milliseconds * 1.05 + 1


@given(st.lists(st.integers(0, 10**6), min_size=1, max_size=300), st.sampled_from([0.5, 0.9, 0.99, 1.0]))
def test_quantiles(times: list[int], part: float) -> None:
    """A quantile is that of the times themselves, within the width of a class."""
    tally = Tally()
    for each in times:
        tally.add(200, each, 1)
    exact = sorted(times)[max(0, -int(-part * len(times) // 1) - 1)]
    found = tally.quantile(part)
    assert found is not None
    assert exact - 1 <= found <= exact * 1.05 + 1
    assert Tally().quantile(part) is None


def test_lines_are_counted() -> None:
    """By app and drone; pages of the router are the app's alone; what is no line counts nothing."""
    traffic: dict[str, Traffic] = {}
    rests = count(
        traffic,
        [
            b"ada/shop d-1 200 0/1/2 first",
            b"ada/shop d-2 404 0/0/0 second",
            b"ada/shop <NOSRV> 503 -1/-1/-1 third",
            b"ada/%C3%A4 d-3 -1 5/-1/-1 fourth",
            b"",
            b"nonsense",
            b"ada/shop d-1 abc 0/0/0 no status",
            b"\xff\xfe d-1 200 0/0/0 no name",
        ],
    )
    shop = traffic["ada/shop"]
    assert shop.whole.classes() == {"1xx": 0, "2xx": 1, "3xx": 0, "4xx": 1, "5xx": 1, "none": 0}
    assert sorted(shop.drones) == ["d-1", "d-2"]
    assert shop.drones["d-1"].waited == 3
    assert traffic["ada/ä"].whole.classes()["none"] == 1
    assert rests["ada/shop"][:3] == [b"first", b"second", b"third"]


def test_drones_of_long_ago_are_forgotten() -> None:
    """However often an app is deployed, the counts of its drones are bounded; the whole goes on."""
    traffic: dict[str, Traffic] = {}
    count(traffic, [b"ada/shop d-%d 200 0/0/0 x" % number for number in range(DRONES + 50)])
    assert len(traffic["ada/shop"].drones) == DRONES
    assert traffic["ada/shop"].whole.requests == DRONES + 50


def test_files_are_bounded(tmp_path: Path) -> None:
    """An app has its newest lines in one file and those before in a second; apps that are gone have none."""
    (tmp_path / "logs/ada/shop").mkdir(parents=True)
    access, pipe = AccessLog(tmp_path / "run", tmp_path / "logs", size=1000), writing(tmp_path / "run")
    try:
        for _ in range(20):
            os.write(
                pipe,
                b"ada/shop d-1 200 0/0/0 %s\nada/gone d-1 200 0/0/0 x\n../x d-1 200 0/0/0 x\n" % (b"y" * 400),
            )
            access.collect()
    finally:
        os.close(pipe)
    files = sorted((tmp_path / "logs").rglob("*.log*"))
    assert [file.name for file in files] == ["access.log", "access.log.1"]
    assert all(file.stat().st_size <= 1500 for file in files)
    assert access.of("ada/shop").whole.requests == 20


def test_a_full_pipe_keeps_nobody(tmp_path: Path) -> None:
    """With nobody reading a write fails at once; what fits is read later; a deleted folder is made anew."""
    pipe = writing(tmp_path / "run")
    access = AccessLog(tmp_path / "run", tmp_path / "logs")
    try:
        written = 0
        try:
            while True:
                os.write(pipe, b"ada/shop d-1 200 0/0/0 rest\n")
                written += 1
        except BlockingIOError:
            assert written > 1000
        access.collect()
        assert access.of("ada/shop").whole.requests == written
        (tmp_path / "run" / FIFO).unlink()
        access.collect()
        again = writing(tmp_path / "run")
        os.write(again, b"ada/shop d-1 200 0/0/0 rest\n")
        access.collect()
        os.close(again)
        assert access.of("ada/shop").whole.requests == written + 1
    finally:
        os.close(pipe)

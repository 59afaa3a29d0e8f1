"""Ports and last lines."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.drones import PortPool
from jitsu_py.server.drones.tail import REACH, WIDEST, last_lines
from jitsu_py.server.errors import PlatformError
from jitsu_py.wire import Code

if TYPE_CHECKING:
    from pathlib import Path


def test_no_port_is_handed_out_twice() -> None:
    """Not before it is given back; then it is, but last."""
    pool = PortPool(21000, 21009)
    taken = [pool.take() for _ in range(5)]
    assert len(set(taken)) == 5
    pool.give_back(taken[0])
    assert pool.take() != taken[0]


def test_a_port_in_use_is_passed_over() -> None:
    """Whoever listens on it, and on whatever address."""
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("0.0.0.0", 0)) as other:
        for used in (one.getsockname()[1], other.getsockname()[1]):
            with pytest.raises(PlatformError) as failed:
                PortPool(used, used).take()
            assert failed.value.code is Code.UNAVAILABLE


def test_a_port_of_an_adopted_drone_is_held() -> None:
    """It is not handed out though nothing listens on it at the moment."""
    free = PortPool().take()
    pool = PortPool(free, free)
    pool.hold(free)
    with pytest.raises(PlatformError):
        pool.take()
    pool.give_back(free)
    assert pool.take() == free


def test_last_lines_of_a_missing_and_of_an_empty_file(tmp_path: Path) -> None:
    """There are none."""
    assert last_lines(tmp_path / "none", 20) == []
    (tmp_path / "empty").touch()
    assert last_lines(tmp_path / "empty", 20) == []


def test_last_lines_come_oldest_first_and_from_where_asked(tmp_path: Path) -> None:
    """What was there before the launch is not shown, and a last line without an end counts."""
    path = tmp_path / "out"
    path.write_bytes(b"old\none\r\ntwo\n\nthree")
    assert last_lines(path, 3) == ["two", "", "three"]
    assert last_lines(path, 20, since=4) == ["one", "two", "", "three"]
    assert last_lines(path, 20, since=4000) == ["old", "one", "two", "", "three"], (
        "the file was cut meanwhile"
    )


def test_last_lines_of_a_huge_file_cost_no_more_than_its_end(tmp_path: Path) -> None:
    """Only the last bytes are read, and a line without end is cut."""
    path = tmp_path / "out"
    with path.open("wb") as file:
        file.truncate(5_000_000_000)
        file.seek(0, 2)
        file.write(b"\nlast\n" + b"y" * (WIDEST + 1))
    lines = last_lines(path, 20)
    assert lines[1:] == ["last", "y" * WIDEST + "…"]
    assert len(lines[0]) <= WIDEST + 1 < REACH

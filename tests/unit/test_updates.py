"""What is believed of an index, and what of a file."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

import pytest

from jitsu_py import updates
from jitsu_py.updates import Known
from tests.unit.loopback import Reply, answer, serving

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where it is kept."""
    return tmp_path / "cache" / "update.json"


def found(file: Path, reply: Reply | None) -> str:
    """The version that is known after an index answered so."""
    with serving(lambda _: reply) as server:
        updates.refresh(file, server.url)
    return Known.read(file).latest


def test_a_release_is_kept(file: Path) -> None:
    """The version that the index names is kept; when it was asked and told stays."""
    Known(5.0, 6.0, "").write(file)
    assert found(file, answer({"info": {"version": "1.2.3"}})) == "1.2.3"
    assert Known.read(file) == Known(5.0, 6.0, "1.2.3")


@pytest.mark.parametrize(
    "reply",
    [
        None,
        Reply(500),
        Reply(200, b"<html>"),
        answer([]),
        answer({"info": None}),
        answer({"info": {"version": 7}}),
        answer({"info": {"version": "9.9.9", "yanked": True}}),
        answer({"info": {"version": "9.9.9rc1"}}),
        answer({"info": {"version": "9.9.9\x1b]0;owned\x07"}}),
        answer({"info": {"version": "9" * 5000}}),
        Reply(200, b"[" * 99_999),
        Reply(301, b"", {"location": "file:///etc/passwd"}),
    ],
)
def test_what_is_no_news(reply: Reply | None, file: Path) -> None:
    """Faults, pre-releases, yanked ones and nonsense change nothing, without a word."""
    assert found(file, reply) == ""
    assert not file.exists()


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"asked": "x", "told": 0, "latest": ""}', "\x00"])
def test_a_file_that_makes_no_sense(text: str, file: Path) -> None:
    """A broken file is as none."""
    file.parent.mkdir()
    file.write_text(text)
    assert Known.read(file) == Known()


def test_times_of_the_future_do_not_silence(file: Path) -> None:
    """A file from a clock that was wrong is asked anew."""
    file.parent.mkdir()
    file.write_text(json.dumps({"asked": time.time() + 1e9, "told": 0, "latest": "99.0.0"}))
    assert Known.read(file) == Known(latest="99.0.0")


@pytest.mark.parametrize(("latest", "told"), [("99.0.0", True), ("0.0.9", False), ("", False)])
def test_only_newer_ones_are_told(latest: str, told: bool, file: Path) -> None:
    """An older version, or the same, is no news."""
    Known(time.time(), 0.0, latest).write(file)
    assert bool(updates.notice(file, {})) is told
    assert updates.notice(file, {}) == ""


def test_off(file: Path) -> None:
    """The environment turns it off."""
    Known(time.time(), 0.0, "99.0.0").write(file)
    assert updates.notice(file, {"JITSU_NO_UPDATE_NOTICE": "1"}) == ""
    assert updates.notice(file, {"CI": "1"}) == ""

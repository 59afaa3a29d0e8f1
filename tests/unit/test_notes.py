"""The platform's own lines on their way into the logs, when an app goes."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.logbook import Logbook
from jitsu_py.server.notes import Notes
from jitsu_py.server.redaction import unchanged

if TYPE_CHECKING:
    from pathlib import Path

APP = "ann/shop"


class World:
    """A logbook with notes before it, and the apps that there are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.apps = {APP, "ann/blog"}
        self.logbook = Logbook(folder)
        self.notes = Notes(self.logbook, lambda app: unchanged if app in self.apps else None)

    def remove(self) -> None:
        """Take the app and its log away."""
        with self.notes.removing():
            self.apps.discard(APP)
            self.logbook.remove(APP)

    def texts(self, app: str = APP) -> list[str]:
        """What the log of an app says, once all is written."""
        asyncio.run(self.notes.written())
        return [line.text for line in self.logbook.newest(app, 10)]

    def has_log(self) -> bool:
        """Whether anything is left of the app's log, once all is written."""
        asyncio.run(self.notes.written())
        return (self.folder / APP).exists()


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_a_line_that_waits_makes_no_log_of_an_app_that_is_removed(world: World) -> None:
    world.notes.add(APP, "the build was given up")
    world.remove()
    assert not world.has_log()


def test_a_line_that_comes_too_late_makes_none_either(world: World) -> None:
    """Its app is unknown: neither what hides its secrets nor who may read it can be told any more."""
    world.remove()
    world.notes.add(APP, "config changed")
    world.notes.add("ann/blog", "started")
    assert not world.has_log()
    assert world.texts("ann/blog") == ["started"]


def test_a_line_about_an_app_is_not_in_the_log_of_the_next_one_of_its_name(world: World) -> None:
    world.notes.add(APP, "of the one before")
    world.remove()
    world.apps.add(APP)
    world.notes.add(APP, "of the new one")
    assert world.texts() == ["of the new one"]


def test_nothing_is_written_while_an_app_is_removed(world: World) -> None:
    """Whoever still sees the app there would make its log again."""
    with world.notes.removing():
        world.logbook.remove(APP)
        world.notes.add(APP, "in between")
        writing = threading.Thread(target=lambda: asyncio.run(world.notes.written()))
        writing.start()
        writing.join(0.1)
        assert writing.is_alive()
        world.apps.discard(APP)
    writing.join()
    assert not world.has_log()

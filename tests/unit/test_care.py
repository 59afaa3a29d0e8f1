"""What an app asks of its keeper in package.json, read and refused."""

from __future__ import annotations

from typing import Any

import pytest

from jitsu_py.server.care import Care, Health, Times, asked
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.settings import Drones

SETTINGS = Drones(boot=30, drain=30, grace=10, boot_limit=300, drain_limit=600, grace_limit=60)


def care(section: Any) -> Care:
    """What a package.json with this `jitsu` asks for."""
    return asked({"name": "app", "jitsu": section}, SETTINGS)


@pytest.mark.parametrize(
    ("section", "wanted"),
    [
        (None, Care()),
        ({}, Care()),
        ({"https": True}, Care()),
        ({"boot": 60, "drain": 0, "grace": 0.5}, Care(boot=60, drain=0, grace=0.5)),
        ({"health": "/healthz?deep=1"}, Care(health=Health("/healthz?deep=1"))),
        ({"health": False}, Care()),
        (
            {"health": {"path": "/h", "status": 204, "interval": 2, "timeout": 1.5}},
            Care(health=Health("/h", 204, 2, 1.5)),
        ),
    ],
)
def test_what_is_asked_for_is_read_and_survives_the_store(section: Any, wanted: Care) -> None:
    """Every form, and keys that belong to others."""
    assert care(section) == wanted
    assert Care.restored(care(section).stored()) == wanted


@pytest.mark.parametrize(
    ("section", "key"),
    [
        ("fast", "jitsu"),
        ([], "jitsu"),
        ({"boot": "60"}, "jitsu.boot"),
        ({"boot": True}, "jitsu.boot"),
        ({"boot": 0}, "jitsu.boot"),
        ({"boot": 301}, "jitsu.boot"),
        ({"boot": float("inf")}, "jitsu.boot"),
        ({"boot": float("nan")}, "jitsu.boot"),
        ({"boot": 10**400}, "jitsu.boot"),
        ({"drain": -1}, "jitsu.drain"),
        ({"drain": 601}, "jitsu.drain"),
        ({"grace": 61}, "jitsu.grace"),
        ({"health": 5}, "jitsu.health"),
        ({"health": True}, "jitsu.health"),
        ({"health": ""}, "jitsu.health.path"),
        ({"health": "healthz"}, "jitsu.health.path"),
        ({"health": "/a b"}, "jitsu.health.path"),
        ({"health": "/a\r\nX: y"}, "jitsu.health.path"),
        ({"health": "/" + "x" * 2000}, "jitsu.health.path"),
        ({"health": {}}, "jitsu.health.path"),
        ({"health": {"path": "/", "status": "200"}}, "jitsu.health.status"),
        ({"health": {"path": "/", "status": 99}}, "jitsu.health.status"),
        ({"health": {"path": "/", "interval": 0.1}}, "jitsu.health.interval"),
        ({"health": {"path": "/", "timeout": 61}}, "jitsu.health.timeout"),
        ({"health": {"path": "/", "intervall": 5}}, "jitsu.health.intervall"),
    ],
)
def test_what_cannot_be_used_is_refused_by_its_key(section: Any, key: str) -> None:
    """The message begins with the key, and stays short whatever the value is."""
    with pytest.raises(PlatformError) as caught:
        care(section)
    assert caught.value.message.startswith(f"{key} in package.json is ")
    assert caught.value.details["field"] == key
    assert len(caught.value.message) < 300


def test_a_server_that_allows_less_now_cuts_what_was_asked_for_before() -> None:
    """The limits of the start count; what is not asked for is the server's own."""
    mine = Care(boot=200, drain=500)
    assert mine.within(SETTINGS) == Times(boot=200, drain=500, grace=10)
    assert mine.within(Drones(boot=30, boot_limit=100, drain_limit=20, drain=5, grace=3)) == Times(100, 20, 3)
    # A default beyond its own limit is what the owner of the server wants.
    assert mine.within(Drones(boot=150, boot_limit=100)).boot == 150


def test_which_answers_count_as_well() -> None:
    """Below 400, or the one that is named."""
    assert [status for status in (200, 204, 302, 404, 500) if Health("/").expects(status)] == [200, 204, 302]
    assert [status for status in (200, 204, 404) if Health("/", 404).expects(status)] == [404]

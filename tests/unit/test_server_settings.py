"""`server.toml`: what it begins as is what holds without it, and nothing is taken that means nothing."""

from __future__ import annotations

import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server import settings
from jitsu_py.server.errors import PlatformError

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = {("router", "https"), ("router", "hsts"), ("builds", "memory"), ("drones", "cpu")}
"""Unset by default: the file shows what one would write."""

DEFAULT_PORTS = {("api", "port"), ("router", "port")}
"""Unset too, which leaves the next free one open."""


def uncommented(home: Path) -> str:
    """The file as a person has it who takes the # from every setting."""
    settings.prepare(home)
    return re.sub(r"^# (?=\w+ += )", "", (home / settings.FILE).read_text(), flags=re.MULTILINE)


def test_the_file_shows_the_defaults(home: Path) -> None:
    """Each setting stands there once, with the value that holds anyway."""
    text = uncommented(home)
    before = asdict(settings.load(home))
    (home / settings.FILE).write_text(text)
    after = asdict(settings.load(home))
    named = {(section, key) for section in before if section != "home" for key in before[section]}
    shown = {
        (section, key)
        for section, lines in re.findall(r"^\[(\w+)\]\n((?:(?!\[).*\n)*)", text, re.MULTILINE)
        for key in re.findall(r"^(\w+) += ", lines, re.MULTILINE)
    }
    assert shown == named
    differ = {(section, key) for section, key in named if before[section][key] != after[section][key]}
    assert differ == EXAMPLES | DEFAULT_PORTS


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[api", "cannot be used"),
        ("[apis]\n", "no section [apis]"),
        ("api = 3\n", "write [api]"),
        ("[api]\nports = 3\n", "no setting ports"),
        ("[api]\nport = 0\n", "above zero"),
        ("[api]\nport = true\n", "above zero"),
        ("[api]\nport = 80.5\n", "whole number"),
        ("[api]\nport = 65536\n", "1 to 65535"),
        ("[api]\naddress = ''\n", "name or address"),
        ("[api]\naddress = 'a b'\n", "name or address"),
        ("[api]\nhost = 'nodots'\n", "host name such as"),
        ("[builds]\nsandbox = 'maybe'\n", "one of auto, always, never"),
        ("[builds]\nconcurrent = 1.5\n", "whole number"),
        ("[builds]\ntimeout = nan\n", "above zero"),
        ("[builds]\ntimeout = inf\n", "above zero"),
        ("[drones]\ncpu = 10001\n", "at most 10000"),
        ("[drones]\nusers = 'some'\n", "auto, never or two numbers"),
        ("[drones]\nusers = '0-10'\n", "auto, never or two numbers"),
        ("[drones]\nusers = '300-200'\n", "auto, never or two numbers"),
        ("[drones]\nusers = 3\n", "a string"),
        ("[drones]\nfolders = 'srv/media'\n", "absolute paths"),
        ("[drones]\nfolders = '/'\n", "the platform's own folder"),
        ("[router]\nlocal_ca = 'yes'\n", "true or false"),
        ("[mail]\npassword = 3\n", "a string"),
        ("\x00", "cannot be used"),
    ],
)
def test_what_means_nothing_is_refused(home: Path, text: str, said: str) -> None:
    """The sentence names the file and the place; nothing is taken half."""
    settings.prepare(home)
    (home / settings.FILE).write_text(text)
    with pytest.raises(PlatformError) as caught:
        settings.load(home)
    assert said in caught.value.message
    assert str(home / settings.FILE) in caught.value.message


def test_bytes_that_are_no_text_are_refused(home: Path) -> None:
    """As a broken file is, not with a stack trace."""
    settings.prepare(home)
    (home / settings.FILE).write_bytes(b"\xff\xfe[api]\n")
    with pytest.raises(PlatformError, match="cannot be used"):
        settings.load(home)

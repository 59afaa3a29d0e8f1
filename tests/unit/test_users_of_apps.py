"""Which numbers may be given to apps as users of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.confinement.users import Users, why_taken

if TYPE_CHECKING:
    from pathlib import Path

TAKEN = range(5000, 6000)


@pytest.mark.parametrize(
    ("accounts", "subordinate", "mapped", "word"),
    [
        ("root:x:0:0::/root:/bin/sh\n", "ann:100000:65536\n", "0 0 4294967295\n", ""),
        ("+::::\nann:x:5999:100::/home/ann:/bin/sh\n", "", "", "ann"),
        ("ann:x:6000:5000::/home/ann:/bin/sh\n", "", "", ""),
        ("", "bob:4000:1001\n", "", "bob"),
        ("", "bob:4000:1000\nlater:6000:10\n", "", ""),
        ("", "", "0 100000 5500\n", "container"),
        ("", "", "0 1000 1\n1 100000 65536\n", ""),
    ],
)
def test_numbers_of_somebody_else_are_not_given(
    tmp_path: Path, accounts: str, subordinate: str, mapped: str, word: str
) -> None:
    """An account, somebody's subordinate ids, what a container has not: each is named."""
    for name, text in (("passwd", accounts), ("subuid", subordinate), ("uid_map", mapped)):
        (tmp_path / name).write_text(text)
    why = why_taken(
        TAKEN, (tmp_path / "passwd", tmp_path / "none"), (tmp_path / "subuid",), (tmp_path / "uid_map",)
    )
    assert bool(why) is bool(word), why
    assert word in why


def test_there_are_as_many_users_as_numbers() -> None:
    """Each place has another; beyond the last there is none, nor where users cannot be had."""
    users = Users("/usr/bin/setpriv", TAKEN)
    numbers = [user.number for place in range(1000) if (user := users.of(place))]
    assert numbers == list(TAKEN)
    assert users.of(1000) is None
    assert Users("", TAKEN).of(1) is None

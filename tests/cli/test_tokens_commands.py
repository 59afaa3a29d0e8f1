"""`jitsu tokens` on a real platform: shown once, listed without the secret, void when told so."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import left

if TYPE_CHECKING:
    from tests.cli.people import Person
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


def test_create_list_destroy(owner: Person, shared_platform: LocalPlatform) -> None:
    """A token is alone on stdout and works; the list never has it; destroyed, it is void at once."""
    made = owner.jitsu("tokens", "create", "ci")
    assert made.code == 0, made.err
    token = made.out.strip()
    assert made.out == token + "\n"
    assert token not in made.err
    bearer = (shared_platform.user, token)
    assert shared_platform.call("GET", "/auth", auth=bearer).json()["via"] == "token"
    rows = owner.jitsu("tokens", "ls", "--json")
    row = next(row for row in rows.json() if row["name"] == "ci")
    assert list(row) == ["name", "prefix", "scope", "app", "ctime", "lastUsed", "expires"]
    assert token.startswith(row["prefix"])
    shown = owner.jitsu("tokens", "list")
    assert token not in rows.out + shown.out
    assert shown.out.splitlines()[0].startswith("NAME")
    assert owner.jitsu("tokens", "destroy", "ci").code == 2
    assert shared_platform.call("GET", "/auth", auth=bearer).ok
    gone = owner.jitsu("tokens", "rm", "ci", "--confirm", "--json").json()
    assert gone == {"name": "ci", "destroyed": True}
    assert shared_platform.call("GET", "/auth", auth=bearer).status_code == 401
    assert owner.jitsu("tokens", "destroy", "ci", "--confirm").code == 4


def test_wishes(owner: Person) -> None:
    """Expiry, scope and app are kept and shown; what cannot be is refused before anything is made."""
    words = ["tokens", "create", "narrow", "--expires", "90d", "--scope", "deploy", "--app", "shop", "--json"]
    made = owner.jitsu(*words).json()
    assert sorted(made) == ["expires", "name", "replaced", "token"]
    row = next(row for row in owner.jitsu("tokens", "list", "--json").json() if row["name"] == "narrow")
    assert (row["scope"], row["app"]) == ("deploy", "shop")
    wanted = datetime.now(UTC) + timedelta(days=90)
    assert abs(datetime.fromisoformat(row["expires"]) - wanted) < timedelta(minutes=5)
    for wish in (["--expires", "soon"], ["--expires", "2001-01-01"], ["--expires", "0d"], ["--scope", "all"]):
        assert owner.jitsu("tokens", "create", "never", *wish).code == 2, wish
    assert "never" not in [row["name"] for row in owner.jitsu("tokens", "list", "--json").json()]


def test_names(owner: Person, shared_platform: LocalPlatform) -> None:
    """Without a name the platform makes one up; one's own user may stand first, as of old, nobody else's."""
    made = owner.jitsu("tokens", "create", "--json").json()
    assert made["name"]
    assert owner.jitsu("tokens", "create", shared_platform.user, "old style").code == 0
    names = [row["name"] for row in owner.jitsu("tokens", "list", shared_platform.user, "--json").json()]
    assert {made["name"], "old style"} <= set(names)
    assert owner.jitsu("tokens", "list", "somebody").code == 2
    assert owner.jitsu("tokens", "create", "somebody", "x").code == 2
    near = owner.jitsu("tokens", "destroy", "old stile", "--confirm", "--json").error()
    assert (near["exit_code"], near["hint"]) == (4, "did you mean old style?")


def test_a_name_that_is_taken(owner: Person, shared_platform: LocalPlatform) -> None:
    """Making a token again voids the one before, so it is asked; no is the default and keeps it."""
    first = owner.jitsu("tokens", "create", "twice").out.strip()
    assert owner.jitsu("tokens", "create", "twice").code == 2
    assert shared_platform.call("GET", "/auth", auth=(shared_platform.user, first)).ok
    terminal = owner.sit("tokens", "create", "twice")
    terminal.expect("Replace it")
    terminal.sendline("")
    left(terminal)
    assert terminal.exitstatus == 2
    assert owner.jitsu("tokens", "create", "twice", "--yes", "--json").json()["replaced"] is True
    assert shared_platform.call("GET", "/auth", auth=(shared_platform.user, first)).status_code == 401


def test_a_token_may_not_make_tokens(owner: Person, shared_platform: LocalPlatform) -> None:
    """Who is logged in by a token proves ownership by the password: asked unseen, or from stdin."""
    user, password = shared_platform.user, "correct horse battery"
    assert shared_platform.call("PUT", f"/users/{user}", {"password": password}).ok
    token = owner.jitsu("tokens", "create", "plain").out.strip()
    owner.more |= {"JITSU_HOST": shared_platform.status.api, "JITSU_USERNAME": user, "JITSU_TOKEN": token}
    refused = owner.jitsu("tokens", "list")
    assert (refused.code, "--password-stdin" in refused.err) == (2, True)
    wrong = owner.jitsu("tokens", "list", "--password-stdin", stdin="wrong")
    assert wrong.code == 3
    assert owner.jitsu("tokens", "list", "--password-stdin", stdin="").code == 2
    listed = owner.jitsu("tokens", "list", "--password-stdin", "--json", stdin=password + "\n")
    assert "plain" in [row["name"] for row in listed.json()]
    terminal = owner.sit("tokens", "create", "asked")
    terminal.expect("Password of .*: ")
    terminal.sendline(password)
    shown = left(terminal)
    assert password not in shown
    assert re.search(r"^\S{20,}\r?$", shown, re.MULTILINE), shown

"""Accounts by the command line on a real platform that takes sign-ups: mails, codes, passwords, removal."""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from email import message_from_bytes, policy
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import left
from tests.platforms import LocalPlatform

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pexpect

    from tests.cli.people import Person

pytestmark = pytest.mark.slow

PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def open_platform() -> Iterator[LocalPlatform]:
    """A platform where anybody may sign up."""
    folder = Path(tempfile.mkdtemp(prefix="jitsu-test-"))
    try:
        (folder / "home").mkdir()
        (folder / "home" / "server.toml").write_text('[accounts]\nsign_up = "open"\n')
        with LocalPlatform(folder / "home") as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def stranger(person: Person, open_platform: LocalPlatform) -> Person:
    """Somebody without an account, for whom the platform is a host like any other."""
    person.more["JITSU_HOST"] = open_platform.status.api
    return person


def code(platform: LocalPlatform, address: str, *, after: int = 0) -> str:
    """The code in the newest mail to an address, once there are more than `after` of them."""
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        files = [file for file in (platform.home / "outbox").rglob("*") if file.is_file()]
        found = []
        for file in sorted(files, key=lambda one: one.stat().st_mtime_ns):
            mail = message_from_bytes(file.read_bytes(), policy=policy.default)
            if address in str(mail["to"]):
                body = mail.get_body()
                assert body is not None
                found.append(body.get_content())
        if len(found) > after:
            words = re.search(r"jitsu (?:users confirm|users forgot|forgot) \S+ (\S+)", found[-1])
            assert words, found[-1]
            return words[1].strip("`")
        time.sleep(0.1)
    raise AssertionError(f"no mail to {address}")


def typed(terminal: pexpect.spawn, *answers: tuple[str, str]) -> str:
    """Answer what is asked; everything that was shown."""
    shown = ""
    for question, answer in answers:
        terminal.expect(question)
        shown += terminal.before
        terminal.sendline(answer)
    return shown + left(terminal)


def sign_up(stranger: Person, platform: LocalPlatform, name: str) -> None:
    """Have a confirmed account."""
    made = stranger.jitsu(
        "signup", name, "--email", f"{name}@example.com", "--password-stdin", stdin=PASSWORD
    )
    assert made.code == 0, made.err
    sent = code(platform, f"{name}@example.com")
    assert stranger.jitsu("users", "confirm", name, sent).code == 0


def test_by_dialogue(stranger: Person, open_platform: LocalPlatform) -> None:
    """Sign up, confirm and log in on a terminal; no password is ever shown."""
    shown = typed(
        stranger.sit("signup"),
        ("Username: ", "Ada"),
        ("E-mail: ", "ada@example.com"),
        ("New password: ", PASSWORD),
        ("Again: ", "another"),
        ("they differ", ""),
        ("New password: ", PASSWORD),
        ("Again: ", PASSWORD),
    )
    assert PASSWORD not in shown
    assert "users confirm ada" in shown
    sent = code(open_platform, "ada@example.com")
    typed(stranger.sit("users", "confirm"), ("Username: ", "ada"), ("Code from the mail: ", sent))
    typed(stranger.sit("login", "ada"), ("Password: ", PASSWORD))
    assert stranger.jitsu("whoami").out == "ada\n"


def test_by_script(stranger: Person, open_platform: LocalPlatform) -> None:
    """Everything works without a terminal; shapes are pinned; names and addresses that are taken are 5."""
    words = ["users", "create", "Bob", "--email", "bob@example.com", "--password-stdin", "--json"]
    made = stranger.jitsu(*words, stdin=PASSWORD)
    assert made.json() == {"username": "bob", "email": "bob@example.com", "confirmed": False}
    assert stranger.jitsu(*words, stdin=PASSWORD).code == 5
    assert stranger.jitsu("users", "confirm", "bob", "nonsense").code == 2
    sent = code(open_platform, "bob@example.com")
    confirmed = stranger.jitsu("users", "confirm", "bob", sent, "--json").json()
    assert confirmed == {"username": "bob", "confirmed": True, "hasPassword": True, "code": None}
    free, taken = (stranger.jitsu("users", "available", name, "--json") for name in ("nobody", "bob"))
    assert (free.code, free.json()) == (0, {"username": "nobody", "available": True})
    assert (taken.code, taken.json()["available"]) == (5, False)
    for incomplete in (["signup"], ["signup", "x"], ["signup", "x", "--email", "x@example.com"]):
        assert stranger.jitsu(*incomplete).code == 2
    assert stranger.jitsu(*words, stdin="").code == 2
    weak = ["signup", "weak", "--email", "weak@example.com", "--password-stdin"]
    assert stranger.jitsu(*weak, stdin="short").code == 2


def test_forgot(stranger: Person, open_platform: LocalPlatform) -> None:
    """A mail brings a code which sets a new password once; unknown names get the same answer."""
    sign_up(stranger, open_platform, "cleo")
    asked = stranger.jitsu("forgot", "cleo", "--json")
    assert (asked.code, asked.json()) == (0, {"username": "cleo", "asked": True})
    assert stranger.jitsu("forgot", "nobody-at-all").code == 0
    sent = code(open_platform, "cleo@example.com", after=1)
    assert stranger.jitsu("users", "forgot", "cleo", sent, "--password-stdin", stdin="short").code == 2
    new = "another horse battery"
    done = stranger.jitsu("users", "forgot", "cleo", sent, "--password-stdin", "--json", stdin=new)
    assert done.json() == {"username": "cleo", "changed": True}
    assert stranger.jitsu("forgot", "cleo", sent, "--password-stdin", stdin=new).code == 2
    typed(stranger.sit("login", "cleo"), ("Password: ", new))
    assert stranger.jitsu("whoami").out == "cleo\n"


def test_change_and_leave(stranger: Person, open_platform: LocalPlatform) -> None:
    """Password, address and the account itself change with the password alone, never with a token."""
    sign_up(stranger, open_platform, "dora")
    typed(stranger.sit("login", "dora"), ("Password: ", PASSWORD))
    stranger.more["JITSU_USERNAME"] = "dora"
    assert stranger.jitsu("users", "changepassword").code == 2
    new = "another horse battery"
    wrong = stranger.jitsu("users", "changepassword", "--password-stdin", stdin=f"wrong\n{new}\n")
    assert wrong.code == 3
    changed = stranger.jitsu(
        "users", "changepassword", "--password-stdin", "--json", stdin=f"{PASSWORD}\n{new}\n"
    ).json()
    assert list(changed) == ["username", "email", "confirmed", "hasPassword", "ctime"]
    assert stranger.jitsu("whoami").out == "dora\n", "tokens stay unless they are revoked"
    moved = stranger.jitsu(
        "users", "update", "--email", "dora@new.example.com", "--password-stdin", "--json", stdin=new
    )
    assert moved.json()["email"] == "dora@example.com", "it counts when its code comes back"
    sent = code(open_platform, "dora@new.example.com")
    assert stranger.jitsu("users", "confirm", "dora", sent).code == 0
    assert stranger.jitsu("users", "destroy", "--password-stdin", stdin=new).code == 2
    gone = stranger.jitsu("users", "destroy", "--password-stdin", "--confirm", "--json", stdin=new)
    assert gone.json() == {"username": "dora", "destroyed": True}
    assert stranger.jitsu("whoami").code == 3


def test_a_password_changed_with_tokens_revoked(stranger: Person, open_platform: LocalPlatform) -> None:
    """This machine's token goes with the others, and it is said how to log in again."""
    sign_up(stranger, open_platform, "dido")
    typed(stranger.sit("login", "dido"), ("Password: ", PASSWORD))
    stranger.more["JITSU_USERNAME"] = "dido"
    words = ("users", "changepassword", "--revoke-tokens", "--password-stdin")
    changed = stranger.jitsu(*words, stdin=f"{PASSWORD}\nanother horse battery\n")
    assert "`jitsu login dido` logs in again" in changed.err
    assert stranger.jitsu("whoami").code == 3


def test_thirdparty(person: Person, open_platform: LocalPlatform) -> None:
    """A secret goes in from stdin or unseen, is never shown again, and is forgotten by its id."""
    person.more["JITSU_HOME"] = str(open_platform.home)
    added = person.jitsu(
        "thirdparty", "add", "github", "--id", "deploys", "--token-stdin", "--json", stdin="sentinel\n"
    )
    assert list(added.json()) == ["id", "provider", "url", "ctime"]
    assert added.json()["url"] == "https://github.com"
    terminal = person.sit("thirdparty", "add", "github", "--id", "typed")
    assert "sentinel" not in typed(terminal, ("Token for github: ", "sentinel"))
    listed = person.jitsu("thirdparty", "list", "--json")
    assert [row["id"] for row in listed.json()] == ["deploys", "typed"]
    assert "sentinel" not in listed.out + person.jitsu("thirdparty", "ls").out
    assert person.jitsu("thirdparty", "add", "github").code == 2
    assert person.jitsu("thirdparty", "add", "gitlost", "--token-stdin", stdin="x").code == 2
    removed = person.jitsu("thirdparty", "remove", "deploys", "--json").json()
    assert removed == {"id": "deploys", "removed": True}
    assert person.jitsu("thirdparty", "rm", "deploys").code == 4


def test_where_nobody_may_sign_up(owner: Person) -> None:
    """A platform of one's own takes no sign-ups, and says who could change that."""
    words = ["signup", "eve", "--email", "eve@example.com", "--password-stdin"]
    refused = owner.jitsu(*words, stdin=PASSWORD)
    assert (refused.code, "sign-ups" in refused.err) == (3, True)

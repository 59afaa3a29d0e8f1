"""A whole acquaintance in a real terminal: sign up, log in, deploy with answers, destroy, and leave early."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pexpect
import pytest

from tests.cli.people import left
from tests.contract.signups import join, newest_code, platform_with

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.people import Person
    from tests.platforms import LocalPlatform

PASSWORD = "sentinel battery staple"
SERVER = "require('http').createServer((q, r) => r.end('hi')).listen(3000);\n"
DELAY = 90
"""Seconds that a deploy may take on a busy machine."""

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def town() -> Iterator[LocalPlatform]:
    """A platform on which anybody may sign up, and three people have."""
    with platform_with('[accounts]\nsign_up = "open"\n[drones]\ngrace = 2\ndrain = 1\n') as running:
        for name in ("ada", "bob", "eve"):
            join(running, name, PASSWORD)
        yield running


@pytest.fixture
def guest(person: Person, town: LocalPlatform) -> Person:
    """Somebody at a terminal, not logged in."""
    person.more["JITSU_HOST"] = town.status.api
    return person


def sign_up(guest: Person, town: LocalPlatform, user: str) -> None:
    """Answer what `jitsu users create` and `confirm` ask, the password once with a slip."""
    address = f"{user}@example.com"
    terminal = guest.sit("users", "create")
    terminal.expect_exact("Username: ")
    terminal.sendline(user)
    terminal.expect_exact("E-mail: ")
    terminal.sendline(address)
    for first, second in ((PASSWORD, f"{PASSWORD}-slip"), (PASSWORD, PASSWORD)):
        terminal.expect_exact("New password: ")
        terminal.sendline(first)
        terminal.expect_exact("Again: ")
        terminal.sendline(second)
    shown = left(terminal)
    assert terminal.exitstatus == 0, shown
    assert PASSWORD not in shown
    terminal = guest.sit("users", "confirm")
    terminal.expect_exact("Username: ")
    terminal.sendline(user)
    terminal.expect_exact("Code from the mail: ")
    terminal.sendline(newest_code(town, address))
    assert f"{user} is confirmed" in left(terminal)
    assert terminal.exitstatus == 0


def log_in(guest: Person, user: str) -> None:
    """Answer what `jitsu login` asks."""
    terminal = guest.sit("login")
    terminal.expect_exact("Username: ")
    terminal.sendline(user)
    terminal.expect_exact("Password: ")
    terminal.sendline(PASSWORD)
    assert PASSWORD not in left(terminal)
    assert terminal.exitstatus == 0


def bare(folder: Path, called: str, **manifest: object) -> Path:
    """A project that says little of itself."""
    where = folder / called
    where.mkdir()
    (where / "server.js").write_text(SERVER)
    (where / "package.json").write_text(json.dumps(manifest))
    return where


def served(town: LocalPlatform, subdomain: str) -> str:
    """What the app answers."""
    return town.get(subdomain).text


def test_from_sign_up_to_destroy(guest: Person, town: LocalPlatform, tmp_path: Path) -> None:
    """Sign up, confirm, log in, answer what is missing, see it live, give the name wrong, then right."""
    sign_up(guest, town, "zoe")
    log_in(guest, "zoe")
    where = bare(tmp_path, "shop")
    terminal = guest.sit("deploy", cwd=where, columns=120)
    terminal.timeout = DELAY
    terminal.expect(r"no name.* name \[shop\]: ")
    terminal.sendline("corner-shop")
    while terminal.expect([r"(version|start|scripts\.start|engines?\S*)[^\r\n]*\]: ", r"\? \[Y/n\] "]) == 0:
        terminal.sendline("")
    asked = json.loads((where / "package.json").read_text())
    assert asked == {}, "written before the answer"
    terminal.sendline("y")
    shown = left(terminal)
    assert terminal.exitstatus == 0, shown
    assert "http://corner-shop." in shown
    written = json.loads((where / "package.json").read_text())
    assert written["name"] == "corner-shop"
    assert served(town, "corner-shop") == "hi"

    terminal = guest.sit("destroy", cwd=where)
    terminal.expect(r"Type corner-shop to confirm: ")
    terminal.sendline("corner-shoe")
    assert "nothing was removed" in left(terminal)
    assert terminal.exitstatus == 2
    assert served(town, "corner-shop") == "hi"
    terminal = guest.sit("destroy", cwd=where)
    terminal.expect(r"Type corner-shop to confirm: ")
    terminal.sendline("corner-shop")
    terminal.timeout = DELAY
    left(terminal)
    assert terminal.exitstatus == 0
    assert guest.jitsu("list", "--json").json() == []


def test_a_taken_subdomain_is_asked_for(guest: Person, town: LocalPlatform, tmp_path: Path) -> None:
    """Where somebody else has the subdomain another one is asked for, before anything is written."""
    start = {"start": "node server.js"}
    first = bare(tmp_path, "cafe", name="cafe", version="0.1.0", subdomain="cafe", scripts=start)
    log_in(guest, "bob")
    assert guest.jitsu("deploy", str(first), timeout=DELAY).code == 0
    log_in(guest, "ada")
    before = (first / "package.json").read_bytes()
    terminal = guest.sit("deploy", cwd=first, columns=120)
    terminal.timeout = DELAY
    terminal.expect(r"Another subdomain[^\r\n]*: ")
    assert guest.jitsu("list", "--json").json() == []
    terminal.sendline("cafe")  # taken still
    terminal.expect(r"\? \[Y/n\] ")
    terminal.sendline("n")
    terminal.expect(r"Another subdomain[^\r\n]*: ")
    terminal.sendline("adas-cafe")
    terminal.expect(r"\? \[Y/n\] ")
    terminal.sendline("n")
    shown = left(terminal)
    assert terminal.exitstatus == 0, shown
    assert "http://adas-cafe." in shown
    assert (first / "package.json").read_bytes() == before
    assert served(town, "adas-cafe") == served(town, "cafe") == "hi"
    assert guest.jitsu("destroy", "cafe", "--confirm").code == 0


def test_a_missing_module_is_offered(guest: Person, town: LocalPlatform, tmp_path: Path) -> None:
    """With the version npm takes; added with a yes only, and then the app is deployed with it."""
    log_in(guest, "bob")
    where = bare(tmp_path, "odd", name="odd", version="0.1.0", scripts={"start": "node server.js"})
    shows = SERVER.replace("'hi'", "String(number(5))")
    (where / "server.js").write_text(f"const number = require('is-number')\n{shows}")
    before = (where / "package.json").read_bytes()
    terminal = guest.sit("deploy", cwd=where, columns=120)
    terminal.timeout = DELAY
    terminal.expect(r"Add is-number@\^(\d+\.\d+\.\d+) to package\.json\? \[y/N\] ")
    version = terminal.match[1]
    terminal.sendintr()
    assert "Traceback" not in left(terminal)
    assert terminal.exitstatus == 130
    assert (where / "package.json").read_bytes() == before

    terminal = guest.sit("deploy", cwd=where, columns=120)
    terminal.timeout = DELAY
    terminal.expect(r"\? \[y/N\] ")
    terminal.sendline("y")
    shown = left(terminal)
    assert terminal.exitstatus == 0, shown
    assert json.loads((where / "package.json").read_text())["dependencies"] == {"is-number": f"^{version}"}
    assert (where / "package-lock.json").exists()
    assert served(town, "odd") == "true"
    assert guest.jitsu("destroy", "odd", "--confirm").code == 0


@pytest.mark.parametrize("key", ["sendintr", "sendeof"])
def test_leaving_at_a_question(key: str, guest: Person, tmp_path: Path) -> None:
    """^C and ^D at any question end with 130 and a word; nothing is written, made or removed."""
    log_in(guest, "eve")
    where = bare(tmp_path, "quit")
    kept = bare(tmp_path, "keep", name="keep", version="0.1.0", scripts={"start": "node server.js"})
    assert guest.jitsu("apps", "create", cwd=kept).code == 0
    other = guest.with_({"JITSU_CONFIG": str(tmp_path / "other" / "config.toml")})
    for terminal, question in (
        (other.sit("login"), "Username: "),
        (other.sit("login", "eve"), "Password: "),
        (guest.sit("deploy", cwd=where, columns=120), r"name \[quit\]: "),
        (guest.sit("destroy", cwd=kept), "to confirm: "),
    ):
        terminal.expect(question)
        getattr(terminal, key)()
        shown = left(terminal)
        assert terminal.exitstatus == 130, (question, shown)
        assert "Traceback" not in shown
        assert "error:" in shown
    assert json.loads((where / "package.json").read_text()) == {}
    assert [app["name"] for app in guest.jitsu("list", "--json").json()] == ["keep"]
    assert not (tmp_path / "other" / "credentials.toml").exists()
    assert guest.jitsu("destroy", "keep", "--confirm").code == 0


def test_a_password_that_is_interrupted_leaves_a_terminal_that_echoes(guest: Person) -> None:
    """After ^C at the hidden question the terminal shows again what is typed."""
    shell = pexpect.spawn(
        "sh", ["-i"], env={**guest.environment(), "PS1": "ready> "}, encoding="utf-8", timeout=20
    )
    shell.expect_exact("ready> ")
    shell.sendline(f"{sys.executable} -m jitsu_py login ada")
    shell.expect_exact("Password: ")
    assert not shell.getecho()
    shell.sendintr()
    shell.expect_exact("ready> ")
    assert shell.waitnoecho(0.1) is False
    shell.sendline("echo vis''ible")
    shell.expect_exact("visible")
    shell.sendline("exit")
    shell.expect(pexpect.EOF)
    shell.close()

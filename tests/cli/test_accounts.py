"""Logging in, staying logged in and out again, against a real platform that is named as a host."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import left

if TYPE_CHECKING:
    from tests.cli.people import Person
    from tests.platforms import LocalPlatform

PASSWORD = "correct horse battery"


@pytest.fixture
def guest(person: Person, shared_platform: LocalPlatform) -> Person:
    """Somebody for whom the platform is a host like any other, with a user and a password."""
    shared_platform.call("PUT", f"/users/{shared_platform.user}", {"password": PASSWORD})
    person.more["JITSU_HOST"] = shared_platform.status.api
    return person


def log_in(guest: Person, user: str) -> str:
    """Log in on a terminal; gives what it showed."""
    terminal = guest.sit("login")
    terminal.expect("Username: ")
    terminal.sendline(user.upper())
    terminal.expect("Password: ")
    terminal.sendline(PASSWORD)
    shown: str = terminal.before + left(terminal)
    assert terminal.exitstatus == 0, shown
    return shown


def test_login_keeps_a_token_and_no_password(guest: Person, shared_platform: LocalPlatform) -> None:
    """A login hides the password, keeps a token named after the machine, and later runs use that."""
    shown = log_in(guest, shared_platform.user)
    assert PASSWORD not in shown
    kept = guest.config.with_name("credentials.toml")
    assert kept.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in kept.read_text()
    assert "no keyring answers" in shown
    done = guest.jitsu("whoami")
    assert (done.code, done.out, done.err) == (0, f"{shared_platform.user}\n", "")
    names = shared_platform.call("GET", f"/users/{shared_platform.user}/tokens").json()["apiTokens"]
    assert f"jitsu@{socket.gethostname()}" in names
    assert guest.jitsu("list", "--json").json() == []


def test_a_keyring_keeps_it(guest: Person, shared_platform: LocalPlatform) -> None:
    """With a keyring that answers, the token is there and in no file of ours; logging out takes it away."""
    backend = {
        "PYTHON_KEYRING_BACKEND": "keyrings.alt.file.PlaintextKeyring",
        "XDG_DATA_HOME": str(guest.folder),
    }
    keeper = guest.with_(backend)
    log_in(keeper, shared_platform.user)
    assert keeper.jitsu("whoami", "--json").json() == {
        "username": shared_platform.user,
        "host": shared_platform.status.api,
        "embedded": False,
        "source": "keyring",
    }
    assert guest.jitsu("whoami").code == 3
    assert keeper.jitsu("logout").code == 0
    assert keeper.jitsu("whoami").code == 3


def test_logout(guest: Person, shared_platform: LocalPlatform) -> None:
    """After a logout nothing is known any more; a second one says so and is no error."""
    log_in(guest, shared_platform.user)
    assert guest.jitsu("logout").code == 0
    assert guest.jitsu("whoami").code == 3
    again = guest.jitsu("logout", "--json")
    assert (again.code, again.json()["forgotten"]) == (0, False)


def test_a_wrong_password(guest: Person, shared_platform: LocalPlatform) -> None:
    """A password that is not taken ends with code 3, and nothing is kept."""
    terminal = guest.sit("login", shared_platform.user)
    terminal.expect("Password: ")
    terminal.sendline("wrong")
    left(terminal)
    assert terminal.exitstatus == 3
    assert not guest.config.with_name("credentials.toml").exists()


def test_interrupted_at_the_question(guest: Person) -> None:
    """^C at a question ends with 130 and a word; so does the end of input."""
    terminal = guest.sit("login")
    terminal.expect("Username: ")
    terminal.sendintr()
    assert "interrupted" in left(terminal)
    assert terminal.exitstatus == 130
    terminal = guest.sit("login")
    terminal.expect("Username: ")
    terminal.sendeof()
    left(terminal)
    assert terminal.exitstatus == 130


def test_a_token_from_outside(guest: Person, shared_platform: LocalPlatform) -> None:
    """A token comes by environment or stdin, is tried before it is kept, and never shows."""
    user = shared_platform.user
    made = shared_platform.call("PUT", f"/users/{user}/tokens/ci", {}).json()["ci"]
    given = guest.jitsu("whoami", "--debug", JITSU_USERNAME=user, JITSU_TOKEN=made)
    assert (given.code, given.out) == (0, f"{user}\n")
    assert "GET" in given.err
    assert made not in given.err
    assert guest.jitsu("whoami").code == 3
    bad = guest.jitsu("login", user, "--token-stdin", stdin="nonsense\n")
    assert bad.code == 3
    assert guest.jitsu("whoami").code == 3
    good = guest.jitsu("login", user, "--token-stdin", stdin=f"{made}\n")
    assert good.code == 0, good.err
    assert made not in good.err + good.out
    assert guest.jitsu("whoami").out == f"{user}\n"


def test_an_empty_token(guest: Person) -> None:
    """--token-stdin with nothing on stdin is a usage error."""
    assert guest.jitsu("login", "ada", "--token-stdin", stdin="").code == 2


def test_a_token_without_a_user(guest: Person) -> None:
    """JITSU_TOKEN alone, on a host where nobody logged in, says what is missing."""
    done = guest.jitsu("whoami", JITSU_TOKEN="t0ken")
    assert done.code == 3
    assert "JITSU_USERNAME" in done.err


def test_login_without_a_terminal(guest: Person) -> None:
    """Where nobody can be asked, login names what would have answered."""
    for more in ({}, {"CI": "true"}, {"JITSU_NO_INPUT": "1"}):
        done = guest.with_(more).jitsu("login")
        assert done.code == 2
        assert "JITSU_USERNAME" in done.err
    terminal = guest.sit("login", "--no-input")
    assert "--no-input" in left(terminal)
    assert terminal.exitstatus == 2


def test_commands_log_in_where_somebody_can_be_asked(guest: Person, shared_platform: LocalPlatform) -> None:
    """On a terminal a command that needs a login asks for it and goes on."""
    terminal = guest.sit("whoami")
    terminal.expect("Username: ")
    terminal.sendline(shared_platform.user)
    terminal.expect("Password: ")
    terminal.sendline(PASSWORD)
    assert shared_platform.user in left(terminal)
    assert terminal.exitstatus == 0
    assert guest.jitsu("whoami").code == 0


def test_this_machine_needs_no_login(owner: Person, shared_platform: LocalPlatform) -> None:
    """On the platform of this machine its owner is known; login and logout say so and are no errors."""
    assert owner.jitsu("whoami").out == f"{shared_platform.user}\n"
    for verb in ("login", "logout"):
        done = owner.jitsu(verb)
        assert done.code == 0
        assert "No login is needed" in done.err


def test_plain_http_is_warned_about(person: Person) -> None:
    """A host that is neither encrypted nor this machine is warned about."""
    done = person.jitsu("whoami", "--host", "http://192.0.2.1", "--timeout", "0.2")
    assert "not encrypted" in done.err

"""Logging in where a real Secret Service keeps the token; where it is locked, silent, broken or missing."""

from __future__ import annotations

import re
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tests.cli import secret_service
from tests.cli.people import Person, left

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform

PASSWORD = "correct horse battery"
TOKEN = "ring"

pytestmark = pytest.mark.slow


class Desktop(Person):
    """Somebody whose machine chooses the keyring by itself, as everybody's does."""

    def environment(self, **more: str) -> dict[str, str]:
        """What a run sees: no backend is named."""
        found = super().environment(**more)
        if "PYTHON_KEYRING_BACKEND" not in {**self.more, **more}:
            del found["PYTHON_KEYRING_BACKEND"]
        return found


@pytest.fixture
def guest(tmp_path: Path, shared_platform: LocalPlatform) -> Desktop:
    """Somebody for whom the platform is a host, with a token that was made elsewhere."""
    return Desktop(
        tmp_path, {"JITSU_HOST": shared_platform.status.api, "JITSU_USERNAME": shared_platform.user}
    )


@pytest.fixture
def token(shared_platform: LocalPlatform) -> str:
    """A new token of the account."""
    made: str = shared_platform.call("PUT", f"/users/{shared_platform.user}/tokens/{TOKEN}", {}).json()[TOKEN]
    return made


def kept(guest: Desktop) -> str:
    """What our own file says of credentials."""
    return guest.config.with_name("credentials.toml").read_text()


def test_the_secret_service_keeps_the_token(
    guest: Desktop, shared_platform: LocalPlatform, tmp_path: Path
) -> None:
    """A login puts the token into the desktop's keyring, by service, user and host; a logout takes it out."""
    secret_service.require_programs()
    user, host = shared_platform.user, shared_platform.status.api
    shared_platform.call("PUT", f"/users/{user}", {"password": PASSWORD})
    with secret_service.session(tmp_path, secret_service.UNLOCKED, "the keyring's own") as variables:
        guest.more |= variables
        terminal = guest.sit("login")
        terminal.expect("Password: ")
        terminal.sendline(PASSWORD)
        assert "kept in: keyring" in left(terminal)
        found = look_up(variables, f"{user}@{host}")
        assert len(found) == 1
        assert found[0] not in kept(guest)
        assert PASSWORD not in kept(guest)
        whoami = guest.jitsu("whoami", "--json")
        assert (whoami.json()["source"], whoami.err) == ("keyring", "")
        assert guest.jitsu("list", "--json").json() == []
        assert guest.jitsu("logout").code == 0
        assert look_up(variables, f"{user}@{host}") == []
        assert guest.jitsu("whoami").code == 3


def look_up(variables: dict[str, str], account: str) -> list[str]:
    """The secrets that the service has for an account of ours, asked without our code."""
    from jeepney.io.blocking import open_dbus_connection
    from secretstorage.collection import search_items

    with open_dbus_connection(bus=variables["DBUS_SESSION_BUS_ADDRESS"]) as connection:
        items = search_items(connection, {"service": "jitsu", "username": account})
        return [item.get_secret().decode() for item in items]


def falls_back(guest: Desktop, token: str, why: str, seconds: float = 30) -> None:
    """Log in without a keyring: the 0600 file keeps the token, that is said once, later runs find it."""
    began = time.monotonic()
    done = guest.jitsu("login", "--token-stdin", stdin=token, timeout=seconds)
    assert time.monotonic() - began < seconds
    assert done.code == 0, done.err
    assert done.err.count("no keyring answers") == 1
    assert re.search(why, done.err), done.err
    assert "Traceback" not in done.err
    assert token not in done.err + done.out
    assert token in kept(guest)
    assert guest.config.with_name("credentials.toml").stat().st_mode & 0o777 == 0o600
    again = guest.jitsu("whoami")
    assert (again.code, again.err) == (0, "")


def test_a_locked_keyring(guest: Desktop, token: str, tmp_path: Path) -> None:
    """A keyring that is locked, with nobody to ask for its password, is given up at once."""
    secret_service.require_programs()
    with secret_service.session(tmp_path, secret_service.UNLOCKED, "the keyring's own"):
        pass
    with secret_service.session(tmp_path, secret_service.GNOME_KEYRING) as variables:
        guest.more |= variables
        falls_back(guest, token, "unlock|locked")


def test_a_keyring_that_was_locked_since(guest: Desktop, token: str, tmp_path: Path) -> None:
    """A token in a keyring that does not open any more: the reason is said once, the way out too."""
    secret_service.require_programs()
    with secret_service.session(tmp_path, secret_service.UNLOCKED, "the keyring's own") as variables:
        guest.more |= variables
        assert guest.jitsu("login", "--token-stdin", stdin=token).code == 0
        assert token not in kept(guest)
    with secret_service.session(tmp_path, secret_service.GNOME_KEYRING) as variables:
        guest.more |= variables
        done = guest.jitsu("whoami")
    assert done.code == 3
    assert done.err.count("the keyring does not give the token") == 1
    assert "jitsu login" in done.err


def test_a_keyring_that_says_nothing(guest: Desktop, token: str, tmp_path: Path) -> None:
    """A service that never answers is not waited for."""
    secret_service.require_programs()
    with secret_service.session(tmp_path, [sys.executable, "-c", secret_service.SILENT]) as variables:
        guest.more |= variables
        falls_back(guest, token, "no answer within 5 s")


@pytest.mark.parametrize(
    ("backend", "why"),
    [
        ("keyring.backends.fail.Keyring", "No recommended backend"),
        ("keyring.backends.null.Keyring", "it keeps nothing"),
        ("no.such.Backend", "No module named"),
        ("keyring.backends.SecretService.Keyring", "."),
    ],
)
def test_a_missing_keyring(backend: str, why: str, guest: Desktop, token: str) -> None:
    """No keyring, one that swallows everything, one not installed, no session bus: the file keeps it."""
    nowhere = {"DBUS_SESSION_BUS_ADDRESS": "unix:path=/nonexistent/bus"}
    falls_back(
        Desktop(guest.folder, {**guest.more, **nowhere, "PYTHON_KEYRING_BACKEND": backend}), token, why
    )

"""Credentials: which place is asked first, where tokens are kept, and that none shows."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import keyring
import pytest
from keyring.backend import KeyringBackend
from keyring.backends.fail import Keyring as FailKeyring
from keyring.backends.null import Keyring as NullKeyring
from keyrings.alt.file import PlaintextKeyring

from jitsu_py import credentials
from jitsu_py.credentials import Adopt, Ask, Credential, Given, Refuse
from jitsu_py.credentials.ring import Keyring
from jitsu_py.credentials.vault import Vault
from jitsu_py.errors import NotLoggedInError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST = "https://jitsu.example"


class Locked(KeyringBackend):
    """A keyring whose owner is not there to unlock it."""

    priority = 1.0

    def get_password(self, service: str, username: str) -> str | None:
        time.sleep(30)
        return None

    def set_password(self, service: str, username: str, password: str) -> None:
        time.sleep(30)


@pytest.fixture
def backend(tmp_path: Path) -> Iterator[Any]:
    """A real keyring in a file of the test's own."""
    before = keyring.get_keyring()
    chosen = PlaintextKeyring()
    chosen.file_path = str(tmp_path / "keyring.cfg")
    keyring.set_keyring(chosen)
    yield chosen
    keyring.set_keyring(before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the file of credentials is to be."""
    return tmp_path / "config" / "credentials.toml"


def test_a_keyring_keeps_the_token(backend: Any, file: Path) -> None:
    """Where a keyring answers, the token is in it under service, user and host; the file has the name."""
    said: list[str] = []
    assert Vault(file, said.append).keep(HOST, "ada", "t0ken") == "keyring"
    assert backend.get_password("jitsu", f"ada@{HOST}") == "t0ken"
    assert "t0ken" not in file.read_text()
    assert Vault(file, said.append).find(HOST, None) == Credential("ada", "t0ken", "keyring")
    assert said == []


@pytest.mark.usefixtures("backend")
@pytest.mark.parametrize("broken", [FailKeyring, NullKeyring])
def test_without_a_keyring_a_private_file_keeps_it(broken: type[KeyringBackend], file: Path) -> None:
    """Where no keyring answers, or one swallows everything, a 0600 file keeps it; that is said once."""
    keyring.set_keyring(broken())
    said: list[str] = []
    vault = Vault(file, said.append)
    assert vault.keep(HOST, "ada", "t0ken") == str(file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(said) == 1
    assert Vault(file, said.append).find(HOST, "ada") == Credential("ada", "t0ken", str(file))
    assert len(said) == 1


@pytest.mark.usefixtures("backend")
def test_a_locked_keyring_is_not_waited_for_for_ever(file: Path) -> None:
    """A keyring that does not answer in time is let be, and not asked again."""
    keyring.set_keyring(Locked())  # type: ignore[no-untyped-call]
    said: list[str] = []
    vault = Vault(file, said.append, Keyring(0.1))
    assert vault.keep(HOST, "ada", "t0ken") == str(file)
    assert "locked" in said[0]


def test_a_keyring_that_lost_the_token_is_named(backend: Any, file: Path) -> None:
    """A token that was put into the keyring and is not given back is warned about."""
    Vault(file, print).keep(HOST, "ada", "t0ken")
    backend.delete_password("jitsu", f"ada@{HOST}")
    said: list[str] = []
    assert Vault(file, said.append).find(HOST, None) is None
    assert "ada" in said[0]


@pytest.mark.usefixtures("backend")
def test_hosts_and_users_are_kept_apart(file: Path) -> None:
    """Each host remembers who logged in last on it; each user has a token of their own."""
    vault = Vault(file, print)
    vault.keep(HOST, "ada", "one")
    vault.keep(HOST, "bob", "two")
    vault.keep("https://other.example", "ada", "three")
    assert vault.find(HOST, None) == Credential("bob", "two", "keyring")
    assert vault.find(HOST, "ada") == Credential("ada", "one", "keyring")
    assert vault.find("https://other.example", None) == Credential("ada", "three", "keyring")


def test_forgetting(backend: Any, file: Path) -> None:
    """What is forgotten is gone from everywhere, and forgetting again says so."""
    vault = Vault(file, print)
    vault.keep(HOST, "ada", "t0ken")
    assert vault.forget(HOST, "ada")
    assert backend.get_password("jitsu", f"ada@{HOST}") is None
    assert vault.find(HOST, None) is None
    assert not vault.forget(HOST, "ada")


@pytest.mark.parametrize(
    "text", ["[[[", "['https://jitsu.example']\nusername = 3", "'https://jitsu.example' = 1"]
)
@pytest.mark.usefixtures("backend")
def test_a_broken_file(text: str, file: Path) -> None:
    """A file that cannot be understood is an error that names it."""
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(UsageError, match=str(file)):
        Vault(file, print).find(HOST, None)
    with pytest.raises(UsageError, match=str(file)):
        Vault(file, print).keep(HOST, "ada", "t0ken")


def test_the_first_place_that_knows_wins() -> None:
    """The chain stops at the first secret; later places are not even looked at."""

    def never() -> Iterator[Any]:
        yield Given("ada", "from the environment", "environment")
        raise AssertionError("looked further")

    found = credentials.resolve(never(), HOST, None)
    assert found.source == "environment"


def test_a_token_of_one_host_is_not_sent_to_another() -> None:
    """A secret that is good for one host or user is not given to another."""
    old = Given("ada", "t0ken", "old file", "https://old.example", only="ada")
    assert old.find(HOST, None) is None
    assert old.find("https://old.example", "bob") is None
    assert old.find("https://old.example", None) == Credential("ada", "t0ken", "old file")


def test_a_token_without_a_name() -> None:
    """A token whose user nobody named is an error that says what to set."""
    with pytest.raises(NotLoggedInError) as caught:
        Given(None, "t0ken", "environment JITSU_TOKEN").find(HOST, None)
    assert "JITSU_USERNAME" in caught.value.hint


def test_where_nobody_can_be_asked() -> None:
    """The last link refuses where there is nobody, and asks where there is somebody."""
    with pytest.raises(NotLoggedInError, match="as ada"):
        credentials.resolve([Refuse()], HOST, "ada")
    asked = Ask(lambda host, username: Credential(username or "ada", host, "question"))
    assert credentials.resolve([asked], HOST, None).username == "ada"


def test_an_old_secret_moves_once_the_host_took_it() -> None:
    """What an old file says is used when the host takes it; else it is warned about, and others are asked."""
    said: list[str] = []
    old = Given("ada", "t0ken", "old file", HOST, "ada")
    new = Credential("ada", "t0ken", "keyring")
    assert Adopt(old, lambda _found: new, said.append).find(HOST, None) is new
    assert Adopt(old, lambda _found: new, said.append).find("https://other.example", None) is None

    def refused(_found: Credential) -> Credential:
        raise NotLoggedInError("no such token")

    assert Adopt(old, refused, said.append).find(HOST, "ada") is None
    assert said == [f"{HOST} does not take what old file says of ada: no such token"]


def test_no_secret_in_a_repr(file: Path) -> None:
    """Nothing that holds a secret shows it."""
    held: list[object] = [Credential("ada", "t0ken", "x"), Given("ada", "t0ken", "x"), Vault(file, print)]
    held.append(Adopt(Given("ada", "t0ken", "x"), lambda found: found, print))
    assert "t0ken" not in repr(held)

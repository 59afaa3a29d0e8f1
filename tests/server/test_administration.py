"""The owner of a state folder and its accounts, with a server running and without."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import LargeBinary

from jitsu_py.server import administration as admin
from jitsu_py.server import run
from jitsu_py.server import settings as settings_file
from jitsu_py.server.errors import PlatformError
from jitsu_py.server.store import apps, load_sealer, open_store, schema, sealing, thirdparty, users
from jitsu_py.wire import Code
from tests.contract.signups import mails
from tests.platforms import LocalPlatform, archive, hello

if TYPE_CHECKING:
    from pathlib import Path


def refused(code: Code) -> pytest.RaisesExc[PlatformError]:
    """An error with that code."""
    return pytest.raises(PlatformError, check=lambda error: error.code is code)


def test_accounts_are_made_confirmed_locked_and_limited_without_a_server(home: Path) -> None:
    """All that a command can do before the first start."""
    code = admin.create(home, "Ada", "Ada@example.com")
    assert len(code) == 24
    (ada,) = admin.listed(home)
    assert (ada.name, ada.email, ada.confirmed, ada.locked) == ("ada", "ada@example.com", False, False)
    assert admin.confirm(home, "ada") is not None
    admin.lock(home, "ada")
    assert admin.limit(home, "ada", {"apps": 3, "disk": 100}).limits == {"apps": 3, "disk": 100}
    assert admin.limit(home, "ada", {"disk": None}).limits == {"apps": 3}
    (ada,) = admin.listed(home)
    assert (ada.confirmed, ada.locked) == (True, True)
    with refused(Code.NAME_TAKEN):
        admin.create(home, "ada", "other@example.com")
    with refused(Code.NAME_TAKEN):
        admin.invite(home, "ada@example.com")
    with refused(Code.BAD_REQUEST):
        admin.create(home, "no name", "other@example.com")
    with refused(Code.BAD_REQUEST):
        admin.limit(home, "ada", {"wishes": 3})
    with refused(Code.BAD_REQUEST):
        admin.limit(home, "ada", {"apps": -1})
    for act in (admin.confirm, admin.lock, admin.remove):
        with refused(Code.NOT_FOUND):
            act(home, "nobody")


def test_an_invitation_is_made_only_where_it_is_worth_something(home: Path) -> None:
    """Where nobody may sign up it is refused, with what to do; the mail names the API's own address."""
    with refused(Code.FORBIDDEN) as closed:
        admin.invite(home, "ada@example.com")
    assert 'sign_up = "invited"' in closed.value.message
    assert not list((home / "outbox").iterdir())
    (home / "server.toml").write_text(
        '[api]\nhost = "api.example.com"\n[router]\nhttps = 443\n[accounts]\nsign_up = "invited"\n'
    )
    admin.invite(home, "ada@example.com")
    admin.create(home, "bob", "bob@example.com")
    for address in ("ada@example.com", "bob@example.com"):
        (mail,) = mails(LocalPlatform(home), address)
        assert "https://api.example.com" in mail
        assert "127.0.0.1" not in mail


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")
def test_what_root_writes_into_a_services_folder_is_the_services(tmp_path: Path) -> None:
    """Mails of an administrator's command, for one, are delivered by a server that runs as somebody else."""
    os.chown(tmp_path, 65534, 65534)
    settings_file.write_private(tmp_path / "mail", b"x")
    found = (tmp_path / "mail").stat()
    assert (found.st_uid, found.st_gid, found.st_mode & 0o777) == (65534, 65534, 0o600)


@pytest.mark.slow
def test_a_running_server_obeys_at_once(platform: LocalPlatform) -> None:
    """Made, locked and unlocked accounts are so with the next request; a removed one goes with its app."""
    code = admin.create(platform.home, "bob", "bob@example.com")
    assert code in mails(platform, "bob@example.com")[0]
    shake = platform.call("POST", "/users/bob", {"inviteCode": code}, auth=None).json()["shake"]
    login = ("bob", "long enough")
    body = {"shake": shake, "new-password": login[1]}
    assert platform.call("POST", "/users/bob/forgot", body, auth=None).status_code == 200
    token = ("bob", platform.call("PUT", "/users/bob/tokens/t", auth=login).json()["t"])
    assert platform.call("GET", "/auth", auth=token).status_code == 200
    admin.lock(platform.home, "bob")
    assert platform.call("GET", "/auth", auth=token).status_code == 403
    admin.lock(platform.home, "bob", locked=False)
    deployed = platform.call("POST", "/apps/bob/snapshots/1", data=archive(hello("bobs")), auth=token)
    assert deployed.status_code == 200, deployed.text
    admin.remove(platform.home, "bob")
    assert platform.call("GET", "/auth", auth=token).status_code == 401
    deadline = time.monotonic() + 20
    while any(account.name == "bob" for account in admin.listed(platform.home)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert platform.get("bobs").status_code == 404
    with refused(Code.FORBIDDEN):
        admin.remove(platform.home, platform.user)


@pytest.mark.slow
def test_an_account_removed_without_a_server_is_gone_after_its_start(platform: LocalPlatform) -> None:
    """The wish is stored; the server that comes carries it out."""
    run.stop(platform.home)
    admin.create(platform.home, "carol", "carol@example.com")
    admin.remove(platform.home, "carol")
    assert [account.leaving for account in admin.listed(platform.home) if account.name == "carol"] == [True]
    platform.start()
    deadline = time.monotonic() + 20
    while any(account.name == "carol" for account in admin.listed(platform.home)):
        assert time.monotonic() < deadline
        time.sleep(0.1)


def fill(home: Path) -> None:
    """Put something sealed into every place for it."""
    settings_file.prepare(home)
    store = open_store(home, load_sealer(home))
    with store.write() as connection:
        user = users.create(connection, "ada", email=None, password=None, confirmed=True)
        sealed = store.sealer.seal({"KEY": "value"})
        apps.create(connection, user.id, "app", subdomain="app", manifest={}, env=sealed)
        thirdparty.add(connection, user.id, "gh", "github", {"token": "secret"}, store.sealer)
    store.close()


def opened(home: Path) -> tuple[dict[str, str], dict[str, str]]:
    """What is sealed there, opened with the folder's key."""
    store = open_store(home, load_sealer(home))
    with store.read() as connection:
        app = apps.get(connection, "ada", "app")
        token = thirdparty.sealed(connection, users.get(connection, "ada").id, "github")
    store.close()
    assert token is not None
    return store.sealer.open(app.env), store.sealer.open(token)


WHOLE = ({"KEY": "value"}, {"token": "secret"})


def test_a_new_key_opens_everything_and_the_old_one_nothing(home: Path) -> None:
    """Also when it is done twice; the file stays its owner's alone."""
    fill(home)
    key = home / sealing.KEY_FILE
    old = key.read_bytes()
    assert admin.rotate_key(home) == 2
    assert key.read_bytes() != old
    assert key.stat().st_mode & 0o777 == 0o600
    assert opened(home) == WHOLE
    admin.rotate_key(home)
    assert opened(home) == WHOLE
    key.write_bytes(old)
    with refused(Code.INTERNAL):
        opened(home)


def test_a_rotation_that_was_interrupted_is_no_loss(home: Path) -> None:
    """With both keys in the file everything opens, and the next rotation ends it."""
    fill(home)
    sealing.add_key(home)
    assert opened(home) == WHOLE
    admin.rotate_key(home)
    assert opened(home) == WHOLE
    assert len((home / sealing.KEY_FILE).read_bytes().split()) == 1


def test_a_file_that_holds_no_key_is_named(home: Path) -> None:
    """Nothing is made anew over it: the secrets would be lost."""
    fill(home)
    (home / sealing.KEY_FILE).write_bytes(b"")
    with refused(Code.INTERNAL):
        load_sealer(home)
    (home / sealing.KEY_FILE).write_bytes(Fernet.generate_key()[:-5])
    with refused(Code.INTERNAL):
        load_sealer(home)


@pytest.mark.slow
def test_no_key_is_changed_under_a_running_server(platform: LocalPlatform) -> None:
    """It holds the old one."""
    with refused(Code.UNAVAILABLE):
        admin.rotate_key(platform.home)


def test_every_sealed_column_takes_part() -> None:
    """What is kept in bytes is sealed; a column that a new key passed over could never be opened again."""
    in_bytes = {
        column
        for table in schema.metadata.tables.values()
        for column in table.c
        if isinstance(column.type, LargeBinary)
    }
    assert in_bytes == set(admin.SEALED)

"""`jitsu server users`: the accounts of this machine's platform, by the owner of its state folder."""

from __future__ import annotations

import re
import sqlite3
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import Person, left
from tests.contract.signups import mails
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from pathlib import Path

    from tests.platforms import LocalPlatform


@pytest.mark.slow
def test_accounts_before_the_first_start(person: Person) -> None:
    """Made, limited, locked, confirmed, listed and removed with no server, which is not started for it."""
    made = person.jitsu("server", "users", "create", "Ada", "--email", "Ada@example.com", "--json")
    assert (made.json()["username"], made.json()["email"]) == ("ada", "ada@example.com")
    assert made.json()["code"] in next((person.folder / "state" / "outbox").iterdir()).read_text()
    assert "mail" not in made.err, made.err
    limits = ["--apps", "3", "--drones", "0", "--memory", "512", "--disk", "100", "--databases", "2"]
    limited = person.jitsu("server", "users", "limit", "ada", *limits, "--json").json()
    names = ("apps", "drones", "memory", "disk", "databases")
    assert [limited[name]["limit"] for name in names] == [3, 0, 512, 100, 2]
    person.jitsu("server", "users", "limit", "ada", "--disk", "none")
    shown = person.jitsu("server", "users", "limit", "ada").out
    assert "0 of 512 MiB" in shown
    assert "of 100" not in shown
    assert person.jitsu("server", "users", "lock", "ada", "--json").json() == {
        "username": "ada",
        "locked": True,
    }
    assert "locked" in person.jitsu("server", "users", "list").out
    assert not person.jitsu("server", "users", "unlock", "ada", "--json").json()["locked"]
    confirmed = person.jitsu("server", "users", "confirm", "ada", "--json").json()
    assert (confirmed["confirmed"], len(confirmed["code"])) == (True, 24)
    (ada,) = person.jitsu("server", "users", "list", "--json").json()
    assert (ada["username"], ada["state"], ada["apps"]) == ("ada", "active", {"used": 0, "limit": 3})
    assert person.jitsu("server", "users", "remove", "ada", "--confirm", "--json").json()["leaving"]
    assert person.jitsu("server", "users", "list", "--json").json()[0]["state"] == "leaving"
    assert person.jitsu("server", "status").code == 9


@pytest.mark.slow
def test_what_cannot_be(person: Person) -> None:
    """Wrong names, addresses and numbers, each with its exit code and nothing changed."""
    create = ("server", "users", "create")
    assert person.jitsu(*create, "ada", "--email", "ada@example.com").code == 0
    assert person.jitsu(*create, "ADA", "--email", "other@example.com").code == 5
    assert person.jitsu(*create, "bob", "--email", "ada@example.com").code == 5
    assert person.jitsu(*create, "../bob", "--email", "bob@example.com").code == 2
    assert person.jitsu(*create, "bob", "--email", "nobody").code == 2
    assert person.jitsu(*create, "bob").code == 2  # nobody can be asked
    assert person.jitsu("server", "users", "invite", "ada@example.com").code == 5
    for number in ("-1", "1.5", "many", "", "9" * 13, "\u0663"):
        assert person.jitsu("server", "users", "limit", "ada", f"--apps={number}").code == 2, number
    for verb in ("confirm", "lock", "unlock", "remove", "limit"):
        done = person.jitsu("server", "users", verb, "nobody", "--json")
        assert (done.code, done.error()["error"]) == (4, "not_found"), verb
    assert person.jitsu("server", "users", "remove", "ada").code == 2  # its name is not typed
    assert [one["username"] for one in person.jitsu("server", "users", "list", "--json").json()] == ["ada"]


@pytest.mark.slow
def test_the_name_is_typed_before_an_account_goes(person: Person) -> None:
    """On a terminal; anything else keeps it."""
    person.jitsu("server", "users", "create", "ada", "--email", "ada@example.com")
    for typed, state in (("bob", "not confirmed"), ("ada", "leaving")):
        terminal = person.sit("server", "users", "remove", "ada")
        terminal.expect("Type ada to confirm")
        terminal.sendline(typed)
        left(terminal)
        assert person.jitsu("server", "users", "list", "--json").json()[0]["state"] == state


@pytest.mark.slow
def test_a_running_platform_obeys_at_once(owner: Person, shared_platform: LocalPlatform) -> None:
    """An account made by the command deploys within its limits, is told of them, is locked, goes."""
    code = owner.jitsu("server", "users", "create", "bob", "--email", "bob@example.com").out.strip()
    shake = shared_platform.call("POST", "/users/bob", {"inviteCode": code}, auth=None).json()["shake"]
    body = {"shake": shake, "new-password": "long enough"}
    assert shared_platform.call("POST", "/users/bob/forgot", body, auth=None).ok
    token = shared_platform.call("PUT", "/users/bob/tokens/t", auth=("bob", "long enough")).json()["t"]
    bob = owner.with_(
        {"JITSU_HOST": shared_platform.status.api, "JITSU_USERNAME": "bob", "JITSU_TOKEN": token}
    )
    owner.jitsu("server", "users", "limit", "bob", "--apps", "1", "--drones", "1")
    sent = shared_platform.call(
        "POST", "/apps/bob/snapshots/1", data=archive(hello("bobs")), auth=("bob", token)
    )
    assert sent.ok, sent.text
    (listed,) = [
        one for one in owner.jitsu("server", "users", "list", "--json").json() if one["username"] == "bob"
    ]
    assert (listed["apps"], listed["disk"]) == ({"used": 1, "limit": 1}, {"used": 1, "limit": None})
    refused = bob.jitsu("scale", "bobs", "2", "--json")
    assert (refused.code, refused.error()["error"]) == (11, "limit_reached")
    assert "your limit is 1" in refused.error()["message"]
    below = owner.jitsu("server", "users", "limit", "bob", "--apps", "0")
    assert "1 of 0" in below.out
    assert "they stay" in below.err
    owner.jitsu("server", "users", "lock", "bob")
    assert bob.jitsu("list").code == 3
    owner.jitsu("server", "users", "unlock", "bob")
    assert bob.jitsu("list").code == 0
    assert owner.jitsu("server", "users", "remove", "bob", "--confirm").code == 0
    assert bob.jitsu("list").code == 3


@pytest.mark.slow
def test_a_new_account_is_told_which_platform_has_it(
    owner: Person, shared_platform: LocalPlatform, tmp_path: Path
) -> None:
    """What create and its mail say leads there, word for word, from a machine that knows no host yet."""
    made = owner.jitsu("server", "users", "create", "fay", "--email", "fay@example.com")
    (tmp_path / "elsewhere").mkdir()
    fay = Person(tmp_path / "elsewhere")
    told = re.findall(r"`jitsu (.+?)`", made.err)
    assert told == [f"host {shared_platform.status.api}", "users confirm fay CODE"]
    for line in told:
        done = fay.jitsu(*line.replace("CODE", made.out.strip()).split())
        assert done.code == 0, done.err
    (mail,) = mails(shared_platform, "fay@example.com")
    assert f"    jitsu {told[0]}\n    jitsu users confirm fay {made.out}" in mail
    again = owner.jitsu("server", "users", "confirm", "fay")
    assert f"`jitsu {told[0]}` and `jitsu forgot fay CODE`" in again.err


@pytest.mark.slow
def test_a_code_given_back_without_a_password_leads_to_one(
    owner: Person, shared_platform: LocalPlatform, tmp_path: Path
) -> None:
    """Whoever cannot be asked, or ends the question, is told how: the code from the mail is used up."""
    (tmp_path / "elsewhere").mkdir()
    guest = Person(tmp_path / "elsewhere").with_({"JITSU_HOST": shared_platform.status.api})
    for name, is_asked in (("gil", False), ("hal", True)):
        made = owner.jitsu("server", "users", "create", name, "--email", f"{name}@example.com")
        code = made.out.strip()
        if is_asked:
            terminal = guest.sit("users", "confirm", name, code)
            terminal.expect("New password: ")
            terminal.sendintr()
            said = left(terminal)
        else:
            said = guest.jitsu("users", "confirm", name, code).err
        told = re.search(rf"`jitsu (forgot {name} \S+)` sets its password", said)
        assert told, said
        done = guest.jitsu(*told[1].split(), "--password-stdin", stdin="long enough")
        assert done.code == 0, done.err
        assert shared_platform.call("GET", "/auth", auth=(name, "long enough")).ok


@pytest.mark.slow
def test_what_a_running_platform_forbids(owner: Person, shared_platform: LocalPlatform) -> None:
    """Its own account stays, and no key is changed under it; both say what to do."""
    own = owner.jitsu("server", "users", "remove", shared_platform.user, "--confirm", "--json")
    assert (own.code, own.error()["error"]) == (3, "forbidden")
    rotated = owner.jitsu("server", "users", "rotate-key", "--json")
    assert rotated.code == 9
    assert "server stop" in rotated.error()["message"]


@pytest.mark.slow
def test_a_schema_is_not_changed_under_a_running_platform(
    owner: Person, shared_platform: LocalPlatform
) -> None:
    """A newer command line than the server refuses, rather than take its tables away from under it."""
    file = shared_platform.home / "state.db"
    with sqlite3.connect(file, timeout=10) as database:
        (revision,) = database.execute("SELECT version_num FROM alembic_version").fetchone()
        database.execute("UPDATE alembic_version SET version_num = '0001'")
    try:
        refused = owner.jitsu("server", "users", "list", "--json")
    finally:
        with sqlite3.connect(file, timeout=10) as database:
            database.execute("UPDATE alembic_version SET version_num = ?", (revision,))
    assert refused.code == 9
    assert "server restart" in refused.error()["message"]


@pytest.mark.slow
def test_a_key_is_made_anew(person: Person, tmp_path: Path) -> None:
    """Without a running platform the file changes."""
    assert person.jitsu("server", "users", "list").code == 0
    key = tmp_path / "state" / "secret.key"
    old = key.read_bytes() if key.exists() else b""
    assert person.jitsu("server", "users", "rotate-key", "--json").json() == {"resealed": 0}
    assert key.read_bytes() != old

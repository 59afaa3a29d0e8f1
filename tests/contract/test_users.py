"""Accounts over HTTP: sign-up, confirmation, forgotten passwords, changes, removal."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

import pytest

from jitsu_py.server.store import load_sealer, open_store, users
from tests.contract.signups import code_in, join, mails, newest_code, platform_with
from tests.platforms import archive, hello

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def town() -> Iterator[LocalPlatform]:
    """A platform on which anybody may sign up."""
    with platform_with('[accounts]\nsign_up = "open"\n[drones]\ngrace = 2\ndrain = 1\n') as running:
        yield running


def test_sign_up_needs_an_address_only(town: LocalPlatform) -> None:
    """The seed: "Email address is the only required field"; a mail with a code goes out."""
    answer = town.call("POST", "/users/Ada", {"email": "Ada@Example.com"}, auth=None)
    assert answer.status_code == 201
    user = answer.json()["user"]
    assert (user["username"], user["email"], user["confirmed"]) == ("ada", "ada@example.com", False)
    assert "hasPassword" in user
    assert "argon2" not in answer.text
    (text,) = mails(town, "ada@example.com")
    assert f"jitsu users confirm ada {code_in(text)}" in text
    log = (town.home / "logs/_server/server.log").read_text()
    assert code_in(text) in log


@pytest.mark.parametrize(
    ("name", "body", "field"),
    [
        ("bob", {}, "email"),
        ("bob", {"email": 5}, "email"),
        ("bob", {"email": "nobody"}, "email"),
        ("bob", {"email": "a@b\r\nBcc: c@d"}, "email"),
        ("bob", {"email": "a@" + "b" * 300}, "email"),
        ("bob", {"email": "b@example.com", "username": "carol"}, "username"),
        ("bob", {"email": "b@example.com", "password": "short"}, "password"),
        ("bob", {"email": "b@example.com", "password": "x" * 5000}, "password"),
        ("email", {"email": "b@example.com"}, "username"),
        ("..", {"email": "b@example.com"}, "username"),
        ("b b", {"email": "b@example.com"}, "username"),
        ("b" * 65, {"email": "b@example.com"}, "username"),
        ("-b", {"email": "b@example.com"}, "username"),
    ],
)
def test_what_cannot_sign_up(name: str, body: dict[str, object], field: str, town: LocalPlatform) -> None:
    """400 names the field."""
    answer = town.call("POST", f"/users/{name}", body, auth=None)
    if name == "..":
        assert answer.status_code == 405
        return
    assert answer.status_code == 400
    assert answer.json()["details"]["field"] == field


def test_names_and_addresses_are_taken_once(town: LocalPlatform) -> None:
    """409, whatever the case; what is free can be asked before."""
    join(town, "dora")
    for name, email in (("DORA", "other@example.com"), ("other", "Dora@Example.com")):
        answer = town.call("POST", f"/users/{name}", {"email": email}, auth=None)
        assert (answer.status_code, answer.json()["error"]) == (409, "name_taken")
    assert town.call("GET", "/users/Dora/available", auth=None).json() == {"available": False}
    assert town.call("GET", "/users/nobody/available", auth=None).json() == {"available": True}
    assert town.call("GET", "/users/no%20name/available", auth=None).json() == {"available": False}
    for email, taken in (("DORA@example.com", True), ("nobody@example.com", False)):
        assert town.call("POST", "/users/email/taken", {"email": email}, auth=None).json() == {"taken": taken}


def test_an_unconfirmed_account_can_do_nothing_but_confirm(town: LocalPlatform) -> None:
    """Its right password is answered by 403, a wrong one by 401."""
    body = {"email": "eve@example.com", "password": "long enough"}
    town.call("POST", "/users/eve", body, auth=None)
    assert town.call("GET", "/auth", auth=("eve", "long enough")).status_code == 403
    assert town.call("GET", "/auth", auth=("eve", "wrong")).status_code == 401
    code = newest_code(town, "eve@example.com")
    answer = town.call("POST", "/users/eve/confirm", {"inviteCode": code}, auth=None)
    assert answer.json() == {"message": "Confirmed.", "hasPassword": True}
    assert town.call("GET", "/auth", auth=("eve", "long enough")).status_code == 200
    again = town.call("POST", "/users/eve/confirm", {"inviteCode": code}, auth=None)
    assert (again.status_code, again.json()["error"]) == (400, "bad_request")


def test_a_wrong_code_says_the_same_for_everybody(town: LocalPlatform) -> None:
    """Neither text nor status tells whether there is such an account."""
    join(town, "fred")
    bodies = {
        town.call("POST", f"/users/{name}/{verb}", body, auth=None).text
        for name in ("fred", "nobody-at-all")
        for verb, body in (
            ("confirm", {"inviteCode": "0" * 24}),
            ("confirm", {"inviteCode": None}),
            ("forgot", {"shake": "0" * 24, "new-password": "long enough"}),
        )
    }
    assert len(bodies) == 1


def test_a_forgotten_password_is_replaced_by_mail(town: LocalPlatform) -> None:
    """The code works once, ends with any change of the password, and tokens stay unless asked."""
    login = join(town, "gina")
    token = town.call("PUT", "/users/gina/tokens/t", auth=login).json()["t"]
    town.call("POST", "/users/gina/forgot", {}, auth=None)
    shake = newest_code(town, "gina@example.com", count=2)
    reset = {"shake": shake, "new-password": "another one"}
    assert town.call("POST", "/users/gina/forgot", reset, auth=None).status_code == 200
    assert town.call("GET", "/auth", auth=login).status_code == 401
    assert town.call("GET", "/auth", auth=("gina", "another one")).status_code == 200
    assert town.call("POST", "/users/gina/forgot", reset, auth=None).status_code == 400
    assert town.call("GET", "/auth", auth=("gina", token)).status_code == 200
    town.call("POST", "/users/gina/forgot", {}, auth=None)
    shake = newest_code(town, "gina@example.com", count=3)
    change = {"password": "a third one", "revokeTokens": True}
    assert town.call("PUT", "/users/gina", change, auth=("gina", "another one")).status_code == 200
    late = {"shake": shake, "new-password": "stolen away"}
    assert town.call("POST", "/users/gina/forgot", late, auth=None).status_code == 400
    assert town.call("GET", "/auth", auth=("gina", token)).status_code == 401


def test_a_password_not_set_on_confirming_is_set_by_mail(town: LocalPlatform) -> None:
    """Asked for at once: the code that confirming answered with was never mailed."""
    town.call("POST", "/users/ivy", {"email": "ivy@example.com"}, auth=None)
    invited = newest_code(town, "ivy@example.com")
    assert town.call("POST", "/users/ivy/confirm", {"inviteCode": invited}, auth=None).json()["shake"]
    town.call("POST", "/users/ivy/forgot", {}, auth=None)
    shake = newest_code(town, "ivy@example.com", count=2)
    reset = {"shake": shake, "new-password": "long enough"}
    assert town.call("POST", "/users/ivy/forgot", reset, auth=None).status_code == 200
    assert town.call("GET", "/auth", auth=("ivy", "long enough")).status_code == 200


def test_forgetting_does_not_tell_who_is_here(town: LocalPlatform) -> None:
    """Same status, text and time for an account that is there and one that is not; no flood of mails."""
    join(town, "hugo")
    times: dict[str, list[float]] = {"hugo": [], "nobody": []}
    texts = set()
    for _ in range(30):
        for name, spent in times.items():
            began = time.perf_counter()
            answer = town.call("POST", f"/users/{name}/forgot", {}, auth=None)
            spent.append(time.perf_counter() - began)
            texts.add((answer.status_code, answer.text))
    assert len(texts) == 1
    here, away = (statistics.median(spent) for spent in times.values())
    assert abs(here - away) < 0.02
    assert len(mails(town, "hugo@example.com")) == 2  # the sign-up's, and one


def test_a_login_does_not_tell_who_is_here(platform: LocalPlatform) -> None:
    """A wrong password takes as long as a name that is not there, and says the same."""
    platform.call("PUT", f"/users/{platform.user}", {"password": "long enough"})
    spent: dict[str, list[float]] = {platform.user: [], "nobody-here": []}
    texts = set()
    for number in range(4):  # as many as still cost little
        for name, times in spent.items():
            began = time.perf_counter()
            answer = platform.call("GET", "/auth", auth=(name, f"wrong {number}"))
            times.append(time.perf_counter() - began - 0.05 * 2**number)
            texts.add((answer.status_code, answer.text))
    assert len(texts) == 1
    here, away = (min(times) for times in spent.values())
    assert 0.5 < here / away < 2, spent  # an unhashed answer takes a hundredth of a hashed one


def test_a_new_address_counts_when_it_is_confirmed(town: LocalPlatform) -> None:
    """Until its code comes back the old one stays; the old one is told."""
    login = join(town, "jane")
    change = {"email": "jane@new.example"}
    assert town.call("PUT", "/users/jane", change, auth=login).json()["user"]["email"] == "jane@example.com"
    assert any("jane@new.example" in text for text in mails(town, "jane@example.com"))
    code = newest_code(town, "jane@new.example")
    assert town.call("POST", "/users/jane", {"inviteCode": code}, auth=None).json()["hasPassword"] is True
    assert town.call("GET", "/users/jane", auth=login).json()["user"]["email"] == "jane@new.example"
    join(town, "kate")
    taken = town.call("PUT", "/users/jane", {"email": "Kate@example.com"}, auth=login)
    assert taken.status_code == 409
    assert town.call("PUT", "/users/jane", {}, auth=login).status_code == 400
    assert (
        town.call("PUT", "/users/jane", {"username": "x", "password": "y" * 9}, auth=login).status_code == 400
    )


def test_an_account_goes_with_all_its_apps(town: LocalPlatform) -> None:
    """Its app no longer answers, its name and its subdomain are free, its tokens void."""
    login = join(town, "lena")
    token = town.call("PUT", "/users/lena/tokens/t", auth=login).json()["t"]
    town.call("POST", "/apps/lena", {"name": "lenas"}, auth=login)
    deployed = town.call("POST", "/apps/lena/snapshots/0.1.0", data=archive(hello("lenas")), auth=login)
    assert deployed.status_code == 200, deployed.text
    assert town.get("lenas").text == "hello"
    assert town.call("DELETE", "/users/lena", auth=("lena", token)).status_code == 403
    assert town.call("DELETE", "/users/lena", auth=login).json() == {"ok": True, "id": "lena"}
    assert town.get("lenas").status_code == 404
    assert town.call("GET", "/auth", auth=login).status_code == 401
    assert town.call("GET", "/auth", auth=("lena", token)).status_code == 401
    assert town.call("GET", "/users/lena/available", auth=None).json() == {"available": True}
    assert not (town.home / "builds" / "lena").exists() or not any((town.home / "builds/lena").iterdir())


def test_this_machines_own_account_stays(town: LocalPlatform) -> None:
    """Without it the embedded server could not be used."""
    assert town.call("DELETE", f"/users/{town.user}").status_code == 403
    assert town.call("GET", "/auth").status_code == 200


def test_sign_up_is_closed_unless_opened(shared_platform: LocalPlatform) -> None:
    """The default of a server that has an account: 403 with the way out."""
    answer = shared_platform.call("POST", "/users/mia", {"email": "mia@example.com"}, auth=None)
    assert answer.status_code == 403
    assert "administrator" in answer.json()["message"]


def test_an_invitation_opens_for_one_address() -> None:
    """`invited`: only whom an administrator has named, and each once."""
    with platform_with('[accounts]\nsign_up = "invited"\n') as platform:
        body = {"email": "nina@example.com"}
        assert platform.call("POST", "/users/nina", body, auth=None).status_code == 403
        store = open_store(platform.home, load_sealer(platform.home))
        with store.write() as connection:
            users.invite(connection, "Nina@example.com")
        store.close()
        assert platform.call("POST", "/users/nina", body, auth=None).status_code == 201
        assert platform.call("POST", "/users/olga", body, auth=None).status_code == 403

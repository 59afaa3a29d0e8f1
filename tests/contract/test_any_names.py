"""Names of people, tokens, databases and subdomains: any text is taken as it is, or refused in words."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import example, given

from tests.contract.test_defence import NAMES, quick

if TYPE_CHECKING:
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

WORDS = NAMES.filter(lambda name: "/" not in name and name not in {".", ".."})
"""Others would be another path."""


@quick
@given(name=WORDS)
@example(name="ci")
@example(name="jitsu@host.example")
def test_any_name_of_a_token(shared_platform: LocalPlatform, name: str) -> None:
    """201, listed under that very name and good for a login until it is deleted; or a 400 and none made."""
    user, quoted = shared_platform.user, quote(name, safe="")
    before = shared_platform.call("GET", f"/users/{user}/tokens").json()["apiTokens"]
    answer = shared_platform.call("PUT", f"/users/{user}/tokens/{quoted}")
    assert answer.status_code in {201, 400}, answer.text
    listed = shared_platform.call("GET", f"/users/{user}/tokens").json()["apiTokens"]
    if answer.status_code == 400:
        assert answer.json()["error"] == "bad_request"
        assert listed == before
        return
    assert set(listed) - set(before) == {name}
    login = (user, answer.json()[name])
    assert shared_platform.call("GET", "/auth", auth=login).status_code == 200
    gone = shared_platform.call("DELETE", f"/users/{user}/tokens/{quoted}")
    assert gone.json() == {"ok": True, "id": name}
    assert shared_platform.call("GET", f"/users/{user}/tokens").json()["apiTokens"] == before


@quick
@given(name=WORDS)
@example(name="ada")
def test_any_name_of_a_person(shared_platform: LocalPlatform, name: str) -> None:
    """Whether it is free is told or the name refused; nobody's path is open to another, whatever its name."""
    quoted = quote(name, safe="")
    answer = shared_platform.call("GET", f"/users/{quoted}/available", auth=None)
    assert answer.status_code in {200, 400}, answer.text
    if answer.status_code == 200:
        assert isinstance(answer.json()["available"], bool)
    if name.lower() != shared_platform.user.lower():
        theirs = shared_platform.call("GET", f"/apps/{quoted}")
        assert (theirs.status_code, theirs.json()["error"]) == (403, "forbidden")


@quick
@given(name=WORDS)
@example(name="kept")
def test_any_name_of_a_database(shared_platform: LocalPlatform, name: str) -> None:
    """One that is not there is a 404, one that cannot be is none to the maker: never a fault."""
    path = f"/databases/{shared_platform.user}/{quote(name, safe='')}"
    for method, body in (("GET", None), ("DELETE", None), ("POST", {"type": "no such type"})):
        answer = shared_platform.call(method, path, body)
        assert answer.status_code in {400, 404}, (method, answer.text)
        assert answer.json()["message"].endswith((".", "!"))
    assert shared_platform.call("GET", f"/databases/{shared_platform.user}").json() == {"databases": []}


@quick
@given(subdomain=NAMES)
@example(subdomain="free-one")
@example(subdomain="-no")
@example(subdomain="a" * 63)
@example(subdomain="a" * 64)
def test_any_subdomain(shared_platform: LocalPlatform, subdomain: str) -> None:
    """What is told to be free can be had, as it is; what cannot be a DNS label is refused by both alike."""
    user = shared_platform.user
    body = {"name": "labelled", "subdomain": subdomain}
    told = shared_platform.call("POST", f"/apps/{user}/labelled/available", body)
    made = shared_platform.call("POST", f"/apps/{user}", body)
    if made.status_code == 201:
        assert told.json()["subdomain"] is True
        kept = made.json()["app"]["subdomain"]
        assert kept == subdomain.lower()
        assert 1 <= len(kept) <= 63
        assert set(kept) <= set("abcdefghijklmnopqrstuvwxyz0123456789-_")
        assert shared_platform.call("DELETE", f"/apps/{user}/labelled").status_code == 200
        return
    assert made.status_code in {400, 409}, made.text
    assert told.status_code == 400 or told.json()["subdomain"] is False, told.text

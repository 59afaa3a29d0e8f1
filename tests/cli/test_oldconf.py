"""The `.jitsuconf` of jitsu 0.x against a real platform: its token and its password move into the vault."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.people import Person
    from tests.platforms import LocalPlatform

PASSWORD = "sentinel horse battery"

pytestmark = pytest.mark.slow


def conf(platform: LocalPlatform, **more: object) -> str:
    """A file as jitsu 0.15 writes it, for this platform."""
    host, _, port = platform.status.api.removeprefix("http://").partition(":")
    old = {
        "analyze": True,
        "colors": True,
        "protocol": "http",
        "remoteHost": host,
        "port": int(port),
        "loglength": 110,
        "tar": "tar",
        "timeout": 240000,
        "username": platform.user.upper(),
    }
    return json.dumps({**old, **more}, indent=2)


def files_below(folder: Path) -> str:
    """Every byte that a run left behind, but the old file's own."""
    found = (path for path in folder.rglob("*") if path.is_file() and path.suffix != ".json")
    return "".join(path.read_text() for path in found if path.name != ".jitsuconf")


@pytest.fixture
def token(shared_platform: LocalPlatform) -> str:
    """A new token of the account."""
    made: str = shared_platform.call("PUT", f"/users/{shared_platform.user}/tokens/old", {}).json()["old"]
    return made


@pytest.fixture
def password(shared_platform: LocalPlatform) -> str:
    """The account's password."""
    shared_platform.call("PUT", f"/users/{shared_platform.user}", {"password": PASSWORD})
    return PASSWORD


def test_the_token_at_home_moves(person: Person, shared_platform: LocalPlatform, token: str) -> None:
    """The token of ~/.jitsuconf is tried and kept where ours are; that is said once; the file stays."""
    file = person.folder / ".jitsuconf"
    text = conf(shared_platform, apiToken=token, apiTokenName="jitsu")
    file.write_text(text)
    first = person.jitsu("whoami")
    assert (first.code, first.out) == (0, f"{shared_platform.user}\n")
    assert "the token in" in first.err
    assert token not in first.err
    again = person.jitsu("whoami", "--json")
    assert again.err == ""
    assert again.json()["source"].endswith("credentials.toml")
    assert file.read_text() == text
    file.unlink()
    person.more["JITSU_HOST"] = shared_platform.status.api
    assert person.jitsu("whoami").code == 0


def test_a_named_file_counts_before_what_is_kept(
    person: Person, shared_platform: LocalPlatform, token: str, tmp_path: Path
) -> None:
    """-j and --localconf: the token of that file is used for that run, and not kept."""
    named = tmp_path / "other.json"
    named.write_text(conf(shared_platform, apiToken=token))
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "a" / ".jitsuconf").write_text(named.read_text())
    for words, source in ((["-j", str(named)], named), (["--localconf"], tmp_path / "a" / ".jitsuconf")):
        done = person.jitsu("whoami", "--json", *words, cwd=below)
        assert done.code == 0, done.err
        assert done.json()["source"] == str(source)
    assert token not in files_below(tmp_path)
    assert person.jitsu("whoami", cwd=below, JITSU_HOST=shared_platform.status.api).code == 3


@pytest.mark.parametrize("flag", [None, "-j"])
def test_a_password_is_exchanged_for_a_token(
    flag: str | None, person: Person, shared_platform: LocalPlatform, password: str
) -> None:
    """A plain password logs in once: the token is kept, the password nowhere, and both are said."""
    file = person.folder / (".jitsuconf" if flag is None else "other.json")
    file.write_text(conf(shared_platform, password=password))
    words = ["whoami", "--debug", *([flag, str(file)] if flag else [])]
    first = person.jitsu(*words)
    assert (first.code, first.out) == (0, f"{shared_platform.user}\n"), first.err
    assert "exchanged for a token" in first.err
    assert "delete that line" in first.err
    assert password not in first.err
    assert password not in files_below(person.folder)
    assert password in file.read_text()
    names = shared_platform.call("GET", f"/users/{shared_platform.user}/tokens").json()["apiTokens"]
    assert f"jitsu@{socket.gethostname()}" in names
    again = person.jitsu(*words)
    assert again.code == 0
    assert "the password in" not in again.err


def test_what_is_not_taken_any_more(person: Person, shared_platform: LocalPlatform) -> None:
    """A token or password that is refused is named and kept nowhere, and the run says how to log in."""
    file = person.folder / ".jitsuconf"
    for more in ({"apiToken": "sentinel-void"}, {"password": "sentinel-void"}):
        file.write_text(conf(shared_platform, **more))
        done = person.jitsu("whoami")
        assert done.code == 3
        assert str(file) in done.err
        assert "jitsu login" in done.err
        assert "sentinel" not in done.err + done.out + files_below(person.folder)


def test_nothing_of_it_goes_to_another_host(
    person: Person, shared_platform: LocalPlatform, token: str
) -> None:
    """The secrets of a file that names the closed service, or another host, are given to nobody."""
    shared_platform.call("PUT", f"/users/{shared_platform.user}", {"password": PASSWORD})
    user = shared_platform.user
    person.more |= {"JITSU_HOST": shared_platform.status.api, "JITSU_USERNAME": user}
    for more in (
        {"remoteHost": "api.nodejitsu.com", "port": None, "protocol": "https"},
        {"remoteHost": "192.0.2.1"},
        {"remoteHost": None},
    ):
        (person.folder / ".jitsuconf").write_text(
            conf(shared_platform, apiToken=token, password=PASSWORD, **more)
        )
        assert person.jitsu("whoami").code == 3
        assert person.jitsu("whoami", "-j", str(person.folder / ".jitsuconf")).code == 3


def test_logging_out_names_the_file(person: Person, shared_platform: LocalPlatform, token: str) -> None:
    """A logout forgets what was kept and warns of the old file, which would log in again."""
    file = person.folder / ".jitsuconf"
    file.write_text(conf(shared_platform, apiToken=token))
    assert person.jitsu("whoami").code == 0
    done = person.jitsu("logout")
    assert done.code == 0
    assert str(file) in done.err
    file.unlink()
    assert person.jitsu("whoami", JITSU_HOST=shared_platform.status.api).code == 3


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ('{\n  "username": "ada",\n}', "line 3"),
        ("\x00\x01", "line 1"),
        ("[]", "JSON object"),
        ('{"username": "a b"}', "user name"),
        ('{"remoteUri": "ftp://x"}', "a URL"),
        ("[" * 100_000, "jitsuconf"),
    ],
)
def test_a_file_that_makes_no_sense(text: str, line: str, person: Person) -> None:
    """A broken old file is named with its line and what is wanted; nothing is sent."""
    (person.folder / ".jitsuconf").write_text(text)
    done = person.jitsu("whoami")
    assert done.code == 2
    assert ".jitsuconf" in done.err
    assert line in done.err

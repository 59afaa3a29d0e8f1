"""`jitsu config`, `jitsu host`: what they keep, show and refuse."""

from __future__ import annotations

import tomllib
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.cli.people import Person


def test_set_get_delete(person: Person) -> None:
    """A value is kept, given back alone on stdout, listed with its source, and taken out again."""
    assert person.jitsu("config", "set", "host", "jitsu.example").code == 0
    assert person.jitsu("config", "get", "host").out == "https://jitsu.example\n"
    row = person.jitsu("config", "list", "--json").json()[0]
    assert row == {
        "key": "host",
        "value": "https://jitsu.example",
        "source": str(person.config),
        "summary": row["summary"],
    }
    assert person.jitsu("config", "delete", "host").code == 0
    assert person.jitsu("config", "get", "host").code == 4
    assert person.config.stat().st_mode & 0o777 == 0o600


def test_profiles(person: Person) -> None:
    """--profile keeps and uses a set of values of its own, and can make a new one."""
    person.jitsu("config", "set", "host", "one.example")
    assert person.jitsu("config", "set", "host", "two.example", "--profile", "work").code == 0
    assert person.jitsu("host").out == "https://one.example\n"
    assert person.jitsu("host", "--profile", "work").out == "https://two.example\n"
    assert person.jitsu("host", JITSU_PROFILE="work").out == "https://two.example\n"
    missing = person.jitsu("host", "--profile", "play")
    assert missing.code == 2
    assert "work" in missing.err


def test_the_host(person: Person) -> None:
    """`host` without one says that it is this machine; with one it keeps it and answers with what it kept."""
    assert "this machine" in person.jitsu("host").out
    assert person.jitsu("host", "--json").json() == {"host": None, "source": "default", "embedded": True}
    assert person.jitsu("host", "localhost:9002").out == "http://localhost:9002\n"
    assert person.jitsu("host").out == "http://localhost:9002\n"
    assert person.jitsu("host", "https://user:pw@x").code == 2


@pytest.mark.parametrize("key", ["hots", "remoteUri", "", "host\n"])
def test_unknown_keys(key: str, person: Person) -> None:
    """A key that is no setting is refused, and nothing is written."""
    assert person.jitsu("config", "set", key, "x").code == 2
    assert person.jitsu("config", "get", key).code == 2
    assert not person.config.exists()


def test_a_broken_file_can_be_mended(person: Person) -> None:
    """A user file with a bad value stops every command but those that mend it."""
    person.config.parent.mkdir()
    person.config.write_text("timeout = 'soon'\n")
    assert person.jitsu("config", "list").code == 2
    assert "line 1, timeout" in person.jitsu("whoami").err
    assert person.jitsu("config", "set", "timeout", "30").code == 0
    assert person.jitsu("config", "get", "timeout").out == "30\n"


def test_a_file_that_cannot_be_written(person: Person) -> None:
    """Where the settings cannot be kept the error names the file; nothing is half-written."""
    done = person.jitsu("config", "set", "color", "never", JITSU_CONFIG="/proc/nowhere/config.toml")
    assert done.code == 2
    assert "/proc/nowhere" in done.err


def test_concurrent_writers(person: Person) -> None:
    """Command lines that set values at once do not lose each other's."""
    keys = {"host": "a.example", "username": "ada", "timeout": "7", "color": "never", "cacert": "ca.pem"}
    with ThreadPoolExecutor(5) as pool:
        done = list(pool.map(lambda pair: person.jitsu("config", "set", *pair), keys.items()))
    assert [one.code for one in done] == [0] * 5
    rows = {row["key"]: row["value"] for row in person.jitsu("config", "--json").json()}
    assert {key: rows[key] for key in keys} == {
        "host": "https://a.example",
        "username": "ada",
        "timeout": 7.0,
        "color": "never",
        "cacert": str(person.folder / "ca.pem"),
    }


def test_an_old_file(person: Person) -> None:
    """The .jitsuconf of jitsu 0.x still sets host and user, from home, by -j and by --localconf."""
    (person.folder / ".jitsuconf").write_text('{"remoteUri": "https://old.example", "username": "ada"}')
    other = person.folder / "other.json"
    other.write_text('{"remoteUri": "https://other.example"}')
    assert person.jitsu("host").out == "https://old.example\n"
    assert person.jitsu("host", "-j", str(other)).out == "https://other.example\n"
    person.jitsu("config", "set", "host", "new.example")
    assert person.jitsu("host").out == "https://new.example\n"
    assert person.jitsu("host", "--localconf").out == "https://old.example\n"


def test_every_source_is_named(person: Person) -> None:
    """Flag > environment > .jitsuconf asked for > profile > user file > default, each named in the list."""
    person.config.parent.mkdir()
    person.config.write_text(
        'host = "file.example"\ntimeout = 5\nprofile = "work"\n'
        '[profiles.work]\nhost = "work.example"\n[profiles.play]\nhost = "play.example"\n'
    )
    (person.folder / ".jitsuconf").write_text('{"remoteUri": "https://old.example", "username": "Ada"}')
    runs: list[tuple[list[str], dict[str, str], str, str]] = [
        ([], {}, "work", f"{person.config} [profiles.work]"),
        (["--profile", "play"], {}, "play", f"{person.config} [profiles.play]"),
        ([], {"JITSU_PROFILE": "play"}, "play", f"{person.config} [profiles.play]"),
        (["--localconf"], {}, "old", str(person.folder / ".jitsuconf")),
        (["--localconf"], {"JITSU_HOST": "env.example"}, "env", "environment JITSU_HOST"),
        (["--host", "flag.example"], {"JITSU_HOST": "env.example"}, "flag", "flag --host"),
    ]
    for words, more, name, source in runs:
        rows = {row["key"]: row for row in person.with_(more).jitsu("config", "--json", *words).json()}
        assert (rows["host"]["value"], rows["host"]["source"]) == (f"https://{name}.example", source)
        assert rows["timeout"]["source"] == str(person.config)
        assert rows["color"]["source"] == "default"
        assert rows["username"]["value"] == "ada"
    shown = person.jitsu("config").out
    assert f"{person.config} [profiles.work]" in shown
    assert "flag --color" in person.jitsu("config", "--color", "never").out


HOSTILE = ("\x1b]0;owned\x07", "a\nb", "\u202eevil", "x" * 10_000, "'\"]\n[profiles.p]", "$(reboot)", "../..")


@pytest.mark.slow
@pytest.mark.parametrize("key", ["host", "username", "timeout", "color", "cacert", "profile"])
def test_hostile_values(key: str, person: Person) -> None:
    """Whatever text is given is refused or kept as that very text: no other key appears, nothing obeys."""
    for value in HOSTILE:
        done = person.jitsu("config", "set", key, value)
        assert done.code in {0, 2}
        assert "bug" not in done.err
        assert not any(character in done.err + done.out for character in "\x1b\x07\u202e")
        if done.code == 0:
            assert set(tomllib.loads(person.config.read_text())) == {key}
            assert person.jitsu("config", "delete", key).code == 0
        else:
            assert not person.config.exists() or not person.config.read_text()


@pytest.mark.slow
def test_hostile_profiles(person: Person) -> None:
    """A profile of any name is a table of that very name, and nothing else in the file changes."""
    person.jitsu("config", "set", "host", "a.example")
    for name in HOSTILE:
        done = person.jitsu("config", "set", "host", "b.example", "--profile", name)
        assert done.code in {0, 2}
        assert "\x1b" not in done.err + done.out
    data = tomllib.loads(person.config.read_text())
    assert data.pop("profiles").keys() <= set(HOSTILE)
    assert data == {"host": "https://a.example"}
    assert person.jitsu("config", "list").code == 0

"""Settings: where each value comes from, and what is refused."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TYPE_CHECKING

import pytest

from jitsu_py import settings
from jitsu_py.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where the user file is to be."""
    return tmp_path / "config" / "config.toml"


@pytest.fixture
def environ(tmp_path: Path, file: Path) -> dict[str, str]:
    """The variables of a person with nothing set."""
    return {"HOME": str(tmp_path), "JITSU_CONFIG": str(file)}


def write(file: Path, text: str) -> None:
    """Put a user file there."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)


def test_nothing_set(environ: dict[str, str], tmp_path: Path) -> None:
    """With nothing set, every value is its default and says so."""
    found = settings.resolve({}, environ, tmp_path)
    assert found.host == settings.Setting(None, "default")
    assert found.timeout == settings.Setting(60.0, "default")
    assert found.color.value == "auto"


def test_precedence(environ: dict[str, str], file: Path, tmp_path: Path) -> None:
    """Flag > environment > .jitsuconf that was asked for > profile > user file > .jitsuconf at home."""
    write(file, 'host = "file.example"\nprofile = "work"\n[profiles.work]\nhost = "profile.example"\n')
    (tmp_path / ".jitsuconf").write_text('{"remoteUri": "https://old.example"}')
    layers: list[tuple[dict[str, str | bool], dict[str, str], str, str]] = [
        ({"host": "flag.example", "localconf": True}, {"JITSU_HOST": "env.example"}, "flag", "flag --host"),
        ({"localconf": True}, {"JITSU_HOST": "env.example"}, "env", "environment JITSU_HOST"),
        ({"localconf": True}, {}, "old", str(tmp_path / ".jitsuconf")),
        ({}, {}, "profile", f"{file} [profiles.work]"),
    ]
    for flags, more, name, source in layers:
        found = settings.resolve(flags, {**environ, **more}, tmp_path)
        assert found.host == settings.Setting(f"https://{name}.example", source)
    write(file, 'host = "file.example"\n')
    assert settings.resolve({}, environ, tmp_path).host.source == str(file)
    file.unlink()
    assert settings.resolve({}, environ, tmp_path).host.value == "https://old.example"


def test_empty_variables_are_not_set(environ: dict[str, str], tmp_path: Path) -> None:
    """An empty variable, as CI services leave them, says nothing."""
    assert settings.resolve({}, {**environ, "JITSU_HOST": ""}, tmp_path).host.value is None


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("jitsu.example.com", "https://jitsu.example.com"),
        ("HTTPS://Jitsu.Example.com/", "https://jitsu.example.com"),
        ("localhost:9002", "http://localhost:9002"),
        ("127.0.0.1:9002", "http://127.0.0.1:9002"),
        ("http://10.0.0.1:80/base/", "http://10.0.0.1:80/base"),
    ],
)
def test_hosts(given: str, meant: str, environ: dict[str, str], tmp_path: Path) -> None:
    """A host may be written short: a name is https, this machine is http."""
    assert settings.resolve({"host": given}, environ, tmp_path).host.value == meant


@pytest.mark.parametrize(
    "given",
    [
        "",
        " ",
        "ftp://x",
        "https://",
        "https://user:secret@x",
        "https://x:99999",
        "x y",
        "https://x/?q",
        "a\x1b[31m",
    ],
)
def test_hosts_that_are_refused(given: str, environ: dict[str, str], tmp_path: Path) -> None:
    """What is no base URL is refused, and so is one with a password in it."""
    with pytest.raises(UsageError, match="flag --host"):
        settings.resolve({"host": given}, environ, tmp_path)


@pytest.mark.parametrize("given", ["0", "-1", "nan", "inf", "soon", "86401"])
def test_timeouts_that_are_refused(given: str, environ: dict[str, str], tmp_path: Path) -> None:
    """A timeout is a number of seconds within a day."""
    with pytest.raises(UsageError, match="number of seconds"):
        settings.resolve({"timeout": given}, environ, tmp_path)


def test_all_faults_of_a_file_are_named_at_once(environ: dict[str, str], file: Path, tmp_path: Path) -> None:
    """A file with faults is refused whole, with the line and key of each."""
    write(file, 'hots = "x"\ntimeout = "soon"\n[profiles.work]\ncolor = "pink"\n')
    with pytest.raises(UsageError) as caught:
        settings.resolve({}, environ, tmp_path)
    told = caught.value.message
    assert str(file) in told
    assert "line 1, hots: did you mean host?" in told
    assert "line 2, timeout" in told
    assert "line 4, profiles.work.color" in told


@pytest.mark.parametrize("text", ["host = ", "= 1", "\x00", "host = 'a'\nhost = 'b'", "a = " + "[" * 9999])
def test_a_file_that_is_no_toml(text: str, environ: dict[str, str], file: Path, tmp_path: Path) -> None:
    """A file that is no TOML is refused with what the parser says, its line among it."""
    write(file, text)
    with pytest.raises(UsageError, match="not valid TOML: "):
        settings.resolve({}, environ, tmp_path)


def test_a_file_that_is_no_text(environ: dict[str, str], file: Path, tmp_path: Path) -> None:
    """A file that is no UTF-8 is refused."""
    file.parent.mkdir()
    file.write_bytes(b"host = '\xff'")
    with pytest.raises(UsageError, match="UTF-8"):
        settings.resolve({}, environ, tmp_path)


def test_an_unknown_profile(environ: dict[str, str], file: Path, tmp_path: Path) -> None:
    """A profile that is not there is an error that names those that are."""
    write(file, "[profiles.work]\nhost = 'a.example'\n")
    with pytest.raises(UsageError, match=r"no profile 'play'.*flag --profile") as caught:
        settings.resolve({"profile": "play"}, environ, tmp_path)
    assert "work" in caught.value.hint


def test_saving_keeps_comments_and_is_private(file: Path) -> None:
    """Saving a value leaves the rest of the file as it was, and only its owner may read it."""
    write(file, "# mine\nusername = 'ada' # me\n")
    settings.save(file, None, "timeout", "30")
    settings.save(file, "work", "host", "a.example")
    text = file.read_text()
    assert "# mine" in text
    assert "'ada' # me" in text
    assert "timeout = 30\n" in text
    assert '[profiles.work]\nhost = "https://a.example"' in text
    assert file.stat().st_mode & 0o777 == 0o600
    settings.save(file, None, "timeout", None)
    assert "timeout" not in file.read_text()


def test_saving_refuses_what_could_not_be_read(file: Path) -> None:
    """No value is written that would be refused when read."""
    with pytest.raises(UsageError, match="color cannot be"):
        settings.save(file, None, "color", "pink")
    with pytest.raises(UsageError, match="is no setting"):
        settings.save(file, None, "colour", "auto")
    assert not file.exists()


def test_a_link_is_followed(file: Path, tmp_path: Path) -> None:
    """A user file that is a link, as dotfile managers make them, stays one."""
    file.parent.mkdir()
    file.symlink_to(tmp_path / "dotfiles.toml")
    (tmp_path / "dotfiles.toml").write_text("")
    settings.save(file, None, "color", "never")
    assert file.is_symlink()
    assert "never" in (tmp_path / "dotfiles.toml").read_text()


def _save_profile(file: Path, number: int) -> None:
    settings.save(file, f"p{number}", "username", f"user{number}")


def test_writers_do_not_lose_each_others_values(file: Path) -> None:
    """Many processes that save at once all find their values kept."""
    with ProcessPoolExecutor(4, mp_context=get_context("spawn")) as pool:
        for done in [pool.submit(_save_profile, file, number) for number in range(24)]:
            done.result()
    text = file.read_text()
    assert all(f"[profiles.p{number}]" in text for number in range(24))
    assert [one.name for one in file.parent.iterdir() if one.name.endswith(".new")] == []


@pytest.mark.parametrize("text", ["{", "[]", '"x"', "\ufeff{}", "{'a': 1}"])
def test_an_old_file_that_is_no_json(text: str, environ: dict[str, str], tmp_path: Path) -> None:
    """A .jitsuconf that is no JSON object is refused by name."""
    (tmp_path / ".jitsuconf").write_text(text)
    with pytest.raises(UsageError, match=r"\.jitsuconf"):
        settings.resolve({}, environ, tmp_path)


def test_the_closed_service_is_no_host(environ: dict[str, str], tmp_path: Path) -> None:
    """An old file that names the service that closed in 2015 sets no host, and its user still counts."""
    (tmp_path / ".jitsuconf").write_text(
        '{"remoteHost": "api.nodejitsu.com", "protocol": "https", "username": "Ada", "timeout": 240000}'
    )
    found = settings.resolve({}, environ, tmp_path)
    assert found.host.value is None
    assert found.username.value == "ada"
    assert found.timeout.value == 240.0


def test_localconf_looks_upwards(environ: dict[str, str], tmp_path: Path) -> None:
    """--localconf finds the nearest .jitsuconf above; without one it is an error."""
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "a" / ".jitsuconf").write_text('{"username": "near"}')
    found = settings.resolve({"localconf": True}, environ, below)
    assert found.username.value == "near"
    with pytest.raises(UsageError, match="not there"):
        settings.resolve({"jitsuconf": str(tmp_path / "none")}, environ, below)

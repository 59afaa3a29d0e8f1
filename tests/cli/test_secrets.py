"""No secret shows: on stdout or stderr, with --debug, with --json, in errors, in files left behind."""

from __future__ import annotations

import base64
import itertools
from typing import TYPE_CHECKING

import pytest

from tests.cli.people import left
from tests.platforms import hello
from tests.unit.loopback import answer, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.people import Person
    from tests.platforms import LocalPlatform
    from tests.unit.loopback import Reply, Request

ENV = "sentinel-env-value"
ENTRUSTED = "sentinel-third-party-token"
PASSWORD = "sentinel-password-42"
LOUD: tuple[list[str], ...] = ([], ["--debug"], ["--json"], ["--debug", "--json"])
EXTREMES = (LOUD[0], LOUD[-1])
"""For long rows of commands: tables and words in one, traces and JSON in the other."""

pytestmark = pytest.mark.slow


@pytest.fixture
def secrets(shared_platform: LocalPlatform) -> list[str]:
    """What must not show: the token, the password, values, and what HTTP makes of them."""
    user = shared_platform.user
    shared_platform.call("PUT", f"/users/{user}", {"password": PASSWORD})
    token: str = shared_platform.call("PUT", f"/users/{user}/tokens/mine", {}).json()["mine"]
    plain = [token, PASSWORD, ENV]
    return plain + [base64.b64encode(f"{user}:{secret}".encode()).decode() for secret in plain]


@pytest.fixture
def guest(person: Person, shared_platform: LocalPlatform) -> Person:
    """Somebody for whom the platform is a host."""
    person.more |= {"JITSU_HOST": shared_platform.status.api, "JITSU_USERNAME": shared_platform.user}
    return person


def app(folder: Path, name: str) -> Path:
    """An app to deploy."""
    where = folder / name
    where.mkdir()
    for path, content in hello(name).items():
        (where / path).write_text(str(content))
    return where


def leaks(text: str, secrets: list[str]) -> list[str]:
    """The secrets in a text."""
    return [secret for secret in secrets if secret in text]


def files(*folders: Path) -> Iterator[tuple[Path, str]]:
    """All files below folders with what they hold."""
    for path in itertools.chain.from_iterable(folder.rglob("*") for folder in folders):
        if path.is_file() and not path.is_symlink():
            yield path, path.read_bytes().decode("latin-1")


def commands(name: str, folder: Path) -> list[list[str]]:
    """Many commands, good and bad ones, in an order that makes sense."""
    here = ["--dir", str(folder)]
    return [
        ["whoami"],
        ["deploy", str(folder), "--dry-run", "--env", f"SECRET={ENV}"],
        ["deploy", str(folder), "--env", f"SECRET={ENV}"],
        ["env", "list", name],
        ["env", "set", "--app", name, f"OTHER={ENV}"],
        ["env", "set", "--app", name, f"BAD KEY={ENV}"],
        ["env", "get", name, "MISSING"],
        ["env", "delete", name, "OTHER"],
        ["view", name],
        ["list"],
        ["apps", "update", *here],
        ["snapshots", "list", name],
        ["logs", name],
        ["tokens", "list"],
        ["config", "list"],
        ["view", "no-such-app"],
        ["deploy", str(folder / "nowhere"), "--env", f"SECRET={ENV}"],
        ["deploy", str(folder), "--env", ENV],
        ["whoami", "--cacert", "/nowhere"],
        ["destroy", name, "--confirm"],
    ]


@pytest.mark.parametrize("flags", EXTREMES, ids=lambda flags: "".join(flags) or "plain")
def test_no_command_shows_a_secret(
    flags: list[str], guest: Person, shared_platform: LocalPlatform, secrets: list[str], tmp_path: Path
) -> None:
    """Deploys, variables, errors: no output holds a secret, and no file but the one that keeps it."""
    token = secrets[0]
    assert guest.jitsu("login", "--token-stdin", *flags, stdin=token).code == 0
    name = "quiet" + "".join(flag[2] for flag in flags)
    for words in commands(name, app(tmp_path, name)):
        done = guest.jitsu(*words, *flags, timeout=120)
        assert done.code != 1, done.err
        assert not leaks(done.out + done.err, secrets), words
    kept = guest.config.with_name("credentials.toml")
    found = [path for path, text in files(tmp_path, shared_platform.home) if leaks(text, secrets)]
    assert set(found) <= {kept}
    assert leaks(kept.read_text(), secrets) == [token]


@pytest.mark.parametrize("flags", LOUD[:2], ids=lambda flags: "".join(flags) or "plain")
def test_a_login_shows_no_secret(flags: list[str], guest: Person, secrets: list[str], tmp_path: Path) -> None:
    """A password typed at a terminal, right or wrong, is not echoed, told or kept; the token is not told."""
    for password in (f"{PASSWORD}-wrong", PASSWORD):
        terminal = guest.sit("login", *flags)
        terminal.expect("Password: ")
        terminal.sendline(password)
        assert not leaks(left(terminal), secrets)
    terminal = guest.sit("whoami", *flags)
    assert not leaks(left(terminal), secrets)
    kept = guest.config.with_name("credentials.toml")
    assert [path for path, text in files(tmp_path) if leaks(text, secrets)] == []
    assert "jitsu_" in kept.read_text()


@pytest.mark.parametrize("flags", EXTREMES, ids=lambda flags: "".join(flags) or "plain")
def test_changing_an_account_shows_no_secret(
    flags: list[str],
    guest: Person,
    owner: Person,
    shared_platform: LocalPlatform,
    secrets: list[str],
    tmp_path: Path,
) -> None:
    """Passwords, right and wrong, and entrusted tokens on stdin show nowhere; none is kept as it is."""
    new = f"{PASSWORD}-new"
    hidden = [*secrets, new, ENTRUSTED, base64.b64encode(f"{shared_platform.user}:{new}".encode()).decode()]
    guest.more["JITSU_TOKEN"] = secrets[0]
    runs = [
        (guest, 3, ["users", "changepassword", "--password-stdin"], f"{new}\n{new}"),
        (guest, 2, ["users", "changepassword", "--password-stdin"], f"{PASSWORD}\n"),
        (guest, 2, ["users", "changepassword", "--password-stdin"], f"{PASSWORD}\nshort"),
        (guest, 0, ["users", "changepassword", "--password-stdin"], f"{PASSWORD}\n{new}"),
        (guest, 3, ["users", "update", "--email", "a@example.com", "--password-stdin"], PASSWORD),
        (guest, 0, ["users", "update", "--email", "a@example.com", "--password-stdin"], new),
        (guest, 2, ["thirdparty", "add", "github", "--token-stdin"], ENTRUSTED),
        (owner, 0, ["thirdparty", "add", "github", "--token-stdin", "--id", "it"], ENTRUSTED),
        (owner, 2, ["thirdparty", "add", ENTRUSTED[:8], "--token-stdin"], ENTRUSTED),
        (owner, 0, ["thirdparty", "list"], ""),
        (owner, 0, ["thirdparty", "remove", "it"], ""),
    ]
    for person, code, words, stdin in runs:
        done = person.jitsu(*words, *flags, stdin=stdin)
        assert done.code == code, (words, done.err)
        assert not leaks(done.out + done.err, hidden), words
    assert [path for path, text in files(tmp_path, shared_platform.home) if leaks(text, hidden)] == []


@pytest.mark.parametrize("flags", LOUD, ids=lambda flags: "".join(flags) or "plain")
def test_a_server_that_says_the_secret_back(flags: list[str], guest: Person, secrets: list[str]) -> None:
    """What a server puts of a secret into its errors is starred; so it is in traces and broken replies."""
    token = secrets[0]

    def respond(request: Request) -> Reply:
        if request.path == "/auth":
            return answer({"error": "forbidden", "message": f"no {token}", "details": {"hint": token}}, 403)
        return answer({"apps": [{"name": token}, token]})

    with serving(respond) as server:
        lost = guest.with_({"JITSU_HOST": server.url, "JITSU_TOKEN": token})
        for words in (["whoami"], ["list"]):
            done = lost.jitsu(*words, *flags)
            assert done.code not in {0, 1}
            assert not leaks(done.err + done.out, secrets), done.err
    for host in (server.url, "https://127.0.0.1:1", f"http://[::1]:1/{'x' * 9}"):
        done = lost.jitsu("whoami", *flags, "--host", host)
        assert done.code == 9
        assert not leaks(done.err + done.out, secrets)


def test_a_new_token_is_on_stdout_alone(owner: Person) -> None:
    """A token is shown once, as the answer; --debug and the words beside it do not repeat it."""
    made = owner.jitsu("tokens", "create", "once", "--debug")
    token = made.out.strip()
    assert (made.code, len(token) > 20) == (0, True)
    assert token not in made.err
    told = owner.jitsu("tokens", "create", "twice", "--debug", "--json")
    assert told.code == 0
    assert told.json()["token"] not in told.err
    assert token not in owner.jitsu("tokens", "list", "--json").out

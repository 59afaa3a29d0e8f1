"""What `jitsu help json` and jitsu-json(7) say of the answers is what every command really prints."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from jitsu_py import answers
from jitsu_py.server.certificates.making import LocalAuthority
from tests.cli.explained import TYPES, faults, fits
from tests.cli.people import Person
from tests.cli.test_databases_commands import led
from tests.contract.signups import newest_code, platform_with
from tests.platforms import hello

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]

SILENT = {path for path, answer in answers.given().items() if not answer}
ANSWERING = [path for path in answers.given() if path not in SILENT]


class Runs:
    """Command lines that were run, and what they answered.

    Args:
        person: who runs them.
    """

    def __init__(self, person: Person) -> None:
        self.person = person
        self.told: dict[str, str] = {}
        """stdout, by the command as the page names it."""

    def run(self, path: str, *words: str, code: int = 0, **more: Any) -> Any:
        """Run a command with --json; its answer, parsed where there is one."""
        flags = [word for word in path.split() if word.startswith("-")]
        verbs = [word for word in path.split() if not word.startswith("-")]
        done = self.person.jitsu(*verbs, *flags, *words, "--json", "--no-input", timeout=120, **more)
        assert done.code == code, f"{path}: {done.code} {done.err}"
        self.told[path] = done.out
        return json.loads(done.out) if done.out.startswith(("{", "[")) and path != "logs tail" else None


def apps(platform: LocalPlatform, folder: Path) -> dict[str, str]:
    """The life of an app."""
    runs = Runs(Person(folder, {"JITSU_HOME": str(platform.home)}))
    shop = folder / "shop"
    shop.mkdir(parents=True)
    for name, text in hello("shop").items():
        (shop / name).write_text(str(text))
    runs.run("apps available", "shop")
    runs.run("deploy --dry-run", "shop")
    runs.run("deploy", "shop")
    runs.run("create", "spare")
    runs.run("list")
    for verb in ("stop", "start", "restart", "view", "open", "logs app", "snapshots list", "cloud"):
        runs.run(verb, "shop", BROWSER="true")
    runs.run("apps metrics", "shop")
    runs.run("apps drones", "shop")
    runs.run("scale", "shop", "1")
    runs.run("cloud list")
    runs.run("logs all")
    runs.run("env set", "--app", "shop", "A=1", "B=2")
    runs.run("env list", "shop", "--show")
    runs.run("env get", "shop", "A")
    runs.run("env delete", "shop", "A")
    runs.run("env save", "shop", "kept.json")
    runs.run("env clear", "shop", "--yes")
    runs.run("env load", "shop", "kept.json", "--yes")
    manifest = json.loads((shop / "package.json").read_text())
    (shop / "package.json").write_text(json.dumps({**manifest, "description": "new"}))
    runs.run("apps update", "--dir", "shop")
    runs.run("snapshots create", "--dir", "shop", "--snapshot", "0.2.0")
    runs.run("snapshots activate", "shop", "0.2.0")
    runs.run("snapshots activate", "shop", "0.1.0")
    for verb in ("view", "log", "fetch", "destroy"):
        runs.run(f"snapshots {verb}", "shop", "0.2.0", *(["--yes"] if verb == "destroy" else []))
    runs.run("snapshots create", "--dir", "shop", "--snapshot", "0.3.0")
    runs.run("rollback", "shop", "0.3.0")
    runs.run("destroy", "spare", "--yes")
    runs.run("logs tail", "nothing", code=4)
    issued = asyncio.run(LocalAuthority(folder).issue("shop.localhost"))
    for name, text in (("chain.pem", issued.chain), ("key.pem", issued.key)):
        (folder / name).write_text(text)
    runs.run("apps certs list", "shop")
    runs.run("apps certs add", "shop.localhost", "shop", "--cert", "chain.pem", "--key", "key.pem")
    runs.run("apps certs retry", "shop.localhost", "shop")
    runs.run("apps certs remove", "shop.localhost", "shop")
    added = runs.run("logs drains add", "syslog+tcp://127.0.0.1:9", "shop")
    runs.run("logs drains list")
    runs.run("logs drains remove", added["id"])
    runs.run("package list", "--dir", "shop")
    runs.run("package list --why", "package.json", "--dir", "shop")
    runs.run("package create", "--dir", "shop", "-o", "shop.tgz")
    runs.run("install", "helloworld", "fresh")
    return runs.told


def accounts(platform: LocalPlatform, folder: Path) -> dict[str, str]:
    """The life of an account, with a token of its own instead of the machine's."""
    folder.mkdir(parents=True)
    runs = Runs(Person(folder, {"JITSU_HOST": platform.status.api}))
    address = ("--email", "ada@example.com")
    runs.run("users available", "ada")
    runs.run("signup", "ada", *address, "--password-stdin", stdin="first password")
    runs.run("users confirm", "ada", newest_code(platform, address[1]))
    runs.run("forgot", "ada")
    code = newest_code(platform, address[1], count=2)
    runs.run("forgot --password-stdin", "ada", code, stdin="second password")
    old, new = "second password", "third password"
    runs.run("users changepassword", "--password-stdin", stdin=f"{old}\n{new}\n", JITSU_USERNAME="ada")
    token = platform.call("PUT", "/users/ada/tokens/t", auth=("ada", new)).json()["t"]
    runs.run("login", "ada", "--token-stdin", stdin=token)
    runs.run("whoami")
    runs.run("users update", "--email", "new@example.com", "--password-stdin", stdin=new)
    runs.run("users destroy", "--password-stdin", "--yes", stdin=new)
    runs.run("logout")
    return runs.told


def machine(platform: LocalPlatform, folder: Path) -> dict[str, str]:
    """Settings, and the platform itself."""
    folder.mkdir(parents=True)
    runs = Runs(Person(folder, {"JITSU_HOME": str(platform.home)}))
    runs.run("config list")
    runs.run("config get", "timeout")
    runs.run("host")
    runs.run("completion", "bash")
    runs.run("completion --install", "fish")
    runs.run("server status")
    runs.run("server start")
    runs.run("server logs")
    runs.run("server doctor")
    runs.run("server ca")
    runs.run("server engines list")
    runs.run("server engines prune", "--dry-run")
    runs.run("tokens create", "ci", "--expires", "9d")
    runs.run("tokens list")
    runs.run("tokens destroy", "ci", "--yes")
    added = runs.run("thirdparty add", "github", "--token-stdin", stdin="secret")
    runs.run("thirdparty list")
    runs.run("thirdparty remove", added["id"])
    runs.run("server users invite", "eve@example.com")
    runs.run("server users create", "eve", "--email", "eve@example.com")
    for verb in ("confirm", "limit", "lock", "unlock", "remove"):
        runs.run(f"server users {verb}", "eve", *(["--yes"] if verb == "remove" else []))
    runs.run("server users list")
    return runs.told


def stores(platform: LocalPlatform, folder: Path) -> dict[str, str]:
    """The life of a database."""
    folder.mkdir(parents=True)
    runs = Runs(Person(folder, {"JITSU_HOME": str(platform.home)}))
    runs.run("create", "reader")
    runs.run("databases create", "redis", "kept")
    runs.run("databases attach", "kept", "reader")
    runs.run("databases list")
    runs.run("databases get", "kept")
    backup = runs.run("databases backup", "kept", "-o", "kept.backup")
    runs.run("databases backups", "kept")
    runs.run("databases restore", "kept", backup["id"], "--yes")
    runs.run("databases schedule", "kept", "daily")
    runs.run("databases rotate", "kept")
    runs.run("databases resize", "kept", "128")
    runs.run("databases detach", "kept", "reader")
    runs.run("databases stop", "kept")
    runs.run("databases start", "kept")
    with led(runs.person, "kept", "--port", "0") as (connection, _):
        runs.told["databases connect"] = json.dumps(connection)
    runs.run("databases destroy", "kept", "--yes")
    return runs.told


def elsewhere(folder: Path) -> dict[str, str]:
    """What can be asked of a platform that does not run, in a state folder of its own."""
    folder.mkdir(parents=True)
    runs = Runs(Person(folder))
    runs.run("server users rotate-key")
    left = folder / "state" / "cache" / "downloads" / "gone"  # of an account that is no more
    left.mkdir(parents=True)
    (left / "entry.json").write_text("{}")
    runs.run("server prune", "--dry-run")
    runs.run("server stop")
    runs.run("server install --print", JITSU_HOME=str(folder / "state"))
    return runs.told


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """What every command printed, by the command."""
    folder = tmp_path_factory.mktemp("answers")
    settings = '[accounts]\nsign_up = "open"\n[drones]\ngrace = 2\ndrain = 1\n'
    with platform_with(settings) as platform, ThreadPoolExecutor(4) as pool:
        lives = [
            pool.submit(apps, platform, folder / "apps"),
            pool.submit(accounts, platform, folder / "accounts"),
            pool.submit(machine, platform, folder / "machine"),
            pool.submit(stores, platform, folder / "stores"),
        ]
        found = elsewhere(folder / "elsewhere")
        for life in lives:
            found |= life.result()
        yield found


ELSEWHERE = {
    "server restart": "tests/cli/test_server_commands.py",
    "server engines add": "tests/cli/test_engines_commands.py",
    "server install": "tests/server/test_installation.py",
    "server uninstall": "tests/server/test_installation.py",
}
"""Commands whose answer costs too much here, or changes the machine, with the test that checks it."""


def test_every_command_that_answers_was_asked(told: dict[str, str]) -> None:
    """No command is explained that none of the tests runs."""
    assert set(ANSWERING) - set(told) - set(ELSEWHERE) == set()


@pytest.mark.parametrize("path", [path for path in ANSWERING if path not in ELSEWHERE])
def test_the_answer_is_as_explained(path: str, told: dict[str, str]) -> None:
    """Each key with its type, none missing, none unexplained."""
    answer = answers.given()[path]
    if answer == "lines":
        assert told[path] == ""
        return
    value = json.loads(told[path])
    if answer.startswith("["):
        assert isinstance(value, list)
        assert value or path in EMPTY, "nothing was listed, and so nothing was proved"
        answer = answer[1:-1]
    for one in value if isinstance(value, list) else [value]:
        assert fits(one, answer) if answer in TYPES else faults(one, answer) == []


EMPTY = {"server engines prune"}
"""Lists that are empty on a platform that is new; test_engines_commands.py checks rows of it."""


@pytest.mark.parametrize("path", ELSEWHERE)
def test_what_is_checked_elsewhere_is_checked_there(path: str) -> None:
    """The test that is named for an answer compares it with its explanation."""
    assert f'explained("{path}", ' in (ROOT / ELSEWHERE[path]).read_text()


def test_errors_are_as_explained(tmp_path: Path) -> None:
    """On stderr, as an object; details and output where there are some."""
    person = Person(tmp_path, {"JITSU_HOST": "http://127.0.0.1:9"})
    for words in (["list"], ["nonsense"], ["config", "set", "timeout", "never"], ["package", "list"]):
        done = person.jitsu(*words, "--json")
        assert done.code
        assert faults(done.error(), "error") == [], words

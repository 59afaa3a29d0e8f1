"""`jitsu databases` on a real platform with a real redis: made, used, told to apps, kept secret."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from tests.cli.people import JITSU, left
from tests.cli.test_completion_shells import warm

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.people import Done, Person
    from tests.platforms import LocalPlatform

pytestmark = pytest.mark.slow

SERVES = {"running", "slow"}
"""States of a database that works; on a busy machine it may be slow."""


def db(person: Person, *words: str, **more: Any) -> Done:
    """Run a command of the group; a database may take its time to come up on a busy machine."""
    return person.jitsu("databases", *words, timeout=120, **more)


def made(person: Person, name: str, *more: str) -> dict[str, Any]:
    """Create a redis; what is told of it."""
    done = db(person, "create", "redis", name, *more, "--json")
    assert done.code == 0, done.err
    told: dict[str, Any] = done.json()
    return told


def app(platform: LocalPlatform, name: str, **env: str) -> None:
    """Have an app that was never deployed."""
    answer = platform.call("POST", f"/apps/{platform.user}", {"name": name, "env": env})
    assert answer.status_code == 201, answer.text


def redis(url: str, *commands: str) -> list[str]:
    """The lines that a redis answers to inline commands, after logging in as its address says."""
    parts = urlsplit(url)
    assert parts.hostname is not None
    login = [f"AUTH {parts.password}"] if parts.password else []
    with socket.create_connection((parts.hostname, parts.port or 0), timeout=60) as near:
        # Not by closing our half: a redis that sees that drops what it has not sent yet.
        near.sendall("".join(f"{line}\r\n" for line in [*login, *commands, "QUIT"]).encode())
        found = b"".join(iter(lambda: near.recv(65536), b"")).decode().splitlines()
    return found[len(login) : -1]


def remote(person: Person, platform: LocalPlatform) -> Person:
    """The same person, for whom the platform is a host like any other."""
    return person.with_(
        {"JITSU_HOST": platform.status.api, "JITSU_USERNAME": platform.user, "JITSU_TOKEN": platform.token}
    )


@contextmanager
def led(person: Person, *words: str) -> Iterator[tuple[dict[str, Any], subprocess.Popen[str]]]:
    """A port that is held open while the block runs, and its process."""
    with subprocess.Popen(
        [*JITSU, "databases", "connect", *words, "--json"],
        cwd=person.folder,
        env=person.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            text = ""
            for line in process.stdout:
                text += line
                if line == "}\n":
                    break
            yield json.loads(text), process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)


def test_from_create_to_destroy(owner: Person) -> None:
    """What create prints connects; lists have no secret; destroy wants the name, and then it is gone."""
    done = db(owner, "create", "redis", "first")
    assert done.code == 0, done.err
    facts = dict(line.split(None, 1) for line in done.out.splitlines() if line and "  " in line.strip())
    assert redis(facts["url"], "SET a 1", "GET a") == ["+OK", "$1", "1"]
    assert facts["password"] in facts["url"]
    assert f"  redis-cli -u {facts['url']}" in done.out.splitlines()
    assert "createClient({ url: process.env.REDIS_URL })" in done.out
    assert "require('ioredis'))(process.env.REDIS_URL)" in done.out
    assert owner.jitsu("db", "get", "first", "--url").out == facts["url"] + "\n"
    one = owner.jitsu("dbs", "get", "first", "--json").json()
    assert (one["type"], one["url"], one["apps"]) == ("redis", facts["url"], [])
    assert one["state"] in SERVES
    assert set(one["snippets"]) == {"redis-cli", "redis", "ioredis"}
    listed, rows = owner.jitsu("database", "list"), owner.jitsu("databases", "ls", "--json")
    assert listed.out.splitlines()[0].split() == [
        "NAME",
        "TYPE",
        "STATE",
        "SIZE",
        "APPS",
        "SERVER",
        "CREATED",
    ]
    assert facts["password"] not in listed.out + rows.out
    assert {row["state"] for row in rows.json() if row["name"] == "first"} <= SERVES
    assert db(owner, "create", "redis", "first", "--json").error()["exit_code"] == 5
    refused = db(owner, "destroy", "first")
    assert (refused.code, "--confirm" in refused.err) == (2, True)
    near = db(owner, "get", "frist", "--json").error()
    assert (near["exit_code"], near["hint"]) == (4, "did you mean first?")
    gone = db(owner, "rm", "first", "--confirm", "--json").json()
    assert (gone["name"], gone["destroyed"]) == ("first", True)
    assert db(owner, "get", "first").code == 4
    with pytest.raises(OSError, match="refused"):
        redis(facts["url"], "PING")


def test_names_are_typed_on_a_terminal(owner: Person) -> None:
    """Create asks for what is missing; destroy takes the name alone for a yes."""
    terminal = owner.sit("databases", "create")
    terminal.expect("Type: redis, mongo or couch")
    terminal.sendline("r")
    terminal.expect("Name of the database")
    terminal.sendline("asked")
    terminal.expect("redis://", timeout=90)
    left(terminal)
    assert terminal.exitstatus == 0
    for typed, code in (("yes", 2), ("asked", 0)):
        terminal = owner.sit("databases", "destroy", "asked")
        terminal.expect("Type asked to confirm")
        terminal.sendline(typed)
        left(terminal)
        assert terminal.exitstatus == code


def test_types(owner: Person) -> None:
    """Words of old mean today's types; others name the nearest; nothing is asked where nobody answers."""
    assert made(owner, "old-word")["type"] == "redis"
    assert db(owner, "create", "irisredis", "older", "--json").json()["type"] == "redis"
    assert db(owner, "create", "redistogo", "togo", "--json").json()["type"] == "redistogo"
    wrong = db(owner, "create", "rediss", "x", "--json").error()
    assert (wrong["exit_code"], wrong["hint"]) == (2, "did you mean redis?")
    swapped = db(owner, "create", "x", "redis", "--json").error()
    assert "create redis x" in swapped["hint"]
    assert "redis, mongo and couch" in db(owner, "create", "postgres", "x", "--json").error()["hint"]
    assert db(owner, "create").code == 2
    assert db(owner, "create", "redis").code == 2
    assert db(owner, "create", "redis", "../x").code == 2
    assert db(owner, "create", "redis", "Not A Name").code == 2
    assert db(owner, "create", "redis", "x", "--memory", "0").code == 2


def test_apps_are_told(owner: Person, shared_platform: LocalPlatform) -> None:
    """An attached app's variables come from the database: listed so, hidden, not to be deleted or saved."""
    app(shared_platform, "told", OWN="sentinel")
    one = made(owner, "telling", "--attach", "told")
    assert one["apps"] == [{"name": "told", "variables": ["REDIS_URL"]}]
    rows = {row["key"]: row for row in owner.jitsu("env", "list", "told", "--json").json()}
    assert (rows["REDIS_URL"]["database"], rows["REDIS_URL"]["value"]) == ("telling", None)
    assert rows["OWN"]["database"] is None
    shown = owner.jitsu("env", "list", "told")
    assert shown.out.splitlines()[0].split() == ["KEY", "VALUE", "DATABASE"]
    assert one["password"] not in shown.out + shown.err
    assert owner.jitsu("env", "get", "told", "REDIS_URL").out == one["url"] + "\n"
    assert owner.jitsu("view", "told", "--json").json()["databases"] == ["telling"]
    refused = owner.jitsu("env", "delete", "told", "REDIS_URL", "--json").error()
    assert (refused["exit_code"], refused["hint"]) == (2, "jitsu databases detach telling told")
    assert owner.jitsu("env", "set", "--app", "told", "MORE=1").code == 0
    assert owner.jitsu("env", "save", "told", "saved.json").code == 0
    assert json.loads((owner.folder / "saved.json").read_text()) == {"OWN": "sentinel", "MORE": "1"}
    assert db(owner, "detach", "telling", "told", "--json").json()["apps"] == []
    assert [row["key"] for row in owner.jitsu("env", "list", "told", "--json").json()] == ["MORE", "OWN"]


def test_a_token_for_one_app_keeps_its_variables(owner: Person, shared_platform: LocalPlatform) -> None:
    """Those that are the app's own, also where it has a database, of which that token is told nothing."""
    app(shared_platform, "alone", OWN="sentinel")
    one = made(owner, "hidden", "--attach", "alone")
    token = owner.jitsu("tokens", "create", "alone", "--app", "alone").out.strip()
    ci = remote(owner, shared_platform).with_({"JITSU_TOKEN": token})
    listed = ci.jitsu("env", "list", "alone", "--json")
    assert (listed.code, [row["key"] for row in listed.json()]) == (0, ["OWN"]), listed.err
    told = ci.jitsu("view", "alone", "--json")
    assert one["password"] not in told.out
    seen = shared_platform.call(
        "GET", f"/apps/{shared_platform.user}/alone", auth=(shared_platform.user, token)
    )
    assert seen.json()["app"]["databaseVariables"] == ["REDIS_URL"]
    assert ci.jitsu("env", "set", "--app", "alone", "MORE=1").code == 0
    assert ci.jitsu("env", "delete", "alone", "MORE").code == 0
    assert ci.jitsu("env", "save", "alone", "alone.json").code == 0
    assert json.loads((owner.folder / "alone.json").read_text()) == {"OWN": "sentinel"}


def test_two_databases_of_a_kind(owner: Person, shared_platform: LocalPlatform) -> None:
    """The second needs another variable; one that the app set itself comes first, which is said."""
    app(shared_platform, "both", CACHE_URL="mine")
    made(owner, "one")
    made(owner, "two")
    assert db(owner, "attach", "one", "both").code == 0
    taken = db(owner, "attach", "two", "both", "--json").error()
    assert (taken["exit_code"], "one" in taken["message"]) == (5, True)
    second = db(owner, "attach", "two", "both", "--as", "CACHE", "--json")
    assert second.json()["apps"] == [{"name": "both", "variables": ["CACHE_URL"]}]
    assert "CACHE_URL of its own" in second.err
    assert owner.jitsu("env", "get", "both", "CACHE_URL").out == "mine\n"
    assert db(owner, "attach", "one", "bath", "--json").error()["hint"] == "did you mean both?"
    assert db(owner, "attach", "onee", "both", "--json").error()["hint"] == "did you mean one?"


def test_a_new_password(owner: Person) -> None:
    """After rotate only the new one opens; --debug shows neither, nor a token."""
    before = made(owner, "rotating")["url"]
    done = db(owner, "rotate", "rotating", "--debug", "--json")
    after = done.json()
    assert done.code == 0
    assert after["url"] != before
    assert after["password"] not in done.err
    assert urlsplit(before).password not in done.err.split()
    assert redis(after["url"], "PING") == ["+PONG"]
    assert "PONG" not in "".join(redis(before, "PING"))


def test_stop_and_start(owner: Person) -> None:
    """A stopped database keeps what it holds, and says so wherever it is asked for."""
    url = made(owner, "resting")["url"]
    assert redis(url, "SET kept yes") == ["+OK"]
    assert db(owner, "stop", "resting", "--json").json()["state"] == "stopped"
    refused = db(owner, "connect", "resting", "--json").error()
    assert (refused["exit_code"], "stopped" in refused["message"]) == (11, True)
    assert db(owner, "start", "resting", "--json").json()["state"] in SERVES
    assert redis(url, "GET kept") == ["$3", "yes"]


def test_memory_is_changed(owner: Person) -> None:
    """A redis has more while it runs; what it cannot have is refused and leaves it as it was."""
    url = made(owner, "growing", "--memory", "16")["url"]
    assert redis(url, "SET kept yes") == ["+OK"]
    told = db(owner, "resize", "growing", "64", "--json").json()
    assert (told["memory"], told["state"] in SERVES) == (64, True)
    assert redis(url, "GET kept") == ["$3", "yes"]
    for wrong in ("5", "0", "much"):
        assert db(owner, "resize", "growing", wrong).code == 2
    assert db(owner, "resize", "grown", "64", "--json").error()["hint"] == "did you mean growing?"
    assert db(owner, "get", "growing", "--json").json()["memory"] == 64


def test_the_shell_of_the_databases_client(owner: Person, shared_platform: LocalPlatform) -> None:
    """Commands of a pipe reach it, here and through the API of a host; the password is on no command line."""
    one = made(owner, "shelled")
    here = db(owner, "connect", "shelled", stdin="SET a 1\nGET a\n")
    assert (here.code, here.out.split()) == (0, ["OK", "1"])
    assert one["password"] not in here.err
    there = db(remote(owner, shared_platform), "connect", "shelled", "--debug", stdin="GET a\n")
    assert (there.code, there.out.split()) == (0, ["1"]), there.err
    assert one["password"] not in there.err
    terminal = owner.sit("databases", "connect", "shelled")
    terminal.expect(r"127\.0\.0\.1:\d+> ")
    terminal.sendintr()
    left(terminal)


def test_a_port_that_leads_there(owner: Person, shared_platform: LocalPlatform) -> None:
    """The URL that is told works from here until ^C, for many connections and megabytes; then it is shut."""
    made(owner, "far")
    head = "redis-cli, on the platform's machine (elsewhere: `jitsu databases connect far`):"
    assert head in db(remote(owner, shared_platform), "get", "far").out.splitlines()
    assert "redis-cli:" in db(owner, "get", "far").out.splitlines()
    value = "x" * 4_000_000
    with led(remote(owner, shared_platform), "far", "--port", "0") as (told, process):
        assert (
            told["port"] == urlsplit(told["url"]).port != urlsplit(db(owner, "get", "far", "--url").out).port
        )
        assert redis(told["url"], f"SET big {value[:60_000]}", "APPEND big y") == ["+OK", ":60001"]
        size, content = redis(told["url"], "SETRANGE big 3999999 z", "GET big")[1:]
        assert (size, len(content.encode()), content[-1]) == ("$4000000", 4_000_000, "z")
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    with pytest.raises(OSError, match="refused"):
        redis(told["url"], "PING")


def test_a_way_ends_where_there_is_none(owner: Person, shared_platform: LocalPlatform) -> None:
    """No database, somebody else's, a token that may only read: each an error at once, and no port."""
    made(owner, "closed")
    there = remote(owner, shared_platform)
    assert db(there, "connect", "clozed", "--port", "0").code == 4
    assert db(there, "connect", "somebody/closed", "--port", "0").code == 3
    token = owner.jitsu("tokens", "create", "looks", "--scope", "read").out.strip()
    reader = there.with_({"JITSU_TOKEN": token})
    assert db(reader, "list").code == 0
    assert db(reader, "connect", "closed", "--port", "0").code in {3, 11}
    assert db(reader, "get", "closed", "--url").code == 11


def test_names_are_completed(owner: Person) -> None:
    """A Tab behind a verb knows the databases; the types are in the script itself."""
    made(owner, "tabbed")
    assert "tabbed" in warm(owner, "databases", "databases", "get")
    assert "one-of:redis|mongo|couch" in owner.jitsu("completion", "bash").out
